"""Alerts that stand, what became of each, what is still to be delivered, and who wanted silence."""

from pmm.ledger.schema_module import SchemaModule

ALERTS = SchemaModule(
    name="alerts",
    version=1,
    tables="""
-- Alerts that stand now, with the worst they ever were; sent_ms: when people were last told, 0 for never.
CREATE TABLE IF NOT EXISTS alerts_standing (
    key TEXT PRIMARY KEY,
    severity TEXT NOT NULL,
    worst TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that was raised or resolved, with its fate. Only grows.
CREATE TABLE IF NOT EXISTS alerts_log (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    key TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    fate TEXT NOT NULL
) STRICT;

-- The outbox: one row per alert and channel. State: waiting, delivered, refused or given_up.
CREATE TABLE IF NOT EXISTS alerts_deliveries (
    delivery_id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    alert TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS alerts_deliveries_due ON alerts_deliveries (state, next_ms);

CREATE TABLE IF NOT EXISTS alerts_silences (
    silence_id TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
""",
)
