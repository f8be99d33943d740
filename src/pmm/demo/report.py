"""The closing tables and the JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pmm.demo.accounts import AccountLine
from pmm.demo.run import Outcome
from pmm.demo.trade import FILLED, Trade
from pmm.domain import MAINNET_TOKENS, USDC, WETH
from pmm.errors import InvalidInput
from pmm.localnet.funding import NATIVE

_CENT = Decimal("0.01")


def pnl_usd(trade: Trade) -> Decimal:
    """Return what the desk gained, at the feed's price when it was asked; USDC counts as one dollar.

    A fill from inventory gains what came in less what went out. A funded one gains what came in less what the
    closing swap took, for the desk gave nothing of its own.
    """
    if trade.outcome != FILLED:
        return Decimal(0)
    received = _value_usd(trade, trade.taker_asset, int(trade.taking_amount) - int(trade.hedge_cost))
    given = Decimal(0) if trade.funded else _value_usd(trade, trade.maker_asset, int(trade.making_amount))
    return received - given


def _value_usd(trade: Trade, asset: str, amount: int) -> Decimal:
    prices: dict[str, Decimal] = {WETH.address: Decimal(trade.market_usd), USDC.address: Decimal(1)}
    return prices[asset] * Decimal(amount).scaleb(-MAINNET_TOKENS.get(asset).decimals)


def trade_table(trades: list[Trade]) -> Table:
    """Return one line per request."""
    table = Table(title="Requests", title_justify="left")
    for name in ("#", "UTC", "request", "market", "price", "components, bps", "venue", "outcome"):
        right = name in ("#", "market", "price")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for name in ("gas", "PnL USD"):
        table.add_column(name, justify="right")
    for trade in trades:
        ending = trade.hedge if trade.outcome == FILLED else f"{trade.outcome}: {trade.reason}"
        table.add_row(
            str(trade.number),
            datetime.fromtimestamp(trade.time_s, UTC).strftime("%H:%M"),
            trade.request,
            trade.market_usd,
            trade.price_usd,
            _components(trade),
            trade.settlement,
            ending,
            f"{trade.gas_used:,}" if trade.gas_used else "",
            f"{pnl_usd(trade):,.2f}" if trade.outcome == FILLED else "",
        )
    return table


def _components(trade: Trade) -> str:
    """Return ``total = part + part``, parts that round to nothing left out; the JSON file has every digit."""
    if not trade.components:
        return ""
    parts = {name: Decimal(value) for name, value in trade.components.items()}
    shown = [f"{name} {value:.2f}" for name, value in parts.items() if abs(value) >= _CENT / 2]
    return f"{sum(parts.values(), Decimal(0)):.2f} = " + ", ".join(shown)


def account_table(accounts: list[AccountLine]) -> Table:
    """Return one line per account and asset, in whole tokens with every digit."""
    table = Table(title="Accounts, read back from the chain", title_justify="left")
    table.add_column("account")
    table.add_column("asset")
    for name in ("before", "after", "expected", "off by (units)"):
        table.add_column(name, justify="right")
    for line in accounts:
        symbol, decimals = _unit(line.asset)
        shown = (
            f"{Decimal(amount).scaleb(-decimals):f}" for amount in (line.before, line.after, line.expected)
        )
        table.add_row(line.account, symbol, *shown, str(line.difference))
    return table


def _unit(asset: str) -> tuple[str, int]:
    if asset == NATIVE:
        return "ETH", 18
    token = MAINNET_TOKENS.get(asset)
    return token.symbol, token.decimals


def print_report(console: Console, outcome: Outcome) -> None:
    """Print the tables and the totals."""
    console.print(trade_table(outcome.trades))
    console.print(account_table(outcome.accounts))
    filled = [trade for trade in outcome.trades if trade.outcome == FILLED]
    total = sum((pnl_usd(trade) for trade in filled), Decimal(0))
    console.print(
        f"{len(filled)} of {len(outcome.trades)} requests filled, PnL {total.quantize(_CENT):,} USD at the feed's "
        f"prices, {len(outcome.desk.hedges)} hedges for {outcome.desk.hedging_cost_usd:,.2f} USD, first answer after "
        f"{outcome.first_quote_s:.1f} s"
    )
    verdict = (
        "every balance is what it must be, and the desk's book equalled the chain in every turn"
        if outcome.balanced
        else "BALANCES ARE OFF, see the last column; in the desk's book "
        f"{outcome.desk.differences} differences, {outcome.desk.owed} base units owed"
    )
    console.print(verdict)


def write_json(path: Path, outcome: Outcome, origin: str, report: Path) -> None:
    """Write everything the tables show, and where the day's report is.

    Raises:
        InvalidInput: the file cannot be written.
    """
    raw: dict[str, Any] = {
        "day": origin,
        "firstAnswerSeconds": round(outcome.first_quote_s, 3),
        "balanced": outcome.balanced,
        "desk": outcome.desk.to_json(),
        "report": str(report),
        "trades": [{**asdict(trade), "pnl_usd": str(pnl_usd(trade))} for trade in outcome.trades],
        "accounts": [
            {**{key: str(value) for key, value in asdict(line).items()}, "difference": str(line.difference)}
            for line in outcome.accounts
        ],
    }
    try:
        path.write_text(json.dumps(raw, indent=2) + "\n")
    except OSError as error:
        raise InvalidInput(f"expected to write the result to {path}, found: {error}") from error
