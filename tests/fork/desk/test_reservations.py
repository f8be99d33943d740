"""A hedge beside live quotes: what `pmm serve` has promised stays, and without its journal nothing is spent."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from pmm.chain.abi import encode_call
from pmm.chain.sender import TransactionIntent
from pmm.desk import Desk, open_desk
from pmm.domain import USDC, WETH
from pmm.errors import ChainError, InvalidInput
from pmm.execution.hedging import NoticeKind
from pmm.journal.promised import PromisedInventory
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.server.client import QuoteAnswer
from pmm.venues.uniswap import SWAP_INVENTORY
from tests.fork.desk.desk_site import ETHER, nonce, running, settings_of, until_quiet
from tests.fork.server.site import Deployed, Server, fill


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def weth_of(deployed: Deployed) -> int:
    return balance_of(deployed.rpc, WETH.address, deployed.settlement)


def promise_most(server: Server, desk: Desk) -> QuoteAnswer:
    """Let the server promise so much WETH that one more is not to spare."""
    server.catch_up()
    market = desk.gauges.market
    assert market is not None
    dollars = market.value_up(WETH.address, weth_of(server.deployed)) * 995 // 1000 // 10**12
    # 1inch's contract may take less of ours than there is.
    answer = server.quote(
        baseToken=USDC.address, quoteToken=WETH.address, amount=str(dollars), settlement="pmm"
    )
    assert not answer.is_flash_funded
    return answer


def promised(desk: Desk, journal: Path) -> int:
    found = PromisedInventory(journal, chain_id=1, maker=desk.scene.settlement)
    return found.reserved((WETH.address,), block_number=desk.step().head.head.number)[WETH.address]


def test_hedge__of_what_a_live_quote_promises__waits__and_the_quote_is_filled(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, journal: Path
) -> None:
    with running(deployed, ledger, journal=journal) as desk:
        until_quiet(desk)
        first = server.quote()
        fill(chain, first)
        known = desk.orders(first.signed.order_hash)
        assert known is not None, "the indexer does not find what was signed"
        assert known.taking_amount == first.signed.order.taking_amount
        answer = promise_most(server, desk)
        reserved = answer.signed.order.making_amount
        assert 0 < weth_of(deployed) - reserved < ETHER
        said = [one.kind for turn in until_quiet(desk) for one in turn.notices]
        assert set(said) == {NoticeKind.NO_ROUTE}
        assert weth_of(deployed) >= reserved == promised(desk, journal)
        # The second line of defence: what was planned before the quote came is not sent either.
        data = encode_call(SWAP_INVENTORY, WETH.address, USDC.address, ETHER, 1, 500 << 224 | 1 << 248, b"")
        late = TransactionIntent(key="hedge:late", purpose="late", to=desk.scene.settlement, data=data)
        assert "nobody else is to get" in desk.sender.submit(late).detail
        assert nonce(desk, deployed) == 0
        fill(chain, answer)
        assert desk.trouble == ""


def test_hedge__nobody_tells_of_the_live_quote__spends_it_and_the_quote_fails(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    """What the journal is read for."""
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        answer = promise_most(server, desk)
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert weth_of(deployed) < answer.signed.order.making_amount
        with pytest.raises(ChainError):
            fill(chain, answer)


def test_hedge__what_is_promised_leaves_enough__goes_through_beside_a_live_quote(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, journal: Path
) -> None:
    with running(deployed, ledger, journal=journal) as desk:
        until_quiet(desk)
        answer = server.quote(baseToken=USDC.address, quoteToken=WETH.address, amount=str(3_000 * 10**6))
        before = weth_of(deployed)
        fill(chain, server.quote())
        said = [one.kind for turn in until_quiet(desk) for one in turn.notices]
        assert said == [NoticeKind.DONE]
        assert weth_of(deployed) == before
        assert promised(desk, journal) == answer.signed.order.making_amount
        fill(chain, answer)


def test_journal__cannot_be_read__is_said__nothing_is_spent__and_it_goes_on_later(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    ledger: Path,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running(deployed, ledger, journal=journal) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        hidden = journal.with_name("elsewhere")
        journal.rename(hidden)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                assert desk.turn() is not None
            assert "no inventory is spent: expected a journal at" in desk.trouble
            hidden.rename(journal)
            # The asset rests after a hedge that found no way.
            now_ms = desk.clock_ms()
            monkeypatch.setattr(desk, "clock_ms", lambda: now_ms + 60_000)
            assert nonce(desk, deployed) == 0
            assert desk.turn() is not None
        assert desk.trouble == ""
        said = ("desk_waits", "desk_goes_on")
        assert tuple(one["event"] for one in logs if one["event"] in said) == said
        until_quiet(desk)
        assert nonce(desk, deployed) == 1


def test_journal__not_there_yet__the_desk_starts_and_spends_nothing(
    chain: ChainBuilder, deployed: Deployed, ledger: Path, journal: Path
) -> None:
    with running(deployed, ledger, journal=journal) as desk:
        assert desk.turn() is not None
        assert "pmm serve" in desk.trouble
        assert desk.stock.free(WETH.address) == 0
    with running(deployed, ledger, journal=journal, reservations=False) as desk:
        assert desk.turn() is not None
        assert desk.trouble == ""
        assert desk.stock.free(WETH.address) == weth_of(deployed)


def test_journal__of_something_else__is_refused_at_the_start(
    deployed: Deployed, ledger: Path, journal: Path
) -> None:
    journal.write_text("notes")
    with pytest.raises(InvalidInput, match="journal"):
        open_desk(settings_of(deployed, ledger, journal=journal))
