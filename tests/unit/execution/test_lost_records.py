"""A quote that the chain ends before the journal has said that it could not be written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from pmm.domain import Decision
from pmm.execution import AnsweredQuote, JournalUnavailable, QuoteOutcome, QuoteRecord, Receipt, Settlement
from pmm.risk import QuoteLimits
from tests.helpers.journal_desks import request
from tests.helpers.quoting import CHAIN_TIME_S, MemoryJournal, chain_view, open_test_desk


class HangingOnce(MemoryJournal):
    """Hangs over its first record and then fails; refuses the end of a quote that it does not know, as ours does."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_first = asyncio.Event()
        self._hung = False

    async def admit(self, record: QuoteRecord) -> Receipt:
        if not self._hung:
            self._hung = True
            await self.fail_first.wait()
            raise JournalUnavailable("connection lost")
        return await super().admit(record)

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        known = {one.admitted.order_hash for one in self.records if one.admitted}
        if any(outcome.order_hash not in known for outcome in outcomes):
            raise JournalUnavailable("no quote that could end")
        await super().append_outcomes(outcomes)


@pytest.mark.parametrize("settled_before", [True, False])
def test_settle__record_fails_behind_the_end_of_its_quote__other_ends_are_journaled(
    settled_before: bool,
) -> None:
    async def run() -> None:
        journal = HangingOnce()
        desk = open_test_desk(journal=journal)
        desk.admission.policy = replace(desk.policy, journal_timeout_s=0.01)
        lost = await desk.desk.firm_quote(request(1))
        assert isinstance(lost, Decision)
        kept = await desk.desk.firm_quote(request(2))
        assert isinstance(kept, AnsweredQuote)
        assert len(desk.book) == 2
        over = chain_view(expiry_clock_s=CHAIN_TIME_S + 31)
        if settled_before:
            with pytest.raises(JournalUnavailable, match="no quote that could end"):
                await desk.settle(over)
            assert journal.outcomes == []
        journal.fail_first.set()
        await asyncio.sleep(0.01)
        await desk.settle(over)
        assert [outcome.order_hash for outcome in journal.outcomes] == [kept.admitted.order_hash]
        assert len(desk.book) == 0
        await desk.settle(over)
        assert len(journal.outcomes) == 1

    asyncio.run(run())


class CountingJournal(MemoryJournal):
    """Counts the outcomes of each transaction; fails at the one it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.fails_at = -1

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        if len(self.sizes) == self.fails_at:
            self.fails_at = -1
            raise JournalUnavailable("disk full")
        self.sizes.append(len(outcomes))
        await super().append_outcomes(outcomes)


def test_settle__many_end_at_once__are_journaled_in_parts_and_go_on_where_they_failed() -> None:
    async def run() -> None:
        journal = CountingJournal()
        desk = open_test_desk(
            journal=journal, limits=QuoteLimits(max_live_quotes=1_000, max_open_usd=Decimal(10**9))
        )
        for number in range(300):
            found = await desk.desk.firm_quote(request(number, Settlement.ONEINCH))
            assert isinstance(found, AnsweredQuote), found
        journal.fails_at = 1
        over = chain_view(expiry_clock_s=CHAIN_TIME_S + 31)
        with pytest.raises(JournalUnavailable, match="disk full"):
            await desk.settle(over)
        assert journal.sizes == [128]
        await desk.settle(over)
        assert journal.sizes == [128, 128, 44]
        assert len({outcome.order_hash for outcome in journal.outcomes}) == 300

    asyncio.run(run())
