"""The desk on one page, from its ledger and the node, beside the desk that runs. Reads only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from pmm.desk.performance_ledger import PerformanceLedger
from pmm.desk.risk_clock import VALUE_AT_RISK
from pmm.desk.scene import Scene
from pmm.domain import LendingMarket, Token
from pmm.errors import ChainError
from pmm.execution.book import ChainReading
from pmm.execution.hedging import HedgeLedger, Intent, PerpPosition
from pmm.execution.hedging.accounting import HedgeAccounts
from pmm.ledger import LedgerReader, ReadOnlyLedger, read_ledger
from pmm.monitoring.desk import RISK_STATES
from pmm.risk.catalogue import BY_NAME
from pmm.risk.events import PnlComponent
from pmm.risk.valuation import no_price_of
from pmm.settings import ServeSettings
from pmm.venues.book_reader import BookReader
from pmm.venues.paper import PaperPerp

_LATEST = 8
_DAY_MS: Final = 86_400_000
_HEAD = "SELECT b.number, b.time_s FROM chain_cursor c JOIN chain_blocks b ON b.hash = c.head_hash"
# The newest run writes every series at its start; subject is "metric/of what".
_RISK = (
    "SELECT series, subject, value, at_ms FROM history_points WHERE seq IN (SELECT max(seq) FROM history_points "
    "WHERE run = (SELECT run FROM history_points ORDER BY seq DESC LIMIT 1) AND series IN "
    "('pmm_desk_state', 'pmm_risk_state', 'pmm_risk_metric', 'pmm_risk_known', 'pmm_risk_needs_prices', "
    "'pmm_hedge_price_known') "
    "GROUP BY series, subject) ORDER BY subject"
)
_HEADS = (
    "SELECT subject FROM history_points WHERE seq IN (SELECT max(seq) FROM history_points WHERE run = "
    "(SELECT run FROM history_points ORDER BY seq DESC LIMIT 1) AND series = 'pmm_heads_source' GROUP BY subject) "
    "AND CAST(value AS REAL) = 1"
)
_SAID = (
    "SELECT series, subject, value FROM history_points WHERE seq IN (SELECT max(seq) FROM history_points "
    "WHERE run = (SELECT run FROM history_points ORDER BY seq DESC LIMIT 1) AND series IN "
    "('pmm_hedge_strategy', 'pmm_hedge_ratio', 'pmm_hedge_ratio_known', 'pmm_pending_delta') "
    "GROUP BY series, subject)"
)
_PHASE_OF = {number: name for name, number in RISK_STATES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLine:
    """One token, base units: held by our contracts at the node's head; ``delta`` is what fills left unhedged.

    ``waits_ms`` is the age of the oldest delta that no hedge has claimed, None without one. ``strategy`` is by which
    the desk hedges it as it last said, with the part that it takes where that is not the whole; empty for none.
    """

    token: Token
    held: int
    delta: int
    waits_ms: int | None = None
    strategy: str = ""
    pending: float | None = None
    """What signed quotes bring by fill probability, whole tokens, as last said; None where none counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingLine:
    """One position on a lending market, base units."""

    market: LendingMarket
    token: Token
    supplied: int
    owed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLine:
    """A metric of the risk book; the desk as a whole has none of both. ``value`` None: unknown.

    ``since_ms`` is when it came to its phase, or when the desk started; ``needs`` prices are missing to know it,
    and ``lacking`` are the tokens of which there is none.
    """

    metric: str
    subject: str
    phase: str
    value: float | None
    since_ms: int
    needs: int = 0
    lacking: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The value with its unit."""
        if not self.metric:
            return ""
        known = BY_NAME.get(self.metric)
        if self.value is None and self.lacking:
            return f"unknown, {no_price_of(self.lacking)}"
        if self.value is None:
            return f"unknown, needs {self.needs} more prices" if self.needs else "unknown"
        return f"{self.value:,.4g} {known.unit if known else ''}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitLine:
    """What a component earned or (negative) cost in 24 hours, millionths of a dollar; None: nothing booked."""

    component: PnlComponent
    usd_e6: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStatus:
    """Everything; ``head`` is the newest block in the books, None before the first one.

    ``heads`` is what wakes the desk, as it wrote last; empty before that.
    """

    ledger: str
    node: str
    node_head: int
    node_time_s: int
    head: int | None
    head_time_s: int | None
    heads: str
    tokens: tuple[TokenLine, ...]
    lending: tuple[LendingLine, ...]
    live: tuple[Intent, ...]
    latest: tuple[Intent, ...]
    risk: tuple[RiskLine, ...]
    profit: tuple[ProfitLine, ...]
    paper: tuple[PerpPosition, ...] = ()
    """Positions on the paper perp venue: paper money."""

    @property
    def lag_blocks(self) -> int | None:
        """Blocks that the books are behind the node."""
        return None if self.head is None else max(self.node_head - self.head, 0)


def read_status(settings: ServeSettings) -> DeskStatus:
    """Read ledger and node; raises InvalidInput without a ledger, ChainError without a node."""
    scene = Scene.find(settings)
    try:
        with read_ledger(scene.ledger_place) as ledger:
            reading = _read(scene)
            return _status(scene, ledger, reading, time.time_ns() // 1_000_000)
    finally:
        scene.close()


def _read(scene: Scene) -> ChainReading:
    reader = BookReader(scene.node, scene.scope, scene.lending)
    try:
        return reader.read()
    except ChainError:
        # A block came in between.
        return reader.read()


def _status(scene: Scene, ledger: LedgerReader, reading: ChainReading, now_ms: int) -> DeskStatus:
    hedges = HedgeLedger(ReadOnlyLedger(ledger))
    accounts = HedgeAccounts(hedges.load())
    head, heads = ledger.read(_HEAD), ledger.read(_HEADS)
    tokens = {token.address: token for token in scene.tokens}
    held, said = dict.fromkeys(tokens, 0), _newest(ledger)
    strategies = _strategies(said)
    for key, amount in reading.balances.items():
        held[key.token] += amount
    return DeskStatus(
        ledger=ledger.location,
        node=scene.rpc.shown_url,
        node_head=reading.block.number,
        node_time_s=reading.block.time_s,
        head=head[0][0] if head else None,
        head_time_s=head[0][1] if head else None,
        heads=heads[0][0] if heads else "",
        tokens=tuple(
            TokenLine(
                token=token,
                held=held[address],
                delta=accounts.open_delta(address) - accounts.in_flight(address),
                waits_ms=max((now_ms - one.at_ms for one in accounts.open_entries(address)), default=None),
                strategy=strategies.get(token.symbol, ""),
                pending=said.get(("pmm_pending_delta", token.symbol)),
            )
            for address, token in tokens.items()
        ),
        lending=tuple(
            LendingLine(
                market=key.market,
                token=tokens[key.token],
                supplied=mark.supply.amount,
                owed=mark.debt.amount,
            )
            for key, mark in reading.lending.items()
        ),
        live=accounts.live_intents(),
        latest=hedges.intents(most=_LATEST),
        risk=_risk(ledger),
        profit=_profit(ledger, now_ms - _DAY_MS),
        paper=PaperPerp(ReadOnlyLedger(ledger)).positions(),
    )


def _newest(ledger: LedgerReader) -> dict[tuple[str, str], float]:
    return {(series, subject): float(value) for series, subject, value in ledger.read(_SAID)}


def _strategies(rows: dict[tuple[str, str], float]) -> dict[str, str]:
    """Return by which strategy each symbol is hedged, as the desk's newest run wrote it."""
    found: dict[str, str] = {}
    for series, subject in rows:
        if series != "pmm_hedge_strategy":
            continue
        asset, _, name = subject.partition("/")
        ratio = rows.get(("pmm_hedge_ratio", asset), 1.0)
        if not rows.get(("pmm_hedge_ratio_known", asset), 1.0):
            name = f"{name}, ratio unknown: all of it"
        elif ratio < 1:
            name = f"{name} {ratio:.4f}"
        found[asset] = name
    return found


def _profit(ledger: LedgerReader, since_ms: int) -> tuple[ProfitLine, ...]:
    sums: dict[PnlComponent, int] = {}
    # A ledger that no newer desk has opened lacks the tables.
    if ledger.read("SELECT 1 FROM ledger_meta WHERE key = ?", ("performance_schema",)):
        for one in PerformanceLedger(ReadOnlyLedger(ledger)).profit_since(since_ms):
            sums[one.component] = sums.get(one.component, 0) + one.amount_usd_e6
    return tuple(ProfitLine(component=one, usd_e6=sums.get(one)) for one in PnlComponent)


def _risk(ledger: LedgerReader) -> tuple[RiskLine, ...]:
    """Return the readings as the desk wrote them last, a few seconds ago while it runs; the desk's own first."""
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for series, subject, value, at_ms in ledger.read(_RISK):
        found.setdefault(subject, {})[series] = (float(value), at_ms)
    priced = "pmm_hedge_price_known"
    lacking = tuple(token for token, one in found.items() if one.get(priced, (1.0, 0))[0] == 0.0)
    lines: list[RiskLine] = []
    for name, series in found.items():
        state = series.get("pmm_risk_state" if name else "pmm_desk_state")
        if state is None:
            continue
        metric, _, subject = name.partition("/")
        known = series.get("pmm_risk_known", (0.0, 0))[0] == 1.0 and "pmm_risk_metric" in series
        lines.append(
            RiskLine(
                metric=metric,
                subject=subject,
                phase=_PHASE_OF[int(state[0])],
                value=series["pmm_risk_metric"][0] if known else None,
                since_ms=state[1],
                needs=int(series.get("pmm_risk_needs_prices", (0.0, 0))[0]),
                lacking=lacking if metric in VALUE_AT_RISK else (),
            )
        )
    return tuple(lines)
