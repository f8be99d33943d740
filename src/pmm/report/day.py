"""What a day was: sums, steps, quantiles out of points, quotes and alerts. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import fmean, median, quantiles

from pmm.desk.backtest_ledger import DAY_MS
from pmm.replay.markouts import HORIZONS_S, markouts
from pmm.report.series import Point, Steps, grouped, growths, last, levels, summed
from pmm.risk.var_record import VarDay

_STATES = {0: "normal", 1: "recovery", 2: "warning", 3: "critical"}
_DIRECTION = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """One request of the journal; amounts in base units, ``fair_rate_e36`` in maker units per taker unit."""

    at_ms: int
    relayer: str
    decision: str
    filled: bool
    direction: _DIRECTION | None = None
    making_amount: int = 0
    taking_amount: int = 0
    fair_rate_e36: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """One line of the alert log."""

    at_ms: int
    key: str
    severity: str
    title: str
    fate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayData:
    """What was read; ``points`` in the order they were written, with the last of each series before the day.

    ``taken_markouts`` are (horizon in seconds, bps) of the day's fills as the desk measured them while it ran;
    ``var_days`` the forecasts of value at risk up to the day, oldest first.
    """

    day: date
    start_ms: int
    end_ms: int
    quotes: tuple[QuoteLine, ...] = ()
    points: tuple[Point, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    taken_markouts: tuple[tuple[int, float], ...] = ()
    var_days: tuple[VarDay, ...] = ()
    audit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkoutLine:
    """Markouts of the fills at one horizon, bps of what was taken; positive is our gain."""

    horizon_s: int
    count: int
    mean: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that went wrong, or was put right."""

    at_ms: int
    what: str
    detail: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """The report before it is drawn. Money is US dollars; ratios are fractions."""

    day: date
    start_ms: int
    end_ms: int
    quoted: int
    filled: int
    requests: int
    filled_usd: float
    decisions: Mapping[str, int]
    pnl: Steps
    pnl_by_token: Mapping[str, Steps]
    pnl_by_component: Mapping[str, Steps]
    portfolio: Steps
    inventory: Mapping[str, Steps]
    delta: Mapping[str, Steps]
    var: Mapping[str, Steps]
    gas_usd: Mapping[str, Steps]
    gas_price: Steps
    buffers: Mapping[str, Steps]
    hedges: Mapping[str, int]
    actions: Mapping[str, int]
    markouts: tuple[MarkoutLine, ...]
    incidents: tuple[Incident, ...]
    worst_state: str
    audit: str
    volume: float
    recorded: int
    var_days: tuple[VarDay, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing at all was recorded on the day; what stood before it does not count."""
        forecast = bool(self.var_days) and self.var_days[-1].day == self.start_ms // DAY_MS
        return not (self.requests or self.recorded or self.incidents or forecast)

    @property
    def allowed_loss(self) -> float | None:
        """The value at risk as the day began, by Monte-Carlo where it was computed so; None without one."""
        methods = sorted(self.var, key=lambda name: (name != "monte_carlo", name))
        return self.var[methods[0]][0][1] if methods else None

    @property
    def troubles(self) -> int:
        """How many incidents were warnings or worse."""
        return sum(one.severity in ("warning", "critical") for one in self.incidents)

    @property
    def acceptance(self) -> float | None:
        """Filled over quoted, None without a quote in the journal."""
        return min(self.filled / self.quoted, 1.0) if self.quoted else None

    @property
    def worst_pnl(self) -> float:
        """The lowest that the day's profit and loss stood."""
        return min((value for _, value in self.pnl), default=0.0)


def day_report(data: DayData) -> DayReport:
    """Compute a day's report."""
    within = [point for point in data.points if point.at_ms < data.end_ms]
    start_ms = data.start_ms
    pnl = growths(within, "pmm_desk_pnl_usd", start_ms)
    quotes = [quote for quote in data.quotes if start_ms <= quote.at_ms < data.end_ms]
    quoted = [quote for quote in quotes if quote.direction is not None]
    losses = levels(within, "pmm_risk_loss_usd", start_ms)
    return DayReport(
        day=data.day,
        start_ms=start_ms,
        end_ms=data.end_ms,
        quoted=len(quoted),
        filled=max(sum(quote.filled for quote in quoted), round(_net(within, "pmm_desk_fills", start_ms))),
        requests=len(quotes),
        filled_usd=sum(quote.usd for quote in quoted if quote.filled),
        decisions=dict(Counter(quote.decision for quote in quotes).most_common()),
        pnl=summed(list(pnl.values())),
        pnl_by_token=grouped(pnl, 0),
        pnl_by_component=grouped(pnl, 1),
        portfolio=levels(within, "pmm_desk_portfolio_usd", start_ms).get("", []),
        inventory=grouped(levels(within, "pmm_desk_inventory_usd", start_ms), 0),
        delta=levels(within, "pmm_desk_delta_ratio", start_ms),
        var={name.split("/")[0]: steps for name, steps in losses.items() if name.endswith("/var")},
        gas_usd=growths(within, "pmm_transaction_gas_usd_total", start_ms),
        gas_price=levels(within, "pmm_gas_price_gwei", start_ms).get("", []),
        buffers=levels(within, "pmm_lending_buffer_ratio", start_ms),
        hedges=_counts(within, "pmm_hedges_total", start_ms),
        actions=_counts(within, "pmm_actions_total", start_ms),
        markouts=_measured_markouts(data.taken_markouts) or day_markouts(data.quotes, start_ms, data.end_ms),
        incidents=_incidents(data, within),
        worst_state=_worst(within, start_ms),
        audit=data.audit,
        recorded=sum(point.at_ms >= start_ms for point in within),
        volume=_net(within, "pmm_desk_volume", start_ms, "_usd"),
        var_days=data.var_days,
    )


def day_markouts(quotes: Sequence[QuoteLine], start_ms: int, end_ms: int) -> tuple[MarkoutLine, ...]:
    """Return the markouts of the day's fills against the fair values that later requests were priced on.

    A horizon without a later fair value within its own length is left out of it: ``quotes`` may reach beyond the day.
    """
    rates: dict[_DIRECTION, list[tuple[int, int]]] = defaultdict(list)
    for quote in sorted(quotes, key=lambda one: one.at_ms):
        if quote.direction is not None and quote.fair_rate_e36:
            rates[quote.direction].append((quote.at_ms // 1_000, quote.fair_rate_e36))
    found: dict[int, list[float]] = defaultdict(list)
    for quote in quotes:
        if not (quote.filled and quote.direction and start_ms <= quote.at_ms < end_ms):
            continue
        at_s = quote.at_ms // 1_000
        for horizon_s in HORIZONS_S:
            near = [rate for rate in rates[quote.direction] if rate[0] <= at_s + 2 * horizon_s]
            (judged,) = markouts(
                making_amount=quote.making_amount,
                taking_amount=quote.taking_amount,
                quoted_at_s=at_s,
                fair_rates=near,
                horizons_s=(horizon_s,),
            )
            if judged.gain_bps_e2 is not None:
                found[horizon_s].append(judged.gain_bps_e2 / 100)
    return tuple(_markout_line(horizon_s, found[horizon_s]) for horizon_s in HORIZONS_S if found[horizon_s])


def _measured_markouts(taken: Sequence[tuple[int, float]]) -> tuple[MarkoutLine, ...]:
    found: dict[int, list[float]] = defaultdict(list)
    for horizon_s, bps in taken:
        found[horizon_s].append(bps)
    return tuple(_markout_line(horizon_s, found[horizon_s]) for horizon_s in sorted(found))


def _markout_line(horizon_s: int, values: list[float]) -> MarkoutLine:
    low, middle, high = quantiles(values, n=4) if len(values) > 1 else (values[0], median(values), values[0])
    return MarkoutLine(
        horizon_s=horizon_s, count=len(values), mean=fmean(values), low=low, middle=middle, high=high
    )


def _counts(points: Sequence[Point], series: str, start_ms: int) -> dict[str, int]:
    found = {name: round(last(steps)) for name, steps in growths(points, series, start_ms).items()}
    return {name: count for name, count in sorted(found.items()) if count}


def _total(points: Sequence[Point], series: str, start_ms: int) -> float:
    return sum(last(steps) for steps in growths(points, series, start_ms).values())


def _net(points: Sequence[Point], series: str, start_ms: int, unit: str = "") -> float:
    """Return what was counted less what reorganisations took back: a fill that moved to another block is one."""
    counted = _total(points, f"{series}{unit}_total", start_ms)
    return max(counted - _total(points, f"{series}_removed{unit}_total", start_ms), 0.0)


def _incidents(data: DayData, points: Sequence[Point]) -> tuple[Incident, ...]:
    found = [
        Incident(
            at_ms=alert.at_ms,
            what=f"alert {alert.fate}",
            detail=f"{alert.title} ({alert.key})",
            severity="resolved" if alert.fate == "resolved" else alert.severity,
        )
        for alert in data.alerts
        if data.start_ms <= alert.at_ms < data.end_ms
    ]
    for subject, steps in levels(points, "pmm_risk_state", data.start_ms).items():
        metric, _, of = subject.partition("/")
        # The first value is where a metric stood, not a change.
        for before, after in pairwise(steps):
            if before[1] != after[1]:
                state = _STATES[int(after[1])]
                what = f"{metric} {of}".strip()
                detail = f"{_STATES[int(before[1])]} to {state}"
                found.append(Incident(at_ms=after[0], what=what, detail=detail, severity=state))
    for name, steps in growths(points, "pmm_actions_total", data.start_ms).items():
        action, _, outcome = name.partition("/")
        for (_, had), (at_ms, has) in pairwise(steps):
            if has > had:
                severity = "critical" if outcome == "failed" else "action"
                found.append(
                    Incident(at_ms=at_ms, what=f"command {action}", detail=outcome, severity=severity)
                )
    for _, steps in growths(points, "pmm_indexer_reorgs_total", data.start_ms).items():
        found += [
            Incident(at_ms=at_ms, what="reorganisation", detail="blocks were undone", severity="warning")
            for (_, had), (at_ms, has) in pairwise(steps)
            if has > had
        ]
    return tuple(sorted(found, key=lambda one: one.at_ms))


def _worst(points: Sequence[Point], start_ms: int) -> str:
    steps = levels(points, "pmm_desk_state", start_ms).get("", [])
    # Recovery is on the way back from critical, but it is not as bad as a warning.
    return _STATES[int(max(value for _, value in steps))] if steps else "unknown"
