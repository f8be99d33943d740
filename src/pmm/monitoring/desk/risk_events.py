"""Events of the risk engine and of the actions that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

RISK_STATES: Final = {"normal": 0, "recovery": 1, "warning": 2, "critical": 3}
"""State as a number that rises with danger."""
_ZONES: Final = {"green": 0, "yellow": 1, "red": 2}


class RiskEvents:
    """Gauges of every metric of the risk book, with its state; counts what was done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        names = ("metric", "subject")
        self._value = Gauge("pmm_risk_metric", "Metric of the risk book.", names, registry=registry)
        self._known = Gauge("pmm_risk_known", "0 when a metric cannot be computed.", names, registry=registry)
        self._state = Gauge(
            "pmm_risk_state", "0 normal, 1 recovery, 2 warning, 3 critical.", names, registry=registry
        )
        self._line = Gauge(
            "pmm_risk_line", "Where warning and critical begin.", ("metric", "line"), registry=registry
        )
        self._needs = Gauge(
            "pmm_risk_needs_prices", "Prices still to be seen before it is known.", names, registry=registry
        )
        self._methods: set[str] = set()
        self._overall = Gauge("pmm_desk_state", "The worst state of all, same numbers.", registry=registry)
        self._changes = Counter(
            "pmm_risk_state_changes", "Changes of state.", ("metric", "state"), registry=registry
        )
        self._loss = Gauge(
            "pmm_risk_loss_usd", "Possible loss by method.", ("method", "measure"), registry=registry
        )
        self._stress = Gauge(
            "pmm_stress_pnl_usd", "What a scenario would bring.", ("scenario",), registry=registry
        )
        self._exceeded = Counter(
            "pmm_var_exceedances", "Days that lost more than the VaR.", registry=registry
        )
        self._judged = Gauge(
            "pmm_var_backtest",
            "Days and exceptions of the newest 250, and how many are replayed.",
            ("method", "count"),
            registry=registry,
        )
        self._zone = Gauge(
            "pmm_var_backtest_zone",
            "0 green, 1 yellow, 2 red; none before 250 days.",
            ("method",),
            registry=registry,
        )
        self._chance = Gauge(
            "pmm_var_backtest_p_value",
            "Probability of a worse record were the method right.",
            ("method", "test"),
            registry=registry,
        )
        self._actions = Counter(
            "pmm_actions", "Commands of the risk book.", ("action", "outcome"), registry=registry
        )
        self._told = Gauge(
            "pmm_pre_trade_told",
            "1 when a quote server took the newest risk state, 0 when it did not.",
            ("server",),
            registry=registry,
        )
        self._waiting = Gauge("pmm_actions_waiting", "Commands that wait for a yes.", registry=registry)

    def line_set(self, *, metric: str, warning: float, critical: float) -> None:
        """The lines of a metric are these."""
        self._line.labels(metric, "warning").set(warning)
        self._line.labels(metric, "critical").set(critical)
        self._log.debug("line_set", metric=metric, warning=warning, critical=critical)

    def metric_measured(self, *, metric: str, subject: str, value: float | None, state: str) -> None:
        """A metric has a value; None when it cannot be computed, which is never good.

        ``subject`` is the pair, node, account or token, and empty for the whole desk. Raises KeyError for an
        unknown state.
        """
        number = RISK_STATES[state]
        self._value.labels(metric, subject).set(math.nan if value is None else value)
        self._known.labels(metric, subject).set(0 if value is None else 1)
        self._state.labels(metric, subject).set(
            max(number, RISK_STATES["warning"]) if value is None else number
        )
        self._log.debug("metric_measured", metric=metric, subject=subject, value=value, state=state)

    def metric_forgotten(self, *, metric: str, subject: str) -> None:
        """Nothing measures it any more: without this its last state would be shown for ever."""
        self._value.labels(metric, subject).set(math.nan)
        self._known.labels(metric, subject).set(0)
        self._state.labels(metric, subject).set(RISK_STATES["normal"])
        self._log.warning("metric_forgotten", metric=metric, subject=subject)

    def state_changed(self, *, metric: str, subject: str, before: str, after: str, why: str) -> None:
        """The state of a metric changed."""
        self._changes.labels(metric, after).inc()
        log = self._log.warning if RISK_STATES[after] > RISK_STATES["normal"] else self._log.info
        log("state_changed", metric=metric, subject=subject, before=before, after=after, why=why)

    def desk_state(self, state: str) -> None:
        """The desk as a whole is in this state."""
        self._overall.set(RISK_STATES[state])
        self._log.debug("desk_state", state=state)

    def loss_estimated(self, *, method: str, var_usd: float, shortfall_usd: float) -> None:
        """Value at risk and expected shortfall by one method, 99 %, one day."""
        self._methods.add(method)
        self._loss.labels(method, "var").set(var_usd)
        self._loss.labels(method, "shortfall").set(shortfall_usd)
        self._log.debug(
            "loss_estimated", method=method, var_usd=round(var_usd), shortfall_usd=round(shortfall_usd)
        )

    def loss_unknown(self) -> None:
        """Nobody can say now what may be lost: what was said before counts no more."""
        for method in self._methods:
            self._loss.labels(method, "var").set(math.nan)
            self._loss.labels(method, "shortfall").set(math.nan)
        self._log.debug("loss_unknown")

    def metric_needs(self, *, metric: str, subject: str, prices: int) -> None:
        """A metric is unknown until so many more prices are seen; 0 when it does not wait for any."""
        self._needs.labels(metric, subject).set(prices)
        self._log.debug("metric_needs", metric=metric, subject=subject, prices=prices)

    def loss_realised(self, *, pnl_usd: float, var_usd: float, counts: bool = True) -> None:
        """A day of the backtest is over; one that does not count is shown and is no exception."""
        self._loss.labels("realised", "pnl").set(pnl_usd)
        exceeded = counts and -pnl_usd > var_usd
        if exceeded:
            self._exceeded.inc()
        self._log.info("loss_realised", pnl_usd=round(pnl_usd), var_usd=round(var_usd), exceeded=exceeded)

    def last_day(self, *, pnl_usd: float) -> None:
        """The newest day that is over, as the ledger has it: told at a start, for it was counted when it ended."""
        self._loss.labels("realised", "pnl").set(pnl_usd)
        self._log.debug("last_day", pnl_usd=round(pnl_usd))

    def var_judged(
        self,
        *,
        method: str,
        days: int,
        exceptions: int,
        zone: str | None,
        p_values: Mapping[str, float],
        replayed: int = 0,
    ) -> None:
        """A method was held against its newest days, some of them ``replayed`` from a price history.

        Raises KeyError for an unknown zone; None is too few days.
        """
        self._judged.labels(method, "days").set(days)
        self._judged.labels(method, "replayed").set(replayed)
        self._judged.labels(method, "exceptions").set(exceptions)
        if zone is not None:
            self._zone.labels(method).set(_ZONES[zone])
        for test, chance in p_values.items():
            self._chance.labels(method, test).set(chance)
        self._log.debug(
            "var_judged", method=method, days=days, replayed=replayed, exceptions=exceptions, zone=zone
        )

    def scenario_valued(self, *, scenario: str, pnl_usd: float) -> None:
        """A stress scenario was computed."""
        self._stress.labels(scenario).set(pnl_usd)
        self._log.debug("scenario_valued", scenario=scenario, pnl_usd=round(pnl_usd))

    def action_taken(self, *, action: str, outcome: str, cause: str, command_id: str) -> None:
        """A command was carried out, refused, failed, or waits for a yes (``asked``)."""
        self._actions.labels(action, outcome).inc()
        log = self._log.error if outcome == "failed" else self._log.warning
        log("action_taken", action=action, outcome=outcome, cause=cause, command_id=command_id)

    def pre_trade_sent(self, taken: bool, *, server: str) -> None:
        """A quote server was told the risk state that its quotes are held against."""
        self._told.labels(server).set(int(taken))
        self._log.debug("pre_trade_sent", server=server, taken=taken)

    def actions_waiting(self, count: int) -> None:
        """So many commands wait for a person."""
        self._waiting.set(count)
        self._log.debug("actions_waiting", count=count)
