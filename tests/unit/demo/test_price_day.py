"""Price days: recorded, fetched, synthetic, and refused."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.demo.price_day import load_price_day, read_day, synthetic_day
from pmm.errors import InvalidInput


def _csv(path: Path, rows: int, price: str = "3000.5") -> Path:
    lines = [f"{1750636800 + 60 * i},{price}" for i in range(rows)]
    path.write_text("timestamp,close\n" + "\n".join(lines) + "\n")
    return path


def test_synthetic_day__same_seed__same_day_and_says_so() -> None:
    day = synthetic_day()
    assert day == synthetic_day()
    assert day != synthetic_day(seed=1)
    assert not day.recorded
    assert "synthetic" in day.origin
    assert len(day.minutes) == 1440
    assert all(price > 0 for _, price in day.minutes)


def test_sample__count__spreads_from_first_to_last() -> None:
    day = synthetic_day()
    points = day.sample(24)
    assert len(points) == 24
    assert points[0] == day.minutes[0]
    assert points[-1] == day.minutes[-1]


def test_read_day__csv__keeps_prices_exact(tmp_path: Path) -> None:
    day = read_day(_csv(tmp_path / "day.csv", 1440, "3000.123456789"))
    assert day.recorded
    assert day.minutes[0] == (1750636800, Decimal("3000.123456789"))


@pytest.mark.parametrize("content", ["", "timestamp,close\n", "timestamp,close\nx,y\n", "a,b\n1,2\n"])
def test_read_day__not_a_day__raises(tmp_path: Path, content: str) -> None:
    path = tmp_path / "day.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="day"):
        read_day(path)


def test_read_day__negative_price__raises(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="positive prices"):
        read_day(_csv(tmp_path / "day.csv", 1440, "-1"))


def test_read_day__missing_or_foreign_file__raises(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.csv"):
        load_price_day(str(tmp_path / "none.csv"))
    (tmp_path / "x.feather").write_bytes(b"not a feather")
    with pytest.raises(InvalidInput, match=r"x\.feather"):
        load_price_day(str(tmp_path / "x.feather"))


def test_load_price_day__recorded_data__is_the_widest_day() -> None:
    if not os.environ.get("PMM_DATA_DIR"):
        pytest.skip("needs recorded data: set PMM_DATA_DIR to the folder with ohlcv/binance")
    day = load_price_day(None)
    assert day.recorded
    assert len(day.minutes) == 1440
    prices = [price for _, price in day.minutes]
    assert max(prices) / min(prices) > Decimal("1.1")
