"""Every way to fund a quote with its whole cost: parts add up, cheapest first, nothing is promised twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, FundingSource, Inventory, QuoteRequest, RefusalReason
from pmm.domain.hook_payloads import InventorySource
from pmm.pricing import (
    ComponentName,
    CostName,
    DepthCurve,
    FundingPolicy,
    LendingReading,
    MarketSnapshot,
    ModelInputs,
    ModelOffers,
    OtcQuote,
    PairPolicy,
    PerpQuote,
    StandardModel,
)
from pmm.pricing.hedge_venues import interest_share_up_e36
from tests.helpers.quoting import CHAIN_TIME_S, TAKER, market

_WAD = 10**18
_AAVE = LendingReading(
    market="aave_v3",
    token=USDC.address,
    withdraw_source=InventorySource.AAVE_WITHDRAW,
    borrow_source=InventorySource.AAVE_BORROW,
    supplied=500_000 * 10**6,
    liquidity=10**13,
    supply_rate_wad=4 * _WAD // 100,
    borrow_rate_wad=6 * _WAD // 100,
    collateral_usd_wad=400_000 * _WAD,
    debt_usd_wad=0,
    borrow_power_usd_wad=375_000 * _WAD,
    collateral_factor_wad=8 * _WAD // 10,
    health_floor_wad=11 * _WAD // 10,
    debt_cap_usd_wad=200_000 * _WAD,
)
_USD_E36 = 10**30


def _snapshot(**changes: Any) -> MarketSnapshot:
    return replace(market(), **changes)


def _inputs(
    snapshot: MarketSnapshot, *, usdc: int = 120_000, reserved: int = 0, own: bool = False
) -> ModelInputs:
    stock = {
        WETH.address: Inventory(token=WETH, balance=40 * _WAD),
        USDC.address: Inventory(token=USDC, balance=usdc * 10**6, reserved=reserved * 10**6),
    }
    return ModelInputs(
        snapshot=snapshot,
        pair=PairPolicy(base=WETH, quote=USDC, gas_asset=WETH),
        maker_asset=USDC,
        taker_asset=WETH,
        stock=stock,
        deliverable=stock[USDC.address],
        own_domain=own,
        can_provide=True,
    )


def _request(eth: float) -> QuoteRequest:
    return QuoteRequest(
        request_id="r",
        chain_id=1,
        maker_asset=USDC,
        taker_asset=WETH,
        taker=TAKER,
        taking_amount=int(eth * _WAD),
    )


def _offers(inputs: ModelInputs, eth: float) -> ModelOffers:
    found = StandardModel().offers(inputs, _request(eth))
    assert not isinstance(found, Decision), found
    return found


def _perp(**changes: Any) -> PerpQuote:
    quote = PerpQuote(
        venue="paper",
        taker_asset=WETH.address,
        maker_asset=USDC.address,
        depth=DepthCurve(knots=((10 * _WAD, 29_999 * 10**6), (100 * _WAD, 299_900 * 10**6))),
        fee_pips=300,
        funding_rate_e36_per_hour=10**31,
        observed_at_s=CHAIN_TIME_S,
        max_age_s=10,
    )
    return replace(quote, **changes) if changes else quote


def _otc(**changes: Any) -> OtcQuote:
    quote = OtcQuote(
        counterparty="acme",
        taker_asset=WETH.address,
        maker_asset=USDC.address,
        rate_e36=2_999 * 10**24,
        max_taking_amount=30 * _WAD,
        valid_until_s=CHAIN_TIME_S + 1,
        fee_bps=1,
    )
    return replace(quote, **changes) if changes else quote


@given(
    st.floats(min_value=0.1, max_value=60),
    st.booleans(),
    st.integers(min_value=0, max_value=200_000),
    st.integers(min_value=0, max_value=10**33),
)
def test_offers__any_way__its_cost_adds_up_to_the_price_exactly(
    eth: float, own: bool, usdc: int, rate: int
) -> None:
    snapshot = _snapshot(lending=(_AAVE,), otc=(_otc(),), perps=(_perp(funding_rate_e36_per_hour=rate),))
    for offer in _offers(_inputs(snapshot, usdc=usdc, own=own), eth).offers:
        assert offer.cost is not None
        shares = {part.name: part.share_e36 for part in offer.priced.breakdown.components}
        named = (ComponentName.GAS, ComponentName.FUNDING, ComponentName.SIZE_IMPACT)
        assert offer.cost.total_share_e36 == sum(shares.get(name, 0) for name in named)


@given(st.floats(min_value=0.1, max_value=60), st.booleans())
def test_offers__several_ways__the_cheapest_comes_first(eth: float, own: bool) -> None:
    snapshot = _snapshot(lending=(_AAVE,), otc=(_otc(),), perps=(_perp(),))
    ranks = [offer.cost_rank_e36 for offer in _offers(_inputs(snapshot, own=own), eth).offers]
    assert ranks == sorted(ranks)


def test_offers__inventory_too_small_on_1inch__lending_pays_and_withdrawal_is_cheaper_than_borrowing() -> (
    None
):
    found = _offers(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000), 10)
    assert [offer.name for offer in found.offers] == ["aave_v3_withdraw", "aave_v3_borrow"]
    assert [offer.provide for offer in found.offers] == [
        InventorySource.AAVE_WITHDRAW,
        InventorySource.AAVE_BORROW,
    ]
    assert [(one.name, one.decision.reason) for one in found.rejected] == [
        ("inventory", RefusalReason.INSUFFICIENT_INVENTORY)
    ]


def test_offers__own_domain__has_flash_and_no_lending() -> None:
    own = _offers(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000, own=True), 10)
    assert all(offer.plan is not None for offer in own.offers)
    assert own.offers
    on_1inch = _offers(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000), 10)
    assert all(offer.plan is None for offer in on_1inch.offers)


@pytest.mark.parametrize(("allowance", "lends"), [(20_000, False), (40_000, True)])
def test_offers__what_1inch_may_take__bounds_lending_too(allowance: int, lends: bool) -> None:
    inputs = replace(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000), allowance=allowance * 10**6)
    assert bool(_offers(inputs, 10).offers) is lends


def test_offers__no_hooks_joined__has_no_lending() -> None:
    inputs = replace(_inputs(_snapshot(lending=(_AAVE,)), usdc=1_000), can_provide=False)
    assert _offers(inputs, 10).offers == ()


def test_offers__other_quotes_hold_what_lending_could_give__are_not_promised_again() -> None:
    snapshot = _snapshot(lending=(_AAVE,))
    # 1,000 here and 500,000 there, of which 480,000 is promised.
    found = _offers(_inputs(snapshot, usdc=1_000, reserved=480_000), 10)
    assert "aave_v3_withdraw" not in {offer.name for offer in found.offers}
    enough = _offers(_inputs(snapshot, usdc=1_000, reserved=460_000), 10)
    assert "aave_v3_withdraw" in {offer.name for offer in enough.offers}


def test_offers__negotiated_price__wins_where_it_is_better_and_ends_with_its_time() -> None:
    good = _offers(_inputs(_snapshot(otc=(_otc(rate_e36=3_000 * 10**24, fee_bps=0),))), 20)
    assert good.offers[0].name == "otc_acme"
    ended = _offers(_inputs(_snapshot(otc=(_otc(valid_until_s=CHAIN_TIME_S),))), 20)
    assert [one.name for one in ended.offers] == ["inventory"]
    (rejected,) = ended.rejected
    assert (rejected.name, rejected.decision.reason) == ("otc_acme", RefusalReason.STALE_PRICE)


def test_offers__more_than_was_negotiated__is_refused() -> None:
    (rejected,) = _offers(_inputs(_snapshot(otc=(_otc(max_taking_amount=_WAD),))), 20).rejected
    assert (rejected.name, rejected.decision.reason) == ("otc_acme", RefusalReason.AMOUNT_TOO_LARGE)


def test_offers__perp__costs_fee_and_funding_of_the_holding_time() -> None:
    inputs = _inputs(_snapshot(perps=(_perp(),)))
    offer = next(one for one in _offers(inputs, 5).offers if one.name == "perp_paper")
    assert offer.cost is not None
    parts = dict(offer.cost.parts)
    assert parts[CostName.FEE] == 3 * 10**32  # 3 bps
    assert parts[CostName.FUNDING_RATE] == 10**31  # one hour
    earning = _inputs(_snapshot(perps=(_perp(funding_rate_e36_per_hour=-(10**31)),)))
    paid = next(one for one in _offers(earning, 5).offers if one.name == "perp_paper")
    assert paid.cost is not None
    assert dict(paid.cost.parts)[CostName.FUNDING_RATE] == 0


def test_offers__old_perp_quote__is_refused() -> None:
    (rejected,) = _offers(_inputs(_snapshot(perps=(_perp(observed_at_s=CHAIN_TIME_S - 11),))), 5).rejected
    assert rejected.decision.reason is RefusalReason.STALE_PRICE


def test_offers__dear_gas__counts_for_the_taker_of_a_flash_fill() -> None:
    cheap, dear = _snapshot(gas_price_wei=10**9), _snapshot(gas_price_wei=10**12)
    found = [
        next(one for one in _offers(_inputs(gas, own=True), 1).offers if one.plan is not None)
        for gas in (cheap, dear)
    ]
    assert found[0].cost is not None
    assert found[1].cost is not None
    # 139,317 gas of docs/gas.md less 85,535 of a plain fill, at 1,000 gwei, of one ETH.
    assert found[1].cost.taker_gas_share_e36 == 53_782 * 10**12 * 10**18
    assert found[0].priced == found[1].priced


def test_flash_offers__v2_swap__goes_through_v2_pools_only() -> None:
    policy = FundingPolicy(sources=(FundingSource.UNISWAP_V2_SWAP,))
    inputs = _inputs(_snapshot(), own=True)
    inputs = replace(inputs, pair=replace(inputs.pair, funding=policy))
    assert all(offer.plan is None for offer in _offers(inputs, 1).offers)


@pytest.mark.parametrize(
    ("changes", "withdrawable", "borrowable"),
    [
        ({}, 500_000, 200_000),
        ({"liquidity": 7 * 10**6}, 7, 7),
        ({"supplied": 0}, 0, 200_000),
        ({"debt_cap_usd_wad": 0}, 500_000, 0),
        ({"debt_cap_usd_wad": 10**30}, 500_000, 363_636),
        ({"borrow_power_usd_wad": 5 * _WAD}, 500_000, 5),
        # 400,000 of weighted collateral, 300,000 of debt at a floor of 1.1: 70,000 to spare, 87,500 of supply.
        ({"debt_usd_wad": 300_000 * _WAD, "debt_cap_usd_wad": 10**30}, 87_500, 63_636),
        ({"debt_usd_wad": 390_000 * _WAD, "debt_cap_usd_wad": 10**30}, 0, 0),
    ],
)
def test_lending_reading__limits__bound_what_can_be_provided(
    changes: dict[str, int], withdrawable: int, borrowable: int
) -> None:
    reading = replace(_AAVE, **changes)  # type: ignore[arg-type]
    assert reading.withdrawable(_USD_E36) // 10**6 == withdrawable
    assert reading.borrowable(_USD_E36) // 10**6 == borrowable


def test_interest__a_year__is_the_rate() -> None:
    assert interest_share_up_e36(4 * _WAD // 100, 365 * 86_400) == 4 * 10**34
    assert interest_share_up_e36(-1, 10) == 0
    # 10**18 / 31,536,000, rounded up.
    assert interest_share_up_e36(1, 1) == 31_709_791_984
