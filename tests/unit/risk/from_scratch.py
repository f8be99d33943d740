"""Every metric of the risk book computed from the whole list of events, slowly and by its formula."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from pmm.risk import events as seen
from pmm.risk.catalogue import BY_NAME, METRICS
from pmm.risk.windows import BUCKETS

Values = dict[tuple[str, str], float | None]
_Event = TypeVar("_Event")


class FromScratch:
    """The metrics at ``now_ms`` of everything that happened, in the order in which it arrived."""

    def __init__(self, events: Sequence[seen.RiskEvent], now_ms: int) -> None:
        self._events = events
        self._now_ms = now_ms
        self.values: Values = {(one.name, ""): None for one in METRICS if not one.each}
        self._streams()
        self._quotes()
        self._book()
        self._time()
        self._money()

    def _of(self, kind: type[_Event]) -> list[_Event]:
        return [one for one in self._events if isinstance(one, kind)]

    def _within(self, name: str, events: Iterable[Any]) -> list[Any]:
        bucket_ms = BY_NAME[name].window_ms // BUCKETS
        return [one for one in events if one.at_ms // bucket_ms > self._now_ms // bucket_ms - BUCKETS]

    def _put(self, name: str, key: str, value: Callable[[], float | None], newest_ms: int | None) -> None:
        stale_ms = BY_NAME[name].stale_ms
        if newest_ms is None or (stale_ms and self._now_ms - newest_ms > stale_ms):
            self.values[name, key] = None
        else:
            self.values[name, key] = value()

    def _mean(self, name: str, events: Sequence[Any], number: Callable[[Any], float], key: str = "") -> None:
        inside = self._within(name, events)
        newest = max((one.at_ms for one in events), default=None)
        self._put(name, key, lambda: statistics.fmean(map(number, inside)) if inside else None, newest)

    def _share(self, name: str, above: Sequence[Any], below: Sequence[Any], key: str = "") -> None:
        """``above`` and ``below`` are pairs of (event, amount)."""

        def total(pairs: Sequence[Any]) -> int:
            kept = self._within(name, [event for event, _ in pairs])
            return sum(amount for event, amount in pairs if event in kept)

        newest = max((event.at_ms for event, _ in [*above, *below]), default=None)
        bottom = total(below)
        self._put(name, key, lambda: total(above) / bottom * 100 if bottom else None, newest)

    def _streams(self) -> None:
        answered = [one for one in self._of(seen.RequestAnswered) for _ in range(one.count)]
        self._mean("quote_response_ms", answered, lambda one: one.response_us / 1_000)
        self._mean("trade_latency_ms", self._of(seen.VenueTradeDone), lambda one: one.latency_us / 1_000)
        included = self._of(seen.TransactionIncluded)
        timed = [one for one in included if one.submission_us is not None]
        self._mean("submission_latency_ms", timed, lambda one: one.submission_us / 1_000)
        self._mean("inclusion_blocks", included, lambda one: one.blocks)
        self._mean("settlement_success_pct", self._of(seen.SettlementEnded), lambda one: 100.0 * one.settled)
        trips, probes = self._of(seen.RoundTripSeen), self._of(seen.SourceProbed)
        for peer in {one.peer for one in trips}:
            of_peer = [one for one in trips if one.peer == peer]
            self._mean("network_latency_ms", of_peer, lambda one: one.round_trip_us / 1_000, peer)
        for source in {one.source for one in probes}:
            of_source = [one for one in probes if one.source == source]
            self._mean("source_health_pct", of_source, lambda one: 100.0 * one.healthy, source)
        markouts = self._of(seen.MarkoutTaken)
        for horizon in {one.horizon_s for one in markouts}:
            of_horizon = [one for one in markouts if one.horizon_s == horizon]
            self._mean("markout_bps", of_horizon, lambda one: one.markout_bps_e3 / 1_000, f"{horizon}s")
        gas = self._of(seen.GasPriceSeen)
        prices = [one.gas_price_wei for one in self._within("gas_price_impact_pct", gas)]
        spread = statistics.pstdev(prices) / statistics.fmean(prices) * 100 if len(prices) > 1 else None
        self._put("gas_price_impact_pct", "", lambda: spread, max((one.at_ms for one in gas), default=None))

    def _quotes(self) -> None:
        given, executed = self._of(seen.QuoteGiven), self._of(seen.QuoteExecuted)
        for label, field in (("relayer", "relayer"), ("pair", "pair"), ("taker", "taker")):
            for name in {getattr(one, field) for one in [*given, *executed]}:
                self._share(
                    "quote_acceptance_pct",
                    [(one, 1) for one in executed if getattr(one, field) == name],
                    [(one, 1) for one in given if getattr(one, field) == name],
                    f"{label}:{name}",
                )
        filled = [(one, one.value_usd_e6) for one in executed]
        self._share("quote_to_fill_pct", filled, [(one, one.value_usd_e6) for one in given])
        self._share(
            "realised_edge_pct",
            [(one, one.realised_usd_e6) for one in self._of(seen.EdgeRealised)],
            [(one, one.expected_usd_e6) for one in self._of(seen.EdgeRealised)],
        )
        loans = [(one, one.value_usd_e6) for one in self._of(seen.FlashLoanTaken)]
        settled = [(one, one.value_usd_e6) for one in self._of(seen.SettlementEnded)]
        self._share("flash_loan_exposure_pct", loans, settled)

    def _book(self) -> None:
        newest: dict[str, seen.PositionValued] = {}
        followed: set[str] = set()
        aimed: set[str] = set()
        for one in self._of(seen.PositionValued):
            if one.asset not in newest or one.at_ms >= newest[one.asset].at_ms:
                newest[one.asset] = one
                if one.wanted_usd_e6 is not None:
                    followed.add(one.asset)
                if one.target_usd_e6 > 0:
                    aimed.add(one.asset)
        held = list(newest.values())
        oldest = min((one.at_ms for one in held), default=None)
        inventory = sum(one.held_usd_e6 for one in held)

        def of_inventory(amount: int) -> Callable[[], float | None]:
            return lambda: amount / inventory * 100 if inventory > 0 else None

        risky = [one for one in held if not one.numeraire]
        for one in risky:
            if one.wanted_usd_e6 is not None:
                delta = one.long_usd_e6 - one.short_usd_e6 - one.wanted_usd_e6
                self._put("net_delta_pct", one.asset, of_inventory(delta), oldest)
            elif one.asset in followed:
                # Somebody said once what is wanted of it, and nobody does now.
                self.values["net_delta_pct", one.asset] = None
        for one in held:
            if one.target_usd_e6 > 0:
                level = one.held_usd_e6 / one.target_usd_e6 * 100
                self._put("inventory_level_pct", one.asset, lambda level=level: level, oldest)  # type: ignore[misc]
            elif one.asset in aimed:
                self.values["inventory_level_pct", one.asset] = None
        portfolio = self._of(seen.PortfolioValued)
        if portfolio and held:
            largest = max((abs(one.long_usd_e6 - one.short_usd_e6) for one in risky), default=0)
            whole = portfolio[-1].value_usd_e6
            self._put("concentration_pct", "", lambda: largest / whole * 100 if whole > 0 else None, oldest)
        to_hedge, hedged = sum(one.to_hedge_usd_e6 for one in held), sum(one.hedged_usd_e6 for one in held)
        coverage = hedged / to_hedge * 100 if to_hedge else 100.0
        self._put("hedging_coverage_pct", "", lambda: coverage, oldest)
        on_chain = of_inventory(sum(one.on_chain_usd_e6 for one in held))
        self._put("on_chain_inventory_pct", "", on_chain, oldest)
        hedge = of_inventory(sum(one.hedge_usd_e6 for one in held))
        self._put("hedged_inventory_pct", "", hedge, oldest)

    def _time(self) -> None:
        self._uptime()
        values = _in_order(self._of(seen.PortfolioValued))
        inside = [one.value_usd_e6 for one in self._within("max_drawdown_pct", values)]
        falls = [
            (peak - trough) / peak
            for place, peak in enumerate(inside)
            for trough in inside[place:]
            if peak > 0
        ]
        fall = max(falls, default=0.0) * 100 if inside else None
        self._put("max_drawdown_pct", "", lambda: fall, values[-1].at_ms if values else None)
        self._turnover()

    def _uptime(self) -> None:
        looks = _in_order(self._of(seen.AvailabilitySeen))
        metric = BY_NAME["uptime_pct"]
        bucket_ms = metric.window_ms // BUCKETS
        start_ms = (self._now_ms // bucket_ms - BUCKETS + 1) * bucket_ms
        good = whole = 0
        for one, later in pairwise(looks):
            until = min(later.at_ms, one.at_ms + metric.stale_ms) if one.answering else one.at_ms
            good += max(until - max(one.at_ms, start_ms), 0)
            whole += max(later.at_ms - max(one.at_ms, start_ms), 0)
        share = good / whole * 100 if whole else None
        self._put("uptime_pct", "", lambda: share, looks[-1].at_ms if looks else None)

    def _turnover(self) -> None:
        name = "inventory_turnover_per_day"
        volume = sum(one.value_usd_e6 for one in self._within(name, self._of(seen.SettlementEnded)))
        newest: dict[str, seen.PositionValued] = {}
        before: tuple[int, int] | None = None
        watched = inventory = 0
        for one in self._of(seen.PositionValued):
            if one.asset in newest and one.at_ms < newest[one.asset].at_ms:
                continue
            newest[one.asset] = one
            if before is not None and one.at_ms < before[0]:
                continue
            if before is not None and self._within(name, [one]):
                watched += one.at_ms - before[0]
                inventory += before[1] * (one.at_ms - before[0])
            before = (one.at_ms, sum(each.held_usd_e6 for each in newest.values()))
        known = watched >= 3_600_000 and inventory > 0
        value = volume / inventory * 86_400_000 if known else None
        self._put(name, "", lambda: value, before[0] if before else None)

    def _money(self) -> None:
        booked = self._of(seen.PnlBooked)

        def total(name: str, events: Sequence[seen.PnlBooked], key: str = "", scale: float = 1e-6) -> None:
            inside = self._within(name, events)
            newest = max((one.at_ms for one in events), default=None)
            amount = sum(one.amount_usd_e6 for one in inside)
            self._put(name, key, lambda: amount * scale if inside else None, newest)

        total("pnl_usd", booked)
        total("pnl_trend_usd_per_h", booked, scale=1e-6 / 6)
        for token in {one.token for one in booked}:
            total("token_pnl_usd", [one for one in booked if one.token == token], token)
        revenue = [
            (one, one.amount_usd_e6)
            for one in booked
            if one.component == "spread" or (one.component == "funding" and one.amount_usd_e6 > 0)
        ]
        earned = [one for one, _ in revenue]
        cost = [(one, -one.amount_usd_e6) for one in booked if one not in earned]
        none = [(one, 0) for one in booked]
        self._share("revenue_efficiency_pct", [*revenue, *none], cost)
        gas = [pair for pair in cost if pair[0].component == "gas"]
        self._share("gas_ratio_pct", [*gas, *none], revenue)
        done = self._of(seen.Rebalanced)
        count = sum(one.count for one in self._within("rebalances_per_day", done))
        known = bool(self._within("rebalances_per_day", done))
        newest = max((one.at_ms for one in done), default=None)
        self._put("rebalances_per_day", "", lambda: float(count) if known else None, newest)
        self._latest()

    def _latest(self) -> None:
        measured = _in_order(
            [one for one in self._events if isinstance(one, (seen.VarMeasured, seen.VarUnknown))]
        )
        for name, field in (
            ("value_at_risk_pct", "var_usd_e6"),
            ("expected_shortfall_pct", "shortfall_usd_e6"),
        ):
            if measured:
                one = measured[-1]
                amount, capital = getattr(one, field, 0), getattr(one, "capital_usd_e6", 0)
                share = amount / capital * 100 if capital > 0 else None
                self._put(name, "", lambda share=share: share, one.at_ms)  # type: ignore[misc]
        stressed = _in_order(self._of(seen.StressMeasured))
        if stressed:
            worst, bearing = stressed[-1].worst_loss_usd_e6, stressed[-1].capital_usd_e6
            self._put(
                "stress_loss_pct",
                "",
                lambda: worst / bearing * 100 if bearing > 0 else None,
                stressed[-1].at_ms,
            )
        accounts = self._of(seen.CollateralValued)
        for account in {one.account for one in accounts}:
            last = _in_order([one for one in accounts if one.account == account])[-1]
            need = last.required_usd_e6
            buffer = (last.collateral_usd_e6 - need) / need * 100 if need else float("inf")
            self._put("liquidation_buffer_pct", account, lambda buffer=buffer: buffer, last.at_ms)  # type: ignore[misc]
            health = last.collateral_usd_e6 / need if need else float("inf")
            self._put("health_factor", account, lambda health=health: health, last.at_ms)  # type: ignore[misc]
        probes = self._of(seen.NodeProbed)
        for node in {one.node for one in probes}:
            self._score("node_health_pct", node, [one for one in probes if one.node == node])
        self._score("serving_node_health_pct", "", [one for one in probes if one.serving])

    def _score(self, name: str, key: str, probes: list[seen.NodeProbed]) -> None:
        if probes:
            last = _in_order(probes)[-1]
            score = 0.7 * last.sync_score + 0.3 * last.response_score
            self._put(name, key, lambda: score, last.at_ms)


def _in_order(events: Sequence[Any]) -> list[Any]:
    """Drop what is older than what came before it."""
    kept: list[Any] = []
    for one in events:
        if not kept or one.at_ms >= kept[-1].at_ms:
            kept.append(one)
    return kept
