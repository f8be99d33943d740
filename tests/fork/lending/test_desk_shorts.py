"""Lending routes of the hedger within `pmm desk`: ether that is promised is not sold, a short is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.desk import open_desk
from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput
from pmm.execution.hedging import NoticeKind
from pmm.execution.lending import Repay
from pmm.localnet.funding import balance_of
from tests.fork.desk.desk_site import assert_books_equal_the_chain, running, settings_of, until_quiet
from tests.fork.lending.lending_site import AAVE, Site
from tests.fork.lending.test_desk_keeper import ETH, USD, stock_up
from tests.fork.server.site import Deployed, as_owner, fill, serving


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "desk.sqlite"


@pytest.mark.parametrize("shorts", [True, False])
def test_hedge__ether_is_promised__is_shorted_where_that_is_offered(
    site: Site, lending_desk: Deployed, ledger: Path, tmp_path: Path, *, shorts: bool
) -> None:
    as_owner(site.chain, lending_desk, "setBand(address,address,uint8)", WETH.address, USDC.address, 20)
    site.open(AAVE, collateral=USDC.address, supplied=300_000 * USD, debt=WETH.address, buffer_bps=20_000)
    stock_up(site)
    owed_before = owed(site)
    journal = tmp_path / "journal.sqlite"
    keeping = {"keeper": True, "keeper_leaves": ("WETH:1000",), "keeper_surplus_above_bps": 50_000}
    with (
        serving(lending_desk, journal) as server,
        running(lending_desk, ledger, journal=journal, shorts=shorts, max_cost_bps=100, **keeping) as desk,
    ):
        until_quiet(desk)
        fill(site.chain, server.quote())
        server.catch_up()
        answer = server.quote(
            baseToken=USDC.address, quoteToken=WETH.address, amount=str(122_400 * USD), settlement="pmm"
        )
        assert (
            balance_of(lending_desk.rpc, WETH.address, site.settlement) - ETH
            < answer.signed.order.making_amount
        )
        turns = until_quiet(desk)
        said = [one.kind for turn in turns for one in turn.notices]
        assert set(said) == {NoticeKind.DONE if shorts else NoticeKind.NO_ROUTE}
        # Interest of some blocks.
        assert owed(site) - owed_before == pytest.approx(ETH if shorts else 0, abs=10**14)
        assert [
            turn.kept for turn in turns if turn.kept and any(isinstance(c, Repay) for c in turn.kept.sent)
        ] == []
        assert desk.hedger.open_delta(WETH.address) == (0 if shorts else ETH)
        assert_books_equal_the_chain(desk, lending_desk)
        fill(site.chain, answer)


def owed(site: Site) -> int:
    return next(one.owed for one in site.account(AAVE).balances if one.token == WETH)


def test_shorts__without_what_they_need__end_the_start_in_words(
    site: Site, lending_desk: Deployed, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmm.desk.scene.find_lending", lambda *_: None)
    with pytest.raises(InvalidInput, match="PMM_DESK_SHORTS"):
        open_desk(settings_of(lending_desk, ledger, shorts=True))
