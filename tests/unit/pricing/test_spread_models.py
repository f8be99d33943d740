"""Which model and which centre a quote has, and what each part of it is."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pmm.domain import USDC, WETH, Decision, Inventory, RefusalReason
from pmm.errors import InvalidInput
from pmm.pricing import (
    CapitalPolicy,
    ComponentName,
    DirectionTerms,
    ExchangePrice,
    ModelParameters,
    OptionPolicy,
    PairPolicy,
    PricedAmounts,
    PricingState,
    QuotationPolicy,
    QuotationRule,
    SpreadModel,
    SpreadPolicy,
    inventory_terms,
    ladder,
    price_exact_in,
    price_exact_out,
)
from pmm.pricing.capital import size_down
from pmm.pricing.fixed_point import bps_of_share, share_of_bps_e36
from pmm.pricing.spread_models import lots_of_taker_asset, model_edge
from tests.helpers.quoting import ETH_USD, market

_RATE_E36 = ETH_USD * 10**16
_KNOWN = PricingState(sigma_now_bps=1.0, sigma_base_bps=1.0)
_PARAMETERS = ModelParameters(gamma=0.005, k=0.3, horizon_s=60.0, intensity=0.1)


def _terms(
    policy: SpreadPolicy | None = None,
    state: PricingState = _KNOWN,
    *,
    weth: int = 10,
    usdc: int = 30_000,
    sells: bool = True,
) -> DirectionTerms | Decision:
    holdings = {
        WETH.address: Inventory(token=WETH, balance=weth * 10**18),
        USDC.address: Inventory(token=USDC, balance=usdc * 10**6),
    }
    pair = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH, spread=policy or SpreadPolicy())
    taker, maker = (WETH, USDC) if sells else (USDC, WETH)
    return inventory_terms(market(), holdings, pair, maker_asset=maker, taker_asset=taker, state=state)


def _found(terms: DirectionTerms | Decision) -> DirectionTerms:
    assert isinstance(terms, DirectionTerms)
    return terms


def _bps(terms: DirectionTerms | Decision, name: ComponentName) -> Decimal:
    return next(bps_of_share(part.share_e36) for part in _found(terms).flat if part.name is name)


def _policy(model: SpreadModel, **changes: object) -> SpreadPolicy:
    return SpreadPolicy(model=model, parameters=replace(_PARAMETERS, **changes))  # type: ignore[arg-type]


def test_avellaneda_stoikov__balanced_inventory__is_the_formula_rounded_up() -> None:
    terms = _terms(_policy(SpreadModel.AVELLANEDA_STOIKOV))
    # gamma 0.01 (usual volatility doubles it): 0.01 * 60 / 2 + 100 ln(1 + 0.01 / 0.3) = 3.578982...
    assert _bps(terms, ComponentName.HALF_SPREAD) == Decimal("3.578983")
    assert _bps(terms, ComponentName.INVENTORY_SKEW) == 0


def test_avellaneda_stoikov__one_lot_too_many__skews_by_gamma_sigma_squared_tau() -> None:
    # 25 WETH and 25,000 USDC: 75,000 USD less half of 100,000 is one lot.
    policy = _policy(SpreadModel.AVELLANEDA_STOIKOV)
    brought = _terms(policy, weth=25, usdc=25_000)
    wanted = _terms(policy, weth=25, usdc=25_000, sells=False)
    assert float(_bps(brought, ComponentName.INVENTORY_SKEW)) == pytest.approx(0.6, abs=2e-6)
    assert float(_bps(wanted, ComponentName.INVENTORY_SKEW)) == pytest.approx(-0.6, abs=2e-6)
    basis = _found(brought).basis
    assert basis is not None
    assert (basis.lots, basis.gamma, basis.model_reason.value) == (1.0, 0.01, "by_policy")


def test_glft__same_inventory__has_its_own_skew() -> None:
    terms = _terms(_policy(SpreadModel.GLFT), weth=25, usdc=25_000)
    half, skew = (_bps(terms, name) for name in (ComponentName.HALF_SPREAD, ComponentName.INVENTORY_SKEW))
    assert float(half) == pytest.approx(3.61, abs=0.1)
    assert 0 < skew < 2


@pytest.mark.parametrize("model", [SpreadModel.AVELLANEDA_STOIKOV, SpreadModel.GLFT])
def test_model__toxic_flow_or_more_volatility__widens(model: SpreadModel) -> None:
    policy = _policy(model)
    calm = _bps(_terms(policy, weth=25, usdc=25_000), ComponentName.INVENTORY_SKEW)
    toxic = _bps(
        _terms(policy, replace(_KNOWN, toxic_flow=True), weth=25, usdc=25_000), ComponentName.INVENTORY_SKEW
    )
    assert toxic > calm
    wild = _bps(_terms(policy, replace(_KNOWN, sigma_now_bps=3.0)), ComponentName.HALF_SPREAD)
    assert wild > _bps(_terms(policy), ComponentName.HALF_SPREAD)


def test_model__volatility_unknown__is_fixed_and_says_so() -> None:
    terms = _found(_terms(_policy(SpreadModel.GLFT), PricingState()))
    assert terms.basis is not None
    assert terms.basis.model is SpreadModel.FIXED
    assert terms.basis.model_reason.value == "volatility_unknown"
    assert _bps(terms, ComponentName.HALF_SPREAD) == 5


@pytest.mark.parametrize("model", [SpreadModel.AVELLANEDA_STOIKOV, SpreadModel.GLFT])
def test_model__inventory_at_its_limit__closes_the_side_that_adds_and_not_the_other(
    model: SpreadModel,
) -> None:
    full = _found(_terms(_policy(model), weth=500, usdc=0))
    refused = price_exact_in(full, 10**18)
    assert isinstance(refused, Decision)
    assert refused.reason is RefusalReason.LIMIT_REACHED
    assert "10 lots" in refused.detail
    assert isinstance(price_exact_out(full, 10**9), Decision)
    assert ladder(full, making_limit=10**30) == ()
    # What flash funds need of the terms is there all the same.
    assert full.fair.rate_e36
    assert isinstance(
        price_exact_in(_found(_terms(_policy(model), weth=500, usdc=0, sells=False)), 10**9), PricedAmounts
    )


def test_model__volatility_out_of_all_measure__stops_the_side() -> None:
    found = model_edge(
        SpreadModel.AVELLANEDA_STOIKOV,
        _PARAMETERS,
        PricingState(sigma_now_bps=1e9, sigma_base_bps=1.0),
        lots=0.0,
        min_edge_bps=Decimal(1),
    )
    assert isinstance(found, Decision)
    assert "within 500 bps" in found.detail


def test_lots__both_directions__mirror_each_other_around_the_target() -> None:
    values = {"taker_value_usd_wad": 80_000 * 10**18, "maker_value_usd_wad": 20_000 * 10**18}
    parameters = replace(_PARAMETERS, target_base_bps=3_000)
    assert lots_of_taker_asset(parameters, **values, taker_brings_base=True) == 2.0
    assert lots_of_taker_asset(parameters, **values, taker_brings_base=False) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "changes", [{"gamma": 0.0}, {"k": float("nan")}, {"max_lots": 101}, {"target_base_bps": 10_001}]
)
def test_model_parameters__out_of_range__are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="spread model"):
        replace(_PARAMETERS, **changes)  # type: ignore[arg-type]


def _exchange(permille: int, *, age_ms: int = 0) -> PricingState:
    price = ExchangePrice(venue="venue", rate_e36=_RATE_E36 * permille // 1_000, age_ms=age_ms)
    return replace(_KNOWN, exchange=price)


def _on(rule: QuotationRule, **changes: int) -> SpreadPolicy:
    return SpreadPolicy(quotation=QuotationPolicy(rule=rule, **changes))


@pytest.mark.parametrize(
    ("rule", "state", "weth", "quotation", "reason"),
    [
        (QuotationRule.INVENTORY, _exchange(999), 10, "inventory", "by_policy"),
        (QuotationRule.EXCHANGE, _exchange(999), 10, "exchange", "by_policy"),
        (QuotationRule.EXCHANGE, _KNOWN, 10, "inventory", "no_exchange_price"),
        (QuotationRule.EXCHANGE, _exchange(999, age_ms=1_001), 10, "inventory", "exchange_price_old"),
        (QuotationRule.EXCHANGE, _exchange(994), 10, "inventory", "exchange_price_deviates"),
        (QuotationRule.AUTO, _exchange(999), 10, "exchange", "inventory_balanced"),
        (QuotationRule.AUTO, _exchange(999), 19, "inventory", "inventory_imbalanced"),
    ],
)
def test_quotation__rule_book_and_inventory__choose_the_centre_and_say_why(
    rule: QuotationRule, state: PricingState, weth: int, quotation: str, reason: str
) -> None:
    for sells in (True, False):
        terms = _found(_terms(_on(rule), state, weth=weth, sells=sells))
        assert terms.basis is not None
        assert (terms.basis.quotation.value, terms.basis.quotation_reason.value) == (quotation, reason)


def test_quotation__exchange__centres_on_its_price_without_skew() -> None:
    policy = _on(QuotationRule.EXCHANGE)
    sells, buys = (_terms(policy, _exchange(999), weth=1_000, sells=sells) for sells in (True, False))
    assert _bps(sells, ComponentName.FAIR_VALUE) == 10
    assert float(_bps(buys, ComponentName.FAIR_VALUE)) == pytest.approx(-10.01001, abs=1e-5)
    for terms in (sells, buys):
        assert _bps(terms, ComponentName.INVENTORY_SKEW) == 0
        assert _bps(terms, ComponentName.HALF_SPREAD) == 5


def test_quotation_policy__negative_limit__is_refused() -> None:
    with pytest.raises(InvalidInput, match="limits of at least 0"):
        QuotationPolicy(max_age_ms=-1)


def test_option__known_volatility__is_the_at_the_money_value() -> None:
    policy = SpreadPolicy(option=OptionPolicy(share_bps=10_000, exposed_ms=3_750))
    state = replace(_KNOWN, sigma_now_bps=2.0, feed_latency_us=250_000)
    # 0.398942 * 2 * sqrt(4) = 1.595769.
    assert _bps(_terms(policy, state), ComponentName.VOLATILITY_LATENCY) == Decimal("1.595770")
    assert _bps(_terms(policy, PricingState()), ComponentName.VOLATILITY_LATENCY) == 0
    with pytest.raises(InvalidInput, match="at least 0"):
        OptionPolicy(share_bps=-1)


def test_gas__fill_dearer_than_the_relayer_expects__is_compensated_once_per_quote() -> None:
    plain = _found(_terms())
    dearer = _found(_terms(SpreadPolicy(fill_gas_units=200_000, relayer_gas_units=100_000)))
    # 100,000 gas at 2 gwei and 3,000 USD is 0.60 USD, for 3,000 USD and for 30,000 alike.
    for amount in (10**18, 10**19):
        less, more = price_exact_in(dearer, amount), price_exact_in(plain, amount)
        assert isinstance(less, PricedAmounts)
        assert isinstance(more, PricedAmounts)
        assert 600_000 <= more.making_amount - less.making_amount <= 600_001
    assert ladder(dearer, making_limit=10**30) == ladder(plain, making_limit=10**30)
    cheaper = _found(_terms(SpreadPolicy(fill_gas_units=90_000, relayer_gas_units=100_000)))
    assert price_exact_in(cheaper, 10**18) == price_exact_in(plain, 10**18)


def test_gas__exact_output__asks_for_the_compensation_and_little_more() -> None:
    plain = price_exact_out(_found(_terms()), 3_000 * 10**6)
    dearer = price_exact_out(_found(_terms(SpreadPolicy(fill_gas_units=100_000))), 3_000 * 10**6)
    assert isinstance(plain, PricedAmounts)
    assert isinstance(dearer, PricedAmounts)
    # 0.60 USD is 0.0002 WETH.
    assert 1 <= (dearer.taking_amount - plain.taking_amount) / (2 * 10**14) < 1.01


def test_size_down__capital_over_markets_and_price__is_rounded_down() -> None:
    policy = CapitalPolicy(allocated_usd=Decimal(100_000), markets=4)
    assert size_down(policy, usd_per_unit_e36=3_000 * 10**18) == 25_000 * 10**18 // 3_000
    with pytest.raises(InvalidInput, match="at least 1 market"):
        CapitalPolicy(allocated_usd=Decimal(1), markets=0)
    with pytest.raises(InvalidInput, match="positive sum"):
        CapitalPolicy(allocated_usd=Decimal(0), markets=1)


def test_capital__request_beyond_it__is_refused_and_the_ladder_ends_there() -> None:
    terms = _found(_terms(SpreadPolicy(capital=CapitalPolicy(allocated_usd=Decimal(9_000), markets=2))))
    assert isinstance(price_exact_in(terms, 10**18), PricedAmounts)
    refused = price_exact_in(terms, 2 * 10**18)
    assert isinstance(refused, Decision)
    assert refused.reason is RefusalReason.AMOUNT_TOO_LARGE
    assert "4,500 USDC" in refused.detail
    assert isinstance(price_exact_out(terms, 4_500 * 10**6 + 1), Decision)
    assert isinstance(price_exact_out(terms, 4_500 * 10**6), PricedAmounts)
    levels = ladder(terms, making_limit=10**30)
    assert 4_499 * 10**6 < sum(level.making_amount for level in levels) <= 4_500 * 10**6


def test_toxicity__add_on__is_in_the_price() -> None:
    terms = _terms(state=replace(_KNOWN, toxicity_e36=share_of_bps_e36(7)))
    assert _bps(terms, ComponentName.TOXICITY) == 7


def test_halted__state__refuses_with_its_reason() -> None:
    refused = _terms(state=PricingState(halted="slow feed"))
    assert refused == Decision.refuse(RefusalReason.PAUSED, "slow feed")


def test_market_terms__same_snapshot__are_computed_once_per_pair() -> None:
    snapshot = market()
    pairs = [PairPolicy(base=WETH, quote=USDC, gas_asset=WETH) for _ in range(2)]
    found = [inventory_terms(snapshot, {}, pair, maker_asset=USDC, taker_asset=WETH) for pair in pairs * 2]
    assert found[0] == found[1]
    assert _found(found[0]).steps is _found(found[2]).steps
    assert _found(found[0]).steps is not _found(found[1]).steps
    # A copy with another price does not inherit what was computed.
    other = replace(snapshot, feeds={})
    assert isinstance(inventory_terms(other, {}, pairs[0], maker_asset=USDC, taker_asset=WETH), Decision)
