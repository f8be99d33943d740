"""What a running desk measures on its clock, as /metrics shows it: value at risk, stress, profit, markouts."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pmm.desk import Desk
from pmm.desk.backtest_ledger import var_days
from pmm.desk.status import read_status
from pmm.domain import USDC, WETH
from pmm.ledger import read_ledger
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price
from pmm.risk.events import PnlComponent
from tests.fork.desk.desk_site import running, settings_of, until_quiet
from tests.fork.server.site import Deployed, Server, fill, serving

_LEAST = 6
_FAST: dict[str, Any] = {"var_every_ms": 200, "price_every_ms": 100, "var_least_prices": _LEAST}
_WITHIN_S = 30.0
VAR, SHORTFALL = "value_at_risk_pct", "expected_shortfall_pct"


class Shown:
    """What /metrics says at one moment."""

    def __init__(self, desk: Desk) -> None:
        text = httpx.get(f"http://127.0.0.1:{desk.metrics.port}/metrics", timeout=5).text
        self.samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def all(self, name: str, **labels: str) -> list[float]:
        return [
            one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items()
        ]

    def one(self, name: str, **labels: str) -> float:
        (value,) = self.all(name, **labels)
        return value


def shown_of(desk: Desk, metric: str) -> str:
    """Return what risk says of a metric, for people."""
    reading = desk.risk.monitor.readings.get((metric, ""))
    return "" if reading is None else reading.shown


def step_until(desk: Desk, found: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _WITHIN_S
    while not found():
        assert time.monotonic() < deadline_s, "the desk did not come to it"
        desk.step()
        time.sleep(0.1)


def test_desk__fill_and_prices_that_move__shows_var_stress_profit_and_markouts(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with running(deployed, ledger, **_FAST) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        # Prices have stood still: that is not known to be calm.
        step_until(desk, lambda: shown_of(desk, VAR) == "unknown, no price of WETH has moved yet")
        assert Shown(desk).one("pmm_risk_known", metric=VAR) == 0
        market = desk.gauges.market
        assert market is not None
        price = Decimal(market.usd_per_unit_e36[WETH.address] // 10**10).scaleb(-8)
        for step in ("0.001", "-0.001", "0"):
            set_price(chain.rpc, "ETH", (price * (1 + Decimal(step))).quantize(Decimal("1e-8")))
            desk.step()
            time.sleep(0.1)
        step_until(desk, lambda: shown_of(desk, VAR).endswith("%"))
        step_until(desk, lambda: Shown(desk).all("pmm_desk_markout_bps_count", horizon_s="5") == [1])
        # The second question to the feeds is the first one with a turn to hold it against.
        step_until(desk, lambda: Shown(desk).all("pmm_source_disagreement_ratio", role="valuation") != [])
        seen = Shown(desk)
    ether_usd = 40 * float(price)
    capital_usd = seen.one("pmm_desk_portfolio_usd")
    assert seen.one("pmm_risk_known", metric=VAR) == 1
    assert seen.one("pmm_risk_needs_prices", metric=VAR) == 0
    assert 0 < seen.one("pmm_risk_metric", metric=VAR) < seen.one("pmm_risk_metric", metric=SHORTFALL)
    loss_usd = seen.one("pmm_risk_loss_usd", method="monte_carlo", measure="var")
    assert seen.one("pmm_risk_metric", metric=VAR) == pytest.approx(loss_usd / capital_usd * 100, rel=0.01)
    worst_usd = seen.one("pmm_stress_pnl_usd", scenario="eth_down_35_in_a_block")
    assert worst_usd == pytest.approx(-0.35 * ether_usd, rel=0.01)
    stress_pct = seen.one("pmm_risk_metric", metric="stress_loss_pct")
    assert stress_pct == pytest.approx(0.35 * ether_usd / capital_usd * 100, rel=0.01)
    assert seen.one("pmm_desk_pnl_usd", component="spread") > 0
    assert seen.one("pmm_desk_pnl_usd", component="hedge_slippage") < 0
    assert seen.one("pmm_desk_pnl_usd", component="gas") < 0
    whole_usd = sum(seen.all("pmm_desk_pnl_usd"))
    assert seen.one("pmm_risk_metric", metric="pnl_usd") == pytest.approx(whole_usd, abs=0.01)
    assert abs(seen.one("pmm_risk_metric", metric="markout_bps", subject="1s")) < 100
    assert seen.one("pmm_risk_metric", metric="source_health_pct", subject="chainlink") == 100
    assert seen.one("pmm_source_healthy", source="chainlink") == 1
    # The feeds as a source and as the turn's prices are the same ones.
    assert seen.one("pmm_source_disagreement_ratio", role="valuation") < 0.01
    with read_ledger(ledger) as reader:
        (day,) = var_days(reader)
    assert not day.closed
    assert day.forecasts["monte_carlo"].var_usd > 0
    lines = {one.metric: one.shown for one in read_status(settings_of(deployed, ledger)).risk}
    assert lines[VAR].endswith(" %")
    assert lines["pnl_usd"].endswith(" USD")


def test_desk__too_few_prices__says_how_many_it_needs_and_no_zero(deployed: Deployed, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with running(deployed, ledger, var_every_ms=100) as desk:
        step_until(desk, lambda: shown_of(desk, VAR) == "unknown, needs 59 more prices")
        seen = Shown(desk)
    assert seen.one("pmm_risk_known", metric=VAR) == 0
    assert seen.one("pmm_risk_needs_prices", metric=VAR) == 59
    assert seen.all("pmm_risk_loss_usd") == []
    (line,) = [one for one in read_status(settings_of(deployed, ledger)).risk if one.metric == VAR]
    assert line.shown == "unknown, needs 59 more prices"


def test_desk__fill_funded_by_an_aave_loan__books_its_premium_and_the_parts_are_the_whole(
    deployed: Deployed, chain: ChainBuilder, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with (
        serving(deployed, tmp_path / "aave.sqlite", funding_sources="aave_v3_loan") as server,
        running(deployed, ledger) as desk,
    ):
        until_quiet(desk)
        # Ether that the inventory has not: Aave lends it, and gets it back with its premium.
        answer = server.quote(
            settlement="pmm",
            baseToken=USDC.address,
            quoteToken=WETH.address,
            amount=None,
            quoteAmount=str(50 * 10**18),
        )
        assert answer.is_flash_funded
        fill(chain, answer)
        until_quiet(desk)
        seen = Shown(desk)
        market = desk.gauges.market
        assert market is not None
        usd_per_wei_e36 = market.usd_per_unit_e36[WETH.address]
    premium_usd = -seen.one("pmm_desk_pnl_usd", component="flash_premium")
    lent_usd = answer.signed.order.making_amount * usd_per_wei_e36 / 10**36
    # Five basis points, the offline mainnet's as mainnet's.
    assert premium_usd == pytest.approx(lent_usd * 0.0005, rel=0.001)
    status = read_status(settings_of(deployed, ledger))
    parts = {line.component: line.usd_e6 for line in status.profit}
    assert parts[PnlComponent.FLASH_PREMIUM] == -round(premium_usd * 1e6)
    assert parts[PnlComponent.FUNDING] is None
    with read_ledger(ledger) as reader:
        rows = [int(row[0]) for row in reader.read("SELECT amount_usd_e6 FROM performance_profit")]
    assert sum(rows) == sum(one or 0 for one in parts.values())
    # What is left in the hands of our contracts is what the parts say, but for rounding of each row.
    assert sum(rows) / 1e6 == pytest.approx(sum(seen.all("pmm_desk_pnl_usd")), abs=1e-5)
