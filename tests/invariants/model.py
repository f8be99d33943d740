"""The settlement contract as contracts/README.md tells it, in plain Python: what may be filled, and what it moves.

It is written from the text, not from the code: sets instead of bits, one set of objections instead of an order of
checks. A refusal of the contract must carry one of the names in the set; where the set is empty it must fill.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.contracts.settlement.desk import MAKER_AMOUNT, NO_PARTIAL_FILLS, UNWRAP_WETH, RawOrder
from tests.invariants import amounts
from tests.invariants.caps import Cap
from tests.invariants.lanes import TOP_NONCE, Book

_ALL = (1 << 256) - 1
_REFUSED_TRAITS = _ALL ^ (NO_PARTIAL_FILLS | (1 << 247) - 1)
# Decay is refused there, and the smallest fill without the hook that holds it.
_REFUSED_ON_ONEINCH = _ALL ^ (NO_PARTIAL_FILLS | (1 << 200) - 1)
NO_LIMIT = 255
_THRESHOLD = (1 << 184) - 1
_AMOUNT_ERRORS = {
    amounts.OVERFLOW: {"AmountOverflow"},
    amounts.ZERO: {"ZeroAmount"},
    amounts.PARTIAL: {"PartialFill"},
    amounts.TOO_HIGH: {"TakingAmountTooHigh"},
    amounts.TOO_LOW: {"MakingAmountTooLow"},
    amounts.TOO_SMALL: {"FillTooSmall"},
}
_ONEINCH_AMOUNT_ERRORS = {
    amounts.OVERFLOW: {"Panic"},
    amounts.ZERO: {"SwapWithZeroAmount", "InvalidatedOrder", "Panic"},
    amounts.PARTIAL: {"PartialFillNotAllowed"},
    amounts.TOO_HIGH: {"TakingAmountTooHigh"},
    amounts.TOO_LOW: {"MakingAmountTooLow"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Order words as they are sent, and whose signature over exactly them, for which venue, comes with it."""

    order: RawOrder
    signer: str | None
    for_oneinch: bool = False

    @property
    def nonce(self) -> int:
        return self.order.maker_traits >> 120 & (1 << 40) - 1

    @property
    def lane(self) -> int:
        return self.order.maker_traits >> 160 & (1 << 40) - 1

    @property
    def expiration_s(self) -> int:
        return self.order.maker_traits >> 80 & (1 << 40) - 1

    @property
    def sender(self) -> int:
        return self.order.maker_traits & (1 << 80) - 1

    @property
    def epoch(self) -> int:
        return self.order.salt >> 160 & (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a taker calls: ``amount`` and ``taker_traits`` as 1inch has them."""

    taker: str
    amount: int
    taker_traits: int = 0
    value: int = 0
    target: str | None = None
    compact: bool = False


@dataclass(slots=True, kw_only=True)
class Model:
    """Everything the settlement and its maker side on 1inch remember, and the balances of all accounts."""

    settlement: str
    weth: str
    core: tuple[str, ...]
    book: Book = field(default_factory=Book)
    max_expiry_s: int = 3_600
    band_on: bool = False
    caps_on: bool = False
    caps: dict[str, Cap] = field(default_factory=dict)
    bands: dict[frozenset[str], int] = field(default_factory=dict)
    unregistered_core: set[str] = field(default_factory=set)
    registered: set[str] = field(default_factory=set)
    dead_on_oneinch: set[int] = field(default_factory=set)
    router_allowance: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    balance: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    # ------------------------------------------------------------------ rules

    def is_tradable(self, token: str) -> bool:
        return token in self.registered or (token in self.core and token not in self.unregistered_core)

    @property
    def policy(self) -> int:
        """What every lane word of an active signer carries in bits 224 to 253."""
        blocked = sum(
            1 << i for i in range(8) if i >= len(self.core) or self.core[i] in self.unregistered_core
        )
        return (self.caps_on << 1 | self.band_on) << 248 | blocked << 240 | self.max_expiry_s << 224

    def admission(self, signed: Signed, now_s: int, *, on_oneinch: bool) -> set[str]:
        """Why the signature, or the terms it signs, are no good there."""
        order, found = signed.order, set[str]()
        lane = self.book.lanes.get((signed.signer or "", signed.lane))
        if signed.signer is None:
            found |= {"BadSignature", "UnknownSigner"}
        elif lane is None or not lane.authorised:
            found.add("UnknownSigner")
        else:
            found |= {"SignerIsPaused"} if lane.paused else set()
            found |= {"WrongEpoch"} if lane.epoch != signed.epoch else set()
        if signed.expiration_s < now_s:
            found.add("OrderExpired")
        elif signed.expiration_s - now_s > self.max_expiry_s:
            found.add("ExpiryTooFar")
        if order.maker_traits & (_REFUSED_ON_ONEINCH if on_oneinch else _REFUSED_TRAITS):
            found.add("UnsupportedTraits")
        pair = frozenset({f"0x{order.maker_asset:040x}", f"0x{order.taker_asset:040x}"})
        if self.band_on and self.bands.get(pair, 0) != NO_LIMIT:
            # The tokens of this world have no feeds: a band that asks for one refuses too.
            found |= {"NoBand", "NoFeed"}
        assets = (order.maker_asset, order.taker_asset)
        if not all(self.is_tradable(f"0x{asset:040x}") for asset in assets):
            found.add("UnregisteredToken")
        if assets[0] == assets[1]:
            found.add("SameAsset")
        return found

    def objections(
        self, signed: Signed, call: Call, now_s: int, block: int
    ) -> tuple[amounts.Moved, set[str]]:
        """Both amounts of a fill on our domain, and the errors it may be refused with."""
        order, found = signed.order, self.admission(signed, now_s, on_oneinch=False)
        moved = self._our_amounts(signed, call, now_s)
        if self.caps_on:
            cap = self.caps.get(f"0x{order.maker_asset:040x}")
            found |= cap.refusal(moved.making, at_s=now_s, block=block) if cap else {"NoCap"}
        for rule in moved.broken:
            found |= _AMOUNT_ERRORS[rule]
        if signed.for_oneinch:
            found |= {"BadSignature", "UnknownSigner"}
        if order.maker != int(self.settlement, 16):
            found.add("BadMaker")
        if order.receiver not in (0, int(self.settlement, 16)):
            found.add("BadReceiver")
        lane = self.book.lanes.get((signed.signer or "", signed.lane))
        if signed.nonce > TOP_NONCE:
            found.add("NonceOutOfRange")
        elif lane is not None and not lane.is_live(signed.nonce):
            found.add("NonceDead")
        return moved, found | self._call_objections(signed, call, moved, errors_of_legs={"TokenCallFailed"})

    def objections_on_oneinch(self, signed: Signed, call: Call, now_s: int) -> tuple[amounts.Moved, set[str]]:
        """The same on 1inch's contract, which answers with its own errors."""
        moved = amounts.judge(
            signed.order.making_amount,
            signed.order.taking_amount,
            call.amount,
            by_making=bool(call.taker_traits & MAKER_AMOUNT),
            threshold=call.taker_traits & _THRESHOLD,
            no_partial=bool(signed.order.maker_traits & NO_PARTIAL_FILLS),
            on_oneinch=True,
        )
        found = set[str]()
        refused = self.admission(signed, now_s, on_oneinch=True)
        # With caps on only the hook may let an order through, and these have none.
        if refused or self.caps_on or not signed.for_oneinch or signed.order.receiver != 0:
            found |= {"BadSignature", "OrderExpired"}
        for rule in moved.broken:
            found |= _ONEINCH_AMOUNT_ERRORS[rule]
        if signed.nonce in self.dead_on_oneinch:
            found.add("BitInvalidatedOrder")
        legs = self._call_objections(signed, call, moved, errors_of_legs={"TransferFromTakerToMakerFailed"})
        maker_asset = f"0x{signed.order.maker_asset:040x}"
        holds = self.balance[maker_asset, self.settlement]
        if moved.making > min(self.router_allowance[maker_asset], holds):
            legs.add("TransferFromMakerToTakerFailed")
        return moved, found | legs

    def _our_amounts(self, signed: Signed, call: Call, now_s: int) -> amounts.Moved:
        return amounts.judge_terms(
            signed.order.making_amount,
            signed.order.taking_amount,
            call.amount,
            maker_traits=signed.order.maker_traits,
            at_s=now_s,
            by_making=bool(call.taker_traits & MAKER_AMOUNT),
            threshold=call.taker_traits & _THRESHOLD,
        )

    def _call_objections(
        self, signed: Signed, call: Call, moved: amounts.Moved, *, errors_of_legs: set[str]
    ) -> set[str]:
        """What is wrong with the caller, its ether and both sides' holdings."""
        found = set[str]()
        if signed.sender not in (0, int(call.taker, 16) & (1 << 80) - 1):
            found.add("PrivateOrder")
        maker_asset, taker_asset = f"0x{signed.order.maker_asset:040x}", f"0x{signed.order.taker_asset:040x}"
        if self.balance[maker_asset, self.settlement] < moved.making:
            found |= errors_of_legs
        if call.value:
            if taker_asset != self.weth or call.value < moved.taking:
                found.add("BadMsgValue")
        elif self.balance[taker_asset, call.taker] < moved.taking:
            found |= errors_of_legs
        return found

    # ------------------------------------------------------------------ what a fill does

    def settle(
        self, signed: Signed, call: Call, moved: amounts.Moved, *, on_oneinch: bool, at_s: int, block: int
    ) -> None:
        maker_asset, taker_asset = f"0x{signed.order.maker_asset:040x}", f"0x{signed.order.taker_asset:040x}"
        if on_oneinch:
            self.dead_on_oneinch.add(signed.nonce)
            self.router_allowance[maker_asset] -= moved.making
        else:
            assert signed.signer is not None
            self.book.lanes[signed.signer, signed.lane].kill(signed.nonce)
            if self.caps_on:
                self.caps[maker_asset].use(moved.making, at_s=at_s, block=block)
        self.balance[maker_asset, self.settlement] -= moved.making
        if not (call.taker_traits & UNWRAP_WETH and maker_asset == self.weth):
            self.balance[maker_asset, call.target or call.taker] += moved.making
        if not call.value:
            self.balance[taker_asset, call.taker] -= moved.taking
        self.balance[taker_asset, self.settlement] += moved.taking
