"""Value at risk as the desk computes it, against the days of Chainlink's recorded rounds.

    PMM_DATA_DIR=... python -m tests.helpers.var_backtest

prints the table of docs/risk.md. Prices are looked at once a minute, as the desk does; each midnight the desk's own
code values a book of 100,000 dollars, which loses what it loses until the next one. Filtered-historical value at risk
has the horizon of its profits: an hour, every sixth one.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.backtests import Backtest, backtest
from pmm.risk.historical_var import filtered_historical_var
from pmm.risk.price_record import DAY_MS, HOUR_MS, PriceRecord
from pmm.risk.settings import RiskSettings
from pmm.risk.stress import StressedBook
from pmm.risk.tail import Floats
from pmm.risk.valuation import Snapshot, value
from pmm.risk.var_record import Zone, traffic_light

MINUTE_MS = 60_000
ASSETS = ("WBTC", "WETH")
Books = Mapping[str, tuple[float, float]]
BOOKS: Books = {
    "WETH": (0.0, 1e5),
    "WBTC": (1e5, 0.0),
    "half and half": (5e4, 5e4),
    "short WETH": (0.0, -1e5),
}
_FEEDS = ("BTC_USD", "ETH_USD")
_GARCH_HOURS, _GARCH_EVERY = 720, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method over one book; ``worst_250`` is the most exceptions that 250 days on end had."""

    method: str
    book: str
    tests: Backtest
    worst_250: int

    @property
    def zone(self) -> Zone:
        return traffic_light(self.worst_250)


def minutes(folder: Path) -> tuple[int, Floats]:
    """Return the first midnight and, from it on, each minute's prices of both feeds as they stood then."""
    rounds = [_rounds(folder, feed) for feed in _FEEDS]
    first_ms = -(-max(one[0][0] for one in rounds) // DAY_MS) * DAY_MS
    times = np.arange(first_ms, min(one[-1][0] for one in rounds), MINUTE_MS)
    columns = []
    for one in rounds:
        at_ms, answers = np.array(one, dtype=np.float64).T
        columns.append(answers[np.searchsorted(at_ms, times, side="right") - 1])
    return first_ms, np.column_stack(columns)


def days(first_ms: int, prices: Floats, *, of_a_day: bool = False, books: Books = BOOKS) -> Iterator[Line]:
    """Judge what ``value`` says at each midnight; ``of_a_day`` leaves the month's hours out."""
    record = PriceRecord(ASSETS, every_ms=MINUTE_MS, least=60)
    per_day = DAY_MS // MINUTE_MS
    hits: dict[tuple[str, str], list[bool]] = {}
    for minute, row in enumerate(prices[: (len(prices) - 1) // per_day * per_day - per_day + 1]):
        record.see(first_ms + minute * MINUTE_MS, dict(zip(ASSETS, row.tolist(), strict=True)))
        if minute % per_day or minute == 0:
            continue
        month = None if of_a_day else record.hour_returns()
        if month is None and not of_a_day:
            continue
        moves = prices[minute + per_day] / row - 1
        for name, dollars in books.items():
            snapshot = Snapshot(
                at_ms=first_ms + minute * MINUTE_MS,
                book=StressedBook(capital_usd=1e5, positions=dict(zip(ASSETS, dollars, strict=True))),
                assets=ASSETS,
                returns=record.day_returns(),
                hours=month,
                seed=minute,
            )
            for method, tail in value(snapshot, RiskSettings()).tails.items():
                hits.setdefault((method, name), []).append(-float(moves @ dollars) > tail.value_at_risk_usd)
    yield from _lines(hits)


def hours(prices: Floats, *, books: Books = BOOKS) -> Iterator[Line]:
    """Judge the filtered-historical way one hour ahead, from a month of hours."""
    hourly = prices[:: HOUR_MS // MINUTE_MS]
    moves = np.diff(hourly, axis=0) / hourly[:-1]
    hits: dict[tuple[str, str], list[bool]] = {}
    for name, dollars in books.items():
        profits = moves @ np.array(dollars)
        for now in range(_GARCH_HOURS, len(profits), _GARCH_EVERY):
            try:
                tail = filtered_historical_var(profits[now - _GARCH_HOURS : now])
            except InvalidInput:
                # Its fit did not converge: nothing was said of this hour.
                continue
            hits.setdefault(("filtered_historical", name), []).append(-profits[now] > tail.value_at_risk_usd)
    yield from _lines(hits)


def _lines(hits: Mapping[tuple[str, str], list[bool]]) -> Iterator[Line]:
    for (method, book), found in hits.items():
        worst = max(sum(found[at : at + 250]) for at in range(max(len(found) - 249, 1)))
        yield Line(method=method, book=book, tests=backtest(found), worst_250=worst)


def _rounds(folder: Path, feed: str) -> list[tuple[int, int]]:
    path = folder / "chainlink" / f"chainlink_mainnet_{feed}_rounds.csv.gz"
    with gzip.open(path, "rt") as file:
        return sorted(
            (int(row["update"]) * 1_000, int(row["answer"]))
            for row in csv.DictReader(file)
            if int(row["answer"]) > 0
        )


def main() -> None:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        sys.exit("expected PMM_DATA_DIR to name the folder of recorded market data, found it unset")
    first_ms, prices = minutes(Path(folder))
    print("| method | book | forecasts | exceptions | wanted | Kupiec p | independence p | worst 250 |")
    print("|---|---|---|---|---|---|---|---|")
    parts = (
        ("a month's hours", days(first_ms, prices)),
        ("a day's minutes", days(first_ms, prices, of_a_day=True)),
        ("an hour ahead", hours(prices)),
    )
    for note, lines in parts:
        for one in lines:
            tests = one.tests
            print(
                f"| {one.method.replace('_', '-')}, {note} | {one.book} | {tests.days} | {tests.exceptions} "
                f"| {tests.days / 100:.1f} | {tests.kupiec.p_value:.3f} | {tests.independence.p_value:.3f} "
                f"| {one.worst_250}, {one.zone.value} |"
            )


if __name__ == "__main__":
    main()
