"""What a journal promises on either database."""

import asyncio
from decimal import Decimal

import pytest

from pmm.domain import USDC, WETH, ZERO_ADDRESS, Decision, RefusalReason
from pmm.errors import InvalidInput
from pmm.execution import (
    CONTRACT_VENUES,
    AnsweredQuote,
    JournalUnavailable,
    OutcomeKind,
    QuoteOutcome,
    Settlement,
)
from pmm.journal import Journal
from tests.helpers.journal_desks import leased_desk, quoted, refusal, request, with_journal
from tests.helpers.journal_places import Place, check_totals
from tests.helpers.quoting import TAKER, chain_view, open_test_desk


def quote_once(place: Place, settlement: Settlement = Settlement.PMM) -> AnsweredQuote:
    async def body(journal: Journal) -> AnsweredQuote:
        return await quoted(await leased_desk(journal), request(1, settlement))

    return with_journal(place, body)


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_read__accepted_quote__comes_back_whole(place: Place, settlement: Settlement) -> None:
    admitted = quote_once(place, settlement).admitted
    (entry,) = place.read()
    assert entry.quoted
    assert entry.order == admitted.order
    assert entry.order_hash == admitted.order_hash
    assert (entry.settlement, entry.settled_by) == (settlement.value, admitted.settled_by)
    assert (entry.nonce, entry.expiration_s) == (admitted.nonce.nonce, admitted.expiration_s)
    assert entry.request == b'{"amount":"1"}'
    assert entry.funding == "inventory"
    breakdown = admitted.offer.priced.breakdown
    assert entry.fair_rate_e36 == breakdown.fair_rate_e36
    assert entry.components_bps == {part.name.value: part.bps for part in breakdown.components}
    assert entry.total_bps == breakdown.total_bps
    assert sum(entry.components_bps.values(), Decimal(0)) == entry.total_bps
    assert entry.market is not None
    assert entry.market["blockNumber"] == 100
    assert (entry.outcome, entry.signature) == (None, None)
    check_totals(place)


def test_append_outcomes__twice__ends_the_quote_once_and_keeps_its_signature(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        found = await quoted(desk, request(1))
        await quoted(desk, request(2))
        outcome = QuoteOutcome(
            order_hash=found.admitted.order_hash,
            kind=OutcomeKind.EXPIRED,
            at_ms=5,
            block_number=7,
            signature=b"\x01" * 65,
        )
        # A retry after a lost confirmation must not fail, nor free anything again.
        await journal.append_outcomes((outcome, outcome))
        await journal.append_outcomes((outcome,))

    with_journal(place, body)
    entry, other = place.read()
    assert (entry.outcome, entry.ended_in_block, entry.signature) == ("expired", 7, b"\x01" * 65)
    assert check_totals(place)[f"asset:{USDC.address}"] == other.reserved_amount


def test_append_outcomes__quote_that_nobody_admitted__is_refused(place: Place) -> None:
    async def body(journal: Journal) -> None:
        outcome = QuoteOutcome(order_hash=b"\x07" * 32, kind=OutcomeKind.SPENT, at_ms=1, block_number=1)
        with pytest.raises(JournalUnavailable, match="no quote 0x0707"):
            await journal.append_outcomes((outcome,))

    with_journal(place, body)


def test_append__same_quote_id_twice__fails_alone(place: Place) -> None:
    async def body(journal: Journal) -> list[object]:
        records = [refusal(1), refusal(1), refusal(2)]
        return list(await asyncio.gather(*(journal.admit(one) for one in records), return_exceptions=True))

    results = with_journal(place, body)
    assert [isinstance(result, JournalUnavailable) for result in results] == [False, True, False]
    assert [entry.quote_id for entry in place.read()] == ["q1", "q2"]


def test_append__number_that_does_not_fit__fails_alone_and_the_writer_lives(place: Place) -> None:
    async def body(journal: Journal) -> None:
        with pytest.raises(JournalUnavailable, match="refused the record"):
            await journal.append(refusal(1, received_at_ms=2**70))
        await journal.append(refusal(2))

    with_journal(place, body)
    assert [entry.quote_id for entry in place.read()] == ["q2"]


def test_append__text_that_no_database_takes__is_written_without_it(place: Place) -> None:
    text = "a\x00b\ud800"

    async def body(journal: Journal) -> None:
        decision = Decision.refuse(RefusalReason.PAUSED, text)
        await journal.append(refusal(1, decision=decision, relayer=text, body=b"\x00\xff"))

    with_journal(place, body)
    (entry,) = place.read()
    assert (entry.detail, entry.relayer, entry.request) == ("a\ufffdb?", "a\ufffdb?", b"\x00\xff")


def test_append__closed_journal__is_refused(place: Place) -> None:
    async def run() -> None:
        journal = place.open()
        journal.close()
        journal.close()
        with pytest.raises(JournalUnavailable, match="stopping"):
            await journal.append(refusal(1))
        with pytest.raises(JournalUnavailable, match="stopping"):
            journal.recover()

    asyncio.run(run())


def test_open__journal_of_another_settlement__is_refused(place: Place) -> None:
    place.open().close()
    with pytest.raises(InvalidInput, match="another"):
        place.open(maker=TAKER)
    # The refusal leaves no lock behind.
    place.open().close()


def test_read__beside_a_running_server__works(place: Place) -> None:
    async def body(journal: Journal) -> int:
        await journal.append(refusal(1))
        return len(place.read())

    assert with_journal(place, body) == 1


def test_recover__restart__knows_live_quotes_and_used_nonces(place: Place) -> None:
    async def first(journal: Journal) -> None:
        desk = await leased_desk(journal)
        for number in range(6):
            await quoted(desk, request(number, Settlement.PMM if number % 2 else Settlement.ONEINCH))
        await desk.settle(chain_view(spent=frozenset(desk.desk.watched()[:1])))

    with_journal(place, first)

    async def second(journal: Journal) -> None:
        state = journal.recover()
        signer = open_test_desk().signer.address
        assert len(state.live) == 5
        assert {(one.maker_asset, one.taker_asset) for one in state.live} == {(USDC.address, WETH.address)}
        assert sum(quote.reserved_amount for quote in state.live) > 0
        assert state.next_nonces[ZERO_ADDRESS, Settlement.ONEINCH, 0] == 3
        assert {key[2]: value for key, value in state.next_nonces.items() if key[0] == signer} == {0: 2, 1: 1}

    with_journal(place, second)
    check_totals(place)


def test_not_selected__live_quote__is_less_likely_and_stays_reserved_after_a_restart(place: Place) -> None:
    async def first(journal: Journal) -> None:
        desk = await leased_desk(journal)
        found = await quoted(desk, request(1))
        reserved = desk.book.reserved(USDC.address)
        assert desk.book.expected(USDC.address) == reserved
        assert await desk.desk.not_selected(found.admitted.order_hash)
        assert not await desk.desk.not_selected(b"\x00" * 32)
        assert desk.book.reserved(USDC.address) == reserved
        assert desk.book.expected(USDC.address) == -(-reserved * 500 // 10_000)

    with_journal(place, first)
    assert [entry.fill_probability_bps for entry in place.read()] == [500]

    async def second(journal: Journal) -> None:
        (quote,) = journal.recover().live
        assert quote.fill_probability_bps == 500
        assert quote.reserved_amount > 0

    with_journal(place, second)
