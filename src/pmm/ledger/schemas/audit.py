"""The audit log: each entry holds the hash of the one before it."""

from pmm.ledger.schema_module import SchemaModule

AUDIT = SchemaModule(
    name="audit",
    version=1,
    tables="""
-- Only grows. hash = sha256 of the entry before it and of this one; number rises by one, without gaps.
CREATE TABLE IF NOT EXISTS audit_entries (
    seq INTEGER PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    body TEXT NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
""",
)
