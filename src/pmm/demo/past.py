"""Ten months of hourly prices before the demo's day: made up, for nothing that is shipped has recorded as many."""

from __future__ import annotations

import csv
import random
from decimal import Decimal
from pathlib import Path
from typing import Final

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_DAYS: Final = 300
"""250 for the verdict on value at risk, and a month before the first of them."""
_STEP_E6: Final = 6_410
"""60 % a year is 0.641 % an hour, normal."""
_CENT: Final = Decimal("0.01")


def write_past(file: Path, *, now_s: int, price_usd: Decimal, seed: int = 20250814) -> Path:
    """Write a seeded random walk of ether up to the last midnight's price, USDC at a dollar, and return the file."""
    source = random.Random(seed)  # noqa: S311 - a reproducible price path, not a secret
    rows: list[tuple[int, str, Decimal]] = []
    for hour in range(_DAYS * 24):
        rows.append((now_s // _DAY_S * _DAY_S - hour * _HOUR_S, "1", price_usd.quantize(_CENT)))
        price_usd /= 1 + Decimal(round(source.gauss(0, _STEP_E6))) / 1_000_000
    with file.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("timestamp", "USDC", "WETH"))
        writer.writerows(reversed(rows))
    return file
