"""What the desk's gauges said over time: the day report is made of it."""

from pmm.ledger.schema_module import SchemaModule

HISTORY = SchemaModule(
    name="history",
    version=1,
    tables="""
-- One row per change of a series; run names the process, since counters begin anew with each. Value: decimal text.
CREATE TABLE IF NOT EXISTS history_points (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    run TEXT NOT NULL,
    series TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS history_points_at ON history_points (at_ms);
""",
)
