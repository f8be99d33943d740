"""Reads ``PMM_DESK_PRICE_HISTORY``: CSV, a ``timestamp`` in unix seconds and one column of dollars per token.

Hours are enough, and what is closer together is thinned to them. Columns of other tokens are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pmm.errors import InvalidInput
from pmm.risk.price_history import PriceHistory
from pmm.risk.price_record import LEAST_HOURS

_TIME: Final = "timestamp"
_LATEST_S: Final = 10**13
"""Also of a file that counts milliseconds, which is told what it should count."""


def read_price_history(file: Path, assets: Sequence[str], *, now_ms: int) -> PriceHistory:
    """Return the history of these assets; raises InvalidInput, with the line, for a file that is none."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            found = PriceHistory(assets, _rows(csv.DictReader(handle), assets))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{_place(file)}: expected a CSV file, found: {error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{_place(file)}: {error}") from error
    hours = len(found.times_ms)
    if hours <= LEAST_HOURS:
        raise InvalidInput(f"{_place(file)}: expected more than {LEAST_HOURS} hours of prices, found {hours}")
    if found.until_ms > now_ms:
        raise InvalidInput(
            f"{_place(file)}: expected prices of the past, found {found.until_ms // 1_000} s as its newest time; "
            "timestamps are unix seconds, UTC"
        )
    return found


def _rows(reader: csv.DictReader[str], assets: Sequence[str]) -> Iterator[tuple[int, Sequence[float]]]:
    lacking = [one for one in (_TIME, *assets) if one not in (reader.fieldnames or ())]
    if lacking:
        raise InvalidInput(
            f"expected a column of {', '.join(lacking)}, found {', '.join(reader.fieldnames or ()) or 'none'}"
        )
    for row in reader:
        try:
            at_s, prices = int(row[_TIME]), [float(row[asset]) for asset in assets]
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"line {reader.line_num}: expected unix seconds and dollars per token, found {error}"
            ) from error
        if not 0 <= at_s < _LATEST_S:
            raise InvalidInput(f"line {reader.line_num}: expected unix seconds, found {row[_TIME]}")
        yield at_s * 1_000, prices


def _place(file: Path) -> str:
    return f"PMM_DESK_PRICE_HISTORY {file}"
