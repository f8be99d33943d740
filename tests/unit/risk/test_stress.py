"""Scenarios are what they say, and the desk's losses in them are what arithmetic says."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

from pmm.errors import InvalidInput
from pmm.risk.lines import Level
from pmm.risk.scenarios import SCENARIOS, Moment, Scenario, recorded
from pmm.risk.settings import RiskSettings
from pmm.risk.stress import StressedAccount, StressedBook, StressedQuote, StressResult, stress

_BY_NAME = {one.name: one for one in SCENARIOS}
_DATA = os.environ.get("PMM_DATA_DIR", "")
_WORKING = StressedAccount(
    name="aave",
    collateral="WETH",
    debt="USDC",
    collateral_usd=1.6e6 / 0.8,
    debt_usd=1e6,
    threshold=0.8,
    bonus=0.05,
)


def run(name: str, book: StressedBook) -> StressResult:
    return stress(book, _BY_NAME[name], RiskSettings())


def test_scenarios__of_the_issue__are_all_there() -> None:
    assert set(_BY_NAME) >= {
        "usdc_depeg_2023",
        "eth_down_20_in_an_hour",
        "gas_times_20",
        "lender_empty",
        "feed_frozen",
        "eth_down_35_in_a_block",
    }
    fall = _BY_NAME["eth_down_20_in_an_hour"].path
    assert fall[-1] == Moment(at_s=3_600, prices={"WETH": 0.80})


def test_stress__linear_position__loses_what_the_price_loses() -> None:
    found = run("eth_down_20_in_an_hour", StressedBook(capital_usd=1e6, positions={"WETH": 500_000.0}))
    assert found.final_usd == pytest.approx(-100_000)
    assert found.worst_usd == pytest.approx(-110_000)
    assert found.drawdown_pct == pytest.approx(11)
    assert found.levels["max_drawdown_pct"] is Level.WARNING


def test_stress__usdc_depeg__costs_what_is_held_and_what_is_signed() -> None:
    held = StressedBook(capital_usd=1e6, positions={"USDC": 1e6})
    found = run("usdc_depeg_2023", held)
    assert found.worst_usd == pytest.approx(-125_200)
    assert found.final_usd == pytest.approx(-1_700)
    quote = StressedQuote(gives="WETH", takes="USDC", gives_usd=100_000, takes_usd=100_100)
    signed = run("usdc_depeg_2023", StressedBook(capital_usd=1e6, positions={}, quotes=(quote,)))
    assert signed.worst_usd == pytest.approx(100_100 * 0.8748 - 100_000)


def test_stress__account_at_the_working_buffer__survives_35_percent_in_a_block() -> None:
    """1.6 x 0.65 > 1."""
    book = StressedBook(capital_usd=1e6, positions={}, accounts=(_WORKING,))
    found = run("eth_down_35_in_a_block", book)
    assert found.least_buffer_pct == pytest.approx(4.0)
    assert found.liquidated == ()
    assert found.levels["liquidation_buffer_pct"] is Level.CRITICAL


def test_stress__account_below_it__is_liquidated_once_and_pays_the_bonus() -> None:
    thin = StressedAccount(
        name="thin",
        collateral="WETH",
        debt="USDC",
        collateral_usd=1.5e6,
        debt_usd=1e6,
        threshold=0.8,
        bonus=0.05,
    )
    found = run("eth_down_20_in_an_hour", StressedBook(capital_usd=1e6, positions={}, accounts=(thin,)))
    assert found.liquidated == ("thin",)
    assert found.final_usd == pytest.approx(-25_000)


def test_stress__gas_times_20__is_paid_and_crosses_its_line() -> None:
    book = StressedBook(capital_usd=1e6, positions={}, gas_usd_per_day=100, revenue_usd_per_day=5_000)
    found = run("gas_times_20", book)
    assert found.final_usd == pytest.approx(-1_900)
    assert found.levels["gas_ratio_pct"] is Level.WARNING


def test_stress__lender_empty__leaves_hedges_unfunded() -> None:
    found = run("lender_empty", StressedBook(capital_usd=1e6, positions={}, borrowable_usd=300_000))
    assert found.unfunded_usd == 300_000


def test_stress__feed_frozen__costs_what_may_be_quoted_on_it() -> None:
    found = run("feed_frozen", StressedBook(capital_usd=1e6, positions={}, stale_quotes_usd=200_000))
    assert found.worst_usd == pytest.approx(-10_000)


def test_scenario__time_that_goes_back__is_refused() -> None:
    with pytest.raises(InvalidInput, match="rising times from 0"):
        Scenario(name="x", story="", path=(Moment(at_s=0, prices={}), Moment(at_s=0, prices={})))
    with pytest.raises(InvalidInput, match="price ratios"):
        Scenario(name="x", story="", path=(Moment(at_s=0, prices={"WETH": -0.1}),))


def test_recorded__two_series__start_together_at_one() -> None:
    found = recorded("x", "", {"A": [(10, 5.0), (20, 10.0)], "B": [(15, 2.0), (25, 1.0)]})
    assert found.path == (
        Moment(at_s=0, prices={"A": 1.0, "B": 1.0}),
        Moment(at_s=5, prices={"A": 2.0, "B": 1.0}),
        Moment(at_s=10, prices={"A": 2.0, "B": 0.5}),
    )


@pytest.mark.skipif(not _DATA, reason="PMM_DATA_DIR is unset: it names the folder of recorded market data")
def test_usdc_depeg__recorded_minutes__are_the_scenario() -> None:
    folder = Path(_DATA) / "ohlcv" / "usdc_depeg_2023-03"
    dollars, coins = (
        _closes(folder / f"binance_raw_{pair}_1m_20230301_20230321.csv.gz") for pair in ("BTCUSD", "BTCUSDC")
    )
    implied = {at: dollars[at] / coins[at] for at in dollars if at in coins}
    assert min((value, at) for at, value in implied.items())[1].startswith("2023-03-11 07:50")
    for moment in _BY_NAME["usdc_depeg_2023"].path[1:]:
        day, hour, minute = (
            11 + moment.at_s // 86_400,
            moment.at_s % 86_400 // 3_600,
            moment.at_s % 3_600 // 60,
        )
        at = f"2023-03-{day} {hour:02d}:{minute:02d}:00+00:00"
        assert implied[at] == pytest.approx(moment.prices["USDC"], abs=1e-4)
    days = [(n * 60, implied[at]) for n, at in enumerate(sorted(implied)) if at.startswith("2023-03-11")]
    found = stress(
        StressedBook(capital_usd=1e6, positions={"USDC": 1e6}),
        recorded("usdc_2023-03-11", "every minute of it", {"USDC": days}),
        RiskSettings(),
    )
    assert found.worst_usd == pytest.approx(1e6 * (min(implied.values()) / days[0][1] - 1))


@pytest.mark.skipif(not _DATA, reason="PMM_DATA_DIR is unset: it names the folder of recorded market data")
def test_eth_down_20__worst_recorded_hour__is_half_of_it() -> None:
    with gzip.open(Path(_DATA) / "chainlink" / "chainlink_mainnet_ETH_USD_rounds.csv.gz", "rt") as file:
        rows = sorted((int(row["update"]), int(row["answer"])) for row in csv.DictReader(file))
    rounds = [row for row in rows if row[1] > 0]
    worst, last = 0.0, 0
    for first, (start_s, price) in enumerate(rounds):
        last = max(last, first)
        while last + 1 < len(rounds) and rounds[last + 1][0] <= start_s + 3_600:
            last += 1
        worst = min(worst, min(answer for _, answer in rounds[first : last + 1]) / price - 1)
    assert worst == pytest.approx(-0.098, abs=0.001)


def _closes(path: Path) -> dict[str, float]:
    with gzip.open(path, "rt") as file:
        return {row["open_time"]: float(row["close"]) for row in csv.DictReader(file)}
