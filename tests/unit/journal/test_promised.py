"""What the desk reads of a journal while the server writes it, on either database."""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput, SetupError
from pmm.execution import CONTRACT_VENUES, OutcomeKind, QuoteOutcome, Settlement
from pmm.journal import Journal
from pmm.journal.promised import PromisedInventory
from tests.helpers.journal_desks import leased_desk, quoted, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace, SqlitePlace
from tests.helpers.quoting import MAKER

_ASSETS = (USDC.address, WETH.address)
_OTHER = WETH.address


def reader(place: Place, **changes: Any) -> PromisedInventory:
    assert isinstance(place, SqlitePlace | PostgresPlace)
    where = place.path if isinstance(place, SqlitePlace) else place.url
    return PromisedInventory(where, **{"chain_id": 1, "maker": MAKER, **changes})


def ended(order_hash: bytes, block_number: int) -> QuoteOutcome:
    return QuoteOutcome(order_hash=order_hash, kind=OutcomeKind.SPENT, at_ms=2, block_number=block_number)


def test_reserved__quotes_of_both_venues__is_what_they_promise_until_the_balances_show_their_end(
    place: Place,
) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        look = reader(place)
        assert look.reserved(_ASSETS, block_number=100) == {USDC.address: 0, WETH.address: 0}
        quotes = [
            (await quoted(desk, request(number, venue))).admitted
            for number, venue in enumerate(CONTRACT_VENUES, start=1)
        ]
        first, second = (one.reserved_amount for one in quotes)
        assert first > 0 < second
        assert look.reserved(_ASSETS, block_number=100) == {USDC.address: first + second, WETH.address: 0}
        await journal.append_outcomes((ended(quotes[0].order_hash, 101),))
        # At block 100 what the fill took is still in the balance; at 101 it is not.
        assert look.reserved(_ASSETS, block_number=100)[USDC.address] == first + second
        assert look.reserved(_ASSETS, block_number=101)[USDC.address] == second
        assert look.reserved((WETH.address,), block_number=100) == {WETH.address: 0}
        look.close()

    with_journal(place, body)
    # The server is gone: what it promised is promised still.
    look = reader(place)
    assert look.reserved(_ASSETS, block_number=101)[USDC.address] > 0
    look.close()


def test_reserved__okx_account_of_its_own__is_no_part_of_the_settlements_inventory(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")

    async def body(journal: Journal) -> None:
        found = (await quoted(await leased_desk(journal), request(1))).admitted
        await journal.append_outcomes((ended(found.order_hash, 101),))

    with_journal(place, body)
    look = reader(place)
    assert look.reserved(_ASSETS, block_number=100)[USDC.address] > 0
    with sqlite3.connect(place.path) as connection:
        connection.execute("UPDATE quotes SET settlement = ?", (Settlement.OKX.value,))
    assert look.reserved(_ASSETS, block_number=100)[USDC.address] == 0


def test_reserved__cannot_write(place: Place) -> None:
    with_journal(place, lambda journal: leased_desk(journal))
    look = reader(place)
    if isinstance(place, SqlitePlace):
        before = place.path.read_bytes()
        look.reserved(_ASSETS, block_number=100)
        assert place.path.read_bytes() == before
        return
    look.reserved(_ASSETS, block_number=100)
    assert look._journal._connection is not None
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        look._journal._connection.execute("DELETE FROM totals")
    look.close()


def test_reserved__goes_by_keys_alone(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    with_journal(place, lambda journal: leased_desk(journal))
    from pmm.journal.promised import _PROMISED

    with sqlite3.connect(place.path) as connection:
        rows = connection.execute("EXPLAIN QUERY PLAN " + _PROMISED.format("?, ?"), ("a", "b", 1)).fetchall()
    steps = [row[3] for row in rows]
    scans = [step for step in steps if step.startswith("SCAN") and step not in ("SCAN late", "SCAN outcomes")]
    assert scans == [], steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


def test_reserved__no_journal_yet__says_so_and_works_once_there_is_one(place: Place) -> None:
    look = reader(place)
    for _ in range(2):
        with pytest.raises(SetupError, match=r"expected a journal at .*pmm serve"):
            look.reserved(_ASSETS, block_number=100)
    with_journal(place, lambda journal: leased_desk(journal))
    assert look.reserved(_ASSETS, block_number=100)[USDC.address] == 0
    look.close()


@pytest.mark.parametrize("change", [{"chain_id": 2}, {"maker": _OTHER}])
def test_reserved__journal_of_something_else__is_refused(place: Place, change: dict[str, Any]) -> None:
    with_journal(place, lambda journal: leased_desk(journal))
    look = reader(place, **change)
    with pytest.raises(InvalidInput, match="expected the journal of settlement"):
        look.reserved(_ASSETS, block_number=100)
    look.close()


def test_reserved__file_is_replaced_by_a_new_journal__reads_the_new_one(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    amounts = []

    async def body(journal: Journal) -> None:
        amounts.append((await quoted(await leased_desk(journal), request(1))).admitted.reserved_amount)

    with_journal(place, lambda journal: leased_desk(journal))
    look = reader(place)
    assert look.reserved(_ASSETS, block_number=100)[USDC.address] == 0
    for file in tmp_path.iterdir():
        file.unlink()
    with_journal(place, body)
    assert look.reserved(_ASSETS, block_number=100)[USDC.address] == amounts[0]


@pytest.mark.parametrize("content", [b"", b"no database at all, and long enough to be read as a header" * 20])
def test_reserved__file_of_something_else__is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        PromisedInventory(path, chain_id=1, maker=MAKER).reserved(_ASSETS, block_number=1)


def test_reserved__more_ends_than_are_looked_at__waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pmm.journal import promised

    monkeypatch.setattr(promised, "_MOST_LATE", 1)
    monkeypatch.setattr(promised, "_PROMISED", promised._PROMISED.replace("LIMIT 512", "LIMIT 1"))
    place = SqlitePlace(tmp_path / "journal.sqlite")

    async def body(journal: Journal) -> None:
        found = (await quoted(await leased_desk(journal), request(1))).admitted
        await journal.append_outcomes((ended(found.order_hash, 101),))

    with_journal(place, body)
    look = reader(place)
    with pytest.raises(SetupError, match="caught up"):
        look.reserved(_ASSETS, block_number=100)
    assert look.reserved(_ASSETS, block_number=101)[USDC.address] == 0


def test_reserved__database_goes_and_comes_back__waits_and_goes_on(request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres")
    place = PostgresPlace(server.new_schema())
    with_journal(place, lambda journal: leased_desk(journal))
    look = reader(place)
    assert look.reserved(_ASSETS, block_number=1)[USDC.address] == 0
    server.stop()
    try:
        with pytest.raises(SetupError, match="bring it back"):
            look.reserved(_ASSETS, block_number=1)
    finally:
        server.start()
    assert look.reserved(_ASSETS, block_number=1)[USDC.address] == 0
    look.close()
