"""A hedger in a process of its own that dies by SIGKILL at its n-th durable step, for ``test_hedger_kill``.

``python -m tests.helpers.hedger_process FOLDER BLOCKS DIES_AT``: hedges one fill a block up to BLOCKS, going on from
where the ledger in FOLDER says, and ends when everything is hedged. DIES_AT 0 lives.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

from pmm.domain import WETH, BlockRef, ChainChange, ChainEvent, keccak256
from pmm.execution.hedging import ContractCall, Report, ReportState
from pmm.execution.hedging.hedge_ledger import Acknowledge, HedgeLedger
from pmm.execution.hedging.records import HedgeBatch
from tests.helpers.hedging import (
    FlatRoute,
    block,
    fill_events,
    hedger_on,
    market,
    open_hedging_ledger,
    swap_events,
)


def fill_of(number: int) -> int:
    """Return what the fill of a block brings the desk, WETH base units."""
    return (1 if number % 3 else -2) * (10**18 + number)


class Death:
    """Counts durable steps and dies at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def here(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class FileSender:
    """A sender with a record in a file; what it takes is mined in the next block."""

    def __init__(self, path: Path, death: Death) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, trade TEXT, block INTEGER)"
        )
        self._death = death
        self.head = 0

    def submit(self, key: str, call: ContractCall) -> Report:
        self._death.here()
        self._file.execute("INSERT INTO sent VALUES (?, ?, ?)", (key, call.data.decode(), self.head + 1))
        self._death.here()
        return self.report(key)

    def report(self, key: str) -> Report:
        row = self._file.execute("SELECT block FROM sent WHERE key = ?", (key,)).fetchone()
        if row is None:
            return Report(state=ReportState.ABSENT)
        state = ReportState.DONE if row[0] <= self.head else ReportState.PENDING
        return Report(state=state, references=(keccak256(key.encode()),))

    def mined_in(self, number: int) -> list[tuple[str, int]]:
        rows = self._file.execute("SELECT key, trade FROM sent WHERE block = ? ORDER BY key", (number,))
        return [(key, int(trade)) for key, trade in rows]


class TellingRoute(FlatRoute):
    """Puts what it trades into its calldata."""

    def plans(self, order, market):  # type: ignore[no-untyped-def]
        self.trade = order.trade
        return super().plans(order, market)

    def call(self, purpose: str) -> ContractCall:  # type: ignore[override]
        made = super().call(purpose)
        return ContractCall(to=made.to, data=str(self.trade).encode(), purpose=purpose, gas_units=1)


def events_of(where: BlockRef, sender: FileSender, blocks: int) -> tuple[ChainEvent, ...]:
    """Return a block's events."""
    events: list[ChainEvent] = []
    if where.number <= blocks:
        amount = fill_of(where.number)
        side = {"buys": amount} if amount > 0 else {"sells": -amount}
        events += fill_events(where, keccak256(f"fill {where.number}".encode()), **side)
    for key, trade in sender.mined_in(where.number):
        events += swap_events(where, keccak256(key.encode()), weth=trade, first_log=len(events))
    return tuple(events)


def main(folder: Path, blocks: int, dies_at: int) -> None:
    """Hedge until nothing is left."""
    death = Death(dies_at)
    write = HedgeLedger.write

    def watched(self: HedgeLedger, batch: HedgeBatch, also: Acknowledge | None = None) -> None:
        death.here()
        write(self, batch, also)
        death.here()

    HedgeLedger.write = watched  # type: ignore[method-assign]
    sender = FileSender(folder / "sender.sqlite", death)
    ledger = open_hedging_ledger(folder / "ledger.sqlite")
    hedger = hedger_on(ledger, sender, routes=(TellingRoute(),))  # type: ignore[arg-type]
    number = hedger.cursor[0] if hedger.cursor else 0
    sender.head = number
    hedger.step(now_ms=number * 12_000, market=market())
    while number < blocks or hedger.live_intents() or hedger.open_delta(WETH.address):
        number += 1
        sender.head = number
        where = block(number)
        step = ChainChange(
            removed=(), added=events_of(where, sender, blocks), head=where, finalised=max(number - 4, 0)
        )
        hedger.on_change(step, now_ms=number * 12_000, market=market())
        hedger.step(now_ms=number * 12_000 + 1, market=market())
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
