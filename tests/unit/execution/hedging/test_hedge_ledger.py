"""What the hedger writes is what it reads back, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.domain import WETH
from pmm.errors import InvalidInput
from pmm.execution.hedging import ContractCall, PerpOrder
from pmm.execution.hedging.call_text import calls_from_text, calls_to_text
from pmm.execution.hedging.hedge_ledger import HedgeLedger
from pmm.ledger import Ledger, open_ledger
from tests.helpers.hedging import (
    ETHER,
    SETTLEMENT,
    FakeSender,
    FlatRoute,
    block,
    change,
    fill_events,
    hedger_on,
    market,
    swap_events,
)
from tests.helpers.postgres import postgres_server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    def opened(where: Path | str) -> Ledger:
        return open_ledger(where, chain_id=1, maker=SETTLEMENT)

    if request.param == "sqlite":
        found = opened(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
        yield found
        found.close()
        return
    with postgres_server() as server:
        found = opened(server.new_schema())
        yield found
        found.close()


def test_books__of_a_hedge_under_way_and_one_that_is_done__are_read_back(ledger: Ledger) -> None:
    sender = FakeSender()
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(legs=2),))
    first = fill_events(block(1), b"\x01" * 32, sells=ETHER)
    hedger.on_change(change(block(1), added=first), now_ms=1, market=market())
    mined = swap_events(block(2), sender.mine(sender.submitted[0]), weth=ETHER)
    second = fill_events(block(2), b"\x02" * 32, buys=2**90, first_log=5)
    hedger.on_change(change(block(2), added=(*mined, *second)), now_ms=2, market=market())
    kept, again = hedger._books.accounts, HedgeLedger(ledger).load()
    assert {one.key: one for one in again.entries} == kept._entries
    assert {one.intent_id: one for one in again.intents} == kept._intents
    assert {one.key: one for one in again.legs} == kept._legs
    assert {one.key: one for one in again.seen} == kept._seen
    assert again.cursor == (2, block(2).hash)
    assert HedgeLedger(ledger).knows_entry(again.entries[0].key)
    assert not HedgeLedger(ledger).knows_entry("another")
    assert len(HedgeLedger(ledger).intents(most=1)) == 1
    removed = hedger_on(ledger, sender)
    removed.on_change(change(block(2, "b"), removed=(*second[::-1], *mined[::-1])), now_ms=3)
    assert removed.cursor == (2, block(2, "b").hash)


def test_calls__of_both_kinds__survive_the_text() -> None:
    calls = (
        ContractCall(to=SETTLEMENT, data=b"\x00\xff", purpose="a call", gas_units=7),
        ContractCall(
            to=SETTLEMENT, data=b"", purpose="bounded", gas_units=7, last_block=9, gas_price_cap_wei=2**70
        ),
        PerpOrder(venue="paper", asset=WETH.address, amount=-(2**80), limit_usd_e36=5, purpose="an order"),
    )
    assert calls_from_text(calls_to_text(calls)) == calls


@pytest.mark.parametrize("text", ["", '[{"to": "x"}]', "[1]", '[{"venue": "x", "amount": "y"}]'])
def test_calls__another_text__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="hedge leg"):
        assert calls_from_text(text)
