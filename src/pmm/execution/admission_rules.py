"""Small decisions of an admission: which lane, and which of several refusals to show."""

from __future__ import annotations

from pmm.domain import Address, Decision, RefusalReason, Token
from pmm.execution.chain_view import ChainView, LaneState, NonceKey, Settlement
from pmm.execution.kill_switches import KillSwitches, MakerSide
from pmm.pricing import Offer, PairPolicy, RejectedOffer

_ACCEPT = Decision.accept()
_PMM = Settlement.PMM


def open_lane(view: ChainView) -> LaneState | None:
    """Return the first lane in which the settlement contract accepts orders of our signer, None without any."""
    for lane in view.lanes:
        if lane.authorised and not lane.paused:
            return lane
    return None


def lane_for(view: ChainView, nonce: NonceKey) -> LaneState | None:
    """Return the open lane of a nonce; beyond our own domain, where nonces have no lane, the first open one."""
    if nonce.settlement is not _PMM:
        return open_lane(view)
    for lane in view.lanes:
        if lane.lane == nonce.lane and lane.authorised and not lane.paused:
            return lane
    return None


def switched_off(
    switches: KillSwitches,
    signer: Address,
    view: ChainView,
    pair: PairPolicy,
    *,
    maker_asset: Token,
    relayer: str | None = None,
) -> Decision:
    """Return what the kill switches say to selling ``maker_asset`` in a pair."""
    if switches.all_on:
        return _ACCEPT
    sells = maker_asset.address == pair.base.address
    return switches.check(
        chain=view.node.chain_id,
        signer=signer,
        pair=f"{pair.base.symbol}/{pair.quote.symbol}",
        side=MakerSide.SELLS if sells else MakerSide.BUYS,
        relayer=relayer,
    )


def no_nonce(view: ChainView) -> Decision:
    """Return the refusal for want of a nonce."""
    return Decision.refuse(
        RefusalReason.NO_NONCE,
        f"expected a free nonce in one of {len(view.lanes)} lanes, found all waiting for live quotes",
    )


def reason_of(losing: tuple[RejectedOffer | Offer, ...]) -> Decision:
    """Return the refusal to show: inventory's, unless a flash source came closer to a quote."""
    refusals = [entry.decision for entry in losing if isinstance(entry, RejectedOffer)]
    for refusal in refusals:
        if refusal.reason not in (RefusalReason.INSUFFICIENT_INVENTORY, RefusalReason.AMOUNT_TOO_LARGE):
            return refusal
    return refusals[0]


def key_conflict(key: str) -> Decision:
    """Return the refusal of an idempotency key that stands for another request."""
    return Decision.refuse(
        RefusalReason.IDEMPOTENCY_CONFLICT,
        f"expected the request that idempotency key {key!r} came with first, found another body",
    )
