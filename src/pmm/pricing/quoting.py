"""From terms to a price: exact input, exact output, and the ladder that both keep to.

Sums of shares are rounded up, making amounts down, taking amounts up: never against the maker.
"""

from __future__ import annotations

from typing import Final

from pmm.domain import Decision, PriceLevel, RefusalReason
from pmm.domain.value_class import value_class
from pmm.pricing.amount_text import amount_text
from pmm.pricing.components import (
    ComponentName,
    PriceBreakdown,
    PriceComponent,
    sum_of_shares,
    with_rounding,
)
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36, div_up, share_up_e36
from pmm.pricing.terms import DirectionTerms, TermStep

_E72 = E36 * E36
_GAS: Final = ComponentName.GAS
_SIZE_IMPACT: Final = ComponentName.SIZE_IMPACT
_RELAYER_FEE: Final = ComponentName.RELAYER_FEE
# Each round closes the gap left by rounding; two suffice for any step of a real pool.
_EXACT_OUT_ROUNDS = 16


@value_class(frozen=True, slots=True, kw_only=True)
class PricedAmounts:
    """Amounts in base units and the price that gives them."""

    making_amount: int
    taking_amount: int
    breakdown: PriceBreakdown


def _average_impact_e36(steps: tuple[TermStep, ...], taking_amount: int) -> int | None:
    weighted, rest = 0, taking_amount
    for step in steps:
        part = min(rest, step.taking_amount)
        weighted += part * step.impact_share_e36
        rest -= part
        if rest == 0:
            return share_up_e36(weighted, taking_amount)
    return None


def _components(
    terms: DirectionTerms, impact_e36: int, fee_bps: int, taking_amount: int
) -> tuple[PriceComponent, ...]:
    flat = terms.flat
    if terms.quote_cost_e36:
        cost_e36 = share_up_e36(terms.quote_cost_e36 * E36, taking_amount * terms.fair.rate_e36)
        flat = tuple(
            PriceComponent(name=part.name, share_e36=part.share_e36 + cost_e36) if part.name is _GAS else part
            for part in flat
        )
    return (
        *flat,
        PriceComponent(name=_SIZE_IMPACT, share_e36=impact_e36),
        PriceComponent(name=_RELAYER_FEE, share_e36=fee_bps * SHARE_PER_BPS_E36),
    )


def _too_large(terms: DirectionTerms) -> Decision:
    return Decision.refuse(
        RefusalReason.AMOUNT_TOO_LARGE,
        f"expected at most {amount_text(terms.max_taking_amount, terms.taker_asset)}, the depth we can hedge",
    )


def _beyond_capital(terms: DirectionTerms, limit: int) -> Decision:
    return Decision.refuse(
        RefusalReason.AMOUNT_TOO_LARGE,
        f"expected at most {amount_text(limit, terms.maker_asset)}, the capital allocated to this market",
    )


def _too_small(terms: DirectionTerms) -> Decision:
    return Decision.refuse(
        RefusalReason.AMOUNT_TOO_SMALL,
        f"the amount is worth less than one base unit of {terms.maker_asset.symbol} after costs",
    )


def price_exact_in(
    terms: DirectionTerms, taking_amount: int, *, fee_bps: int = 0
) -> PricedAmounts | Decision:
    """Price ``taking_amount``: the making amount is what is left of its fair value, rounded down."""
    if terms.closed is not None:
        return terms.closed
    impact_e36 = _average_impact_e36(terms.steps, taking_amount)
    if impact_e36 is None:
        return _too_large(terms)
    parts = _components(terms, impact_e36, fee_bps, taking_amount)
    spent_e36 = sum_of_shares(parts)
    quoted_e36 = E36 - spent_e36
    making_amount = taking_amount * terms.fair.rate_e36 * quoted_e36 // _E72 if quoted_e36 > 0 else 0
    if making_amount == 0:
        return _too_small(terms)
    if terms.making_limit is not None and making_amount > terms.making_limit:
        return _beyond_capital(terms, terms.making_limit)
    return _priced(terms, parts, spent_e36, making_amount, taking_amount)


def price_exact_out(
    terms: DirectionTerms, making_amount: int, *, fee_bps: int = 0
) -> PricedAmounts | Decision:
    """Price ``making_amount``: the taking amount is the least found that pays for it, rounded up."""
    if terms.closed is not None:
        return terms.closed
    if terms.making_limit is not None and making_amount > terms.making_limit:
        return _beyond_capital(terms, terms.making_limit)
    flat_e36 = terms.flat_share_e36 + fee_bps * SHARE_PER_BPS_E36
    taking_amount = _invert(terms, making_amount + div_up(terms.quote_cost_e36, E36), flat_e36)
    if taking_amount is None:
        return _too_large(terms)
    for _ in range(_EXACT_OUT_ROUNDS):
        impact_e36 = _average_impact_e36(terms.steps, taking_amount)
        if impact_e36 is None:
            return _too_large(terms)
        parts = _components(terms, impact_e36, fee_bps, taking_amount)
        spent_e36 = sum_of_shares(parts)
        quoted_e36 = E36 - spent_e36
        if quoted_e36 <= 0:
            return _too_small(terms)
        rate_e72 = terms.fair.rate_e36 * quoted_e36
        missing = making_amount - taking_amount * rate_e72 // _E72
        if missing <= 0:
            return _priced(terms, parts, spent_e36, making_amount, taking_amount)
        taking_amount += max(div_up(missing * _E72, rate_e72), 1)
    return _too_large(terms)


def _invert(terms: DirectionTerms, making_amount: int, flat_e36: int) -> int | None:
    rest, taking_amount = making_amount, 0
    for step in terms.steps:
        quoted_e36 = E36 - flat_e36 - step.impact_share_e36
        if quoted_e36 <= 0:
            return None
        rate_e72 = terms.fair.rate_e36 * quoted_e36
        most = step.taking_amount * rate_e72 // _E72
        if rest <= most:
            return taking_amount + div_up(rest * _E72, rate_e72)
        rest -= most
        taking_amount += step.taking_amount
    return None


def _priced(
    terms: DirectionTerms,
    parts: tuple[PriceComponent, ...],
    spent_e36: int,
    making_amount: int,
    taking_amount: int,
) -> PricedAmounts:
    breakdown = with_rounding(
        fair_rate_e36=terms.fair.rate_e36,
        components=parts,
        spent_e36=spent_e36,
        making_amount=making_amount,
        taking_amount=taking_amount,
    )
    return PricedAmounts(making_amount=making_amount, taking_amount=taking_amount, breakdown=breakdown)


def ladder(terms: DirectionTerms, *, making_limit: int) -> tuple[PriceLevel, ...]:
    """Return the levels to publish, not cumulative, up to ``making_limit`` base units of the maker asset.

    Amounts out are rounded up, so that no firm quote (rounded down) is better for the taker than the ladder.
    """
    if terms.closed is not None:
        return ()
    levels: list[PriceLevel] = []
    left = making_limit if terms.making_limit is None else min(making_limit, terms.making_limit)
    flat_e36 = terms.flat_share_e36
    for step in terms.steps:
        rate_e72 = terms.fair.rate_e36 * (E36 - flat_e36 - step.impact_share_e36)
        if rate_e72 <= 0:
            break
        taking = min(step.taking_amount, left * _E72 // rate_e72)
        making = div_up(taking * rate_e72, _E72)
        if taking == 0 or making > left:
            break
        levels.append(
            PriceLevel(
                maker_asset=terms.maker_asset,
                taker_asset=terms.taker_asset,
                making_amount=making,
                taking_amount=taking,
            )
        )
        left -= making
        if taking < step.taking_amount:
            break
    return tuple(levels)
