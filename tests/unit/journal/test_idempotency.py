"""The same key: the same answer while the quote lives, here, after a restart, and from another replica."""

import asyncio
from dataclasses import replace

import pytest

from pmm.domain import MAINNET_TOKENS, USDC, Decision, RefusalReason, SigningKey
from pmm.errors import InvalidInput
from pmm.execution import (
    CONTRACT_VENUES,
    AnsweredQuote,
    GuardedSigner,
    JournalUnavailable,
    Settlement,
    SigningMode,
    SwitchState,
)
from pmm.execution.kill_switches import parse_switch
from pmm.journal import Journal
from pmm.relayers.oneinch import OneInchCodec
from tests.helpers.journal_desks import leased_desk, quoted, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace, check_totals
from tests.helpers.postgres import Postgres
from tests.helpers.quoting import ANVIL, CHAIN_TIME_S, GETH, chain_view

_CODEC = OneInchCodec(tokens=MAINNET_TOKENS, answer_components=True)
_OVER = chain_view(expiry_clock_s=CHAIN_TIME_S + 31)


def wire(answered: AnsweredQuote) -> bytes:
    return _CODEC.encode_quote(_CODEC.profile.routes[0], answered)


def test_firm_quote__same_key_and_body__is_the_same_answer_and_one_admission(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        first = await quoted(desk, request(1, key="k"))
        again = await quoted(desk, request(2, key="k"))
        assert wire(first) == wire(again)
        assert len(desk.book) == 1

    with_journal(place, body)
    (entry,) = place.read()
    assert (entry.quote_id, entry.idempotency_key) == ("q1", "k")


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_firm_quote__same_key_after_a_restart__is_the_same_answer_byte_for_byte(
    place: Place, settlement: Settlement
) -> None:
    async def first(journal: Journal) -> bytes:
        return wire(await quoted(await leased_desk(journal), request(1, settlement, key="k")))

    async def second(journal: Journal) -> tuple[bytes, int]:
        desk = await leased_desk(journal)
        before = desk.book.reserved(USDC.address)
        answer = wire(await quoted(desk, request(2, settlement, key="k")))
        assert desk.book.reserved(USDC.address) == before > 0
        return answer, len(desk.book)

    assert with_journal(place, first) == with_journal(place, second)[0]
    assert with_journal(place, second)[1] == 1
    check_totals(place)
    assert len(place.read()) == 1


def test_firm_quote__flash_funded_after_a_restart__is_the_same_answer(place: Place) -> None:
    big = 60 * 10**18

    async def run(journal: Journal) -> bytes:
        desk = await leased_desk(journal)
        answered = await quoted(desk, request(1, key="k", amount=big))
        assert answered.admitted.offer.plan is not None
        return wire(answered)

    assert with_journal(place, run) == with_journal(place, run)


def test_firm_quote__same_key_when_inventory_is_gone__is_still_the_same_answer(place: Place) -> None:
    """After a restart the reservation of the quote itself must not refuse its repetition."""
    most = 39 * 10**18

    async def run(journal: Journal) -> bytes:
        desk = await leased_desk(journal)
        return wire(await quoted(desk, request(1, Settlement.ONEINCH, key="k", amount=most)))

    assert with_journal(place, run) == with_journal(place, run)


def test_firm_quote__same_key_other_body__is_a_conflict_here_and_after_a_restart(place: Place) -> None:
    async def run(journal: Journal) -> None:
        desk = await leased_desk(journal)
        before = len(desk.book)
        found = await desk.desk.firm_quote(request(before + 10, key="k", body=b"other"))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.IDEMPOTENCY_CONFLICT
        assert len(desk.book) == before

    async def first(journal: Journal) -> None:
        desk = await leased_desk(journal)
        await quoted(desk, request(1, key="k"))
        found = await desk.desk.firm_quote(request(2, key="k", body=b"other"))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.IDEMPOTENCY_CONFLICT

    with_journal(place, first)
    with_journal(place, run)
    assert [entry.decision for entry in place.read()] == ["quoted"] + ["idempotency_conflict"] * 2


def test_firm_quote__same_key_of_another_relayer__is_another_request(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        one = await quoted(desk, request(1, key="k"))
        two = await quoted(desk, replace(request(2, key="k"), relayer="okx"))
        assert one.admitted.order_hash != two.admitted.order_hash

    with_journal(place, body)


def test_firm_quote__concurrent_duplicates__are_one_admission(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        asked = [desk.desk.firm_quote(request(number, key="k")) for number in range(50)]
        answers = await asyncio.gather(*asked)
        assert len({wire(one) for one in answers if isinstance(one, AnsweredQuote)}) == 1
        assert len(answers) == 50

    with_journal(place, body)
    assert len(place.read()) == 1


def test_firm_quote__caller_goes_away__the_others_are_answered(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        first = asyncio.ensure_future(desk.desk.firm_quote(request(1, key="k")))
        second = asyncio.ensure_future(desk.desk.firm_quote(request(2, key="k")))
        await asyncio.sleep(0)
        first.cancel()
        assert isinstance(await second, AnsweredQuote)

    with_journal(place, body)
    check_totals(place)


def test_firm_quote__quote_has_ended__the_key_is_free(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        first = await quoted(desk, request(1, key="k"))
        await desk.desk.settle(_OVER)
        second = await quoted(desk, request(2, key="k", body=b"other"))
        assert first.admitted.order_hash != second.admitted.order_hash
        assert len(desk.desk._answers) == 1

    with_journal(place, body)


def test_firm_quote__quote_has_ended_while_the_journal_is_down__forgets_its_answer(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(outcomes: object) -> None:
        raise JournalUnavailable("down")

    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        await quoted(desk, request(1, key="k"))
        monkeypatch.setattr(journal, "append_outcomes", fails)
        with pytest.raises(JournalUnavailable):
            await desk.desk.settle(_OVER)
        assert len(desk.desk._answers) == 0

    with_journal(place, body)


def test_firm_quote__refused__the_key_is_free(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        found = await desk.desk.firm_quote(request(1, key="k", amount=1))
        assert isinstance(found, Decision)
        await quoted(desk, request(2, key="k"))
        assert len(desk.desk._answers) == 1

    with_journal(place, body)


def test_firm_quote__key_of_a_signer_that_is_gone__is_a_conflict_and_signs_nothing(place: Place) -> None:
    async def first(journal: Journal) -> None:
        await quoted(await leased_desk(journal), request(1, key="k"))

    async def second(journal: Journal) -> None:
        desk = await leased_desk(journal)
        other = GuardedSigner(SigningKey(b"\x02" * 32), mode=SigningMode.DEVELOPMENT, node=ANVIL)
        desk.desk._signer = other
        found = await desk.desk.firm_quote(request(2, key="k"))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.IDEMPOTENCY_CONFLICT
        assert "signer" in found.detail

    with_journal(place, first)
    with_journal(place, second)


@pytest.mark.parametrize(
    "answer", [chain_view(node=GETH), Decision.refuse(RefusalReason.NODE_UNAVAILABLE, "the node is gone")]
)
def test_firm_quote__repeated_on_a_node_that_is_not_safe__signs_nothing(place: Place, answer: object) -> None:
    async def first(journal: Journal) -> None:
        await quoted(await leased_desk(journal), request(1, key="k"))

    async def second(journal: Journal) -> None:
        desk = await leased_desk(journal)
        desk.market.answer = answer  # type: ignore[assignment]
        found = await desk.desk.firm_quote(request(2, key="k"))
        assert isinstance(found, Decision)
        assert found.reason in (RefusalReason.UNSAFE_TO_SIGN, RefusalReason.NODE_UNAVAILABLE)

    with_journal(place, first)
    with_journal(place, second)


@pytest.mark.parametrize(
    ("level", "name"),
    [("global", "*"), ("relayer", "1inch"), ("pair", "WETH/USDC"), ("side", "WETH/USDC:buys")],
)
def test_firm_quote__repeated_after_a_restart_while_paused__signs_nothing(
    place: Place, level: str, name: str
) -> None:
    async def first(journal: Journal) -> None:
        await quoted(await leased_desk(journal), request(1, key="k"))

    async def second(journal: Journal) -> None:
        desk = await leased_desk(journal)
        paused = SwitchState().latched("ada", "news")
        desk.admission.switches.put(parse_switch(level, name), paused)
        found = await desk.desk.firm_quote(request(2, key="k"))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.PAUSED
        desk.admission.switches.put(parse_switch(level, name), paused.unlatched())
        assert (await quoted(desk, request(3, key="k"))).quote_id == "q1"

    with_journal(place, first)
    with_journal(place, second)


def test_firm_quote__same_key_on_two_replicas__is_one_quote(postgres: Postgres) -> None:
    place = PostgresPlace(postgres.new_schema())

    async def body(journal: Journal) -> None:
        other = place.open()
        try:
            desks = [await leased_desk(journal, lanes=(0,)), await leased_desk(other, lanes=(1,))]
            for number in range(20):
                asked = [desk.desk.firm_quote(request(number, key=f"k{number}")) for desk in desks]
                one, two = await asyncio.gather(*asked)
                assert isinstance(one, AnsweredQuote)
                assert isinstance(two, AnsweredQuote)
                assert wire(one) == wire(two)
        finally:
            other.close()

    with_journal(place, body)
    check_totals(place)
    assert len(place.read()) == 20


@pytest.mark.parametrize("key", ["", "a" * 129, "new\nline", "ä"])
def test_request__key_that_no_header_can_carry__raises(key: str) -> None:
    with pytest.raises(InvalidInput, match="idempotency key"):
        request(1, key=key)
