"""Tables of ``pmm status`` for a person."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from pmm.desk.status import DeskStatus
from pmm.domain import Address, Token
from pmm.execution.hedging import Intent


def console() -> Console:
    """Return where to print: as wide as the terminal, or wide enough for a file."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def status_page(status: DeskStatus) -> Group:
    """Return the whole page."""
    tokens = {line.token.address: line.token for line in status.tokens}
    return Group(
        _top(status),
        _inventory(status),
        _hedges("open hedges", status.live, tokens),
        _hedges("last hedges", status.latest, tokens),
        _lending(status),
        *_paper(status, tokens),
        _profit(status),
        _risk(status),
    )


def _top(status: DeskStatus) -> str:
    if status.head is None or status.head_time_s is None:
        books = "the books have no block yet"
    else:
        behind_s = max(status.node_time_s - status.head_time_s, 0)
        books = f"books at block {status.head}, {status.lag_blocks} blocks ({behind_s} s) behind"
    heads = f", heads by {status.heads}" if status.heads else ""
    return escape(f"{status.node}  block {status.node_head}  {books}{heads}\nledger {status.ledger}")


def _inventory(status: DeskStatus) -> Table:
    table = _table("inventory", "token", "held", "delta", "signed quotes", "waits", "hedged by")
    for line in status.tokens:
        _add(
            table,
            line.token.symbol,
            _amount(line.token, line.held),
            _amount(line.token, line.delta, signed=True),
            "" if line.pending is None else f"{line.pending:+,.6f}",
            "" if line.waits_ms is None else f"{max(line.waits_ms, 0) // 1_000} s",
            line.strategy,
        )
    return table


def _hedges(title: str, intents: tuple[Intent, ...], tokens: dict[Address, Token]) -> Table:
    table = _table(title, "at", "asset", "trade", "route", "state", "why")
    for one in intents:
        token = tokens.get(one.asset)
        trade = str(one.trade) if token is None else _amount(token, one.trade, signed=True)
        _add(
            table,
            *(_time(one.created_ms), token.symbol if token else one.asset, trade),
            *(one.route, one.state.value, one.detail or one.reason),
        )
    return _or_none(table)


def _lending(status: DeskStatus) -> Table:
    table = _table("lending", "market", "token", "supplied", "owed")
    for line in status.lending:
        if line.supplied or line.owed:
            _add(
                table,
                *(line.market.value, line.token.symbol),
                *(_amount(line.token, line.supplied), _amount(line.token, line.owed)),
            )
    return _or_none(table)


def _paper(status: DeskStatus, tokens: dict[Address, Token]) -> tuple[Table, ...]:
    if not status.paper:
        return ()
    table = _table("perps on PAPER (paper money: nothing was traded anywhere)", "venue", "asset", "position")
    for one in status.paper:
        token = tokens.get(one.asset)
        amount = str(one.amount) if token is None else _amount(token, one.amount, signed=True)
        _add(table, one.venue, token.symbol if token else one.asset, amount)
    return (table,)


def _profit(status: DeskStatus) -> Table:
    table = _table("profit and loss of 24 hours, US dollars", "component", "amount")
    for line in status.profit:
        if line.usd_e6 is not None:
            _add(table, line.component.value.replace("_", " "), _usd(line.usd_e6))
    if table.row_count:
        _add(table, "total", _usd(sum(line.usd_e6 or 0 for line in status.profit)))
    return _or_none(table)


def _risk(status: DeskStatus) -> Table:
    table = _table("risk", "metric", "phase", "reading", "since")
    for line in status.risk:
        name = f"{line.metric}[{line.subject}]" if line.subject else line.metric or "the desk"
        _add(table, name, line.phase, line.shown, _time(line.since_ms))
    return _or_none(table)


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None)


def _add(table: Table, *cells: str) -> None:
    # Names hold brackets, which are no markup.
    table.add_row(*map(escape, cells))


def _or_none(table: Table) -> Table:
    if table.row_count == 0:
        _add(table, "none")
    return table


def _amount(token: Token, amount: int, *, signed: bool = False) -> str:
    value = Decimal(amount).scaleb(-token.decimals)
    return f"{value:+,f}" if signed else f"{value:,f}"


def _usd(usd_e6: int) -> str:
    return f"{Decimal(usd_e6).scaleb(-6):+,f}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
