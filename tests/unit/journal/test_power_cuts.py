"""What a power cut leaves behind an answer: the quote is on the disk."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pmm.journal import Journal
from pmm.journal.log_sync import LogSync
from tests.helpers.journal_desks import leased_desk, quoted, request, run_journal


class PowerCuts:
    """What a power cut would leave: the files as they stood when the last sync that ended began."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._survives = path.with_name("survives")
        self._copies = 0

    def install(self, monkeypatch: pytest.MonkeyPatch, *, sync: bool) -> None:
        start = LogSync.start

        def started(log: LogSync, done: Callable[[str | None], None]) -> None:
            copy = self._path.with_name(f"copy-{self._copies}")
            self._copies += 1
            copy.mkdir()
            for file in self._path.parent.glob(f"{self._path.name}*"):
                if not file.name.endswith(("-shm", ".lock")):
                    shutil.copy(file, copy)

            def synced(error: str | None) -> None:
                self._survives = copy
                done(error)

            if sync:
                start(log, synced)
            else:
                # Planted fault: answered, and synced only afterwards.
                done(None)
                start(log, lambda error: setattr(self, "_survives", copy))

        monkeypatch.setattr(LogSync, "start", started)

    def quotes(self) -> set[str]:
        if not self._survives.is_dir():
            return set()
        with closing(sqlite3.connect(self._survives / self._path.name)) as connection:
            return {name for (name,) in connection.execute("SELECT quote_id FROM quotes")}


@pytest.mark.parametrize("sync", [True, False])
def test_firm_quote__power_is_cut_behind_an_answer__quote_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    path = tmp_path / "journal.sqlite"
    cuts = PowerCuts(path)
    lost: list[str] = []

    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        journal._store._checkpointer.stop()  # type: ignore[attr-defined]
        cuts.install(monkeypatch, sync=sync)

        async def ask(number: int) -> None:
            answer = await quoted(desk, request(number, amount=10**16))
            if answer.quote_id not in cuts.quotes():
                lost.append(answer.quote_id)

        for start in (0, 100, 200):
            await ask(start)
            await asyncio.gather(*(ask(start + 1 + number) for number in range(8)))

    run_journal(path, body)
    assert bool(lost) is not sync
