"""Events of the hedger."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_COST_BPS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
_LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 3, 10)


class HedgeEvents:
    """Counts intents, routes, outcomes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._intents = Counter(
            "pmm_hedge_intents", "Hedge intents.", ("asset", "strategy"), registry=registry
        )
        self._finished = Counter(
            "pmm_hedges", "Hedges by route and outcome.", ("route", "outcome"), registry=registry
        )
        self._cost = Histogram(
            "pmm_hedge_cost_bps", "Full cost of a hedge.", ("route",), buckets=_COST_BPS, registry=registry
        )
        self._latency = Histogram(
            "pmm_hedge_submit_seconds",
            "The desk's look at the chain, which shows it a fill, to the hedge that a node took.",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self._open = Gauge(
            "pmm_hedge_open_intents",
            "Intents by state, unknown ones included.",
            ("state",),
            registry=registry,
        )
        self._priced = Gauge(
            "pmm_hedge_price_known",
            "1 while a token has a price to hedge by.",
            ("token",),
            registry=registry,
        )
        self._strategy = Gauge(
            "pmm_hedge_strategy", "1 for the strategy in force.", ("asset", "strategy"), registry=registry
        )
        self._ratio = Gauge(
            "pmm_hedge_ratio", "Part of a delta that is hedged.", ("asset",), registry=registry
        )
        self._ratio_known = Gauge(
            "pmm_hedge_ratio_known",
            "0 while the ratio cannot be measured: the whole is hedged.",
            ("asset",),
            registry=registry,
        )
        self._waiting = Gauge(
            "pmm_hedge_waiting_seconds",
            "Age of the oldest delta that no hedge has claimed; 0 without one.",
            ("asset",),
            registry=registry,
        )

        self._paper = Gauge(
            "pmm_paper_perp_position",
            "Position on the paper perp venue, whole tokens: paper money.",
            ("asset",),
            registry=registry,
        )
        self._paper_usd = Gauge(
            "pmm_paper_perp_position_usd", "The same in US dollars.", ("asset",), registry=registry
        )

    def paper_perp(self, *, asset: str, amount: float, usd: float) -> None:
        """A position on paper, short where negative: nothing was traded anywhere."""
        self._paper.labels(asset).set(amount)
        self._paper_usd.labels(asset).set(usd)
        self._log.debug("paper_perp", asset=asset, amount=amount)

    def followed(
        self, *, asset: str, strategy: str, ratio: float, ratio_known: bool, waiting_s: float
    ) -> None:
        """An asset is hedged by a strategy, of which this is the state now."""
        # From zero: Prometheus sees no increase in a series that begins with its first event.
        self._intents.labels(asset, strategy)
        self._strategy.labels(asset, strategy).set(1)
        self._ratio.labels(asset).set(ratio)
        self._ratio_known.labels(asset).set(ratio_known)
        self._waiting.labels(asset).set(waiting_s)
        self._log.debug("followed", asset=asset, strategy=strategy, ratio=ratio, waiting_s=waiting_s)

    def priced(self, *, token: str, known: bool) -> None:
        """Whether hedges may be judged by a token's price now; without one they wait."""
        self._priced.labels(token).set(known)
        self._log.debug("priced", token=token, known=known)

    def route_offered(self, *, route: str) -> None:
        """Hedges may go this way: counted from zero, as above."""
        self._finished.labels(route, "filled")
        self._cost.labels(route)
        self._log.debug("route_offered", route=route)

    def hedge_intended(self, *, intent_id: str, asset: str, strategy: str, usd: float) -> None:
        """A fill, or the exposure, asked for a hedge."""
        self._intents.labels(asset, strategy).inc()
        self._log.info(
            "hedge_intended", intent_id=intent_id, asset=asset, strategy=strategy, usd=round(usd, 2)
        )

    def hedge_submitted(self, *, intent_id: str, route: str, after_s: float) -> None:
        """A node took a hedge's transaction, ``after_s`` after the desk began the turn that decided on it."""
        self._latency.observe(after_s)
        self._log.info("hedge_submitted", intent_id=intent_id, route=route)

    def hedge_finished(self, *, intent_id: str, route: str, outcome: str, cost_bps: float) -> None:
        """A hedge ended: filled, partial, failed, repaired or unwound."""
        self._finished.labels(route, outcome).inc()
        self._cost.labels(route).observe(cost_bps)
        log = self._log.info if outcome == "filled" else self._log.warning
        log("hedge_finished", intent_id=intent_id, route=route, outcome=outcome, cost_bps=cost_bps)

    def hedge_unknown(self, *, intent_id: str, route: str, why: str) -> None:
        """An answer was lost; the leg stays unknown until it is reconciled."""
        self._finished.labels(route, "unknown").inc()
        self._log.error("hedge_unknown", intent_id=intent_id, route=route, why=why)

    def open_intents(self, *, state: str, count: int) -> None:
        """So many intents stand in a state now."""
        self._open.labels(state).set(count)
        self._log.debug("open_intents", state=state, count=count)
