"""What the indexer saw: blocks, events, and the order in which they came and went.

A removed block keeps its rows: consumers that had read it are told what left. ``chain_steps`` only grows.
"""

from pmm.ledger.schema_module import SchemaModule

CHAIN = SchemaModule(
    name="chain",
    version=1,
    tables="""
-- Blocks that hold an event of ours, and every block that may still be replaced. Canonical: 1 on the chain we follow.
CREATE TABLE IF NOT EXISTS chain_blocks (
    hash BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    parent_hash BLOB NOT NULL,
    time_s INTEGER NOT NULL,
    canonical INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One canonical block of a height, held by the database itself.
CREATE UNIQUE INDEX IF NOT EXISTS chain_blocks_canonical ON chain_blocks (number) WHERE canonical = 1;

CREATE TABLE IF NOT EXISTS chain_events (
    block_hash BLOB NOT NULL REFERENCES chain_blocks (hash),
    log_index INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (block_hash, log_index)
) STRICT, WITHOUT ROWID;

-- A block with events joined (1) or left (0) the chain.
CREATE TABLE IF NOT EXISTS chain_steps (
    seq INTEGER PRIMARY KEY,
    joined INTEGER NOT NULL,
    block_hash BLOB NOT NULL REFERENCES chain_blocks (hash)
) STRICT;

-- The indexer's own place: one row.
CREATE TABLE IF NOT EXISTS chain_cursor (
    name TEXT PRIMARY KEY,
    head_hash BLOB NOT NULL,
    head_number INTEGER NOT NULL,
    finalised INTEGER NOT NULL,
    watched TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each consumer has read the steps.
CREATE TABLE IF NOT EXISTS chain_consumers (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
""",
)
