"""A day of a desk, written into a ledger through its events, gauges and alerts as a running desk does it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

from pmm.alerts import Alert, AlertDesk, Routes, Severity
from pmm.domain import parse_address
from pmm.ledger import open_ledger
from pmm.monitoring.audit_log import AuditLog
from pmm.monitoring.desk import DeskEvents
from pmm.monitoring.history import GaugeHistory

MAKER = parse_address("0x" + "11" * 20, "maker")
DAY = date(2026, 11, 28)
START_MS = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()) * 1_000
MINUTE_MS = 60_000


def record_day(path: Path, *, step_min: int = 10, start_ms: int = START_MS) -> None:
    """Write it: inventory falls and is rebuilt, delta leaves its band and comes back, a warning and its recovery."""
    ledger = open_ledger(path, chain_id=1, maker=MAKER)
    events = DeskEvents()
    alerts = AlertDesk(ledger, (), Routes(), watch=events.alerts)
    audit = AuditLog(ledger, watch=events.alerts)
    history = GaugeHistory(ledger, events.registry, run="first")
    for minute in range(0, 24 * 60, step_min):
        now_ms = start_ms + minute * MINUTE_MS + 1
        _prices(events, minute)
        _trades(events, minute)
        _trouble(events, alerts, audit, minute, now_ms)
        history.sample(now_ms)
    ledger.close()


def _prices(events: DeskEvents, minute: int) -> None:
    turn = math.sin(minute / 1440 * 2 * math.pi)
    book = events.book
    book.inventory_changed(
        token="WETH", place="settlement", amount=40 - 18 * turn, usd=(40 - 18 * turn) * 3_150
    )
    book.inventory_changed(token="WETH", place="wallet", amount=2, usd=6_300)
    book.inventory_changed(token="USDC", place="settlement", amount=120_000, usd=120_000 + 50_000 * turn)
    book.inventory_changed(token="WBTC", place="settlement", amount=0.4, usd=38_000)
    delta = 0.065 * math.exp(-(((minute - 560) / 60) ** 2)) - 0.01 * turn
    book.exposure_changed(asset="WETH", delta_ratio=delta, delta_usd=delta * 250_000)
    book.exposure_changed(asset="WBTC", delta_ratio=0.008 * math.cos(minute / 200), delta_usd=300)
    book.portfolio_valued(usd=250_000 + minute / 10)
    events.chain.gas_price_read(gwei=12 + 6 * math.exp(-(((minute - 560) / 50) ** 2)) + 2 * turn)
    events.lending.account_checked(account="lending", market="aave_v3", buffer=0.62 - 0.2 * max(turn, 0))
    events.risk.loss_estimated(method="monte_carlo", var_usd=410 + 60 * turn, shortfall_usd=520)
    events.risk.loss_estimated(method="historical", var_usd=380 + 30 * turn, shortfall_usd=470)


def _trades(events: DeskEvents, minute: int) -> None:
    book = events.book
    if minute % 40 == 0:
        pair, token = ("WETH/USDC", "WETH") if minute % 80 == 0 else ("WBTC/USDC", "WBTC")
        book.fill_recorded(venue="pmm", pair=pair, usd=9_450.0)
        book.pnl_booked(token=token, component="spread", usd=7.5)
        book.pnl_booked(token=token, component="hedge_slippage", usd=-2.2)
        book.pnl_booked(token=token, component="fees", usd=-0.9)
        book.pnl_booked(token="ETH", component="gas", usd=-1.6)
        events.hedges.hedge_finished(
            intent_id=str(minute),
            route="uniswap",
            outcome="filled" if minute % 400 else "repaired",
            cost_bps=3.1,
        )
        events.chain.transaction_included(
            purpose="hedge", transaction_hash="0x", succeeded=True, blocks=1, gas_usd=1.6
        )
    if minute % 240 == 0:
        book.pnl_booked(token="WETH", component="borrow_interest", usd=-1.1)
        events.chain.transaction_included(
            purpose="keeper", transaction_hash="0x", succeeded=True, blocks=2, gas_usd=2.4
        )
    if 520 <= minute < 600:
        book.pnl_booked(token="WETH", component="inventory", usd=-9.0)


def _trouble(events: DeskEvents, alerts: AlertDesk, audit: AuditLog, minute: int, now_ms: int) -> None:
    changes = {0: "normal", 530: "warning", 560: "critical", 600: "recovery", 660: "normal"}
    state = changes[max(at for at in changes if at <= minute)]
    events.risk.desk_state(state)
    events.risk.metric_measured(metric="net_delta_pct", subject="WETH", value=1.0, state=state)
    events.risk.metric_measured(metric="uptime_pct", subject="", value=100.0, state="normal")
    if minute == 530:
        events.risk.action_taken(action="widen", outcome="done", cause="net_delta_pct", command_id="c1")
        audit.record(at_ms=now_ms, who="risk", what="widen", body={"bps": 5})
    if minute == 560:
        alerts.raise_alert(
            Alert(
                key="net_delta_pct:WETH",
                severity=Severity.CRITICAL,
                title="WETH delta is <6.5 %> of inventory",
            ),
            now_ms,
        )
        events.risk.action_taken(action="hedge_now", outcome="done", cause="net_delta_pct", command_id="c2")
        events.risk.action_taken(
            action="stop_quoting", outcome="done", cause="net_delta_pct", command_id="c3"
        )
    if minute == 600:
        alerts.resolve("net_delta_pct:WETH", now_ms)
    if minute == 900:
        events.chain.reorg_healed(depth=2, events_removed=1)
