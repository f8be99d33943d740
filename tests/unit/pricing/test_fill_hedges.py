"""Quotes whose fill hedges itself: the maker never sells below his price, and no quote beats the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, FundingPlan, PriceLevel, QuoteRequest, RefusalReason, Token
from pmm.domain.hook_payloads import InventorySource, PostAction, PostHook
from pmm.pricing import (
    ComponentName,
    CostName,
    DepthCurve,
    FillHedge,
    FillHedgeRules,
    LendingReading,
    ModelInputs,
    ModelOffers,
    Offer,
    OptionPolicy,
    PoolKind,
    PricedAmounts,
    QuoteShape,
    StandardModel,
    price_exact_in,
)
from pmm.pricing.fill_hedge import HOOK_GAS, plan_fill_hedge
from pmm.pricing.fill_hedge_offers import hedge_pools, hedged_on
from pmm.pricing.fixed_point import BPS, E36
from pmm.pricing.terms import impact_steps
from tests.helpers.quoting import TAKER
from tests.unit.pricing.test_funding_plans import _AAVE, _inputs, _offers, _snapshot
from tests.unit.pricing.test_quoting_properties import Scene, scenes

_WAD = 10**18
_REQUIRED = FillHedgeRules(required=True, slippage_bps=10, band_bps=100)
_BEST_EFFORT = FillHedgeRules(required=False, slippage_bps=10, gas_floor=300_000, band_bps=100)
_RULES = st.builds(
    lambda required, slippage_bps, band_bps: FillHedgeRules(
        required=required,
        slippage_bps=slippage_bps,
        gas_floor=0 if required else 300_000,
        band_bps=band_bps,
    ),
    st.booleans(),
    st.sampled_from((0, 10, 100)),
    st.sampled_from((None, 50, 500)),
)
_DIRECTIONS = st.sampled_from(((WETH, USDC), (USDC, WETH)))


def _hedging(inputs: ModelInputs, rules: FillHedgeRules = _REQUIRED, **spread: Any) -> ModelInputs:
    """Return inputs with the way allowed; hedges of our own are dear, unless ``spread`` says otherwise."""
    policy = replace(inputs.pair.spread, **{"hedge_batch_usd": 1_000, "impact_share_bps": 10_000, **spread})
    return replace(inputs, fill_hedge=rules, pair=replace(inputs.pair, spread=policy))


def _hedged(found: ModelOffers) -> list[Offer]:
    return [offer for offer in found.offers if offer.hedge is not None]


def _walk(levels: Sequence[PriceLevel], taking_amount: int) -> Decimal | None:
    """Return what a relayer computes from the published levels, in base units; None beyond their depth."""
    out, rest = Decimal(0), taking_amount
    for level in levels:
        part = min(rest, level.taking_amount)
        out += Decimal(part) * level.making_amount / level.taking_amount
        rest -= part
        if rest == 0:
            return out
    return None


def _scene_inputs(scene: Scene, taker: Token, maker: Token, rules: FillHedgeRules) -> ModelInputs:
    return ModelInputs(
        snapshot=scene.snapshot,
        pair=scene.pair,
        maker_asset=maker,
        taker_asset=taker,
        stock=scene.inventories,
        deliverable=replace(scene.inventories[maker.address], balance=10**30),
        own_domain=False,
        state=scene.state,
        fill_hedge=rules,
    )


def _ask(inputs: ModelInputs, *, taking: int | None = None, making: int | None = None) -> QuoteRequest:
    return QuoteRequest(
        request_id="r",
        chain_id=1,
        maker_asset=inputs.maker_asset,
        taker_asset=inputs.taker_asset,
        taker=TAKER,
        taking_amount=taking,
        making_amount=making,
    )


def _depth(inputs: ModelInputs) -> int:
    pools = inputs.snapshot.pools[inputs.taker_asset.address, inputs.maker_asset.address]
    return sum(pool.depth.knots[-1][0] for pool in pools)


@given(scenes(), _DIRECTIONS, _RULES, st.integers(min_value=1, max_value=1_000_000), st.booleans())
def test_offers__hedging_allowed__the_one_given_is_never_better_than_the_ladder(
    scene: Scene, assets: tuple[Token, Token], rules: FillHedgeRules, millionths: int, exact_out: bool
) -> None:
    inputs, model = _scene_inputs(scene, *assets, rules), StandardModel()
    levels = model.levels(inputs, making_limit=10**30)
    assert not isinstance(levels, Decision)
    amount = max(_depth(inputs) * millionths // 1_000_000, 1)
    found = model.offers(inputs, _ask(inputs, taking=amount))
    assert isinstance(found, ModelOffers)
    assume(found.offers)
    given_first = found.offers[0].priced
    if exact_out:
        again = model.offers(inputs, _ask(inputs, making=given_first.making_amount))
        assert isinstance(again, ModelOffers)
        assume(again.offers)
        given_first = again.offers[0].priced
    walked = _walk(levels, given_first.taking_amount)
    assume(walked is not None)
    assert walked is not None
    assert given_first.making_amount <= walked + Decimal("1e-12")


def test_offers__hedged_inside_from_a_size_between_two_steps_on__are_not_better_than_the_ladder() -> None:
    model, hedged = StandardModel(), 0
    for gas_price_wei in range(10**9, 10**11, 3 * 10**9):
        inputs = _inputs(_snapshot(gas_price_wei=gas_price_wei), usdc=60_000)
        inputs = _hedging(
            replace(inputs, deliverable=replace(inputs.deliverable, balance=10**30)), hedge_batch_usd=10**9
        )
        levels = model.levels(inputs, making_limit=10**30)
        assert not isinstance(levels, Decision)
        for tenths in range(1, 600, 17):
            (best, *_) = _offers(inputs, tenths / 10).offers
            walked = _walk(levels, best.priced.taking_amount)
            assert walked is not None
            assert best.priced.making_amount <= walked + Decimal("1e-12"), (gas_price_wei, tenths, best.name)
            hedged += best.hedge is not None
    assert hedged > 100


@given(scenes(), _DIRECTIONS, _RULES, st.integers(min_value=1, max_value=1_000_000))
def test_ladder__hedging_allowed__is_never_below_that_of_inventory_and_falls_with_size(
    scene: Scene, assets: tuple[Token, Token], rules: FillHedgeRules, millionths: int
) -> None:
    inputs, model = _scene_inputs(scene, *assets, rules), StandardModel()
    raised = model.levels(inputs, making_limit=10**30)
    own = model.levels(replace(inputs, fill_hedge=None), making_limit=10**30)
    assert not isinstance(raised, Decision)
    assert not isinstance(own, Decision)
    amount = max(_depth(inputs) * millionths // 1_000_000, 1)
    without, with_it = _walk(own, amount), _walk(raised, amount)
    if without is not None:
        assert with_it is not None
        # Levels are rounded up to base units, each for itself: inventory's ladder may gain a unit with every level
        # that is walked, where the other one has fewer.
        ends = accumulate(level.taking_amount for level in own)
        assert with_it > without - 2 - sum(end <= amount for end in ends)
    prices = [Decimal(level.making_amount) / level.taking_amount for level in raised]
    for first, second, level in zip(prices, prices[1:], raised[1:], strict=False):
        assert second <= first + Decimal(1) / level.taking_amount


@given(scenes(), _DIRECTIONS, _RULES, st.integers(min_value=1, max_value=1_000_000), st.booleans())
def test_offers__hedged_inside__bear_all_of_their_cost_and_never_sell_below_their_price(
    scene: Scene, assets: tuple[Token, Token], rules: FillHedgeRules, millionths: int, lends: bool
) -> None:
    inputs = _scene_inputs(scene, *assets, rules)
    if lends:
        reading: LendingReading = replace(
            _AAVE, token=inputs.maker_asset.address, supplied=10**28, liquidity=10**28
        )
        inputs = replace(
            inputs, can_provide=True, snapshot=replace(inputs.snapshot, lending=(reading,)), allowance=None
        )
    amount = max(_depth(inputs) * millionths // 1_000_000, 1)
    found = StandardModel().offers(inputs, _ask(inputs, taking=amount))
    assert isinstance(found, ModelOffers)
    pools = {f"uniswap_v3_{pool.fee_pips}": pool for pool in hedge_pools(inputs)}
    terms = StandardModel().terms(inputs)
    assert not isinstance(terms, Decision)
    for offer in _hedged(found):
        assert offer.hedge is not None
        assert offer.cost is not None
        pool = pools[offer.name.rpartition("_hedged_")[2]]
        _check_cost(inputs, offer)
        _check_impact(offer, pool.depth, terms.fair.rate_e36)
        _check_sale(offer.priced, offer.hedge, pool.depth, rules)
        # Without what the way costs: no impact, no pool fee, no interest.
        free = replace(
            hedged_on(inputs, terms, pool, rules),
            steps=impact_steps(pool.depth.steps, fair=terms.fair, impact_share_bps=0),
        )
        cheaper = price_exact_in(free, amount)
        assert isinstance(cheaper, PricedAmounts)
        assert offer.priced.making_amount <= cheaper.making_amount


def _check_cost(inputs: ModelInputs, offer: Offer) -> None:
    assert offer.cost is not None
    shares = {part.name: part.share_e36 for part in offer.priced.breakdown.components}
    held = (ComponentName.GAS, ComponentName.FUNDING, ComponentName.SIZE_IMPACT)
    assert offer.cost.total_share_e36 == sum(shares[name] for name in held)
    assert sum(shares.values()) == offer.priced.breakdown.total_share_e36
    brought = inputs.snapshot.usd_wad(inputs.taker_asset, offer.priced.taking_amount)
    hook = HOOK_GAS * inputs.snapshot.gas_price_wei * inputs.snapshot.usd_per_unit_e36(inputs.pair.gas_asset)
    assert offer.cost.taker_gas_share_e36 * brought >= hook * _WAD


def _check_impact(offer: Offer, depth: DepthCurve, fair_rate_e36: int) -> None:
    """All that the pool pays less than the fair value for the whole amount is in the price."""
    taking = offer.priced.taking_amount
    paid = depth.out_down(taking)
    assert paid is not None
    shares = {part.name: part.share_e36 for part in offer.priced.breakdown.components}
    assert (
        shares[ComponentName.SIZE_IMPACT] * taking * fair_rate_e36
        >= (taking * fair_rate_e36 - (paid + 1) * E36) * E36
    )
    assert min(share for name, share in shares.items() if name is not ComponentName.FAIR_VALUE) >= 0


def _check_sale(priced: PricedAmounts, hedge: FillHedge, depth: DepthCurve, rules: FillHedgeRules) -> None:
    making, taking, sale = priced.making_amount, priced.taking_amount, hedge.sale
    amount_in, minimum = sale.amounts(taking, taking)
    assert 0 < amount_in <= taking
    # The pool as it was read pays the minimum, and the price holds all that the sale costs.
    assert minimum <= hedge.expected_out == depth.out_down(amount_in)
    assert hedge.expected_out * taking >= making * amount_in
    assert minimum * taking >= making * amount_in
    assert minimum * BPS >= hedge.expected_out * (BPS - rules.slippage_bps)
    for part in (1, taking // 3, taking - 1):
        if part > 0:
            sold, least = sale.amounts(part, taking)
            # Of a part, a unit of what is sold is what rounding can take.
            assert least * taking >= making * (sold - 1)
    assert PostHook.decode(hedge.hook.encode()) == hedge.hook
    assert hedge.hook.action is PostAction.HEDGE


def test_offers__required__leaves_out_skew_option_and_own_hedge() -> None:
    shape = QuoteShape(spread_bps=Decimal(2), base_skew_bps=Decimal(3))
    inputs = _hedging(_inputs(_snapshot(), usdc=60_000), option=OptionPolicy(share_bps=10_000))
    inputs = replace(inputs, shape=shape, state=replace(inputs.state, sigma_now_bps=2.0))
    plain, required, effort = (
        _named(_offers(replace(inputs, fill_hedge=rules), 10), name)
        for rules, name in (
            (None, "inventory"),
            (_REQUIRED, "inventory_hedged_uniswap_v3_500"),
            (_BEST_EFFORT, "inventory_hedged_uniswap_v3_500"),
        )
    )
    shares = [
        {part.name: part.share_e36 for part in offer.priced.breakdown.components}
        for offer in (plain, required, effort)
    ]
    assert shares[0][ComponentName.INVENTORY_SKEW] > 0
    assert shares[0][ComponentName.VOLATILITY_LATENCY] > 0
    for name in (ComponentName.INVENTORY_SKEW, ComponentName.VOLATILITY_LATENCY):
        assert shares[1][name] == 0
        # A taker can make this hedge fail.
        assert shares[2][name] == shares[0][name]
    assert shares[1][ComponentName.GAS] == shares[2][ComponentName.GAS] == 0 < shares[0][ComponentName.GAS]
    assert {one[ComponentName.OPERATOR_SPREAD] for one in shares} == {2 * 10**32}
    assert [ComponentName.OPERATOR_SKEW in one for one in shares] == [True, False, False]
    assert required.hedge is not None
    assert (required.hedge.required, required.hedge.gas_floor) == (True, 0)
    assert effort.hedge is not None
    assert (effort.hedge.required, effort.hedge.gas_floor) == (False, 300_000)


def test_offers__least_edge__holds_where_the_skew_is_left_out() -> None:
    inputs = _hedging(
        _inputs(_snapshot(), usdc=0),
        half_spread_bps=Decimal(0),
        max_skew_bps=Decimal(5),
        min_edge_bps=Decimal(1),
    )
    inputs = replace(inputs, deliverable=replace(inputs.deliverable, balance=10**12))
    offer = _named(_offers(inputs, 10), "inventory_hedged_uniswap_v3_500")
    shares = {part.name: part.share_e36 for part in offer.priced.breakdown.components}
    assert shares[ComponentName.HALF_SPREAD] + shares[ComponentName.INVENTORY_SKEW] == 10**32


def _named(found: ModelOffers, name: str) -> Offer:
    return next(offer for offer in found.offers if offer.name == name)


@pytest.mark.parametrize(
    ("gas_price_wei", "first"), [(10**8, "inventory_hedged_uniswap_v3_500"), (10**12, "inventory")]
)
def test_offers__gas_of_the_hook__counts_in_the_ranking(gas_price_wei: int, first: str) -> None:
    # What we hold much of is brought: a hedge inside needs no skew.
    inputs = _hedging(_inputs(_snapshot(gas_price_wei=gas_price_wei), usdc=60_000), hedge_batch_usd=25_000)
    found = _offers(inputs, 5)
    assert found.offers[0].name == first
    assert {offer.name for offer in found.offers} == {
        "inventory",
        "inventory_hedged_uniswap_v3_500",
        "inventory_hedged_uniswap_v3_3000",
    }
    hedged = _named(found, "inventory_hedged_uniswap_v3_500")
    assert hedged.cost is not None
    assert dict(hedged.cost.parts)[CostName.GAS] == 0


def test_offers__not_allowed_or_own_domain__has_no_hedge_inside() -> None:
    inputs = _inputs(_snapshot())
    assert _hedged(_offers(inputs, 1)) == []
    assert _hedged(_offers(replace(_hedging(inputs), own_domain=True), 1)) == []


def test_offers__taker_brings_the_base_asset__sells_all_else_as_little_as_pays() -> None:
    base = _hedging(_inputs(_snapshot()))
    offer = _hedged(_offers(base, 1))[0]
    assert offer.hedge is not None
    assert offer.hedge.sale.share_bps == 10_000
    back = replace(base, maker_asset=WETH, taker_asset=USDC, deliverable=base.stock[WETH.address])
    found = StandardModel().offers(back, _ask(back, taking=25_000 * 10**6))
    assert isinstance(found, ModelOffers)
    hedge = _hedged(found)[0].hedge
    assert hedge is not None
    making = _hedged(found)[0].priced.making_amount
    # A basis point less would not bring back what is given.
    assert hedge.expected_out >= making > hedge.expected_out * 9_998 // 10_000
    assert 9_990 < hedge.sale.share_bps < 10_000


def test_offers__lending_account_delivers__is_hedged_inside_too() -> None:
    inputs = _hedging(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000))
    offers = _hedged(_offers(inputs, 10))
    assert {(offer.name, offer.provide) for offer in offers} == {
        (f"aave_v3_{way}_hedged_uniswap_v3_{fee}", source)
        for way, source in (
            ("withdraw", InventorySource.AAVE_WITHDRAW),
            ("borrow", InventorySource.AAVE_BORROW),
        )
        for fee in (500, 3_000)
    }
    for offer in offers:
        assert offer.promise_limit == 501_000 * 10**6 or offer.provide is InventorySource.AAVE_BORROW
        assert offer.cost is not None
        assert dict(offer.cost.parts)[CostName.INTEREST] > 0
        assert dict(offer.cost.parts)[CostName.GAS] > 0


def _only_refusal(inputs: ModelInputs, eth: float) -> Decision:
    found = _offers(inputs, eth)
    assert _hedged(found) == []
    (refused,) = {one.decision for one in found.rejected if "_hedged_" in one.name}
    return refused


def test_offers__pool_too_shallow__is_refused() -> None:
    snapshot = _snapshot()
    key = (WETH.address, USDC.address)
    deep, other = snapshot.pools[key]
    shallow = replace(deep, depth=DepthCurve(knots=((10**17, 299 * 10**6),)))
    # The other pool is of a kind on which the hook does not sell.
    v2 = replace(other, kind=PoolKind.UNISWAP_V2)
    refused = _only_refusal(
        _hedging(_inputs(replace(snapshot, pools={**snapshot.pools, key: (shallow, v2)}))), 1
    )
    assert refused.reason is RefusalReason.AMOUNT_TOO_LARGE


def test_offers__band_of_the_settlement__refuses_what_it_would_not_let_through() -> None:
    # The 0.3 % pool is 30 bps below the feeds and more, the 0.05 % pool 5 and a little.
    for band_bps, fees in ((None, {500, 3_000}), (100, {500, 3_000}), (20, {500}), (5, set())):
        found = _offers(_hedging(_inputs(_snapshot()), replace(_REQUIRED, band_bps=band_bps)), 1)
        assert {int(offer.name.rpartition("_")[2]) for offer in _hedged(found)} == fees
        for one in found.rejected:
            assert one.decision.reason is RefusalReason.UNPROFITABLE
            assert "settlement's band" in one.decision.detail


def _plan(priced: PricedAmounts, knots: tuple[tuple[int, int], ...], **changes: Any) -> FillHedge | Decision:
    inputs = _hedging(_inputs(_snapshot()))
    pool = replace(hedge_pools(inputs)[0], depth=DepthCurve(knots=knots))
    rules = replace(_REQUIRED, band_bps=None)
    return plan_fill_hedge(
        inputs.snapshot, _ask(inputs, taking=1), priced, pool, rules, sells_all=changes.pop("sells_all", True)
    )


def _priced(making: int, taking: int) -> PricedAmounts:
    offer = _hedged(_offers(_hedging(_inputs(_snapshot())), 1))[0]
    return PricedAmounts(making_amount=making, taking_amount=taking, breakdown=offer.priced.breakdown)


def test_plan_fill_hedge__amounts_at_the_edges__are_refused_or_exact() -> None:
    # A share of nothing cannot be: one unit is sold at least.
    least = _plan(_priced(1, 10**9), ((10**9, 10**18),), sells_all=False)
    assert isinstance(least, FillHedge)
    assert (least.sale.share_bps, least.sale.amounts(10**9, 10**9)[0]) == (1, 10**5)
    wide = 1 << 129
    too_wide = _plan(_priced(wide, 10**6), ((10**6, wide + 1),))
    assert isinstance(too_wide, Decision)
    assert too_wide.reason is RefusalReason.AMOUNT_TOO_LARGE
    widest = _plan(_priced((1 << 128) - 1, 10**6), ((10**6, (1 << 128) - 1),))
    assert isinstance(widest, FillHedge)
    assert widest.sale.minimum_out == (1 << 128) - 1
    loses = _plan(_priced(1_001, 10**6), ((10**6, 1_000),))
    assert isinstance(loses, Decision)
    assert loses.reason is RefusalReason.UNPROFITABLE
    # 10 bps of 10,001 is 10.001: rounded up, the minimum is 9,991 and not 9,990.
    exact = _plan(_priced(9_000, 10**6), ((10**6, 10_001),))
    assert isinstance(exact, FillHedge)
    assert exact.sale.minimum_out == 9_991
    plan = FundingPlan.decode(exact.sale.plan)
    assert (plan.swap_fee_pips, plan.min_profit) == (500, 0)
    assert exact.sale.plan < E36 * 10**50
