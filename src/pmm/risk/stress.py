"""What a scenario would do to the desk as it stands: nobody hedges, repays or stops while it happens.

This is a bound on purpose. What the action plans would save is theirs to show (the faults suite), not to be assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pmm.risk.catalogue import BY_NAME
from pmm.risk.lines import Level, Line
from pmm.risk.scenarios import Moment, Scenario
from pmm.risk.settings import RiskSettings

_PERCENT: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StressedAccount:
    """A lending account: ``collateral_usd`` of one asset against ``debt_usd`` of another, values of now."""

    name: str
    collateral: str
    debt: str
    collateral_usd: float
    debt_usd: float
    threshold: float
    bonus: float
    close_factor: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StressedQuote:
    """A quote that can be filled while it lives: the taker picks the better side of the move."""

    gives: str
    takes: str
    gives_usd: float
    takes_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StressedBook:
    """The desk as a scenario finds it, US dollars.

    Attributes:
        capital_usd: value of everything, debt taken off.
        positions: asset -> net value, lending accounts included; without pending quotes.
        accounts: lending accounts.
        quotes: signed and alive.
        stale_quotes_usd: what may be quoted on a frozen feed before the staleness gate closes.
        gas_usd_per_day: spent on gas now.
        revenue_usd_per_day: earned now.
        borrowable_usd: what hedges and funded quotes need of lenders.
    """

    capital_usd: float
    positions: Mapping[str, float]
    accounts: tuple[StressedAccount, ...] = ()
    quotes: tuple[StressedQuote, ...] = ()
    stale_quotes_usd: float = 0.0
    gas_usd_per_day: float = 0.0
    revenue_usd_per_day: float = 0.0
    borrowable_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StressResult:
    """What is left.

    Attributes:
        scenario: its name.
        worst_usd: lowest profit along the path.
        final_usd: profit at its end.
        drawdown_pct: largest fall of capital from a peak.
        least_buffer_pct: of any account with debt at any time, percent; None without debt.
        liquidated: accounts that were.
        unfunded_usd: hedges and quotes that lenders no longer carry.
        levels: metric -> level for those that a scenario moves.
    """

    scenario: str
    worst_usd: float
    final_usd: float
    drawdown_pct: float
    least_buffer_pct: float | None
    liquidated: tuple[str, ...]
    unfunded_usd: float
    levels: Mapping[str, Level]


def stress(book: StressedBook, scenario: Scenario, settings: RiskSettings) -> StressResult:
    """Walk the path. An account is liquidated once, at the first moment that allows it."""
    gone: dict[str, float] = {}
    least: float | None = None
    profits: list[float] = []
    for moment in scenario.path:
        for account in book.accounts:
            buffer = _buffer_pct(account, moment)
            if buffer is not None:
                least = buffer if least is None else min(least, buffer)
                if buffer < 0 and account.name not in gone:
                    gone[account.name] = _liquidation_usd(account, moment)
        profits.append(_profit(book, scenario, moment) - sum(gone.values()))
    gas_usd = book.gas_usd_per_day * (scenario.gas_factor - 1)
    profits = [one - gas_usd for one in profits]
    fall = _drawdown_pct(book.capital_usd, profits)
    return StressResult(
        scenario=scenario.name,
        worst_usd=min(profits),
        final_usd=profits[-1],
        drawdown_pct=fall,
        least_buffer_pct=least,
        liquidated=tuple(gone),
        unfunded_usd=book.borrowable_usd * (1 - scenario.lender_share),
        levels=_levels(book, scenario, fall, least, settings),
    )


def _ratio(asset: str, moment: Moment) -> float:
    return moment.prices.get(asset, 1.0)


def _profit(book: StressedBook, scenario: Scenario, moment: Moment) -> float:
    profit = sum(usd * (_ratio(asset, moment) - 1) for asset, usd in book.positions.items())
    for quote in book.quotes:
        taken = quote.takes_usd * _ratio(quote.takes, moment)
        profit += min(taken - quote.gives_usd * _ratio(quote.gives, moment), 0.0)
    moves = [abs(_ratio(asset, moment) - 1) for asset in scenario.frozen_feeds]
    return profit - book.stale_quotes_usd * max(moves, default=0.0)


def _buffer_pct(account: StressedAccount, moment: Moment) -> float | None:
    owed = account.debt_usd * _ratio(account.debt, moment)
    if owed <= 0:
        return None
    usable = account.collateral_usd * _ratio(account.collateral, moment) * account.threshold
    return (usable / owed - 1) * _PERCENT


def _liquidation_usd(account: StressedAccount, moment: Moment) -> float:
    repaid = account.close_factor * account.debt_usd * _ratio(account.debt, moment)
    spare = account.collateral_usd * _ratio(account.collateral, moment) - repaid
    return max(min(repaid * account.bonus, spare), 0.0)


def _drawdown_pct(capital_usd: float, profits: list[float]) -> float:
    peak, fall = capital_usd, 0.0
    for profit in profits:
        worth = capital_usd + profit
        peak = max(peak, worth)
        fall = max(fall, (peak - worth) / peak if peak > 0 else 1.0)
    return fall * _PERCENT


def _levels(
    book: StressedBook,
    scenario: Scenario,
    fall_pct: float,
    least_buffer_pct: float | None,
    settings: RiskSettings,
) -> dict[str, Level]:
    values: dict[str, float] = {"max_drawdown_pct": fall_pct}
    if least_buffer_pct is not None:
        values["liquidation_buffer_pct"] = least_buffer_pct
    if book.revenue_usd_per_day > 0:
        spent = book.gas_usd_per_day * scenario.gas_factor
        values["gas_ratio_pct"] = spent / book.revenue_usd_per_day * _PERCENT
    margin = settings.clear_margin_pct / _PERCENT
    return {
        name: Line(BY_NAME[name].better, *getattr(settings, name)).judge(value, margin).level
        for name, value in values.items()
    }
