"""The ladders that are published: what they are worth, and the least that they let pass."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pmm.domain import Decision, PriceLevel, RefusalReason, Token
from pmm.execution.admission import AdmissionDesk
from pmm.execution.chain_view import ChainView, Settlement
from pmm.pricing import MarketSnapshot, PairPolicy
from pmm.pricing.fixed_point import div_up
from pmm.risk import check_size

_BPS = 10_000
_WAD = 10**18
# Enough base units of any token that their worth keeps its digits.
_UNIT = 10**24
_SMALL = RefusalReason.AMOUNT_TOO_SMALL


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLadder:
    """The ladder of one direction; no levels when there is nothing to sell.

    Attributes:
        min_taking_amount: the least that is quoted, base units of the taker asset.
        depth_usd_wad: what all levels together are worth, US dollars scaled by 10**18.
    """

    maker_asset: Token
    taker_asset: Token
    levels: tuple[PriceLevel, ...]
    min_taking_amount: int = 0
    depth_usd_wad: int = 0


def publish(
    market: MarketSnapshot,
    levels: tuple[PriceLevel, ...],
    *,
    maker_asset: Token,
    taker_asset: Token,
    min_quote_usd: Decimal,
) -> PublishedLadder:
    """Return a ladder with its worth and the least amount in that ``min_quote_usd`` lets pass."""
    depth = market.usd_wad(maker_asset, sum(level.making_amount for level in levels))
    least = 0
    if levels:
        first = levels[0]
        unit_usd = market.usd_wad(maker_asset, _UNIT)
        making = div_up(int(min_quote_usd * _WAD) * _UNIT, unit_usd)
        # A firm quote is rounded down where the ladder is rounded up.
        least = div_up(making * first.taking_amount, first.making_amount) * (_BPS + 1) // _BPS + 1
    return PublishedLadder(
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        levels=levels,
        min_taking_amount=least,
        depth_usd_wad=depth,
    )


def published_ladders(admission: AdmissionDesk, view: ChainView) -> tuple[PublishedLadder, ...] | Decision:
    """Return the ladder of every direction on 1inch's venue; where there is none at all, the first reason."""
    published: list[PublishedLadder] = []
    refusals: list[Decision] = []
    for taker_asset, maker_asset, pair in admission.policy.pairs.directions():
        limit = _making_limit(admission, view, pair, maker_asset=maker_asset, taker_asset=taker_asset)
        levels = admission.levels(
            view, pair, maker_asset=maker_asset, taker_asset=taker_asset, making_limit=limit
        )
        if isinstance(levels, Decision):
            refusals.append(levels)
            continue
        published.append(
            publish(
                view.market,
                levels,
                maker_asset=maker_asset,
                taker_asset=taker_asset,
                min_quote_usd=admission.policy.limits.min_quote_usd,
            )
        )
    return refusals[0] if refusals and not published else tuple(published)


def _making_limit(
    admission: AdmissionDesk, view: ChainView, pair: PairPolicy, *, maker_asset: Token, taker_asset: Token
) -> int:
    """Return how much of the maker asset the ladder may show; none that is too little for a quote."""
    if not {maker_asset.address, taker_asset.address} <= view.tradable:
        return 0
    inventory = admission.inventory(view, maker_asset, Settlement.ONEINCH)
    limit = inventory.free * admission.policy.ladder_share_bps // _BPS
    limit = limit * admission.shaping.of(pair).size_bps // _BPS
    worth = view.market.usd_wad(maker_asset, limit)
    return 0 if check_size(quote_usd_wad=worth, limits=admission.policy.limits).reason is _SMALL else limit
