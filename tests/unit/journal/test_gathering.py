"""What waits at once shares commits; what waits alone does not wait for others."""

import asyncio
from pathlib import Path

import pytest

from pmm.execution import JournalUnavailable
from pmm.journal import Journal, SqliteJournal
from tests.helpers.journal_desks import refusal, run_journal
from tests.helpers.quoting import MAKER


def test_admit__one_after_the_other__each_goes_at_once(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        for number in range(5):
            await journal.admit(refusal(number))

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches == [1] * 5


def test_admit__many_at_once__share_one_commit(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        for start in (0, 20):
            await asyncio.gather(*(journal.admit(refusal(start + number)) for number in range(20)))

    run_journal(tmp_path / "journal.sqlite", body)
    # The first of all does not know yet that others follow.
    assert batches == [1, 19, 20]


def test_admit__steps_of_the_loop_apart__share_one_commit(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        async def late(number: int) -> None:
            for _ in range(number):
                await asyncio.sleep(0)
            await journal.admit(refusal(number))

        await asyncio.gather(*(journal.admit(refusal(100 + number)) for number in range(2)))
        await asyncio.gather(*(late(number) for number in range(8)))

    run_journal(tmp_path / "journal.sqlite", body)
    assert batches[-1] >= 7


def test_admit__more_than_a_batch_waits__is_all_written(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        await asyncio.gather(*(journal.admit(refusal(number)) for number in range(300)))

    run_journal(tmp_path / "journal.sqlite", body)
    assert sum(batches) == 300


def test_close__records_wait__are_written_before(tmp_path: Path, batches: list[int]) -> None:
    async def body(journal: Journal) -> None:
        pending = [journal.admit(refusal(number)) for number in range(3)]
        journal.close()
        await asyncio.gather(*pending)
        with pytest.raises(JournalUnavailable):
            await journal.admit(refusal(9))

    run_journal(tmp_path / "journal.sqlite", body)
    assert sum(batches) == 3


def test_admit__from_one_loop_after_another__each_is_answered(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite", chain_id=1, maker=MAKER)

    async def body(first: int) -> None:
        await asyncio.gather(*(journal.admit(refusal(first + number)) for number in range(3)))

    try:
        for first in (0, 10, 20):
            asyncio.run(body(first))
        assert len(journal._gatherings) == 1
    finally:
        journal.close()
