"""A day of prices for the demo to walk: recorded where there is a recording, else synthetic and saying so."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyarrow.feather

from pmm.errors import InvalidInput
from pmm.toolchain import project_root

_RECORDED = Path("ohlcv") / "binance" / "spot_ETHUSDT_1m_2025-05-20_2025-08-18.feather"
# The day with the widest range in that recording: a quoter that survives it survives the others.
_RECORDED_DAY = "2025-06-23"
_MINUTES = 24 * 60
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDay:
    """Prices of one day, one per minute.

    Attributes:
        origin: where the prices come from, for people.
        recorded: False where they were made up.
        minutes: (unix seconds, ETH price in USD) in time order.
    """

    origin: str
    recorded: bool
    minutes: tuple[tuple[int, Decimal], ...]

    def sample(self, count: int) -> tuple[tuple[int, Decimal], ...]:
        """Return ``count`` points spread evenly over the day, the first and the last among them."""
        last = len(self.minutes) - 1
        if count < 2 or last < 1:
            return self.minutes[:count]
        return tuple(self.minutes[round(i * last / (count - 1))] for i in range(count))


def fetched_folder() -> Path:
    """Return the git-ignored folder that ``pmm data fetch`` writes to."""
    return project_root() / ".cache" / "data"


def load_price_day(choice: str | None) -> PriceDay:
    """Return the day that ``--day`` names, or the best one at hand.

    Without a choice: the recording under ``PMM_DATA_DIR``, else the newest file of ``pmm data fetch``, else a
    synthetic day.

    Raises:
        InvalidInput: the named file is missing or is not a day of prices.
    """
    if choice == "synthetic":
        return synthetic_day()
    if choice is not None:
        return read_day(Path(choice))
    if (folder := os.environ.get("PMM_DATA_DIR")) and (Path(folder) / _RECORDED).is_file():
        return read_day(Path(folder) / _RECORDED, day=_RECORDED_DAY)
    if fetched := sorted(fetched_folder().glob("ETHUSDT_1m_*.csv")):
        return read_day(fetched[-1])
    return synthetic_day()


def synthetic_day(seed: int = 20250814) -> PriceDay:
    """Return a seeded random walk from 3,150 USD with 60 % annual volatility; made up, and marked as such."""
    source = random.Random(seed)  # noqa: S311 - a reproducible price path, not a secret
    start = int(datetime(2025, 8, 14, tzinfo=UTC).timestamp())
    price = Decimal(3150)
    minutes = []
    for minute in range(_MINUTES):
        minutes.append((start + 60 * minute, price.quantize(_CENT)))
        # 60 % a year is 8.3 bps a minute; in hundredths of a bp so that the step stays an integer.
        price *= 1 + Decimal(round(source.gauss(0, 830))) / 1_000_000
    return PriceDay(
        origin="synthetic random walk (no recording found)", recorded=False, minutes=tuple(minutes)
    )


def read_day(path: Path, *, day: str | None = None) -> PriceDay:
    """Read a day from a feather file (columns date, close) or a CSV (columns timestamp, close).

    Args:
        path: the file.
        day: ``YYYY-MM-DD``; where the file holds several days and none is named, the last whole one is taken.

    Raises:
        InvalidInput: as :func:`load_price_day`.
    """
    try:
        rows = _read_csv(path) if path.suffix == ".csv" else _read_feather(path)
    except (OSError, ValueError, KeyError, InvalidOperation, pyarrow.ArrowException) as error:
        raise InvalidInput(
            f"expected a day of 1-minute prices at {path} (feather with date and close, or CSV with timestamp "
            f"and close), found: {error}"
        ) from error
    by_day: dict[str, list[tuple[int, Decimal]]] = {}
    for timestamp, price in rows:
        by_day.setdefault(datetime.fromtimestamp(timestamp, UTC).date().isoformat(), []).append(
            (timestamp, price)
        )
    whole = [name for name, points in by_day.items() if len(points) == _MINUTES]
    chosen = day or (whole[-1] if whole else max(by_day, default=""))
    points = sorted(by_day.get(chosen, ()))
    if len(points) < 2 or min(price for _, price in points) <= 0:
        raise InvalidInput(
            f"expected positive prices of {chosen or 'at least one day'} in {path}, found {len(points)} rows"
        )
    return PriceDay(origin=f"{path.name}, {chosen}", recorded=True, minutes=tuple(points))


def _read_csv(path: Path) -> list[tuple[int, Decimal]]:
    with path.open(newline="") as handle:
        return [(int(row["timestamp"]), Decimal(row["close"])) for row in csv.DictReader(handle)]


def _read_feather(path: Path) -> list[tuple[int, Decimal]]:
    table = pyarrow.feather.read_table(path, columns=["date", "close"])
    stamps = table.column("date").to_pylist()
    # The recording stores doubles of a price with two decimals: str gives the shortest form back, exactly.
    closes = [Decimal(str(value)) for value in table.column("close").to_pylist()]
    return [(int(stamp.timestamp()), close) for stamp, close in zip(stamps, closes, strict=True)]
