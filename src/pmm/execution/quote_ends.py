"""How live quotes end, here and on other replicas, and what is journaled then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pmm.execution.admission import AdmissionDesk
from pmm.execution.chain_view import ChainView
from pmm.execution.ports import Clock, JournalUnavailable, NonceLeases, QuoteJournal
from pmm.execution.records import LiveQuote, QuoteOutcome, Selection

_REPLICA_LEAD = 2
"""Blocks that replicas are apart at most."""
_ENDS_AT_ONCE = 128
"""Ends of one transaction: a block may end thousands of quotes, and new ones must not wait for all of them."""


class QuoteEnds:
    """Ends quotes by what the chain says; keeps their signatures until then, and gives them to the journal.

    ``on_end`` is told the order hash of every quote that ends, here or on another replica.
    """

    def __init__(
        self,
        *,
        journal: QuoteJournal,
        admission: AdmissionDesk,
        clock: Clock,
        on_end: Callable[[bytes], None],
    ) -> None:
        self._on_end = on_end
        self._journal = journal
        self._admission = admission
        self._book = admission.book
        self._clock = clock
        self._signatures: dict[bytes, bytes] = {}
        self._unwritten: tuple[QuoteOutcome, ...] = ()
        self._never_written: set[bytes] = set()
        self._cursor = (0, 0)

    def signed(self, order_hash: bytes, signature: bytes) -> None:
        """Remember the signature of a live quote for the day it is worth nothing."""
        self._signatures[order_hash] = signature

    def never_written(self, order_hash: bytes) -> None:
        """Say that the journal does not have a quote that may have ended here: its end is not journaled either.

        The journal refuses the end of a quote that it does not know, and all that are handed over with it.
        """
        self._never_written.add(order_hash)

    def hold(self, quote: LiveQuote) -> None:
        """Reserve for a quote that the journal says is live, if it is not reserved yet."""
        if quote.order_hash not in self._book:
            self._book.add(quote)
            self._admission.hold_nonce(quote.nonce)

    def resume(self, cursor: tuple[int, int]) -> None:
        """Say how far the journal was read at the start."""
        self._cursor = cursor

    async def settle(self, view: ChainView) -> None:
        """End what the chain shows to be over, and journal it.

        Raises JournalUnavailable when they could not be journaled; they are free here all the same, and the next
        call tries them again.
        """
        ended: list[QuoteOutcome] = []
        for end in self._book.end_by(view):
            self._on_end(end.quote.order_hash)
            self._admission.release_nonce(end.quote.nonce)
            outcome = QuoteOutcome(
                order_hash=end.quote.order_hash,
                kind=end.kind,
                at_ms=self._clock.wall_ms(),
                block_number=end.block_number,
                signature=self._signatures.pop(end.quote.order_hash, None),
                balance=view.balances.get(end.quote.maker_asset),
            )
            ended.append(outcome)
        self._unwritten = (*self._unwritten, *ended)
        await self._write()

    async def _write(self) -> None:
        outcomes = tuple(one for one in self._unwritten if one.order_hash not in self._never_written)
        self._unwritten = ()
        self._never_written.clear()
        while outcomes:
            try:
                async with asyncio.timeout(self._admission.policy.journal_timeout_s):
                    await self._journal.append_outcomes(outcomes[:_ENDS_AT_ONCE])
            except (JournalUnavailable, TimeoutError) as error:
                self._unwritten = (*outcomes, *self._unwritten)
                if isinstance(error, JournalUnavailable):
                    raise
                # Written twice is as good as once: the journal ignores an outcome that it has.
                raise JournalUnavailable("the journal did not confirm the outcomes in time") from error
            outcomes = outcomes[_ENDS_AT_ONCE:]

    async def pull(self, leases: NonceLeases) -> None:
        """Take over what other replicas admitted and ended; raises JournalUnavailable."""
        changes = await asyncio.wrap_future(leases.changes(self._cursor, self._book.__contains__))
        ending = {outcome.order_hash for outcome in self._unwritten}
        for quote in changes.live:
            if quote.order_hash not in ending:
                self.hold(quote)
        for order_hash in changes.ended:
            ended = self._book.get(order_hash)
            if ended is not None:
                self._admission.release_nonce(ended.nonce)
                # Another replica saw it end, perhaps in a block that this one has yet to see.
                self._book.remove(order_hash, filled_by=self._book.block_number + _REPLICA_LEAD)
                self._signatures.pop(order_hash, None)
                self._on_end(order_hash)
        self._cursor = changes.cursor

    async def not_selected(self, order_hash: bytes) -> bool:
        """Lower a live quote's fill probability, because its relayer chose another maker; nothing is freed.

        Return False when no such quote is live. Raises JournalUnavailable.
        """
        bps = self._admission.policy.not_selected_bps
        if not self._book.not_selected(order_hash, fill_probability_bps=bps):
            return False
        selection = Selection(order_hash=order_hash, fill_probability_bps=bps, at_ms=self._clock.wall_ms())
        await self._journal.append_selection(selection)
        return True
