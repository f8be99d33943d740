"""Skew, gas and impact as shares of the fair value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import WETH
from pmm.pricing import DepthStep, FairValue, SpreadPolicy
from pmm.pricing.fixed_point import E36, bps_of_share, share_of_bps_e36
from pmm.pricing.terms import hedge_gas_share_e36, impact_steps, inventory_skew_e36
from tests.helpers.quoting import market

_POLICY = SpreadPolicy(half_spread_bps=Decimal(5), min_edge_bps=Decimal(1), max_skew_bps=Decimal(3))


@pytest.mark.parametrize(
    ("taker_value", "maker_value", "bps"),
    [(100, 0, 3), (0, 100, -3), (50, 50, 0), (75, 25, Decimal("1.5")), (0, 0, 0)],
)
def test_inventory_skew__imbalance__is_linear(taker_value: int, maker_value: int, bps: Decimal) -> None:
    skew = inventory_skew_e36(
        taker_value_usd_wad=taker_value, maker_value_usd_wad=maker_value, policy=_POLICY
    )
    assert bps_of_share(skew) == bps


@given(
    st.integers(min_value=0, max_value=10**30),
    st.integers(min_value=0, max_value=10**30),
    st.decimals(min_value=0, max_value=100, places=2),
    st.decimals(min_value=0, max_value=100, places=2),
)
def test_inventory_skew__any_imbalance__leaves_the_least_edge(
    taker_value: int, maker_value: int, half_spread: Decimal, most: Decimal
) -> None:
    policy = SpreadPolicy(half_spread_bps=half_spread, min_edge_bps=Decimal(1), max_skew_bps=most)
    skew = inventory_skew_e36(taker_value_usd_wad=taker_value, maker_value_usd_wad=maker_value, policy=policy)
    assert skew + share_of_bps_e36(half_spread) >= share_of_bps_e36(min(Decimal(1), half_spread))


def test_hedge_gas_share__known_prices__is_cost_over_batch() -> None:
    policy = SpreadPolicy(hedge_gas_units=100_000, hedge_batch_usd=6_000)
    # 100,000 gas at 2 gwei and 3,000 USD is 0.60 USD; of 6,000 USD that is 1 bp.
    assert bps_of_share(hedge_gas_share_e36(market(), gas_asset=WETH, policy=policy)) == 1


def test_impact_steps__venue_better_than_fair__gives_no_rebate() -> None:
    fair = FairValue(rate_e36=E36, sources=(), deviation_e36=0)
    steps = (DepthStep(amount_in=1_000, amount_out=1_001), DepthStep(amount_in=1_000, amount_out=998))
    impacts = [step.impact_share_e36 for step in impact_steps(steps, fair=fair, impact_share_bps=5_000)]
    assert [bps_of_share(impact) for impact in impacts] == [0, 10]
