"""Wider, smaller, shifted quotes: only ever in the maker's favour, exact in their components, kept in the journal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, Inventory, PriceLevel, QuoteRequest, RefusalReason, Token
from pmm.errors import InvalidInput
from pmm.execution.choice import choose
from pmm.models.conformance import check_model, sample_inputs
from pmm.models.template import WiderSpread
from pmm.pricing import (
    NO_SHAPE,
    ComponentName,
    ModelInputs,
    ModelOffers,
    Offer,
    QuoteModel,
    QuoteShape,
    StandardModel,
)
from pmm.pricing.offers import INVENTORY
from pmm.risk import OpenQuotes, QuoteLimits, cut_limits
from tests.unit.pricing.quote_requests import request

_BPS = st.decimals(min_value=0, max_value=200, places=6)
_SKEWS = st.decimals(min_value=-200, max_value=200, places=6)
_TAKING = st.integers(min_value=10**16, max_value=20 * 10**18)


def _inventory_offer(inputs: ModelInputs, taking: int, model: QuoteModel | None = None) -> Offer:
    found = (model or StandardModel()).offers(inputs, request(inputs, taking_amount=taking))
    assert not isinstance(found, Decision)
    return next(one for one in found.offers if one.name == INVENTORY)


def _parts(offer: Offer) -> dict[ComponentName, Decimal]:
    return {part.name: part.bps for part in offer.priced.breakdown.components}


def test_spread__asked_for__is_a_component_of_every_offer_and_of_the_ladder() -> None:
    plain = sample_inputs()
    wide = replace(plain, shape=QuoteShape(spread_bps=Decimal("7.5")))
    found = StandardModel().offers(wide, request(wide, taking_amount=10**18))
    assert not isinstance(found, Decision)
    assert len(found.offers) > 1, "inventory and flash funds"
    for offer in found.offers:
        assert _parts(offer)[ComponentName.OPERATOR_SPREAD] == Decimal("7.5")
        assert sum(_parts(offer).values()) == offer.priced.breakdown.total_bps
    before, after = (StandardModel().levels(one, making_limit=10**12) for one in (plain, wide))
    assert isinstance(before, tuple)
    assert isinstance(after, tuple)
    assert _rate(after[0]) < _rate(before[0])


def test_shape__none__adds_no_component() -> None:
    offer = _inventory_offer(sample_inputs(), 10**18)
    assert not {ComponentName.OPERATOR_SPREAD, ComponentName.OPERATOR_SKEW} & set(_parts(offer))


def test_skew__we_hold_too_much__both_prices_of_the_asset_fall() -> None:
    shape = QuoteShape(base_skew_bps=Decimal(-3))
    for taker, maker, part in ((WETH, USDC, 3), (USDC, WETH, -3)):
        # Balanced, so that the pair's own skew is zero and the half-spread leaves room.
        inputs = replace(_balanced(taker, maker), shape=shape)
        amount = 10**18 if taker is WETH else 3_000 * 10**6
        assert _parts(_inventory_offer(inputs, amount))[ComponentName.OPERATOR_SKEW] == part


def test_skew__beyond_the_half_spread__leaves_the_least_edge_and_the_operators_spread() -> None:
    shape = QuoteShape(base_skew_bps=Decimal(-50), spread_bps=Decimal(2))
    parts = _parts(_inventory_offer(replace(_balanced(USDC, WETH), shape=shape), 3_000 * 10**6))
    edge = parts[ComponentName.HALF_SPREAD] + parts[ComponentName.INVENTORY_SKEW]
    assert edge + parts[ComponentName.OPERATOR_SKEW] == 1, "min_edge_bps"
    assert parts[ComponentName.OPERATOR_SPREAD] == 2


@given(_BPS, _SKEWS, _TAKING)
def test_shape__any__offer_is_no_better_than_the_ladder_and_spread_never_helps_the_taker(
    spread_bps: Decimal, skew_bps: Decimal, taking: int
) -> None:
    skewed = replace(sample_inputs(own_domain=False), shape=QuoteShape(base_skew_bps=skew_bps))
    shaped = replace(skewed, shape=QuoteShape(base_skew_bps=skew_bps, spread_bps=spread_bps))
    offer, narrower = _inventory_offer(shaped, taking), _inventory_offer(skewed, taking)
    assert offer.priced.making_amount <= narrower.priced.making_amount
    assert sum(_parts(offer).values()) == offer.priced.breakdown.total_bps
    levels = StandardModel().levels(shaped, making_limit=shaped.deliverable.free)
    assert isinstance(levels, tuple)
    assert offer.priced.making_amount <= _walk_up(levels, taking)


def test_model_of_others__on_the_built_in_one__has_the_parts_too() -> None:
    inputs = replace(sample_inputs(), shape=QuoteShape(spread_bps=Decimal(4)))
    assert _parts(_inventory_offer(inputs, 10**18, WiderSpread()))[ComponentName.OPERATOR_SPREAD] == 4


class _Deaf:
    """A model of others that does not look at the shape."""

    name = "deaf"

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        return StandardModel().offers(replace(inputs, shape=NO_SHAPE), request)

    def levels(self, inputs: ModelInputs, *, making_limit: int) -> tuple[PriceLevel, ...] | Decision:
        return StandardModel().levels(replace(inputs, shape=NO_SHAPE), making_limit=making_limit)


def test_model_of_others__deaf_to_the_shape__is_found_out_and_quotes_nothing_meanwhile() -> None:
    breaches = check_model(_Deaf(), time_ratio=None)
    assert {breach.check for breach in breaches} == {"takes_the_shape"}
    inputs = sample_inputs()
    wide = replace(inputs, shape=QuoteShape(spread_bps=Decimal(4)))
    asked, nothing = request(inputs, taking_amount=10**18), OpenQuotes(count=0, usd_wad=0, taker_usd_wad=0)
    plain = choose(_Deaf(), inputs, asked, open_quotes=nothing, limits=QuoteLimits())
    assert plain.decision.accepted
    refused = choose(_Deaf(), wide, asked, open_quotes=nothing, limits=QuoteLimits())
    assert refused.decision.reason is RefusalReason.PAUSED
    assert choose(StandardModel(), wide, asked, open_quotes=nothing, limits=QuoteLimits()).decision.accepted


@pytest.mark.parametrize("fault", [{"spread_bps": Decimal("-0.1")}, {"size_bps": 0}, {"size_bps": 10_001}])
def test_shape__against_the_maker__is_refused(fault: dict[str, Decimal | int]) -> None:
    with pytest.raises(InvalidInput, match="can only widen and cut"):
        QuoteShape(**fault)  # type: ignore[arg-type]


@given(_BPS, _SKEWS, st.integers(min_value=1, max_value=10_000))
def test_journal__any_shape__comes_back_exactly(spread: Decimal, skew: Decimal, size: int) -> None:
    shape = QuoteShape(spread_bps=spread, base_skew_bps=skew, size_bps=size)
    assert QuoteShape.from_dict(shape.to_dict()) == shape
    assert QuoteShape.from_dict({}) == NO_SHAPE


def test_limits__cut__every_largest_value_and_not_the_least() -> None:
    limits = QuoteLimits()
    half = cut_limits(limits, 5_000)
    found = (half.max_quote_usd, half.max_open_usd, half.max_taker_usd)
    assert found == (Decimal(250_000), Decimal(2_500_000), Decimal(500_000))
    assert (half.min_quote_usd, half.max_live_quotes) == (limits.min_quote_usd, limits.max_live_quotes)
    assert cut_limits(limits, 10_000) is limits


def _balanced(taker: Token, maker: Token) -> ModelInputs:
    stock = {
        WETH.address: Inventory(token=WETH, balance=400 * 10**18),
        USDC.address: Inventory(token=USDC, balance=1_200_000 * 10**6),
    }
    return replace(sample_inputs(taker, maker), stock=stock, deliverable=stock[maker.address])


def _rate(level: PriceLevel) -> Decimal:
    return Decimal(level.making_amount) / level.taking_amount


def _walk_up(levels: tuple[PriceLevel, ...], taking: int) -> int:
    paid, rest = 0, taking
    for level in levels:
        part = min(rest, level.taking_amount)
        paid += -(-part * level.making_amount // level.taking_amount)
        rest -= part
    return paid
