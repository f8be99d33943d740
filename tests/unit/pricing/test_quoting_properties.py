"""Whatever is asked: the maker never loses a unit to rounding, and no firm quote beats the ladder."""

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from pmm.domain import DAI, USDC, WETH, Address, Decision, Inventory, Token
from pmm.pricing import (
    CapitalPolicy,
    ComponentName,
    DirectionTerms,
    ExchangePrice,
    FairValue,
    MarketSnapshot,
    ModelParameters,
    OptionPolicy,
    PairPolicy,
    PriceComponent,
    PricedAmounts,
    PricingState,
    QuotationPolicy,
    QuotationRule,
    SpreadModel,
    SpreadPolicy,
    TermStep,
    inventory_terms,
    ladder,
    price_exact_in,
    price_exact_out,
)
from pmm.pricing.fixed_point import E36, SHARE_STEP_E36
from pmm.pricing.model_units import share_up_of_bps
from tests.helpers.quoting import market

_E72 = E36 * E36
_MILLIONTHS = st.integers(min_value=1, max_value=1_100_000)
_FEES = st.integers(min_value=0, max_value=100)
_BPS = st.sampled_from((Decimal(0), Decimal(1), Decimal(5))) | st.decimals(
    min_value=0, max_value=50, places=4
)
_SIGMA = st.sampled_from((0.0, 1.0, 4.0)) | st.floats(0, 20)


@st.composite
def pricing_states(draw: st.DrawFn, eth_usd: int) -> PricingState:
    """Draw a state: volatility known or not, toxic or not, an exchange near the fair value or none."""
    exchange = None
    if draw(st.booleans()):
        rate_e36 = eth_usd * 10**16 * draw(st.integers(min_value=9_940, max_value=10_060)) // 10_000
        exchange = ExchangePrice(
            venue="venue", rate_e36=rate_e36, age_ms=draw(st.sampled_from((0, 0, 0, 5_000)))
        )
    return PricingState(
        sigma_now_bps=draw(_SIGMA | _SIGMA | st.none()),
        sigma_base_bps=draw(_SIGMA | st.none()),
        toxic_flow=draw(st.booleans()),
        toxicity_e36=share_up_of_bps(draw(st.just(0.0) | st.floats(0, 50))),
        feed_latency_us=draw(st.none() | st.integers(0, 500_000)),
        exchange=exchange,
    )


@st.composite
def spread_policies(draw: st.DrawFn) -> SpreadPolicy:
    """Draw any model, quotation, gas compensation and share of the option value."""
    return SpreadPolicy(
        half_spread_bps=draw(_BPS),
        max_skew_bps=draw(_BPS),
        impact_share_bps=draw(st.integers(min_value=0, max_value=10_000)),
        fill_gas_units=draw(st.sampled_from((0, 150_000))),
        relayer_gas_units=100_000,
        model=draw(st.sampled_from(SpreadModel)),
        parameters=ModelParameters(
            gamma=draw(st.sampled_from((1e-3, 5e-3, 0.05))),
            lot_usd=draw(st.sampled_from((1_000, 25_000, 10**8))),
            target_base_bps=draw(st.integers(min_value=0, max_value=10_000)),
        ),
        quotation=QuotationPolicy(rule=draw(st.sampled_from(QuotationRule))),
        option=OptionPolicy(share_bps=draw(st.sampled_from((0, 10_000)))),
        capital=draw(st.none() | st.just(CapitalPolicy(allocated_usd=Decimal(200_000), markets=2))),
    )


@dataclass
class Scene:
    """A market, holdings, a pair and a state, from which the terms of either direction follow."""

    snapshot: MarketSnapshot
    inventories: dict[Address, Inventory]
    pair: PairPolicy
    state: PricingState

    def terms(self, taker: Token, maker: Token, *, more_toxicity_bps: int = 0) -> DirectionTerms:
        """Return the terms of a direction, for someone who is more toxic than the state says."""
        more = self.state.toxicity_e36 + share_up_of_bps(more_toxicity_bps)
        terms = inventory_terms(
            self.snapshot,
            self.inventories,
            self.pair,
            maker_asset=maker,
            taker_asset=taker,
            state=replace(self.state, toxicity_e36=more),
        )
        assert isinstance(terms, DirectionTerms)
        return terms


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw any price, inventory, policy, state and gas price."""
    eth_usd = draw(st.integers(min_value=10**11, max_value=10**13))
    pool_usd = eth_usd * draw(st.integers(min_value=9_970, max_value=10_030)) // 10_000
    return Scene(
        snapshot=replace(
            market(eth_usd=eth_usd, pool_eth_usd=pool_usd),
            gas_price_wei=draw(st.integers(min_value=0, max_value=10**12)),
        ),
        inventories={
            token.address: Inventory(token=token, balance=draw(st.sampled_from(held)) * unit + odd)
            for token, held, unit in (
                (WETH, (0, 1, 40, 300), 10**18),
                (USDC, (0, 3_000, 120_000, 10**6), 10**6),
            )
            for odd in (draw(st.integers(min_value=0, max_value=10**6)),)
        },
        pair=PairPolicy(base=WETH, quote=USDC, gas_asset=WETH, spread=draw(spread_policies())),
        state=draw(pricing_states(pool_usd)),
    )


@st.composite
def both_directions(draw: st.DrawFn) -> tuple[DirectionTerms, DirectionTerms]:
    """Draw the terms of both directions of a scene."""
    scene = draw(scenes())
    taker, maker = draw(st.sampled_from(((WETH, USDC), (USDC, WETH))))
    return scene.terms(taker, maker), scene.terms(maker, taker)


def direction_terms() -> st.SearchStrategy[DirectionTerms]:
    """Draw the terms of one direction."""
    return both_directions().map(lambda directions: directions[0])


def amount_of(terms: DirectionTerms, millionths: int) -> int:
    """Return a taking amount: a share of the depth, some of it beyond, and a few units for the smallest shares."""
    return millionths if millionths < 10 else terms.max_taking_amount * millionths // 1_000_000


def _check_breakdown(terms: DirectionTerms, priced: PricedAmounts) -> None:
    breakdown = priced.breakdown
    # The components give the amounts back to the unit, and add up without a remainder.
    assert breakdown.making_for(priced.taking_amount) == priced.making_amount
    assert sum(part.share_e36 for part in breakdown.components) == breakdown.total_share_e36
    rounding = next(part for part in breakdown.components if part.name is ComponentName.ROUNDING)
    assert rounding.share_e36 >= 0
    # Rounding never moves more than one unit of what is rounded.
    unrounded_e72 = terms.fair.rate_e36 * (E36 - breakdown.total_share_e36 + rounding.share_e36)
    assert priced.making_amount * _E72 <= priced.taking_amount * unrounded_e72


@given(direction_terms(), _MILLIONTHS, _FEES)
def test_price_exact_in__any_amount__keeps_rounding_for_the_maker(
    terms: DirectionTerms, millionths: int, fee_bps: int
) -> None:
    amount = amount_of(terms, millionths)
    priced = price_exact_in(terms, amount, fee_bps=fee_bps)
    if isinstance(priced, Decision):
        return
    assert priced.taking_amount == amount
    _check_breakdown(terms, priced)


@given(direction_terms(), _MILLIONTHS, _FEES)
def test_price_exact_out__any_amount__pays_at_least_what_exact_in_asks(
    terms: DirectionTerms, millionths: int, fee_bps: int
) -> None:
    amount = max(amount_of(terms, millionths) * terms.fair.rate_e36 // E36, 1)
    priced = price_exact_out(terms, amount, fee_bps=fee_bps)
    if isinstance(priced, Decision):
        return
    assert priced.making_amount == amount
    _check_breakdown(terms, priced)
    back = price_exact_in(terms, priced.taking_amount, fee_bps=fee_bps)
    assert isinstance(back, PricedAmounts)
    assert back.making_amount >= amount


@st.composite
def fine_grained_terms(draw: st.DrawFn) -> DirectionTerms:
    """Draw terms of two assets whose base units are worth about the same, where every rounding shows."""
    share = st.integers(min_value=0, max_value=30 * 10**12).map(lambda units: units * SHARE_STEP_E36)
    step = st.builds(
        TermStep, taking_amount=st.integers(min_value=1, max_value=10**24), impact_share_e36=share
    )
    steps = draw(st.lists(step, min_size=1, max_size=4))
    return DirectionTerms(
        maker_asset=WETH,
        taker_asset=DAI,
        fair=FairValue(
            rate_e36=draw(st.integers(min_value=10**35, max_value=10**37)), sources=(), deviation_e36=0
        ),
        flat=tuple(
            PriceComponent(name=name, share_e36=draw(share))
            for name in (ComponentName.HALF_SPREAD, ComponentName.GAS)
        ),
        steps=tuple(sorted(steps, key=lambda step: step.impact_share_e36)),
        quote_cost_e36=draw(st.just(0) | st.integers(min_value=0, max_value=10**56)),
    )


@given(fine_grained_terms(), _MILLIONTHS, _FEES)
def test_price_exact_out__assets_of_equal_units__pays_to_the_last_unit(
    terms: DirectionTerms, millionths: int, fee_bps: int
) -> None:
    amount = max(amount_of(terms, millionths) * terms.fair.rate_e36 // E36, 1)
    priced = price_exact_out(terms, amount, fee_bps=fee_bps)
    assume(isinstance(priced, PricedAmounts))
    assert isinstance(priced, PricedAmounts)
    _check_breakdown(terms, priced)
    back = price_exact_in(terms, priced.taking_amount, fee_bps=fee_bps)
    assert isinstance(back, PricedAmounts)
    assert back.making_amount >= amount


@given(direction_terms(), _MILLIONTHS)
def test_price_exact_in__any_amount__bears_at_least_its_size_impact(
    terms: DirectionTerms, millionths: int
) -> None:
    amount = amount_of(terms, millionths)
    priced = price_exact_in(terms, amount)
    if isinstance(priced, Decision):
        return
    rest, impact = amount, 0
    for step in terms.steps:
        part = min(rest, step.taking_amount)
        impact += part * step.impact_share_e36
        rest -= part
    parts = {part.name: part.share_e36 for part in priced.breakdown.components}
    assert parts[ComponentName.SIZE_IMPACT] * amount >= impact


def ladder_walk(terms: DirectionTerms, making_limit: int, taking_amount: int) -> Decimal | None:
    """Return what a relayer computes from the published levels, in base units; None beyond their depth."""
    out, rest = Decimal(0), taking_amount
    for level in ladder(terms, making_limit=making_limit):
        part = min(rest, level.taking_amount)
        out += Decimal(part) * level.making_amount / level.taking_amount
        rest -= part
        if rest == 0:
            return out
    return None


@given(
    direction_terms(),
    _MILLIONTHS,
    st.none() | st.integers(min_value=1, max_value=10),
    st.sampled_from((0, 0, 30)),
    st.just(10**30) | st.integers(min_value=0, max_value=10**24),
)
def test_ladder__any_firm_quote__is_never_better_than_the_ladder(
    terms: DirectionTerms, millionths: int, levels: int | None, fee_bps: int, limit: int
) -> None:
    amount = amount_of(terms, millionths)
    if levels is not None:
        # Where whole levels end, nothing but their own rounding is between ladder and quote.
        published = ladder(terms, making_limit=limit)[:levels]
        amount = max(sum(level.taking_amount for level in published), 1)
    walked = ladder_walk(terms, limit, amount)
    assume(walked is not None)
    priced = price_exact_in(terms, amount, fee_bps=fee_bps)
    if isinstance(priced, PricedAmounts):
        assert walked is not None
        assert priced.making_amount <= walked + Decimal("1e-12")


@given(
    scenes(),
    _MILLIONTHS,
    _FEES,
    st.sampled_from(((WETH, USDC), (USDC, WETH))),
    st.integers(min_value=0, max_value=40),
)
def test_ladder__firm_quote_to_a_more_toxic_taker__is_never_better_than_the_ladder(
    scene: Scene, millionths: int, fee_bps: int, assets: tuple[Token, Token], more_bps: int
) -> None:
    amount = amount_of(scene.terms(*assets), millionths)
    walked = ladder_walk(scene.terms(*assets), 10**30, amount)
    assume(walked is not None)
    firm = scene.terms(*assets, more_toxicity_bps=more_bps)
    priced = price_exact_in(firm, amount, fee_bps=fee_bps)
    assume(isinstance(priced, PricedAmounts))
    assert isinstance(priced, PricedAmounts)
    assert walked is not None
    assert priced.making_amount <= walked + Decimal("1e-12")
    back = price_exact_out(firm, priced.making_amount, fee_bps=fee_bps)
    # At the very end of the depth the last unit is rounded beyond it: refused, which is no better for the taker.
    assume(isinstance(back, PricedAmounts))
    assert isinstance(back, PricedAmounts)
    again = ladder_walk(scene.terms(*assets), 10**30, back.taking_amount)
    assert again is None or back.making_amount <= again + Decimal("1e-12")


@given(direction_terms(), _MILLIONTHS, _FEES)
def test_components__any_quote__are_the_closed_list_once_each(
    terms: DirectionTerms, millionths: int, fee_bps: int
) -> None:
    amount = amount_of(terms, millionths)
    priced = price_exact_in(terms, amount, fee_bps=fee_bps)
    assume(isinstance(priced, PricedAmounts))
    assert isinstance(priced, PricedAmounts)
    breakdown = priced.breakdown
    # An operator's parts are there only while an operator asks for them: test_quote_shape.py.
    asked = {ComponentName.OPERATOR_SPREAD, ComponentName.OPERATOR_SKEW}
    assert sorted(part.name for part in breakdown.components) == sorted(set(ComponentName) - asked)
    assert sum(part.bps for part in breakdown.components) == breakdown.total_bps
    bounded = {ComponentName.FAIR_VALUE, ComponentName.INVENTORY_SKEW}
    assert all(part.share_e36 >= 0 for part in breakdown.components if part.name not in bounded)
    edge = sum(
        part.share_e36
        for part in breakdown.components
        if part.name in (ComponentName.HALF_SPREAD, ComponentName.INVENTORY_SKEW)
    )
    assert edge >= 0


@given(direction_terms(), st.integers(min_value=0, max_value=10**24))
def test_ladder__any_limit__promises_no_more_than_the_limit(terms: DirectionTerms, limit: int) -> None:
    levels = ladder(terms, making_limit=limit)
    assert sum(level.making_amount for level in levels) <= limit
    prices = [Decimal(level.making_amount) / level.taking_amount for level in levels]
    # One unit of rounding up may lift a tiny level above its neighbour.
    for first, second, level in zip(prices, prices[1:], levels[1:], strict=False):
        assert second <= first + Decimal(1) / level.taking_amount


@given(both_directions(), _MILLIONTHS)
def test_round_trip__there_and_back__never_gains(
    directions: tuple[DirectionTerms, DirectionTerms], millionths: int
) -> None:
    amount = amount_of(directions[0], millionths)
    there = price_exact_in(directions[0], amount)
    assume(isinstance(there, PricedAmounts))
    assert isinstance(there, PricedAmounts)
    back = price_exact_in(directions[1], there.making_amount)
    if isinstance(back, PricedAmounts):
        assert back.making_amount <= amount


def _terms(taker: Token, maker: Token) -> DirectionTerms:
    pair = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH)
    holdings = {token.address: Inventory(token=token, balance=10**30) for token in (WETH, USDC)}
    terms = inventory_terms(market(), holdings, pair, maker_asset=maker, taker_asset=taker)
    assert isinstance(terms, DirectionTerms)
    return terms


def test_price_exact_in__beyond_the_depth__is_refused() -> None:
    terms = _terms(WETH, USDC)
    refused = price_exact_in(terms, terms.max_taking_amount + 1)
    assert isinstance(refused, Decision)
    assert isinstance(price_exact_in(terms, terms.max_taking_amount), PricedAmounts)


def test_price_exact_out__beyond_the_depth__is_refused() -> None:
    terms = _terms(USDC, WETH)
    assert isinstance(price_exact_out(terms, 10**30), Decision)


def test_price_exact_in__one_unit_of_a_dear_asset__is_refused_as_too_small() -> None:
    refused = price_exact_in(_terms(WETH, USDC), 1)
    assert isinstance(refused, Decision)
    assert refused.reason is not None
    assert refused.reason.value == "amount_too_small"
