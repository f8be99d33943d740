"""kill -9 of the hedger's process at every kind of step: every fill is hedged once afterwards."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pmm.toolchain import project_root
from tests.helpers.hedger_process import fill_of

_BLOCKS = 20
_MOST_DEATHS = 12


def _run(folder: Path, dies_at: int) -> int:
    command = [sys.executable, "-m", "tests.helpers.hedger_process", str(folder), str(_BLOCKS), str(dies_at)]
    done = subprocess.run(
        command, cwd=project_root(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode


@pytest.mark.parametrize("seed", [1])
def test_hedger_process__killed_again_and_again__hedges_every_fill_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    deaths = 0
    # One step at least is taken before each death, so that it ends.
    while _run(tmp_path, chance.randint(2, 30) if deaths < _MOST_DEATHS else 0) != 0:
        deaths += 1
    assert deaths >= 5
    with sqlite3.connect(tmp_path / "sender.sqlite") as sent:
        trades = [int(row[0]) for row in sent.execute("SELECT trade FROM sent")]
    with sqlite3.connect(tmp_path / "ledger.sqlite") as ledger:
        intents = ledger.execute("SELECT trade, state FROM hedging_intents").fetchall()
        fills = ledger.execute("SELECT amount FROM hedging_entries WHERE kind = 'fill'").fetchall()
        unclaimed = ledger.execute("SELECT count(*) FROM hedging_entries WHERE intent_id IS NULL").fetchone()
    expected = [fill_of(number) for number in range(1, _BLOCKS + 1)]
    assert sorted(int(row[0]) for row in fills) == sorted(expected)
    assert sum(trades) == -sum(expected)
    assert sorted(trades) == sorted(int(trade) for trade, _ in intents)
    assert {state for _, state in intents} == {"done"}
    assert unclaimed == (0,)
