"""One order in three places: on our settlement, its twin of a plain account on 1inch, and ours on 1inch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode, encode

from pmm.chain.abi import selector
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import OrderDomain, SigningKey
from tests.contracts.settlement.desk import RawOrder, decode_error, traits

_ORDER = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
_FILL = selector(f"fillOrder({_ORDER},bytes32,bytes32,uint256,uint256)")
_FILL_ARGS = selector(f"fillOrderArgs({_ORDER},bytes32,bytes32,uint256,uint256,bytes)")
_FILL_CONTRACT = selector(f"fillContractOrder({_ORDER},bytes,uint256,uint256)")
_FILL_CONTRACT_ARGS = selector(f"fillContractOrderArgs({_ORDER},bytes,uint256,uint256,bytes)")
_TUPLE = "(" + ",".join(["uint256"] * 8) + ")"
_ATTEMPTS = "(address,address,address,address,uint256,bytes)[]"
_TRY_ALL = selector(f"tryAll({_ATTEMPTS})")
_IN_SEQUENCE = selector(f"tryInSequence({_ATTEMPTS})")
_ONEINCH_ERRORS = {
    selector(f"{name}()"): name
    for name in (
        *("BadSignature", "BitInvalidatedOrder", "ETHTransferFailed", "InvalidatedOrder"),
        *("InvalidMsgValue", "MakingAmountTooLow"),
        *(
            "OrderExpired",
            "PartialFillNotAllowed",
            "PrivateOrder",
            "SwapWithZeroAmount",
            "TakingAmountExceeded",
        ),
        *("TakingAmountTooHigh", "TransferFromMakerToTakerFailed", "TransferFromTakerToMakerFailed"),
    )
}
_PANIC = selector("Panic(uint256)")
# More than any block holds; the node runs a call with what it is given.
_GAS = hex(1 << 40)


class Place(IntEnum):
    """Where an order is filled."""

    OURS = 0
    TWIN = 1
    OURS_ON_ONEINCH = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt did; ``error`` is the name of the refusal, empty where it was filled."""

    error: str
    making: int
    taking: int
    deltas: tuple[int, ...]
    error_again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Terms of an order and of the call that fills it, the same in all three places."""

    making: int
    taking: int
    amount: int
    taker_traits: int = 0
    nonce: int = 0
    expires_in_s: int = 600
    sender: int = 0
    flags: int = 0
    value: int = 0
    wrong_key: bool = False
    altered: bool = False
    makes_weth: bool = False
    takes_weth: bool = False
    args: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """Both makers, the harness that takes, and the tokens."""

    rpc: JsonRpc
    harness: Any
    settlement: str
    key: SigningKey
    twin_key: SigningKey
    stranger_key: SigningKey
    domain: OrderDomain
    router_domain: OrderDomain
    base: str
    quote: str
    weth: str
    receiver: str
    dead_nonces: frozenset[int] = field(default_factory=frozenset)

    def attempt(self, trial: Trial, place: Place, now_s: int) -> tuple[str, str, str, str, int, bytes]:
        """The call that fills the order there."""
        base = self.weth if trial.makes_weth else self.base
        quote = self.weth if trial.takes_weth else self.quote
        maker = self.twin_key.address if place is Place.TWIN else self.settlement
        order = RawOrder(
            salt=0x5A17,
            maker=int(maker, 16),
            maker_asset=int(base, 16),
            taker_asset=int(quote, 16),
            making_amount=trial.making,
            taking_amount=trial.taking,
            maker_traits=traits(
                expiration_s=now_s + trial.expires_in_s,
                nonce=trial.nonce,
                sender=trial.sender,
                flags=trial.flags,
            ),
        )
        target = self.settlement if place is Place.OURS else ONEINCH_ROUTER
        return target, maker, base, quote, trial.value, self._calldata(trial, order, place)

    def _calldata(self, trial: Trial, order: RawOrder, place: Place) -> bytes:
        key = self.twin_key if place is Place.TWIN else self.key
        key = self.stranger_key if trial.wrong_key else key
        signature = key.sign(order.digest(self.domain if place is Place.OURS else self.router_domain))
        words: list[Any] = list(order.words)
        if trial.altered:
            words[6] ^= 1
        tail: list[Any] = [trial.amount, trial.taker_traits]
        types = ["uint256", "uint256"]
        if trial.args is not None:
            tail.append(trial.args)
            types.append("bytes")
        if place is Place.OURS_ON_ONEINCH:
            head = _FILL_CONTRACT if trial.args is None else _FILL_CONTRACT_ARGS
            packed = order.packed_with(signature)
            return head + encode([_TUPLE, "bytes", *types], [tuple(words), packed, *tail])
        head = _FILL if trial.args is None else _FILL_ARGS
        values = [tuple(words), signature.r_bytes, signature.vs_bytes, *tail]
        return head + encode([_TUPLE, "bytes32", "bytes32", *types], values)

    def try_all(self, attempts: Sequence[tuple[Place, Trial]]) -> list[Answer]:
        """What each attempt does to the state as it is."""
        answers = self._ask(_TRY_ALL, attempts, "bytes[]")
        return [_decode_answer(answer, place) for answer, (place, _) in zip(answers, attempts, strict=True)]

    def try_in_sequence(self, attempts: Sequence[tuple[Place, Trial]]) -> list[bool]:
        """Which of the attempts are filled when each follows the one before."""
        return list(self._ask(_IN_SEQUENCE, attempts, "bool[]"))

    def _ask(self, head: bytes, attempts: Sequence[tuple[Place, Trial]], returns: str) -> Any:
        # A call sees the time of the newest block.
        now_s = int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        calls = [self.attempt(trial, place, now_s) for place, trial in attempts]
        data = head + encode([_ATTEMPTS], [calls])
        call = {
            "from": self.twin_key.address,
            "to": str(self.harness.address),
            "data": "0x" + data.hex(),
            "gas": _GAS,
        }
        (found,) = decode([returns], bytes.fromhex(self.rpc.call("eth_call", call, "latest")[2:]))
        return found


def _decode_answer(answer: bytes, place: Place) -> Answer:
    filled, result, deltas, filled_again, result_again = decode(
        ["(bool,bytes,uint256[8],bool,bytes)"], answer[4:]
    )[0]
    making, taking = decode(["uint256", "uint256"], result[:64]) if filled else (0, 0)
    return Answer(
        error="" if filled else _error_name(result, place),
        making=making,
        taking=taking,
        deltas=tuple(deltas),
        error_again="" if filled_again or not filled else _error_name(result_again, place),
    )


def _error_name(data: bytes, place: Place) -> str:
    if data[:4] == _PANIC:
        return "Panic"
    if not data:
        return "without a word"
    return str(decode_error(data)[0]) if place is Place.OURS else _ONEINCH_ERRORS[data[:4]]
