"""The demo's made-up past: the same each day, up to the day's first price, as wild as it says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from pmm.demo.past import write_past
from pmm.desk.price_history_file import read_price_history
from pmm.risk.price_record import DAY_MS

NOW_S = 1_795_990_000


def test_past__ends_at_the_last_midnight_at_the_price_given(tmp_path: Path) -> None:
    file = write_past(tmp_path / "past.csv", now_s=NOW_S, price_usd=Decimal("3150"))
    found = read_price_history(file, ("USDC", "WETH"), now_ms=NOW_S * 1_000)
    assert found.until_ms == NOW_S * 1_000 // DAY_MS * DAY_MS
    assert found.prices[-1].tolist() == [1.0, 3_150.0]
    # Enough for a verdict: 250 days with a month before the first.
    days = found.days(most=999)
    assert len(days) >= 250 + 30
    assert len(days[-250].hours) == 719
    yearly = np.std(np.diff(np.log(found.prices[:, 1]))) * np.sqrt(365 * 24)
    assert yearly == pytest.approx(0.6, rel=0.02)
    later = write_past(tmp_path / "later.csv", now_s=NOW_S + 86_400, price_usd=Decimal("3150"))
    assert [one.split(",")[2] for one in later.read_text().split()] == [
        one.split(",")[2] for one in file.read_text().split()
    ]
