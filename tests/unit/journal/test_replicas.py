"""Two processes on one PostgreSQL: no nonce twice, nothing promised twice, no limit passed together."""

import asyncio
import os
import time
from decimal import Decimal

import psycopg
import pytest

from pmm.domain import USDC
from pmm.journal import postgres_store
from pmm.journal.reader import read
from pmm.journal.totals import COUNT, USD, Totals, asset_name
from pmm.risk import QuoteLimits
from tests.helpers.journal_places import PostgresPlace, check_totals
from tests.helpers.postgres import Postgres
from tests.helpers.replicas import Report, Signature, in_child, quote_at_random, read_all, replica_desk

_BALANCE = 120_000 * 10**6
_WAD = 10**18
_LIMITS = QuoteLimits(max_open_usd=Decimal(110_000), max_taker_usd=Decimal(40_000), max_live_quotes=30)
# Inventory binds where limits do not.
_LOOSE = QuoteLimits()

_AUDIT = """
CREATE TABLE audit (name TEXT, amount NUMERIC);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit VALUES (NEW.name, NEW.amount::numeric); RETURN NEW; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON totals FOR EACH ROW EXECUTE FUNCTION note();
"""


def race(place: PostgresPlace, *, limits: QuoteLimits, rounds: int, replicas: int = 2) -> list[Signature]:
    """Let replicas quote against each other and return every signature that left."""
    place.open().close()
    with psycopg.connect(place.url) as connection:
        connection.execute(_AUDIT)

    def child(seed: int) -> tuple[int, int]:
        async def run(report: Report) -> None:
            journal = place.open()
            desk, _ = replica_desk(journal, lanes=8, limits=limits)
            await quote_at_random(desk, report=report, rounds=rounds, at_once=32, seed=seed)
            journal.close()

        return in_child(lambda report: asyncio.run(run(report)))

    children = [child(seed) for seed in range(replicas)]
    said = [read_all(reader) for _, reader in children]
    for process, _ in children:
        os.waitpid(process, 0)
    assert not [text for text in said if "failed" in text], said
    return [Signature.parse(line) for text in said for line in text.splitlines()]


def highest(place: PostgresPlace) -> dict[str, int]:
    rows = place.rows("SELECT name, max(amount) FROM audit GROUP BY name")
    return {name: int(amount) for name, amount in rows}


@pytest.mark.parametrize("limits", [_LIMITS, _LOOSE], ids=["limits-bind", "inventory-binds"])
def test_admit__two_processes_race__no_nonce_twice_and_nothing_above_its_bound(
    postgres: Postgres, limits: QuoteLimits
) -> None:
    place = PostgresPlace(postgres.new_schema())
    left = race(place, limits=limits, rounds=60)
    assert len(left) > 1_000
    assert len({(one.settlement, one.lane, one.nonce) for one in left}) == len(left)
    top = highest(place)
    assert top[asset_name(USDC.address)] < _BALANCE
    assert top[COUNT] <= limits.max_live_quotes
    assert top[USD] <= limits.max_open_usd * _WAD
    assert all(top[name] <= limits.max_taker_usd * _WAD for name in top if name.startswith("taker:"))
    check_totals(place)
    entries = {entry.order_hash.hex(): entry for entry in place.read() if entry.order_hash}
    assert all(one.order_hash in entries for one in left)
    # The race is one: each was refused for what the other held.
    refused = {entry.decision for entry in place.read() if not entry.quoted}
    assert refused & {"limit_reached", "insufficient_inventory"}


def test_totals__no_check_in_the_ledger__is_stopped_by_the_database(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted fault: a ledger that believes every ceiling; the table's own check holds."""
    monkeypatch.setattr(Totals, "_ceiling", lambda self, asset, claim: asset.amount + 10**12)
    monkeypatch.setattr(
        Totals, "_raise", lambda self, name, by, ceiling: _believe(self, name, by, min(ceiling, _BALANCE))
    )
    place = PostgresPlace(postgres.new_schema())
    race(place, limits=_LOOSE, rounds=6)
    assert highest(place)[asset_name(USDC.address)] <= _BALANCE


def test_read__reader_takes_its_time__is_not_cut_off(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PostgresPlace(postgres.new_schema())
    race(place, limits=_LOOSE, rounds=6)
    # As a writer's session has it, only shorter.
    monkeypatch.setattr(postgres_store, "_SETTINGS", "-c idle_in_transaction_session_timeout=50")
    entries = read(place.url)
    found = [next(entries)]
    time.sleep(0.3)
    found += entries
    assert len(found) > 300


def _believe(totals: Totals, name: str, by: int, ceiling: int) -> None:
    total = totals._totals[name]
    total.amount += by
    total.ceiling = ceiling if name.startswith("asset:") else 10**30
    totals._changed[name] = None


def test_race__ledger_and_check_both_gone__is_found(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted fault: nothing holds the sum of two replicas; the audit sees it."""
    monkeypatch.setattr(Totals, "_ceiling", lambda self, asset, claim: 10**30)
    place = PostgresPlace(postgres.new_schema())
    race(place, limits=_LOOSE, rounds=12)
    assert highest(place)[asset_name(USDC.address)] >= _BALANCE
