"""The kernel's sync of a file, as the event loop hears of it."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from pmm.journal import SqliteJournal
from pmm.journal.log_sync import LogSync
from tests.helpers.journal_desks import refusal
from tests.helpers.quoting import MAKER


def test_log_sync__file_that_cannot_be_synced__is_refused_at_once() -> None:
    reader, writer = os.pipe()

    async def run() -> None:
        sync = LogSync(writer, asyncio.get_running_loop())
        with pytest.raises(OSError, match="EINVAL"):
            sync.start(print)
        sync.close()

    try:
        asyncio.run(run())
    finally:
        os.close(reader)
        os.close(writer)


def test_log_sync__kernel_says_no__is_told_with_its_reason(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_CREAT | os.O_RDWR)

    async def run() -> None:
        heard: list[str | None] = []
        sync = LogSync(descriptor, asyncio.get_running_loop())
        sync._under_way = 2
        # As the kernel answers, and as it says that a write before did not reach the disk.
        sync._finished(heard.append, 0)
        sync._finished(heard.append, 2**64 - errno.EIO)
        assert heard == [None, "Input/output error"]

    try:
        asyncio.run(run())
    finally:
        os.close(descriptor)


def test_log_sync__closed_while_one_is_under_way__is_heard_of_and_then_watches_no_more(
    tmp_path: Path,
) -> None:
    descriptor = os.open(tmp_path / "log", os.O_CREAT | os.O_RDWR)
    os.write(descriptor, b"x" * 10_000)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[str | None] = loop.create_future()
        sync = LogSync(descriptor, loop)
        sync.start(heard.set_result)
        sync.close()
        assert await asyncio.wait_for(heard, 5) is None
        # Nothing is watched any more: there is nothing to remove.
        assert not loop.remove_reader(sync._context.fileno)

    try:
        asyncio.run(run())
    finally:
        os.close(descriptor)


def test_close__loop_goes_on__watches_nothing_of_the_journal(tmp_path: Path) -> None:
    async def run() -> None:
        journal = SqliteJournal(tmp_path / "journal.sqlite", chain_id=1, maker=MAKER)
        await journal.admit(refusal(1))
        (commits,) = journal._loops.values()
        sync = commits._sync
        assert sync is not None
        journal.close()
        assert not asyncio.get_running_loop().remove_reader(sync._context.fileno)

    asyncio.run(run())
