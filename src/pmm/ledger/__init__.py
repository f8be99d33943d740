"""The desk's own database: what must outlive a crash of ``pmm desk``, in an SQLite file or in PostgreSQL.

Every concern has a module in ``pmm.ledger.schemas`` with its tables, whose names begin with the concern's, and a
version. ``open_ledger(where, chain_id=..., maker=...)`` makes what is missing and refuses what is of another version.

    with ledger.transaction() as t:
        rows = t.query("SELECT amount FROM book_lots WHERE token = ?", (token,))
        t.execute("INSERT INTO book_lots (token, amount) VALUES (?, ?)", (token, str(amount)))

All of a transaction is on disk when the block ends, or nothing of it is: an exception takes it back. One SQL text
serves both databases; amounts of 256 bits are TEXT. Parts below this layer (``execution``, ``chain``) ask for the
Protocols in ``pmm.execution.ledger``, which ``Ledger`` and ``Transaction`` fit. ``read_ledger(where)`` opens a ledger
for reading beside the desk.
"""

from pmm.ledger.errors import LedgerDown, LedgerRefused
from pmm.ledger.ledger import Ledger, Transaction
from pmm.ledger.opening import open_ledger, read_ledger
from pmm.ledger.read_only import ReadOnlyLedger
from pmm.ledger.reader import LedgerReader
from pmm.ledger.schema_module import SchemaModule

__all__ = [
    "Ledger",
    "LedgerDown",
    "LedgerReader",
    "LedgerRefused",
    "ReadOnlyLedger",
    "SchemaModule",
    "Transaction",
    "open_ledger",
    "read_ledger",
]
