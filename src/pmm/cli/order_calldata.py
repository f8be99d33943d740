"""Calldata as ``pmm order explain`` takes it: fills on 1inch and ours, also inside another call, and foreign ones."""

from __future__ import annotations

from collections.abc import Mapping

from pmm.cli.order_input import DomainChoice, OrderRecord
from pmm.domain import MAINNET_TOKENS, BatchFill, Signature, address_to_bytes, parse_bytes, to_hex
from pmm.domain.calldata import SELECTORS, AnyCall, FillCall, FillFunction, decode_calldata
from pmm.domain.calldata_words import selector
from pmm.domain.eip712 import oneinch_domain, order_hash
from pmm.domain.signing import recover_signer
from pmm.domain.verification import Claim
from pmm.errors import InvalidInput

_OTC_ORDER = "(address,address,uint128,uint128,address,address,address,uint256)"
_OTC_SIGNATURE = "(uint8,uint8,bytes32,bytes32)"
_V5_RFQ = "(uint256,address,address,address,address,uint256,uint256)"
_V5_SWAP = "(address,address,address,address,uint256,uint256,uint256)"
# Formats that look alike to a trader; named so that the answer is more than a number.
_FOREIGN = {
    f"fillOtcOrder({_OTC_ORDER},{_OTC_SIGNATURE},uint128)": "0x Exchange Proxy",
    f"fillOtcOrderForEth({_OTC_ORDER},{_OTC_SIGNATURE},uint128)": "0x Exchange Proxy",
    f"fillOtcOrderWithEth({_OTC_ORDER},{_OTC_SIGNATURE})": "0x Exchange Proxy",
    f"fillTakerSignedOtcOrder({_OTC_ORDER},{_OTC_SIGNATURE},{_OTC_SIGNATURE})": "0x Exchange Proxy",
    f"fillOrderRFQ({_V5_RFQ},bytes,uint256)": "1inch V5",
    f"fillOrderRFQCompact({_V5_RFQ},bytes32,bytes32,uint256)": "1inch V5",
    f"fillOrderRFQTo({_V5_RFQ},bytes,uint256,address)": "1inch V5",
    f"swap(address,{_V5_SWAP},bytes,bytes)": "1inch V5",
}
_FOREIGN_BY_SELECTOR = {
    selector(signature): f"{signature.partition('(')[0]} of {owner}" for signature, owner in _FOREIGN.items()
}
_FILL_SELECTORS = [SELECTORS[name] for name in (*FillFunction, "fillOrderCompact", "fillOrders")]


def calldata_of(value: object) -> tuple[bytes, dict[str, object]] | None:
    """Return calldata and the other keys when a line holds any: hex, or an object with ``calldata`` or ``data``."""
    if isinstance(value, str):
        return parse_bytes(value, "calldata"), {}
    if isinstance(value, dict):
        for key in ("calldata", "input", "data"):
            if isinstance(value.get(key), str):
                rest = {name: item for name, item in value.items() if name != key}
                if "to" in rest:
                    rest.setdefault("verifyingContract", rest["to"])
                return parse_bytes(value[key], key), rest
    return None


def find_call(data: bytes) -> tuple[AnyCall | None, int]:
    """Return the call in calldata and its position; one inside another contract's calldata is found, too.

    Raises InvalidInput when calldata starts like one of ours and is cut or malformed.
    """
    if data[:4] in SELECTORS.values():
        return decode_calldata(data), 0
    for known in _FILL_SELECTORS:
        position = data.find(known, 4)
        while position != -1:
            try:
                return decode_calldata(data[position:]), position
            except InvalidInput:  # the four bytes occur by chance
                position = data.find(known, position + 1)
    return None, 0


def entry_as_fill(entry: BatchFill) -> FillCall:
    """Return the single fill that an entry of ``fillOrders`` amounts to."""
    return FillCall(
        function=FillFunction.FILL_ORDER_ARGS,
        order=entry.order,
        signature=entry.signature,
        amount=entry.amount,
        taker_traits=entry.taker_traits,
        args=entry.args,
    )


def fill_record(call: FillCall, choice: DomainChoice, rest: Mapping[str, object]) -> tuple[OrderRecord, str]:
    """Return the order of a fill with its domain, and a note when the domain had to be guessed."""
    given = choice.merge(DomainChoice.of_record(rest))
    note = ""
    if given.kind is None and given.verifying_contract is None:
        kind, note = _guess(call, given)
        given = DomainChoice(kind=kind, chain_id=given.chain_id)
    try:
        extension = call.fill_args.extension
    except InvalidInput:
        extension = b""  # reported by fill_obstacles
    signature = call.signature if isinstance(call.signature, bytes) else call.signature.to_compact()
    domain = given.domain_for(call.order)
    return OrderRecord(
        order=call.order, domain=domain, claim=Claim(signature=signature, extension=extension)
    ), note


def _guess(call: FillCall, given: DomainChoice) -> tuple[str, str]:
    if call.function.is_own:
        return "pmm", ""
    if not isinstance(call.signature, Signature):
        return "1inch", ""  # our own contract has no function with a contract signature
    chain_id = 1 if given.chain_id is None else given.chain_id
    try:
        signer = recover_signer(order_hash(call.order, oneinch_domain(chain_id)), call.signature)
    except InvalidInput:
        signer = None
    if signer == call.order.maker:
        return "1inch", ""
    return "1inch", " (assumed: calldata does not name the contract; for ours add --domain pmm)"


def explain_foreign(data: bytes) -> list[str]:
    """Return the lines about calldata that is no call of 1inch's V6 contract or of ours."""
    name = _FOREIGN_BY_SELECTOR.get(data[:4], "unknown to pmm")
    rows = [
        f"Call {to_hex(data[:4])} ({name}), {len(data)} bytes",
        "  This is not a fill in the order format of 1inch V6 and pmm, so there is no order to explain.",
    ]
    for known, text in _FOREIGN_BY_SELECTOR.items():
        position = data.find(known, 4)
        if position != -1:
            rows.append(f"  contains a call of {text} at byte {position}")
    mentioned = [token.symbol for token in MAINNET_TOKENS if address_to_bytes(token.address) in data]
    if mentioned:
        rows.append(f"  mentions the tokens {', '.join(mentioned)}")
    return rows
