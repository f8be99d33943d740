"""What value at risk promised for each day, and what the positions of that moment made of it."""

from pmm.ledger.schema_module import SchemaModule

BACKTEST = SchemaModule(
    name="backtest",
    version=1,
    tables="""
-- One row per UTC day, numbered from 1970-01-01; open until closed_ms, and a day without realised_usd_e6 is lost.
CREATE TABLE IF NOT EXISTS backtest_days (
    day INTEGER NOT NULL,
    forecast_ms INTEGER NOT NULL,
    capital_usd_e6 TEXT NOT NULL,
    closed_ms INTEGER,
    realised_usd_e6 TEXT,
    PRIMARY KEY (day)
) STRICT, WITHOUT ROWID;

-- Positive losses, 99 %, one day.
CREATE TABLE IF NOT EXISTS backtest_forecasts (
    day INTEGER NOT NULL,
    method TEXT NOT NULL,
    var_usd_e6 TEXT NOT NULL,
    shortfall_usd_e6 TEXT NOT NULL,
    PRIMARY KEY (day, method)
) STRICT, WITHOUT ROWID;

-- What the forecast was made of: longs less shorts, and the price per base unit, scaled by 10**36.
CREATE TABLE IF NOT EXISTS backtest_positions (
    day INTEGER NOT NULL,
    asset TEXT NOT NULL,
    net_usd_e6 TEXT NOT NULL,
    usd_e36 TEXT NOT NULL,
    PRIMARY KEY (day, asset)
) STRICT, WITHOUT ROWID;
""",
)
