"""Signed quotes that may still be filled, as a part of the desk's exposure: by fill probability, where it is set."""

from __future__ import annotations

import structlog

from pmm.desk.scene import Scene
from pmm.domain import Token
from pmm.errors import InvalidInput, SetupError
from pmm.execution.book import InventoryBook, PendingQuote, pending_delta
from pmm.journal.pending import PendingQuotes
from pmm.monitoring.desk.book_events import BookEvents

_LOG = structlog.get_logger()


class PendingDesk:
    """One thread. Without a journal nothing is pending; while it cannot be read, what is pending is not known."""

    def __init__(self, journal: PendingQuotes | None, events: BookEvents, tokens: tuple[Token, ...]) -> None:
        self._journal, self._events = journal, events
        self._tokens = {one.address: one for one in tokens}
        self._silent = ""

    @classmethod
    def of(cls, scene: Scene, events: BookEvents) -> PendingDesk:
        """Join the journal of the settings where pending quotes count; raises InvalidInput where there is none."""
        desk = scene.settings.desk
        if not desk.pending_quotes:
            return cls(None, events, scene.tokens)
        where = scene.journal_place
        if where is None:
            raise InvalidInput(
                "PMM_DESK_PENDING_QUOTES: expected a journal to read them from, found none; set PMM_JOURNAL or "
                "PMM_DATABASE_URL, leave PMM_DESK_RESERVATIONS true, or turn it off"
            )
        journal = PendingQuotes(
            where,
            chain_id=scene.identity.chain_id,
            maker=scene.settlement,
            unspoken_bps=desk.pending_fill_bps,
        )
        return cls(journal, events, scene.tokens)

    def look(self, book: InventoryBook) -> tuple[PendingQuote, ...]:
        """Return the quotes that may still be filled as of the book's block; of tokens that it follows."""
        if self._journal is None or book.head is None:
            return ()
        filled = {one.order_hash for one in book.fills()}
        try:
            found = self._journal.pending(at_s=book.head.time_s, block_number=book.head.number, filled=filled)
        except (SetupError, InvalidInput) as error:
            if str(error) != self._silent:
                _LOG.warning("pending_quotes_unknown", why=str(error))
            self._silent = str(error)
            self._events.pending_unknown()
            return ()
        self._silent = ""
        known = tuple(
            one for one in found if one.maker_asset in self._tokens and one.taker_asset in self._tokens
        )
        deltas = pending_delta(known)
        self._events.pending_counted(quotes=len(known))
        for address, token in self._tokens.items():
            self._events.pending_changed(
                asset=token.symbol, amount=deltas.get(address, 0) / 10**token.decimals
            )
        return known

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
