"""Transactions of the desk: intents, nonces, attempts and what became of them. No signature stands here."""

from pmm.ledger.schema_module import SchemaModule

SENT = SchemaModule(
    name="sent",
    version=1,
    tables="""
-- One row per intent. The database itself lets neither a key nor an account's nonce be used twice.
CREATE TABLE IF NOT EXISTS sent_transactions (
    intent_key TEXT PRIMARY KEY,
    chain_id INTEGER NOT NULL,
    sender TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    final INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    intent TEXT NOT NULL,
    attempts TEXT NOT NULL,
    inclusion TEXT,
    UNIQUE (chain_id, sender, nonce)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS sent_transactions_open ON sent_transactions (chain_id, sender, nonce) WHERE final = 0;
""",
)
