"""The append-only record of every request, decision, order and outcome, in SQLite.

The server writes it with ``SqliteJournal``; ``read(path)`` gives it back.
"""

from pmm.journal.reader import JournalEntry, read
from pmm.journal.writer import SqliteJournal

__all__ = ["JournalEntry", "SqliteJournal", "read"]
