"""Phases, transitions and commands of the desk's risk. Transitions and the audit only grow."""

from pmm.ledger.schema_module import SchemaModule

ACTIONS = SchemaModule(
    name="actions",
    version=1,
    tables="""
-- Where each metric, and the desk as a whole, stood last; a restart begins from here.
CREATE TABLE IF NOT EXISTS actions_phases (
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (name, subject)
) STRICT, WITHOUT ROWID;

-- Every change of a phase. Value, portfolio and profit are decimal text; empty where unknown.
CREATE TABLE IF NOT EXISTS actions_transitions (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    phase_before TEXT NOT NULL,
    phase_after TEXT NOT NULL,
    step INTEGER NOT NULL,
    value TEXT NOT NULL,
    detail TEXT NOT NULL,
    portfolio_usd_e6 TEXT NOT NULL,
    profit_usd_e6 TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS actions_transitions_at ON actions_transitions (at_ms);

-- What the desk was worth, once a minute, so that an incident has a before.
CREATE TABLE IF NOT EXISTS actions_money (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    portfolio_usd_e6 TEXT NOT NULL,
    profit_usd_e6 TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS actions_money_at ON actions_money (at_ms);

-- One row per command; its id names it for ever.
CREATE TABLE IF NOT EXISTS actions_commands (
    command_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS actions_commands_status ON actions_commands (status);

-- Every step of every command, and who caused it.
CREATE TABLE IF NOT EXISTS actions_audit (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    command_id TEXT NOT NULL REFERENCES actions_commands (command_id),
    status TEXT NOT NULL,
    who TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS actions_audit_command ON actions_audit (command_id);
""",
)
