"""Collateral borrow within `pmm desk`: taken where ether is promised, in the books to the unit, repaid in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pmm.desk import Desk, DeskTurn, open_desk
from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput
from pmm.execution.hedging import NoticeKind
from pmm.execution.lending import Repay
from pmm.localnet.funding import balance_of
from pmm.localnet.mining import wait_until_mined
from pmm.server.client import QuoteAnswer
from tests.fork.desk.desk_site import assert_books_equal_the_chain, running, settings_of, until_quiet
from tests.fork.lending.lending_site import AAVE, Site
from tests.fork.lending.test_desk_keeper import (
    ETH,
    USD,
    assert_lending_equals_the_chain,
    sent,
    stock_up,
)
from tests.fork.lending.test_desk_shorts import owed
from tests.fork.server.site import Deployed, Server, as_owner, fill, serving

_DUST = 10**12
_KEEPING = {"keeper": True, "keeper_leaves": ("WETH:40",), "keeper_surplus_above_bps": 50_000}


@dataclass
class Scene:
    """A desk that holds 40 WETH, and an account with room for a loan; ``promised`` is all ether but 0.2 WETH."""

    site: Site
    deployed: Deployed
    server: Server
    desk: Desk
    owed_before: int

    def fill_beside_a_promise(self) -> QuoteAnswer:
        """Buy 1 WETH, and promise what is there to be sold for its hedge; return the promise."""
        until_quiet(self.desk)
        fill(self.site.chain, self.server.quote())
        self.server.catch_up()
        return self.promise(122_400)

    def promise(self, usd: int) -> QuoteAnswer:
        self.server.catch_up()
        return self.server.quote(
            baseToken=USDC.address, quoteToken=WETH.address, amount=str(usd * USD), settlement="pmm"
        )

    def borrowed(self) -> int:
        """What is owed more than at the start, interest of some blocks left out."""
        return round((owed(self.site) - self.owed_before) / 10**15) * 10**15

    def assert_books_equal_the_chain(self) -> None:
        assert_books_equal_the_chain(self.desk, self.deployed)
        assert_lending_equals_the_chain(self.desk, self.site)


@contextmanager
def scene(site: Site, deployed: Deployed, folder: Path, **routes: bool) -> Iterator[Scene]:
    as_owner(site.chain, deployed, "setBand(address,address,uint8)", WETH.address, USDC.address, 20)
    site.open(AAVE, collateral=USDC.address, supplied=300_000 * USD, debt=WETH.address, buffer_bps=20_000)
    stock_up(site)
    journal = folder / "journal.sqlite"
    settings: dict[str, Any] = {"journal": journal, "max_cost_bps": 100, **_KEEPING, **routes}
    with (
        serving(deployed, journal) as server,
        running(deployed, folder / "desk.sqlite", **settings) as desk,
    ):
        yield Scene(site, deployed, server, desk, owed(site))


def routes_of(desk: Desk) -> list[str]:
    return [one.route for one in desk.gauges._intents.intents(most=10)]


def kinds(turns: list[DeskTurn]) -> set[NoticeKind]:
    return {one.kind for turn in turns for one in turn.notices}


def repaid(turns: list[DeskTurn]) -> list[Repay]:
    return [one for one in sent(turns) if isinstance(one, Repay)]


def test_hedge__ether_is_promised__is_borrowed_and_sold_and_later_repaid(
    site: Site, lending_desk: Deployed, tmp_path: Path
) -> None:
    with scene(site, lending_desk, tmp_path, borrows=True) as here:
        answer = here.fill_beside_a_promise()
        held = balance_of(lending_desk.rpc, WETH.address, site.settlement)
        assert held - ETH < answer.signed.order.making_amount
        turns = until_quiet(here.desk)
        assert kinds(turns) == {NoticeKind.DONE}
        assert routes_of(here.desk) == ["aave_borrow_500"]
        assert here.borrowed() == ETH
        assert repaid(turns) == []
        assert here.desk.hedger.open_delta(WETH.address) == 0
        # All of the loan was sold: what was there is there.
        assert balance_of(lending_desk.rpc, WETH.address, site.settlement) == held
        here.assert_books_equal_the_chain()
        fill(site.chain, answer)
        here.server.catch_up()
        # What left is bought again, and what is above the inventory repays.
        turns = until_quiet(here.desk)
        (command,) = repaid(turns)
        assert command.amount == pytest.approx(ETH, abs=10**15)
        assert here.borrowed() == 0
        assert 0 <= here.desk.hedger.open_delta(WETH.address) < _DUST
        here.assert_books_equal_the_chain()


def test_hedge__route_is_off__waits_and_borrows_nothing(
    site: Site, lending_desk: Deployed, tmp_path: Path
) -> None:
    with scene(site, lending_desk, tmp_path) as here:
        answer = here.fill_beside_a_promise()
        assert kinds(until_quiet(here.desk)) == {NoticeKind.NO_ROUTE}
        assert here.borrowed() == 0
        assert here.desk.hedger.open_delta(WETH.address) == ETH
        fill(site.chain, answer)


def test_hedge__ether_is_free__is_swapped_for_that_costs_less(
    site: Site, lending_desk: Deployed, tmp_path: Path
) -> None:
    with scene(site, lending_desk, tmp_path, borrows=True, shorts=True) as here:
        until_quiet(here.desk)
        fill(site.chain, here.server.quote())
        until_quiet(here.desk)
        assert routes_of(here.desk) == ["uniswap_v3_500"]
        assert here.borrowed() == 0


def test_hedge__loan_is_promised_before_it_is_sold__waits_and_goes_on(
    site: Site, lending_desk: Deployed, tmp_path: Path
) -> None:
    with scene(site, lending_desk, tmp_path, borrows=True) as here:
        answer = here.fill_beside_a_promise()
        here.desk.step()
        wait_until_mined(lending_desk.rpc)
        assert here.borrowed() == ETH
        # Out of what was borrowed: the server cannot tell it from other ether.
        second = here.promise(3_300)
        for _ in range(5):
            turn = here.desk.step()
            assert turn.reconciliation.clean
            assert turn.notices == ()
        assert here.borrowed() == ETH
        fill(site.chain, second)
        here.server.catch_up()
        turns = until_quiet(here.desk)
        # For the few wei that a pool gives more than what is asked of it there is no route.
        assert kinds(turns) - {NoticeKind.NO_ROUTE} == {NoticeKind.DONE}
        assert sorted(routes_of(here.desk)) == ["aave_borrow_500", "uniswap_v3_500"]
        assert 0 <= here.desk.hedger.open_delta(WETH.address) < _DUST
        here.assert_books_equal_the_chain()
        fill(site.chain, answer)


def test_borrows__without_what_they_need__end_the_start_in_words(
    site: Site, lending_desk: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmm.desk.scene.find_lending", lambda *_: None)
    with pytest.raises(InvalidInput, match="PMM_DESK_BORROWS"):
        open_desk(settings_of(lending_desk, tmp_path / "desk.sqlite", borrows=True))
