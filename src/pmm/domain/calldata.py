"""Calldata of the functions that fill, cancel and inspect orders on 1inch's router and on our settlement.

In these signatures an address is ``uint256``, because Solidity sees 1inch's ``type Address is uint256``; the
contract hashes the word as it is, so an address word with dirty upper bits is refused here by name.
Source: reference ABI AggregationRouterV6; ``fillOrderFunded``, ``fillOrderPermit`` and what
``pmm.domain.settlement_calls`` holds are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pmm.domain.calldata_words import ORDER_TUPLE, CalldataWords, bytes_argument, selector
from pmm.domain.orders import RfqOrder
from pmm.domain.settlement_calls import BATCH_SIGNATURE, COMPACT_SIGNATURE, BatchCall, CompactCall
from pmm.domain.signed_order import SignedOrder
from pmm.domain.signing import Signature
from pmm.domain.taker_traits import FillArgs, TakerTraits
from pmm.domain.tokens import Address
from pmm.domain.words import check_uint, to_hex
from pmm.errors import InvalidInput


class FillFunction(StrEnum):
    """The functions that fill one order given in eight words.

    ``fillOrderFunded`` exists on our settlement only, ``fillOrderPermit`` on its portal.
    """

    FILL_ORDER = "fillOrder"
    FILL_ORDER_ARGS = "fillOrderArgs"
    FILL_CONTRACT_ORDER = "fillContractOrder"
    FILL_CONTRACT_ORDER_ARGS = "fillContractOrderArgs"
    FILL_ORDER_FUNDED = "fillOrderFunded"
    FILL_ORDER_PERMIT = "fillOrderPermit"

    @property
    def takes_contract_signature(self) -> bool:
        """Tell whether the signature is a ``bytes`` argument (ERC-1271) instead of r and vs."""
        return self in (FillFunction.FILL_CONTRACT_ORDER, FillFunction.FILL_CONTRACT_ORDER_ARGS)

    @property
    def takes_args(self) -> bool:
        """Tell whether the call has an ``args`` argument."""
        return self not in (FillFunction.FILL_ORDER, FillFunction.FILL_CONTRACT_ORDER)

    @property
    def takes_permit(self) -> bool:
        """Tell whether the call has a ``permit`` argument after its args."""
        return self is FillFunction.FILL_ORDER_PERMIT

    @property
    def is_own(self) -> bool:
        """Tell whether only our settlement or its portal has the function."""
        return self in (FillFunction.FILL_ORDER_FUNDED, FillFunction.FILL_ORDER_PERMIT)


_FILL_TYPES = {
    FillFunction.FILL_ORDER: f"{ORDER_TUPLE},bytes32,bytes32,uint256,uint256",
    FillFunction.FILL_ORDER_ARGS: f"{ORDER_TUPLE},bytes32,bytes32,uint256,uint256,bytes",
    FillFunction.FILL_CONTRACT_ORDER: f"{ORDER_TUPLE},bytes,uint256,uint256",
    FillFunction.FILL_CONTRACT_ORDER_ARGS: f"{ORDER_TUPLE},bytes,uint256,uint256,bytes",
    FillFunction.FILL_ORDER_FUNDED: f"{ORDER_TUPLE},bytes32,bytes32,uint256,uint256,bytes",
    FillFunction.FILL_ORDER_PERMIT: f"{ORDER_TUPLE},bytes32,bytes32,uint256,uint256,bytes,bytes",
}

# Functions whose arguments are single words: name -> (type, argument name) of each.
_WORD_FUNCTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "cancelOrder": (("uint256", "makerTraits"), ("bytes32", "orderHash")),
    "bitsInvalidateForOrder": (("uint256", "makerTraits"), ("uint256", "additionalMask")),
    "increaseEpoch": (("uint96", "series"),),
    "advanceEpoch": (("uint96", "series"), ("uint256", "amount")),
    "epoch": (("address", "maker"), ("uint96", "series")),
    "epochEquals": (("address", "maker"), ("uint256", "series"), ("uint256", "makerEpoch")),
    "bitInvalidatorForOrder": (("address", "maker"), ("uint256", "nonce")),
    "remainingInvalidatorForOrder": (("address", "maker"), ("bytes32", "orderHash")),
    "rawRemainingInvalidatorForOrder": (("address", "maker"), ("bytes32", "orderHash")),
}


def _word_signature(name: str) -> str:
    return f"{name}({','.join(kind for kind, _ in _WORD_FUNCTIONS[name])})"


SELECTORS: dict[str, bytes] = {
    **{function.value: selector(f"{function.value}({types})") for function, types in _FILL_TYPES.items()},
    **{name: selector(_word_signature(name)) for name in _WORD_FUNCTIONS},
    "cancelOrders": selector("cancelOrders(uint256[],bytes32[])"),
    "hashOrder": selector(f"hashOrder({ORDER_TUPLE})"),
    "fillOrderCompact": selector(COMPACT_SIGNATURE),
    "fillOrders": selector(BATCH_SIGNATURE),
}
_FUNCTION_OF = {value: name for name, value in SELECTORS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCall:
    """A call that fills one order.

    ``signature`` is a Signature, or the raw bytes for the two functions that ask the maker contract. ``amount``
    is the making or the taking amount, as ``taker_traits.maker_amount`` says. ``permit`` is for
    ``fillOrderPermit`` alone; see ``pmm.domain.permits``. ``trailing`` is what follows the ABI encoding (some
    routers append a tag); it is not encoded.
    """

    function: FillFunction
    order: RfqOrder
    signature: Signature | bytes = field(repr=False)
    amount: int
    taker_traits: TakerTraits
    args: bytes = b""
    permit: bytes = field(default=b"", repr=False)
    trailing: bytes = b""

    def __post_init__(self) -> None:
        check_uint(self.amount, "amount")
        if isinstance(self.signature, bytes) != self.function.takes_contract_signature:
            expected = "bytes" if self.function.takes_contract_signature else "a Signature (r, vs)"
            raise InvalidInput(f"{self.function}: expected {expected} as signature")
        if self.args and not self.function.takes_args:
            raise InvalidInput(
                f"{self.function}: takes no args; use {self.function}Args for a target or extension"
            )
        if self.permit and not self.function.takes_permit:
            raise InvalidInput(f"{self.function}: takes no permit; use fillOrderPermit")

    @property
    def fill_args(self) -> FillArgs:
        """The args, split as the taker traits describe them."""
        return FillArgs.decode(self.taker_traits, self.args)

    def encode(self) -> bytes:
        """Return the calldata."""
        head = [self.order.encode()]
        tail = b""
        # Head words: order 8, signature 1 (offset) or 2, amount, traits, offsets of args and permit if any.
        words = 8 + (1 if isinstance(self.signature, bytes) else 2) + 2
        words += self.function.takes_args + self.function.takes_permit
        if isinstance(self.signature, bytes):
            head.append((32 * words).to_bytes(32, "big"))
            tail += bytes_argument(self.signature)
        else:
            head.append(self.signature.to_compact())
        head.append(self.amount.to_bytes(32, "big"))
        head.append(self.taker_traits.encode().to_bytes(32, "big"))
        if self.function.takes_args:
            head.append((32 * words + len(tail)).to_bytes(32, "big"))
            tail += bytes_argument(self.args)
        if self.function.takes_permit:
            head.append((32 * words + len(tail)).to_bytes(32, "big"))
            tail += bytes_argument(self.permit)
        return SELECTORS[self.function] + b"".join(head) + tail


Argument = int | bytes | Address | RfqOrder | list[int] | list[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainCall:
    """A call that fills nothing: cancels, epochs and views, with its arguments by name."""

    function: str
    arguments: Mapping[str, Argument]


def encode_fill(
    signed: SignedOrder,
    *,
    amount: int,
    taker_traits: TakerTraits,
    function: FillFunction | None = None,
    target: Address | None = None,
    interaction: bytes = b"",
    permit: bytes = b"",
    core_tokens: Sequence[Address] = (),
) -> bytes:
    """Return calldata that fills a signed order, passing on its extension.

    Without ``function`` it is fillOrder, fillOrderArgs when there is a target, extension or interaction, and
    fillOrderPermit when there is a permit. The lengths in ``taker_traits`` are set here. With the settlement's
    ``core_tokens`` a contract signature is short where the order qualifies.
    """
    args = FillArgs(target=target, extension=signed.extension, interaction=interaction)
    traits, packed = args.encode(taker_traits)
    if function is None and permit:
        function = FillFunction.FILL_ORDER_PERMIT
    elif function is None:
        function = FillFunction.FILL_ORDER_ARGS if packed else FillFunction.FILL_ORDER
    by_contract = function.takes_contract_signature
    return FillCall(
        function=function,
        order=signed.order,
        signature=signed.contract_signature(core_tokens) if by_contract else signed.signature,
        amount=amount,
        taker_traits=traits,
        args=packed,
        permit=permit,
    ).encode()


def encode_call(function: str, *values: int | bytes | Address) -> bytes:
    """Return calldata of a function whose arguments are single words, such as ``cancelOrder``.

    Raises InvalidInput for an unknown function, a wrong number of values or one out of range.
    """
    parameters = _WORD_FUNCTIONS.get(function)
    if parameters is None:
        raise InvalidInput(f"calldata: expected one of {', '.join(_WORD_FUNCTIONS)}; found {function!r}")
    if len(parameters) != len(values):
        raise InvalidInput(f"{function}: expected {len(parameters)} values, found {len(values)}")
    data = SELECTORS[function]
    for (kind, name), value in zip(parameters, values, strict=True):
        if isinstance(value, bytes):
            number = int.from_bytes(value, "big")
        else:
            number = int(value, 16) if isinstance(value, str) else value
        bits = 160 if kind == "address" else 256 if kind == "bytes32" else int(kind.removeprefix("uint"))
        data += check_uint(number, f"{function}: {name}", bits).to_bytes(32, "big")
    return data


def encode_hash_order(order: RfqOrder) -> bytes:
    """Return calldata of ``hashOrder``, the contract's own digest."""
    return SELECTORS["hashOrder"] + order.encode()


def encode_cancel_orders(orders: Sequence[tuple[int, bytes]]) -> bytes:
    """Return calldata of ``cancelOrders`` for pairs of maker traits and order hash."""
    count = len(orders).to_bytes(32, "big")
    traits = b"".join(check_uint(word, "makerTraits").to_bytes(32, "big") for word, _ in orders)
    hashes = b"".join(order_hash.rjust(32, b"\0") for _, order_hash in orders)
    offsets = (64).to_bytes(32, "big") + (96 + 32 * len(orders)).to_bytes(32, "big")
    return SELECTORS["cancelOrders"] + offsets + count + traits + count + hashes


def _decode_fill(function: FillFunction, words: CalldataWords) -> FillCall:
    order = words.order()
    signature: Signature | bytes
    if function.takes_contract_signature:
        signature, index = words.dynamic(8, "signature"), 9
    else:
        signature, index = Signature.from_compact(words.bytes32(8, "r"), words.bytes32(9, "vs")), 10
    return FillCall(
        function=function,
        order=order,
        signature=signature,
        amount=words.uint(index, "amount"),
        taker_traits=TakerTraits.decode(words.uint(index + 1, "takerTraits")),
        args=words.dynamic(index + 2, "args") if function.takes_args else b"",
        permit=words.dynamic(index + 3, "permit") if function.takes_permit else b"",
        trailing=words.body[words.end :],
    )


def _decode_plain(function: str, words: CalldataWords) -> PlainCall:
    if function == "hashOrder":
        return PlainCall(function=function, arguments={"order": words.order()})
    if function == "cancelOrders":
        traits, hashes = words.dynamic(0, "makerTraits", 32), words.dynamic(1, "orderHashes", 32)
        return PlainCall(
            function=function,
            arguments={
                "makerTraits": [int.from_bytes(traits[i : i + 32], "big") for i in range(0, len(traits), 32)],
                "orderHashes": [hashes[i : i + 32] for i in range(0, len(hashes), 32)],
            },
        )
    arguments: dict[str, Argument] = {}
    for index, (kind, name) in enumerate(_WORD_FUNCTIONS[function]):
        if kind == "bytes32":
            arguments[name] = words.bytes32(index, name)
        elif kind == "address":
            arguments[name] = words.address(index, name)
        else:
            arguments[name] = words.uint(index, name)
    return PlainCall(function=function, arguments=arguments)


AnyCall = FillCall | CompactCall | BatchCall | PlainCall


def decode_calldata(data: bytes) -> AnyCall:
    """Read the calldata of one of ``SELECTORS``.

    Raises InvalidInput for another selector, calldata that was cut, address words with dirty upper bits, and
    orders or signatures out of range.
    """
    function = _FUNCTION_OF.get(data[:4])
    if function is None:
        raise InvalidInput(f"calldata: selector {to_hex(data[:4])} is none of {', '.join(SELECTORS)}")
    words = CalldataWords(function, data[4:])
    if function in FillFunction.__members__.values():
        return _decode_fill(FillFunction(function), words)
    if function == "fillOrderCompact":
        return CompactCall.read(words)
    if function == "fillOrders":
        return BatchCall.read(words)
    return _decode_plain(function, words)
