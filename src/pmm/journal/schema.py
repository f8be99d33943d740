"""Tables of the journal. Rows are added, never changed."""

from __future__ import annotations

# 2: what each decision was made from (`quotes.inputs`), so that `pmm replay` can make it again.
SCHEMA_VERSION = 2

TABLES = """
CREATE TABLE IF NOT EXISTS meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The market as pricing saw it, written once and named by the rows that used it.
CREATE TABLE IF NOT EXISTS snapshots (
    snapshot_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per request: refusals have no order.
CREATE TABLE IF NOT EXISTS quotes (
    seq INTEGER PRIMARY KEY,
    quote_id TEXT NOT NULL UNIQUE,
    received_at_ms INTEGER NOT NULL,
    relayer TEXT NOT NULL,
    request BLOB NOT NULL,
    decision TEXT NOT NULL,
    detail TEXT NOT NULL,
    snapshot_id TEXT REFERENCES snapshots (snapshot_id),
    losing TEXT NOT NULL,
    inputs TEXT,
    order_hash BLOB UNIQUE,
    "order" TEXT,
    extension BLOB,
    settlement TEXT,
    settled_by TEXT,
    chain_id INTEGER,
    signer TEXT,
    nonce_space TEXT,
    lane INTEGER,
    nonce INTEGER,
    expiration_s INTEGER,
    maker_asset TEXT,
    reserved_amount TEXT,
    usd_wad TEXT,
    pricing TEXT,
    UNIQUE (nonce_space, nonce)
) STRICT;

-- What ended a quote; the signature stands here only, when it is worth nothing any more.
CREATE TABLE IF NOT EXISTS outcomes (
    seq INTEGER PRIMARY KEY,
    order_hash BLOB NOT NULL UNIQUE REFERENCES quotes (order_hash),
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    signature BLOB
) STRICT;

CREATE TABLE IF NOT EXISTS ladders (
    seq INTEGER PRIMARY KEY,
    published_at_ms INTEGER NOT NULL,
    relayer TEXT NOT NULL,
    snapshot_id TEXT NOT NULL REFERENCES snapshots (snapshot_id),
    body BLOB NOT NULL
) STRICT;
"""

INSERT_SNAPSHOT = "INSERT OR IGNORE INTO snapshots (snapshot_id, body) VALUES (?, ?)"
INSERT_QUOTE = (
    "INSERT INTO quotes (quote_id, received_at_ms, relayer, request, decision, detail, snapshot_id, losing, inputs, "
    'order_hash, "order", extension, settlement, settled_by, chain_id, signer, nonce_space, lane, nonce, '
    "expiration_s, maker_asset, reserved_amount, usd_wad, pricing) "
    "VALUES (" + ", ".join("?" * 24) + ")"
)
INSERT_OUTCOME = (
    "INSERT OR IGNORE INTO outcomes (order_hash, kind, at_ms, block_number, signature) VALUES (?, ?, ?, ?, ?)"
)
INSERT_LADDER = "INSERT INTO ladders (published_at_ms, relayer, snapshot_id, body) VALUES (?, ?, ?, ?)"
