"""A desk and a quote server to which everything has happened once: the source of a scrape that has every series."""

from __future__ import annotations

import time

from prometheus_client import Gauge

from pmm.domain import RefusalReason
from pmm.execution import Stage
from pmm.monitoring.desk import DeskEvents
from pmm.monitoring.events import Events
from pmm.monitoring.metrics import Metrics

RISK_METRICS = ("net_delta_pct", "value_at_risk_pct", "liquidation_buffer_pct", "uptime_pct", "gas_ratio_pct")
HASH = "0x" + "ab" * 32


def everything_happens(events: DeskEvents) -> None:
    """Call every function of every group at least once."""
    _books(events)
    _hedges_and_lending(events)
    _chain(events)
    _risk(events)
    _sources_and_alerts(events)


def _books(events: DeskEvents) -> None:
    book = events.book
    book.fills_expected(venue="pmm", pair="WETH/USDC")
    book.fill_recorded(venue="pmm", pair="WETH/USDC", usd=3_150.0)
    book.fill_removed(venue="pmm", pair="WETH/USDC", usd=1_000.0)
    book.pending_unknown()
    book.pending_counted(quotes=3)
    book.pending_changed(asset="WETH", amount=-0.4)
    book.inventory_changed(token="WETH", place="settlement", amount=40.0, usd=126_000.0)
    book.exposure_changed(asset="WETH", delta_ratio=0.03, delta_usd=3_780.0)
    book.pnl_booked(token="WETH", component="spread", usd=12.5)
    book.pnl_booked(token="WETH", component="gas", usd=-1.5)
    book.portfolio_valued(usd=250_000.0)
    book.markout_measured(horizon_s=30, bps=-1.2)
    book.reconciled(token="WETH", place="settlement", off_by=0)
    book.reconciled(token="USDC", place="settlement", off_by=-1, cause="a transfer that no event names")


def _hedges_and_lending(events: DeskEvents) -> None:
    hedges, lending = events.hedges, events.lending
    hedges.route_offered(route="uniswap")
    hedges.hedge_intended(intent_id="1", asset="WETH", strategy="band", usd=3_150.0)
    hedges.hedge_submitted(intent_id="1", route="uniswap", after_s=0.004)
    hedges.hedge_finished(intent_id="1", route="uniswap", outcome="filled", cost_bps=3.0)
    hedges.hedge_finished(intent_id="2", route="aave_short", outcome="failed", cost_bps=0.0)
    hedges.hedge_unknown(intent_id="3", route="paper_perp", why="no answer in time")
    hedges.open_intents(state="unknown", count=1)
    hedges.priced(token="WETH", known=True)
    hedges.paper_perp(asset="WETH", amount=-1.5, usd=-4_500.0)
    hedges.followed(asset="WETH", strategy="minimum_variance", ratio=0.8, ratio_known=True, waiting_s=12.0)
    lending.account_checked(account="lending", market="aave_v3", buffer=0.6)
    lending.shortfall_judged(account="lending", market="aave_v3", short=False)
    lending.position_changed(market="aave_v3", token="WETH", supply_usd=10_000.0, debt_usd=4_000.0)
    lending.rates_read(market="aave_v3", token="WETH", supply=0.018, borrow=0.026)
    lending.keeper_started()
    lending.keeper_round()
    lending.keeper_acted(action="repay", account="lending", outcome="done", usd=500.0)


def _chain(events: DeskEvents) -> None:
    chain = events.chain
    chain.block_followed(number=21_000_000, lag_blocks=0, lag_s=1.5)
    chain.reorg_healed(depth=2, events_removed=1)
    chain.node_scored(node="own", sync=1.0, response=0.9, score=0.97)
    chain.node_switched(before="", after="own", why="start")
    chain.node_switched(before="own", after="alchemy", why="score 40 %")
    falls = {"died": 1, "silent": 0, "behind": 1}
    events.heads.heads_from(source="websocket", why="", falls=falls, reconnects=2)
    events.heads.heads_from(source="http", why="expected new heads, found none", falls=falls, reconnects=2)
    chain.gas_price_read(gwei=12.0)
    chain.transaction_sent(purpose="hedge", transaction_hash=HASH)
    chain.transaction_replaced(purpose="hedge", transaction_hash=HASH)
    chain.transaction_included(purpose="hedge", transaction_hash=HASH, succeeded=True, blocks=1, gas_usd=2.1)


def _risk(events: DeskEvents) -> None:
    risk = events.risk
    for metric in RISK_METRICS:
        risk.line_set(metric=metric, warning=0.02, critical=0.05)
        risk.metric_measured(metric=metric, subject="", value=0.01, state="normal")
    risk.metric_measured(metric="node_health_pct", subject="own", value=None, state="normal")
    risk.metric_forgotten(metric="node_health_pct", subject="of before")
    risk.state_changed(metric="net_delta_pct", subject="WETH", before="normal", after="warning", why="3 %")
    risk.desk_state("warning")
    risk.loss_unknown()
    risk.metric_needs(metric="value_at_risk_pct", subject="", prices=12)
    risk.loss_estimated(method="monte_carlo", var_usd=4_200.0, shortfall_usd=5_100.0)
    risk.loss_realised(pnl_usd=-5_000.0, var_usd=4_200.0)
    chances = {"kupiec": 0.76, "independence": 0.8, "conditional_coverage": 0.92}
    risk.var_judged(
        method="monte_carlo", days=250, replayed=200, exceptions=3, zone="green", p_values=chances
    )
    risk.last_day(pnl_usd=-900.0)
    risk.scenario_valued(scenario="usdc_depeg_2023", pnl_usd=-9_000.0)
    risk.action_taken(action="widen", outcome="done", cause="net_delta", command_id="c-1")
    risk.actions_waiting(1)
    risk.pre_trade_sent(True, server="http://127.0.0.1:8000")


def _sources_and_alerts(events: DeskEvents) -> None:
    sources, alerts = events.sources, events.alerts
    sources.role_joined(role="flow")
    sources.source_answered(source="coingecko", took_s=0.12, at_s=time.time())
    sources.source_failed(source="dune", outcome="failed", detail="status 500")
    sources.source_state(source="coingecko", healthy=True, breaker="closed")
    sources.breaker_changed(source="dune", before="closed", after="open")
    sources.fell_back(role="valuation", source="pools", missing=("chainlink",))
    sources.skipped(role="flow", missing=("dune",))
    sources.cross_checked(role="aave_rates", ratio=0.004)
    alerts.alert_raised(key="net_delta:WETH", severity="warning", fate="sent")
    alerts.alerts_firing(severity="warning", count=1)
    alerts.alert_delivered(channel="slack", key="net_delta:WETH", tries=1)
    alerts.delivery_failed(channel="sms", key="net_delta:WETH", outcome="retried", detail="status 503")
    alerts.outbox(channel="sms", waiting=1)
    alerts.audit_recorded(what="switch", entry=1)
    alerts.audit_checked(intact=True, detail="1 entry")


def quotes_happen(events: Events) -> None:
    """The same for the quote server, with stand-ins for the gauges that a running one reads."""
    events.quote_signed(quote_id="q", relayer="oneinch", funding="inventory")
    events.quote_refused(quote_id="q", relayer="oneinch", reason=RefusalReason.PAUSED, detail="paused")
    events.ladder_published(directions=8)
    events.refused(path="/order", code="unauthorized")
    events.switch_changed(level="global", name="", who="t", why="test", paused=True, version=1)
    events.reload_refused(who="t", fault="wrong")
    events.metrics.took(Stage.SIGN, events.metrics.now_ns())


def quote_server() -> Events:
    """Return the events of a quote server whose gauges stand."""
    metrics = Metrics()
    for name, labels in (
        ("pmm_open_reservations", ()),
        ("pmm_paused_switches", ()),
        ("pmm_view_age_seconds", ()),
        ("pmm_feed_age_seconds", ("feed",)),
        ("pmm_free_inventory", ("token",)),
    ):
        gauge = Gauge(name, "A stand-in.", labels, registry=metrics.registry)
        (gauge.labels(*(["x"] * len(labels))) if labels else gauge).set(1)
    return Events(metrics)
