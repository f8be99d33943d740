"""Records that are on disk when an answer leaves, or a refusal that says why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from pmm.domain import Decision, RefusalReason
from pmm.execution.admission import AdmissionDesk
from pmm.execution.ports import JournalUnavailable, JournalUncertain, QuoteJournal
from pmm.execution.records import AdmittedQuote, LadderRecord, QuoteRecord, Receipt
from pmm.execution.stages import Stage
from pmm.execution.wait_limit import WaitLimit

_LOG = structlog.get_logger()
# Found through its class, an enum's member costs three times as much.
_JOURNAL = Stage.JOURNAL
# A second of ladders at the usual rate of a relayer, many times over: beyond it the disk hangs.
_MOST_LADDERS = 64


class DurableRecords:
    """Waits for the journal as long as the policy allows, and takes reservations back that it did not write."""

    def __init__(
        self, *, journal: QuoteJournal, admission: AdmissionDesk, on_lost: Callable[[bytes], None]
    ) -> None:
        """``on_lost`` is told the order hash of a quote that is not written and that nothing reserves any more."""
        self._on_lost = on_lost
        self._journal = journal
        self._admission = admission
        self._stages = admission.stages
        self._limit = WaitLimit()
        self._ladders: set[asyncio.Future[None]] = set()
        # Each relayer's: what is written of one says nothing of another's.
        self._failing: set[str] = set()
        self._lost: Counter[str] = Counter()

    def ladders_lost(self, relayer: str) -> int:
        """Return how many of a relayer's ladders were not written since the start; it never falls.

        Whoever has seen it rise publishes anew: what stood meanwhile is not known to be in the journal.
        """
        return self._lost[relayer]

    async def append(self, record: QuoteRecord) -> Decision | None:
        """Append a request that reserves nothing; return why it could not be, None when it is durable."""
        started_ns = self._stages.now_ns()
        refusal = await self._written(self._journal.append(record))
        self._stages.took(_JOURNAL, started_ns)
        return refusal

    async def append_ladder(self, record: LadderRecord) -> Decision | None:
        """Append a ladder; return why it could not be, None when it is on its way.

        A ladder promises nothing: it goes to disk with the next firm quote, and its answer does not wait. Once one
        of its relayer was not written, and while many are under way, each waits as :meth:`append` does.
        """
        pending = asyncio.ensure_future(self._journal.append_ladder(record))
        self._ladders.add(pending)
        pending.add_done_callback(partial(self._ladder_done, record.relayer))
        if record.relayer in self._failing or len(self._ladders) > _MOST_LADDERS:
            return await self._written(pending)
        return None

    def _ladder_done(self, relayer: str, pending: asyncio.Future[None]) -> None:
        self._ladders.discard(pending)
        error = asyncio.CancelledError() if pending.cancelled() else pending.exception()
        if error is None:
            self._failing.discard(relayer)
            return
        if relayer not in self._failing:
            _LOG.warning("ladder_not_journaled", relayer=relayer, error=str(error) or type(error).__name__)
        self._failing.add(relayer)
        self._lost[relayer] += 1

    def hand_over(self, record: QuoteRecord) -> tuple[asyncio.Future[Receipt], int]:
        """Give a record to the journal; return its receipt to be, and when this stage began.

        Whoever does so awaits :meth:`receipt` next, or calls :meth:`give_up`.
        """
        started_ns = self._stages.now_ns()
        return asyncio.ensure_future(self._journal.admit(record)), started_ns

    def give_up(self, record: QuoteRecord, pending: asyncio.Future[Receipt]) -> None:
        """Wait no longer: what the record reserves is free again if the journal did not write it."""
        pending.add_done_callback(partial(self._late, record))

    async def receipt(
        self, record: QuoteRecord, pending: asyncio.Future[Receipt], started_ns: int
    ) -> Receipt | Decision:
        """Return what the journal made of a record, or why it has none.

        A record that is not confirmed in time may still be written: what it reserves is free again only when the
        journal says that it was not.
        """
        try:
            written = await self._limit.done(pending, self._admission.policy.journal_timeout_s)
        except asyncio.CancelledError:
            # The caller went away; nobody signs this any more.
            self.give_up(record, pending)
            raise
        self._stages.took(_JOURNAL, started_ns)
        if not written:
            self.give_up(record, pending)
            return _refusal(TimeoutError())
        try:
            return pending.result()
        except JournalUncertain as error:
            return _refusal(error)
        except JournalUnavailable as error:
            self.take_back(record.admitted)
            return _refusal(error)

    def take_back(self, quote: AdmittedQuote | None) -> None:
        """Free what a quote reserves that was not written, if it is reserved still."""
        if quote is None:
            return
        if quote.order_hash in self._admission.book:
            self._admission.release(quote)
        else:
            self._on_lost(quote.order_hash)

    def _late(self, record: QuoteRecord, pending: asyncio.Future[Receipt]) -> None:
        if pending.cancelled():
            return
        failed = pending.exception()
        if isinstance(failed, JournalUncertain):
            return
        if failed is not None or not pending.result().decision.accepted or pending.result().earlier:
            self.take_back(record.admitted)

    async def _written(self, written: Awaitable[None]) -> Decision | None:
        try:
            async with asyncio.timeout(self._admission.policy.journal_timeout_s):
                await written
        except (JournalUnavailable, TimeoutError) as error:
            return _refusal(error)
        return None


def _refusal(error: BaseException) -> Decision:
    detail = str(error) or "the journal did not confirm the record in time"
    return Decision.refuse(RefusalReason.JOURNAL_UNAVAILABLE, detail)
