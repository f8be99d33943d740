"""A settlement with its lens, two tokens with feeds, caps and a band, and fills on both venues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import selector
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import Address, OrderDomain, RouterHookTerms, Signature, SigningKey, extension_low_bits
from pmm.domain.hook_payloads import PostHook, PreHook
from tests.contracts.hooks.router_fills import POST, PRE
from tests.contracts.lens.reasons import ERRORS, Reason
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKER_AMOUNT,
    MASK_160,
    ONE,
    RawOrder,
    traits,
    word,
)

# 2,000 base of 18 decimals at 0.50 USD against 1,000 quote of 6 decimals at 1 USD: exactly fair.
MAKING = 2_000 * ONE
TAKING = 1_000 * 10**6
BASE_PRICE = 50_000_000
QUOTE_PRICE = 100_000_000
HEARTBEAT_S = 3_600
BAND_UNITS = 10
CAP_WINDOW_S = 600
LIFETIME_S = 600
LANES = 4
BAND_ON = 1
CAPS_ON = 2
GAS = hex(20_000_000)


@cache
def _error_types() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    known: dict[bytes, tuple[str, tuple[str, ...]]] = {
        selector("Error(string)"): ("Error", ("string",)),
        selector("Panic(uint256)"): ("Panic", ("uint256",)),
    }
    for name in ("RfqSettlement", "RouterHooks", "SettlementLens", "MockLendingAccount"):
        for error in getattr(ape.project, name).contract_type.errors:
            types = tuple(item.canonical_type for item in error.inputs)
            known[selector(f"{error.name}({','.join(types)})")] = (error.name, types)
    return known


def decode_error(data: str | None) -> tuple[Any, ...]:
    """Return (error name, *values), or (selector,) of an error that is not ours; a bare revert is ("",)."""
    raw = bytes.fromhex((data or "").removeprefix("0x"))
    if raw[:4] not in _error_types():
        return ("0x" + raw[:4].hex(),) if raw else ("",)
    name, types = _error_types()[raw[:4]]
    return (name, *decode(types, raw[4:]))


class Mood(IntEnum):
    """As in contracts/mocks/MockMood.sol."""

    ANSWERS = 0
    REVERTS = 1
    BURNS_GAS = 2
    ANSWERS_ONE_BYTE = 3
    ANSWERS_AT_LENGTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LensDesk:
    """Base is sold for quote. Both sides hold and approved enough on both venues; the guards start off."""

    settlement: Any
    lens: Any
    hooks: Any
    router: Any
    key: SigningKey
    domain: OrderDomain
    router_domain: OrderDomain
    base: Any
    quote: Any
    base_feed: Any
    quote_feed: Any
    owner: Any
    taker: Any
    rpc: JsonRpc
    now_s: Callable[[], int]

    # ---- orders

    def order(
        self,
        *,
        nonce: int = 0,
        lane: int = 0,
        epoch: int = 0,
        flags: int = 0,
        extension: bytes = b"",
        **changes: Any,
    ) -> RawOrder:
        """A sound order bound to ``extension``, but for ``changes``."""
        expiration_s = changes.pop("expiration_s", self.now_s() + LIFETIME_S)
        sender = changes.pop("sender", 0)
        low = extension_low_bits(extension) if extension else 0x5A17
        flags |= HAS_EXTENSION * bool(extension)
        order = RawOrder(
            salt=epoch << 160 | low & MASK_160,
            maker=word(self.settlement),
            maker_asset=word(self.base),
            taker_asset=word(self.quote),
            making_amount=MAKING,
            taking_amount=TAKING,
            maker_traits=traits(
                expiration_s=expiration_s, nonce=nonce, lane=lane, sender=sender, flags=flags
            ),
        )
        return replace(order, **changes)

    def hooked(
        self,
        *,
        pre: PreHook | bytes | None = None,
        post: PostHook | bytes | None = None,
        listener: Any = None,
        **changes: Any,
    ) -> tuple[RawOrder, bytes]:
        """An order for 1inch's contract with the hooks given, and its extension."""
        address = Address(str((listener or self.hooks).address))

        def payload(hook: PreHook | PostHook | bytes | None) -> bytes | None:
            return hook.encode() if isinstance(hook, PreHook | PostHook) else hook

        extension = RouterHookTerms(hooks=address, pre=payload(pre), post=payload(post)).encode()
        flags = changes.pop("flags", 0) | PRE * (pre is not None) | POST * (post is not None)
        return self.order(extension=extension, flags=flags, **changes), extension

    # ---- what the lens says

    def reasons(
        self,
        order: RawOrder,
        *,
        extension: bytes = b"",
        taker: Any = None,
        amount: int | None = None,
        signature: Signature | None = None,
        on_router: bool = False,
    ) -> Reason:
        """What ``checkOrder``, or ``checkRouterOrder``, says."""
        signature = signature or self.sign(order, on_router=on_router)
        method = self.lens.checkRouterOrder if on_router else self.lens.checkOrder
        return Reason(
            self.read(
                method,
                order.words,
                signature.r_bytes,
                signature.vs_bytes,
                extension,
                taker or self.taker,
                order.making_amount if amount is None else amount,
            )
        )

    def read(self, method: Any, *values: Any) -> int:
        """Call a view that answers one word, with a node's usual gas."""
        request = {
            "to": str(method.contract.address),
            "data": method.encode_input(*values).to_0x_hex(),
            "gas": GAS,
        }
        return int(self.rpc.call("eth_call", request, "latest"), 16)

    def sign(self, order: RawOrder, *, on_router: bool = False, key: SigningKey | None = None) -> Signature:
        return (key or self.key).sign(order.digest(self.router_domain if on_router else self.domain))

    # ---- what a fill does

    def outcome(
        self,
        order: RawOrder,
        *,
        extension: bytes = b"",
        taker: Any = None,
        amount: int | None = None,
        signature: Signature | None = None,
        on_router: bool = False,
    ) -> tuple[Any, ...]:
        """Why a fill of the same arguments as ``reasons`` reverts; empty where it settles."""
        signature = signature or self.sign(order, on_router=on_router)
        amount = order.making_amount if amount is None else amount
        taker_traits = MAKER_AMOUNT | len(extension) << 224
        if on_router:
            packed = self.contract_signature(order, signature, extension)
            method, values = (
                self.router.fillContractOrderArgs,
                [order.words, packed, amount, taker_traits, extension],
            )
        else:
            funded = len(extension) > 33 and extension[32] & 2
            method = self.settlement.fillOrderFunded if funded else self.settlement.fillOrderArgs
            values = [
                order.words, signature.r_bytes, signature.vs_bytes, amount, taker_traits, extension
            ]  # fmt: skip
        return self.attempt(method, *values, sender=taker or self.taker)

    def signature_outcome(
        self, order: RawOrder, *, extension: bytes = b"", signature: Signature | None = None
    ) -> tuple[Any, ...]:
        """Why ``isValidSignature`` refuses; empty where it accepts."""
        signature = signature or self.sign(order, on_router=True)
        packed = self.contract_signature(order, signature, extension)
        digest = order.digest(self.router_domain)
        return self.attempt(self.settlement.isValidSignature, digest, packed, sender=self.taker)

    @staticmethod
    def contract_signature(order: RawOrder, signature: Signature, extension: bytes) -> bytes:
        clean = replace(
            order, maker_asset=order.maker_asset & MASK_160, taker_asset=order.taker_asset & MASK_160
        )
        return clean.packed_with(signature) + extension

    def attempt(self, method: Any, *values: Any, sender: Any) -> tuple[Any, ...]:
        request = {
            "from": str(sender.address),
            "to": str(method.contract.address),
            "data": method.encode_input(*values).to_0x_hex(),
            "gas": GAS,
        }
        try:
            self.rpc.call("eth_call", request, "latest")
        except RpcError as refused:
            return decode_error(refused.data)
        return ()

    def fill(self, order: RawOrder, *, sender: Any = None, amount: int | None = None) -> Any:
        """Send a fill on our own domain that must succeed."""
        signature = self.sign(order)
        amount = order.making_amount if amount is None else amount
        return self.settlement.fillOrder(
            order.words,
            signature.r_bytes,
            signature.vs_bytes,
            amount,
            MAKER_AMOUNT,
            sender=sender or self.taker,
        )

    # ---- the desk's settings

    def act(self, method: Any, *values: Any, sender: Any = None, may_fail: bool = False) -> None:
        """Send a transaction past Ape, which would remember it after ``undone`` took it back."""
        request = {
            "from": str((sender or self.owner).address),
            "to": str(method.contract.address),
            "data": method.encode_input(*values).to_0x_hex(),
            "gas": hex(3_000_000),
        }
        receipt = self.rpc.call("eth_sendTransactionSync", request)
        assert may_fail or int(receipt["status"], 16) == 1, f"{method} reverted"

    def guards(self, bits: int) -> None:
        self.settlement.setGuards(bits, sender=self.owner)

    def price(self, feed: Any, answer: int, age_s: int = 0) -> None:
        feed.setAnswer(answer, self.now_s() - age_s, sender=self.owner)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back whatever the block does to the chain."""
        snapshot = self.rpc.call("evm_snapshot")
        try:
            yield
        finally:
            self.rpc.call("evm_revert", snapshot)


def assert_alone(desk: LensDesk, reason: Reason, order: RawOrder, **how: Any) -> None:
    """The lens names this reason and no other, and a fill on our domain reverts with one of its errors."""
    assert desk.reasons(order, **how) == reason
    assert desk.outcome(order, **how)[0] in ERRORS[reason]
