"""What the desk's business told risk: events of a day, for a restart, and fills whose edge is not known yet."""

from pmm.ledger.schema_module import SchemaModule

BUSINESS = SchemaModule(
    name="business",
    version=1,
    tables="""
-- One row per event, forgotten after two days; a row whose cause a reorganisation takes back is deleted.
CREATE TABLE IF NOT EXISTS business_events (
    event_key TEXT PRIMARY KEY,
    cause_key TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS business_events_at ON business_events (at_ms);
CREATE INDEX IF NOT EXISTS business_events_cause ON business_events (cause_key);

-- Fills that wait: for their quote to be found in the journal, or for their hedge to end. Millionths of a US dollar;
-- what pricing expected is null until the quote is found.
CREATE TABLE IF NOT EXISTS business_fills (
    fill_key TEXT PRIMARY KEY,
    event_key TEXT NOT NULL,
    order_hash BLOB NOT NULL,
    block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    value_usd_e6 TEXT NOT NULL,
    edge_usd_e6 TEXT NOT NULL,
    expected_usd_e6 TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS business_fills_event ON business_fills (event_key);

-- The last block that was looked through for fills that failed: one row.
CREATE TABLE IF NOT EXISTS business_looked (
    name TEXT PRIMARY KEY,
    block_number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Decision to submission, of transactions that are not in a block yet.
CREATE TABLE IF NOT EXISTS business_submissions (
    intent_key TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    submission_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
""",
)
