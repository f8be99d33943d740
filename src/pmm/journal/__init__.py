"""The append-only record of every request, decision, order and outcome, in SQLite or PostgreSQL.

The server writes it with ``SqliteJournal`` or ``PostgresJournal``; ``read(where)`` gives it back.
"""

from pmm.journal.backends import PostgresJournal, SqliteJournal
from pmm.journal.reader import JournalEntry, read
from pmm.journal.writer import Journal

__all__ = ["Journal", "JournalEntry", "PostgresJournal", "SqliteJournal", "read"]
