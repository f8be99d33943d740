"""What the clock computes aside: known tails beside unknown ones, accounts that may be liquidated, stress."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pmm.risk.linear_var import ES_99, Z_99
from pmm.risk.settings import RiskSettings
from pmm.risk.stress import StressedAccount, StressedBook
from pmm.risk.tail import Floats
from pmm.risk.valuation import Snapshot, value

ASSETS = ("USDC", "WETH")
BOOK = StressedBook(capital_usd=240_000.0, positions={"USDC": 120_000.0, "WETH": 120_000.0})
DEVIATION = 0.04


def returns(count: int) -> Floats:
    """Return days of which WETH's have exactly the deviation."""
    signs = np.where(np.arange(count) % 2, 1.0, -1.0)
    return np.column_stack([np.zeros(count), signs * DEVIATION])


def snapshot(count: int = 60) -> Snapshot:
    return Snapshot(at_ms=1, book=BOOK, assets=ASSETS, returns=returns(count), seed=7)


def test_value__linear_book__is_the_closed_form_within_its_error() -> None:
    found = value(snapshot(), RiskSettings()).tails["monte_carlo"]
    assert found.value_at_risk_usd == pytest.approx(Z_99 * DEVIATION * 120_000, rel=0.01)
    assert found.expected_shortfall_usd == pytest.approx(ES_99 * DEVIATION * 120_000, rel=0.01)


def test_value__hours_of_a_month__are_taken_before_a_days_minutes_and_have_a_historical_way() -> None:
    assert set(value(snapshot(1_000), RiskSettings()).tails) == {"monte_carlo"}
    found = value(replace(snapshot(), hours=2 * returns(100)), RiskSettings()).tails
    assert found["historical"].value_at_risk_usd == pytest.approx((1 - math.exp(-2 * DEVIATION)) * 120_000)
    assert found["monte_carlo"].value_at_risk_usd == pytest.approx(2 * Z_99 * DEVIATION * 120_000, rel=0.01)


def test_value__too_few_prices__is_unknown_with_what_it_needs__and_the_stress_is_known() -> None:
    found = value(replace(snapshot(), returns=None, needs=12), RiskSettings())
    assert (found.tails, found.needs, found.why) == ({}, 12, "needs 12 more prices")
    assert found.worst_loss_usd == pytest.approx(0.35 * 120_000)


def test_value__token_without_a_price__is_named_instead_of_a_number_that_never_falls() -> None:
    found = value(replace(snapshot(), returns=None, needs=12, lacking=("DAI", "WBTC")), RiskSettings())
    assert (found.tails, found.needs, found.why) == ({}, 0, "no price of DAI, WBTC")
    # A record that is whole stands: it knows enough of before.
    assert value(replace(snapshot(), lacking=("DAI",)), RiskSettings()).why == ""


def test_value__price_that_stands_still__is_unknown_and_no_zero() -> None:
    found = value(replace(snapshot(), still=("WETH",)), RiskSettings())
    assert (found.tails, found.why) == ({}, "no price of WETH has moved yet")


def test_value__account_near_liquidation__is_revalued_in_full_and_loses_its_bonus() -> None:
    account = StressedAccount(
        name="aave_v3",
        collateral="WETH",
        debt="USDC",
        collateral_usd=120_000.0,
        debt_usd=95_000.0,
        threshold=0.83,
        bonus=0.05,
    )
    plain = value(snapshot(), RiskSettings())
    near = value(replace(snapshot(), book=replace(BOOK, accounts=(account,))), RiskSettings())
    lost = near.tails["monte_carlo"].value_at_risk_usd - plain.tails["monte_carlo"].value_at_risk_usd
    # Half of the debt is repaid with 5 % more; the moves themselves are logarithmic here.
    assert 0.05 * 47_500 * 0.5 < lost < 0.05 * 47_500 * 1.5
    assert near.worst_loss_usd > plain.worst_loss_usd
    safe = value(
        replace(snapshot(), book=replace(BOOK, accounts=(replace(account, debt_usd=0.0),))), RiskSettings()
    )
    assert safe.tails["monte_carlo"].value_at_risk_usd == plain.tails["monte_carlo"].value_at_risk_usd


def test_worst_loss__book_that_only_gains__is_none() -> None:
    short = replace(BOOK, positions={"USDC": 0.0, "WETH": 0.0})
    assert value(replace(snapshot(), book=short), RiskSettings()).worst_loss_usd == 0
