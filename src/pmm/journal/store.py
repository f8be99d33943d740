"""What the journal asks of a database, and how a database fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Row = tuple[Any, ...]
Statement = tuple[str, Row]


class BadRecord(Exception):
    """The database refuses these values; others may be written."""


class StoreDown(Exception):
    """The database cannot be written now; nothing of the transaction stands, as far as we know."""


class Store(Protocol):
    """One connection with at most one transaction, used by one thread at a time; SQL with ``?`` that both kinds read.

    Every method raises StoreDown, and BadRecord where values are at fault; a transaction is over then.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes may write too: a replica then needs leases."""
        ...

    @property
    def now_ms(self) -> str:
        """SQL expression of the database's clock, unix time in milliseconds."""
        ...

    def begin(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Open a transaction that no other one runs beside, and return the rows of each read."""
        ...

    def query(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each read, inside the transaction or without one."""
        ...

    def commit(self, writes: Sequence[Statement]) -> None:
        """Write and commit; durable on return."""
        ...

    def rollback(self) -> None:
        """End the transaction, if there is one, and leave nothing of it."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class UnsyncedStore(Store, Protocol):
    """A store that commits to memory of the operating system first, for whoever must not wait for the disk."""

    @property
    def log_descriptor(self) -> int:
        """The open file whose sync makes unsynced commits durable."""
        ...

    def begin_unsynced(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Do as :meth:`begin`, but wait for nobody, and let the commit be durable only after a sync.

        Raises StoreDown where only :meth:`begin` may begin now.
        """
        ...

    def sync(self) -> None:
        """Make all commits durable; raises StoreDown, after which none may be trusted that was not before."""
        ...

    def abandon(self) -> None:
        """Touch the database no more: a sync failed, and only a new process can read what is on the disk."""
        ...
