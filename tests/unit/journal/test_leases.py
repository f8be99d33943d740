"""Lanes and blocks of nonces have one holder, whoever crashes, stalls or comes back."""

import asyncio

import psycopg
import pytest

from pmm.domain import Decision, RefusalReason
from pmm.execution import BlockNonces, LaneNonces, NonceKeeper, Settlement
from pmm.journal import Journal
from tests.helpers.journal_desks import leased_desk, quoted, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace
from tests.helpers.postgres import Postgres
from tests.helpers.quoting import TAKER, chain_view, lane_state, open_test_desk
from tests.helpers.replicas import replica_desk


def lanes_of(journal: Journal, *, most: int, count: int = 4) -> set[int]:
    leases = journal.lease_lanes(TAKER, tuple(range(count)), most=most).result()
    journal.adopt(TAKER, leases)
    return {lease.lane for lease in leases}


@pytest.fixture
def shared(postgres: Postgres) -> PostgresPlace:
    return PostgresPlace(postgres.new_schema())


def change(place: PostgresPlace, sql: str) -> None:
    with psycopg.connect(place.url) as connection:
        connection.execute(sql.encode())


def test_lease_lanes__one_process__has_all_at_once_after_a_crash(place: Place) -> None:
    journal = place.open()
    assert lanes_of(journal, most=4) == {0, 1, 2, 3}
    journal._fences.clear()  # no lease is given back: as if it were killed
    journal.close()
    again = place.open()
    expected = {0, 1, 2, 3} if not again.shared else set()
    assert lanes_of(again, most=4) == expected
    again.close()


def test_lease_lanes__two_replicas__share_no_lane_and_free_them_at_the_end(shared: PostgresPlace) -> None:
    one, two = shared.open(), shared.open()
    assert lanes_of(one, most=3) == {0, 1, 2}
    assert lanes_of(two, most=3) == {3}
    one.close()
    assert lanes_of(two, most=3) == {3, 0, 1}
    two.close()


def test_lease_lanes__lease_has_run_out__goes_to_another_and_the_late_quote_is_refused(
    shared: PostgresPlace,
) -> None:
    async def body(late: Journal) -> None:
        desk = await leased_desk(late, lanes=(0,))
        first = await quoted(desk, request(1))
        change(shared, "UPDATE leases SET expires_at_ms = 0")
        other = shared.open()
        successor = await leased_desk(other, lanes=(0,))
        second = await quoted(successor, request(2))
        assert second.admitted.nonce.nonce == first.admitted.nonce.nonce + 1
        # The first replica does not know yet: its nonce would be the second's.
        found = await desk.desk.firm_quote(request(3))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.NO_NONCE
        assert "another replica" in found.detail
        assert len(desk.book) == 1
        other.close()

    with_journal(shared, body)
    assert [entry.decision for entry in shared.read()] == ["quoted", "quoted", "no_nonce"]


def test_lease_lanes__taken_over__holds_the_window_of_live_quotes(shared: PostgresPlace) -> None:
    async def first(journal: Journal) -> None:
        desk = await leased_desk(journal, lanes=(0,))
        for number in range(160):
            await quoted(desk, request(number, amount=10**16))

    async def second(journal: Journal) -> None:
        desk = await leased_desk(journal, lanes=(0,))
        found = await desk.desk.firm_quote(request(1000))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.NO_NONCE

    with_journal(shared, first)
    with_journal(shared, second)


def test_lease_lanes__never_leased_on_a_shared_database__is_refused(shared: PostgresPlace) -> None:
    async def body(journal: Journal) -> None:
        desk = open_test_desk(journal=journal)  # type: ignore[arg-type]
        found = await desk.desk.firm_quote(request(1))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.NO_NONCE

    with_journal(shared, body)


def test_take_block__again_and_after_a_restart__never_gives_one_twice(place: Place) -> None:
    journal = place.open()
    blocks = [journal.take_block(at_least=0).result() for _ in range(3)]
    journal.close()
    again = place.open()
    blocks.append(again.take_block(at_least=0).result())
    blocks.append(again.take_block(at_least=2_000).result())
    blocks.append(again.take_block(at_least=2_048).result())
    again.close()
    assert [block.start for block in blocks] == [0, 256, 512, 768, 2_048, 2_304]
    assert all(len(block) == 256 for block in blocks)


def test_take_block__nonces_recorded_without_a_block__begins_behind_them(place: Place) -> None:
    async def body(journal: Journal) -> int:
        await quoted(await leased_desk(journal), request(1, Settlement.ONEINCH))
        return journal.take_block(at_least=0).result().start

    assert with_journal(place, body) == 256


def test_keeper__burst_of_quotes__fetches_blocks_before_they_run_out(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk, keeper = replica_desk(journal, lanes=2)
        assert keeper.router_nonces.left == 256
        taken = []
        for _ in range(600):
            key = keeper.router_nonces.take()
            keeper.refill_soon()
            if key is None:
                await asyncio.sleep(0.005)
                continue
            taken.append(key.nonce)
            if len(taken) % 50 == 0:
                await asyncio.sleep(0.02)
        assert len(taken) == len(set(taken)) > 500
        assert desk.book.version == 0

    with_journal(place, body)


def test_keeper__another_replica_took_the_lane__issues_from_it_no_more(shared: PostgresPlace) -> None:
    async def body(journal: Journal) -> None:
        desk, keeper = replica_desk(journal, lanes=2)
        assert keeper.lane_nonces.lanes == (0, 1)
        change(
            shared,
            "UPDATE leases SET replica = 'other', fence = fence + 1, expires_at_ms = expires_at_ms + 60000 "
            "WHERE nonce_space LIKE '%:0'",
        )
        await keeper.keep(desk.market.answer.lanes, now_s=100.0)  # type: ignore[union-attr]
        assert keeper.lane_nonces.lanes == (1, 2)

    with_journal(shared, body)


def test_keeper__chain_is_ahead_of_the_journal__begins_behind_the_chain(place: Place) -> None:
    async def body(journal: Journal) -> None:
        signer = open_test_desk().signer.address
        nonces = LaneNonces(signer, {})
        keeper = NonceKeeper(
            journal,
            signer=signer,
            lane_nonces=nonces,
            router_nonces=BlockNonces(),
            most_lanes=1,
            first_router_nonce=1_000,
        )
        keeper.start(chain_view(lanes=(lane_state(0, base=7, window=0b101),)).lanes)
        taken, routed = nonces.take(), keeper.router_nonces.take()
        assert taken is not None
        assert routed is not None
        assert (taken.nonce, routed.nonce) == (10, 1_024)

    with_journal(place, body)
