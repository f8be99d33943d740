"""The quote server's journal makes fills on 1inch's contract exact, dust in the same transaction or not."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest
import structlog

from pmm.chain.indexer import EventDecoder, WatchList, topics
from pmm.chain.indexer.node_answers import Header, HeaderAnswer
from pmm.desk.joined_journal import KnownOrders, promised_inventory
from pmm.domain import DAI, USDC, WETH, OrderFilled
from pmm.errors import InvalidInput, SetupError
from pmm.execution import AdmittedQuote, Settlement
from pmm.journal import Journal
from pmm.journal.signed_orders import SignedOrders
from tests.helpers.fake_chain import TAKER, FakeBlock, LogSpec, transfer
from tests.helpers.journal_desks import leased_desk, quoted, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace, SqlitePlace
from tests.helpers.quoting import MAKER

_WATCH = WatchList(
    settlement=MAKER, accounts=(MAKER,), tokens=(WETH.address, USDC.address, DAI.address), start_block=1
)


def signed(place: Place, venue: Settlement = Settlement.ONEINCH) -> AdmittedQuote:
    found: list[AdmittedQuote] = []

    async def body(journal: Journal) -> None:
        found.append((await quoted(await leased_desk(journal), request(1, venue))).admitted)

    with_journal(place, body)
    return found[0]


def orders_of(place: Place) -> SignedOrders:
    assert isinstance(place, SqlitePlace | PostgresPlace)
    where = place.path if isinstance(place, SqlitePlace) else place.url
    return SignedOrders(where, chain_id=1, maker=MAKER)


def dusted(quote: AdmittedQuote, known: KnownOrders) -> OrderFilled:
    """Read the fill of a quote in whose transaction the taker sent one unit of something else first."""
    order = quote.order
    logs = (
        transfer(order.maker_asset, MAKER, TAKER, order.making_amount),
        transfer(DAI.address, TAKER, MAKER, 1),
        transfer(order.taker_asset, TAKER, MAKER, 1),
        transfer(order.taker_asset, TAKER, MAKER, order.taking_amount),
        LogSpec(_WATCH.router, (topics.ROUTER_FILLED,), (int.from_bytes(quote.order_hash, "big"), 0)),
    )
    block = FakeBlock(1, "0x" + "00" * 32, logs, 1)
    header = block.header()
    del header["transactions"]
    events = EventDecoder(_WATCH, known).events(Header(HeaderAnswer(**header)).block, block.log_answers())
    (found,) = (one for one in events if isinstance(one, OrderFilled))
    return found


def test_fill__dust_in_its_transaction__has_the_signed_orders_amounts(place: Place) -> None:
    quote = signed(place)
    known = KnownOrders(orders_of(place))
    found = dusted(quote, known)
    assert (found.making_amount, found.taking_amount) == (
        quote.order.making_amount,
        quote.order.taking_amount,
    )
    assert found.taker_asset == quote.order.taker_asset
    known.close()


def test_order__that_was_never_signed_or_for_another_contract__is_unknown(place: Place) -> None:
    quote = signed(place, Settlement.PMM)
    known = KnownOrders(orders_of(place))
    assert known(bytes(32)) is None
    assert known(quote.order_hash) is None
    known.close()


def test_journal__cannot_be_read__is_said_once_and_the_fill_is_read_from_its_transfers(
    tmp_path: Path,
) -> None:
    quote = signed(SqlitePlace(tmp_path / "journal.sqlite"))
    known = KnownOrders(orders_of(SqlitePlace(tmp_path / "nowhere.sqlite")))
    with structlog.testing.capture_logs() as said:
        found = [dusted(quote, known) for _ in range(2)]
    assert [one.taking_amount for one in found] == [1, 1]
    assert [one["event"] for one in said] == ["fills_read_without_journal"]


@pytest.mark.parametrize("orders", [None])
def test_no_journal__knows_no_order(orders: SignedOrders | None) -> None:
    assert KnownOrders(orders)(bytes(32)) is None


def test_promised__journal_of_something_else__is_closed_where_the_start_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = MagicMock()
    opened.return_value.reserved.side_effect = InvalidInput("a journal of another contract")
    monkeypatch.setattr("pmm.desk.joined_journal.PromisedInventory", opened)
    with pytest.raises(InvalidInput, match="another contract"):
        promised_inventory(MagicMock())
    opened.return_value.close.assert_called_once()
    # One that cannot be read yet may be later.
    opened.return_value.reserved.side_effect = SetupError("not there yet")
    assert promised_inventory(MagicMock()) == opened.return_value
    opened.return_value.close.assert_called_once()
