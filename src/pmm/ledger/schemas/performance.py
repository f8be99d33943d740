"""What the desk earned and what it saw of prices: rows of profit, fills with their markouts, thinned prices."""

from pmm.ledger.schema_module import SchemaModule

PERFORMANCE = SchemaModule(
    name="performance",
    version=1,
    tables="""
-- One row per amount earned (positive) or spent; a row whose event a reorganisation takes back is deleted.
CREATE TABLE IF NOT EXISTS performance_profit (
    profit_key TEXT PRIMARY KEY,
    event_key TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    token TEXT NOT NULL,
    component TEXT NOT NULL,
    amount_usd_e6 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS performance_profit_at ON performance_profit (at_ms);
CREATE INDEX IF NOT EXISTS performance_profit_event ON performance_profit (event_key);

CREATE TABLE IF NOT EXISTS performance_fills (
    fill_key TEXT PRIMARY KEY,
    event_key TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    maker_asset TEXT NOT NULL,
    taker_asset TEXT NOT NULL,
    making_amount TEXT NOT NULL,
    taking_amount TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS performance_fills_at ON performance_fills (at_ms);
CREATE INDEX IF NOT EXISTS performance_fills_event ON performance_fills (event_key);

-- Thousandths of a basis point of what was taken.
CREATE TABLE IF NOT EXISTS performance_markouts (
    fill_key TEXT NOT NULL,
    horizon_s INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    markout_bps_e3 INTEGER NOT NULL,
    PRIMARY KEY (fill_key, horizon_s)
) STRICT, WITHOUT ROWID;

-- US dollars per base unit, scaled by 10**36; one row per asset and look, looks thinned.
CREATE TABLE IF NOT EXISTS performance_prices (
    at_ms INTEGER NOT NULL,
    asset TEXT NOT NULL,
    usd_e36 TEXT NOT NULL,
    PRIMARY KEY (at_ms, asset)
) STRICT, WITHOUT ROWID;
""",
)
