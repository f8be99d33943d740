"""A ladder shares the commit of what must be on disk at once, and is written soon without any."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from pmm.execution import LadderRecord
from pmm.journal import Journal, gathering
from pmm.journal.log_sync import LogSync
from tests.helpers.journal_desks import refusal, run_journal
from tests.helpers.quoting import market


def _ladder(number: int) -> LadderRecord:
    return LadderRecord(published_at_ms=number, relayer="pmm", market=market(), body=b"[]")


def test_append_ladder__quotes_follow__shares_their_commit(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        ladders = [asyncio.ensure_future(journal.append_ladder(_ladder(number))) for number in range(3)]
        await asyncio.sleep(0)
        await journal.admit(refusal(1))
        assert all(ladder.done() for ladder in ladders)

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches == [4]


def test_append_ladder__nothing_follows__is_written_all_the_same(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        await journal.append_ladder(_ladder(1))

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches == [1]


def test_append_ladder__closed_at_once__is_written_before(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        pending = asyncio.ensure_future(journal.append_ladder(_ladder(1)))
        await asyncio.sleep(0)
        journal.close()
        await pending

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches == [1]


def test_append_ladder__batch_in_hand_when_its_patience_ends__is_written_behind_it(
    tmp_path: Path, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PATIENCE_S", 0.01)
    start = LogSync.start

    def slow(self: LogSync, done: Callable[[str | None], None]) -> None:
        self._loop.call_later(0.05, start, self, done)

    async def body(journal: Journal) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(LogSync, "start", slow)
            quote = journal.admit(refusal(1))
            ladder = asyncio.ensure_future(journal.append_ladder(_ladder(1)))
            await quote
        await asyncio.wait_for(ladder, 5)

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches == [1, 1]
