"""What other replicas wrote: quotes that may be filled, and ends of quotes."""

from __future__ import annotations

from collections.abc import Callable

from pmm.execution import BookChanges
from pmm.journal.decoding import LIVE_COLUMNS, live_quote
from pmm.journal.store import Store

# Rows of both tables are written one transaction after the other: a number behind the cursor was not there before.
_NEW = "SELECT seq, order_hash FROM quotes WHERE seq > ? AND order_hash IS NOT NULL ORDER BY seq"
_ENDED = "SELECT seq, order_hash FROM outcomes WHERE seq > ? ORDER BY seq"
_LIVE = f"SELECT {LIVE_COLUMNS} FROM quotes WHERE order_hash = ?"  # noqa: S608 - constants


def read_changes(store: Store, cursor: tuple[int, int], known: Callable[[bytes], bool]) -> BookChanges:
    """Return live quotes that are not ``known`` and ends of those that are, both behind ``cursor``."""
    admitted, outcomes = store.query(((_NEW, (cursor[0],)), (_ENDED, (cursor[1],))))
    ended = {bytes(row[1]) for row in outcomes}
    fresh = [bytes(row[1]) for row in admitted if bytes(row[1]) not in ended and not known(bytes(row[1]))]
    rows = store.query([(_LIVE, (order_hash,)) for order_hash in fresh]) if fresh else []
    return BookChanges(
        live=tuple(live_quote(row[0]) for row in rows),
        ended=tuple(order_hash for order_hash in ended if known(order_hash)),
        cursor=(admitted[-1][0] if admitted else cursor[0], outcomes[-1][0] if outcomes else cursor[1]),
    )
