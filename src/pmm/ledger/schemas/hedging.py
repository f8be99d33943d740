"""The hedger's books: every piece of delta, every decision, every leg."""

from pmm.ledger.schema_module import SchemaModule

HEDGING = SchemaModule(
    name="hedging",
    version=1,
    tables="""
-- Rows are added and claimed once; a fill that a reorganisation takes away gets a second row that takes it back.
CREATE TABLE IF NOT EXISTS hedging_entries (
    seq INTEGER PRIMARY KEY,
    entry_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    edge_usd_wad TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    intent_id TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS hedging_entries_of_block ON hedging_entries (block_hash);
CREATE INDEX IF NOT EXISTS hedging_entries_of_intent ON hedging_entries (intent_id);


CREATE TABLE IF NOT EXISTS hedging_intents (
    seq INTEGER PRIMARY KEY,
    intent_id TEXT NOT NULL UNIQUE,
    asset TEXT NOT NULL,
    trade TEXT NOT NULL,
    waived TEXT NOT NULL,
    route TEXT NOT NULL,
    strategy TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    cost_usd_wad TEXT NOT NULL,
    edge_usd_wad TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    closings INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS hedging_intents_of_state ON hedging_intents (state);

CREATE TABLE IF NOT EXISTS hedging_legs (
    seq INTEGER PRIMARY KEY,
    leg_key TEXT NOT NULL UNIQUE,
    intent_id TEXT NOT NULL REFERENCES hedging_intents (intent_id),
    number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    call TEXT NOT NULL,
    undo TEXT NOT NULL,
    undoes INTEGER,
    state TEXT NOT NULL,
    "references" TEXT NOT NULL,
    settled_by BLOB NOT NULL,
    got TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    block_hash BLOB NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS hedging_legs_of_intent ON hedging_legs (intent_id);
CREATE INDEX IF NOT EXISTS hedging_legs_of_state ON hedging_legs (state);

-- Net changes of transactions that may still be undone, or may be a leg of which the answer was lost.
CREATE TABLE IF NOT EXISTS hedging_seen (
    block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    block_number INTEGER NOT NULL,
    deltas TEXT NOT NULL,
    PRIMARY KEY (block_hash, transaction_hash)
) STRICT, WITHOUT ROWID;

-- The newest block whose events are in the books: one row.
CREATE TABLE IF NOT EXISTS hedging_cursor (
    name TEXT PRIMARY KEY,
    block_number INTEGER NOT NULL,
    block_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Orders that the paper venue took, and how far it filled them.
CREATE TABLE IF NOT EXISTS hedging_paper_orders (
    order_key TEXT PRIMARY KEY,
    venue TEXT NOT NULL,
    asset TEXT NOT NULL,
    filled TEXT NOT NULL,
    price_usd_e36 TEXT NOT NULL,
    fee_usd_wad TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Funding that the paper venue paid (positive) or took until a time.
CREATE TABLE IF NOT EXISTS hedging_paper_funding (
    venue TEXT NOT NULL,
    asset TEXT NOT NULL,
    until_s INTEGER NOT NULL,
    usd_wad TEXT NOT NULL,
    PRIMARY KEY (venue, asset, until_s)
) STRICT, WITHOUT ROWID;
""",
)
