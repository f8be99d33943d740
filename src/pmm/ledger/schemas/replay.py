"""What value at risk would have promised on the days of a price history, and what they would have brought."""

from pmm.ledger.schema_module import SchemaModule

REPLAY = SchemaModule(
    name="replay",
    version=1,
    tables="""
-- One row per UTC day, numbered from 1970-01-01; the whole table is written anew by each replay.
CREATE TABLE IF NOT EXISTS replay_days (
    day INTEGER NOT NULL,
    capital_usd_e6 TEXT NOT NULL,
    realised_usd_e6 TEXT NOT NULL,
    PRIMARY KEY (day)
) STRICT, WITHOUT ROWID;

-- Positive losses, 99 %, one day.
CREATE TABLE IF NOT EXISTS replay_forecasts (
    day INTEGER NOT NULL,
    method TEXT NOT NULL,
    var_usd_e6 TEXT NOT NULL,
    shortfall_usd_e6 TEXT NOT NULL,
    PRIMARY KEY (day, method)
) STRICT, WITHOUT ROWID;
""",
)
