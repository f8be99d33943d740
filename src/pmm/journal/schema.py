"""Tables of the journal, one text for SQLite and PostgreSQL.

Rows of ``snapshots``, ``quotes``, ``outcomes``, ``selections`` and ``ladders`` are added, never changed. ``totals``,
``bindings`` and ``leases`` are what follows from them now; ``nonce_blocks`` only grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    idempotency_key TEXT,
    decision TEXT NOT NULL,
    detail TEXT NOT NULL,
    snapshot_id TEXT REFERENCES snapshots (snapshot_id),
    losing TEXT NOT NULL,
    inputs TEXT,
    replica TEXT,
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
    allowed_sender TEXT,
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

-- A relayer chose another maker: the quote is less likely to be filled, its reservation stays.
CREATE TABLE IF NOT EXISTS selections (
    seq INTEGER PRIMARY KEY,
    order_hash BLOB NOT NULL REFERENCES quotes (order_hash),
    fill_probability_bps INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS ladders (
    seq INTEGER PRIMARY KEY,
    published_at_ms INTEGER NOT NULL,
    relayer TEXT NOT NULL,
    snapshot_id TEXT NOT NULL REFERENCES snapshots (snapshot_id),
    body BLOB NOT NULL
) STRICT;

-- What live quotes of all replicas add up to. Amounts have 78 digits, so that they compare as text: the database
-- itself refuses a sum above what it was allowed when it last rose. Balance, block and replica: the newest view.
CREATE TABLE IF NOT EXISTS totals (
    name TEXT PRIMARY KEY,
    amount TEXT NOT NULL,
    ceiling TEXT NOT NULL,
    balance TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    replica TEXT NOT NULL,
    CHECK (length(amount) = 78 AND length(ceiling) = 78 AND amount <= ceiling)
) STRICT, WITHOUT ROWID;

-- The live quote that an idempotency key stands for.
CREATE TABLE IF NOT EXISTS bindings (
    relayer TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    order_hash BLOB NOT NULL UNIQUE REFERENCES quotes (order_hash),
    PRIMARY KEY (relayer, idempotency_key)
) STRICT, WITHOUT ROWID;

-- Who may issue the nonces of a lane; the fence rises with every new holder.
CREATE TABLE IF NOT EXISTS leases (
    nonce_space TEXT PRIMARY KEY,
    replica TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Blocks of 256 nonces on 1inch's contract. A block has one taker for ever; what a crash leaves of it is burnt.
CREATE TABLE IF NOT EXISTS nonce_blocks (
    block INTEGER PRIMARY KEY,
    replica TEXT NOT NULL,
    taken_at_ms INTEGER NOT NULL
) STRICT;
"""

_POSTGRES = (
    (" STRICT, WITHOUT ROWID;", ";"),
    (" STRICT;", ";"),
    ("block INTEGER PRIMARY KEY", "block BIGINT PRIMARY KEY"),
    ("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    # Digits compare byte by byte, whatever the language of the server.
    (
        "amount TEXT NOT NULL,\n    ceiling TEXT NOT NULL",
        'amount TEXT COLLATE "C" NOT NULL,\n    ceiling TEXT COLLATE "C" NOT NULL',
    ),
)


def postgres_words(tables: str) -> str:
    """Return the same tables in PostgreSQL's words."""
    text = tables.replace(")\n STRICT", ") STRICT")
    for ours, theirs in _POSTGRES:
        text = text.replace(ours, theirs)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseKind:
    """What a database of ours must be to be opened.

    Attributes:
        name: what it is to a person, and the option that names another one.
        meta: its table of facts about itself, made by ``tables`` with the columns key and value.
        tables: SQL that makes what is missing, in SQLite's words.
        versions: facts that must stand in ``meta``; written where they are missing.
        writer: the command that makes it.
        beside: tables of facts of other kinds whose databases may become one of this kind too.
        lock: PostgreSQL's advisory lock that every transaction takes.
    """

    name: str
    meta: str
    tables: str
    versions: Mapping[str, str]
    writer: str
    lock: int
    beside: frozenset[str] = frozenset()


JOURNAL = DatabaseKind(
    name="journal",
    meta="meta",
    tables=TABLES,
    versions={"schema_version": str(SCHEMA_VERSION)},
    writer="serve --journal",
    # Named by the project and the table it protects; held by one admission transaction at a time.
    lock=int.from_bytes(b"pmm.book", "big") >> 1,
    beside=frozenset({"ledger_meta"}),
)


def _insert(table: str, columns: str, *, once: bool = False) -> str:
    marks = ", ".join("?" * (columns.count(",") + 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})" + (" ON CONFLICT DO NOTHING" if once else "")  # noqa: S608 - constants


QUOTE_COLUMNS = (
    "quote_id, received_at_ms, relayer, request, idempotency_key, decision, detail, snapshot_id, losing, inputs, "
    'replica, order_hash, "order", extension, settlement, settled_by, chain_id, signer, nonce_space, lane, nonce, '
    "expiration_s, maker_asset, allowed_sender, reserved_amount, usd_wad, pricing"
)
INSERT_SNAPSHOT = _insert("snapshots", "snapshot_id, body", once=True)
INSERT_QUOTE = _insert("quotes", QUOTE_COLUMNS)
INSERT_OUTCOME = _insert("outcomes", "order_hash, kind, at_ms, block_number, signature", once=True)
INSERT_SELECTION = _insert("selections", "order_hash, fill_probability_bps, at_ms")
INSERT_LADDER = _insert("ladders", "published_at_ms, relayer, snapshot_id, body")
INSERT_BINDING = _insert("bindings", "relayer, idempotency_key, body_hash, order_hash")
DELETE_BINDINGS = "DELETE FROM bindings WHERE order_hash IN ({})"
UPSERT_TOTAL = (
    _insert("totals", "name, amount, ceiling, balance, block_number, replica")
    + " ON CONFLICT (name) DO UPDATE SET amount = excluded.amount, ceiling = excluded.ceiling, "
    "balance = excluded.balance, block_number = excluded.block_number, replica = excluded.replica"
)
DELETE_TOTAL = "DELETE FROM totals WHERE name = ?"
INSERT_BLOCK = _insert("nonce_blocks", "block, replica, taken_at_ms")
UPSERT_LEASE = (
    _insert("leases", "nonce_space, replica, expires_at_ms, fence")
    + " ON CONFLICT (nonce_space) DO UPDATE SET replica = excluded.replica, "
    "expires_at_ms = excluded.expires_at_ms, fence = excluded.fence"
)
