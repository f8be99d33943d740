"""Signed quotes that may still be filled, as the desk reads them beside the server, on either database."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput, SetupError
from pmm.execution import CONTRACT_VENUES, OutcomeKind, QuoteOutcome, Selection
from pmm.execution.book import pending_delta
from pmm.journal import Journal
from pmm.journal.pending import PendingQuotes
from tests.helpers.journal_desks import leased_desk, quoted, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace, SqlitePlace
from tests.helpers.quoting import MAKER


def reader(place: Place, *, unspoken_bps: int = 10_000) -> PendingQuotes:
    assert isinstance(place, SqlitePlace | PostgresPlace)
    where = place.path if isinstance(place, SqlitePlace) else place.url
    return PendingQuotes(where, chain_id=1, maker=MAKER, unspoken_bps=unspoken_bps)


def test_pending__live_until_filled_ended_or_expired__with_the_lower_probability(place: Place) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        quotes = [
            (await quoted(desk, request(number, venue))).admitted
            for number, venue in enumerate(CONTRACT_VENUES, start=1)
        ]
        first, second = quotes
        early_s = min(one.expiration_s for one in quotes) - 1
        look = reader(place, unspoken_bps=6_000)

        def of(at_s: int = early_s, block: int = 100, filled: frozenset[bytes] = frozenset()) -> list[int]:
            found = look.pending(at_s=at_s, block_number=block, filled=filled)
            return sorted(one.fill_probability_bps for one in found)

        assert of() == [6_000, 6_000]
        await journal.append_selection(
            Selection(order_hash=first.order_hash, fill_probability_bps=2_500, at_ms=1)
        )
        # More than the desk takes a silent one for is no more.
        await journal.append_selection(
            Selection(order_hash=second.order_hash, fill_probability_bps=9_000, at_ms=1)
        )
        assert of() == [2_500, 6_000]
        assert of(filled=frozenset({second.order_hash})) == [2_500]
        assert of(at_s=max(one.expiration_s for one in quotes)) == []
        deltas = pending_delta(look.pending(at_s=early_s, block_number=100, filled=()))
        making = [one.order.making_amount for one in quotes]
        assert (
            deltas[USDC.address]
            == sum(-(-amount * bps // 10_000) for amount, bps in zip(making, (2_500, 6_000), strict=True))
            * -1
        )
        assert deltas[WETH.address] == 10**16 * 2_500 // 10_000 + 10**16 * 6_000 // 10_000
        ended = QuoteOutcome(order_hash=first.order_hash, kind=OutcomeKind.SPENT, at_ms=2, block_number=101)
        await journal.append_outcomes((ended,))
        # Above the caller's block: its balances do not show the fill yet.
        assert of(block=100) == [2_500, 6_000]
        assert of(block=101) == [6_000]
        look.close()

    with_journal(place, body)


def test_pending__no_journal_yet__is_said(tmp_path: Path) -> None:
    look = PendingQuotes(tmp_path / "none.sqlite", chain_id=1, maker=MAKER, unspoken_bps=1)
    with pytest.raises(SetupError, match="pmm serve"):
        look.pending(at_s=0, block_number=0, filled=())


def test_pending__of_another_contract__is_refused(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    with_journal(place, lambda journal: leased_desk(journal))
    look = PendingQuotes(place.path, chain_id=5, maker=MAKER, unspoken_bps=1)
    with pytest.raises(InvalidInput):
        look.pending(at_s=0, block_number=0, filled=())
