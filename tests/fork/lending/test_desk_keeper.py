"""The keeper within `pmm desk`: a fall of ether beside live quotes and hedges, on genuine Aave and Compound code."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pmm.desk import Desk, DeskTurn, open_desk
from pmm.domain import USDC, WETH
from pmm.errors import ChainError, InvalidInput
from pmm.execution.hedging import NoticeKind
from pmm.execution.lending import Command, Deleverage, Repay
from pmm.localnet.funding import balance_of, deal
from pmm.risk.plans import ActionKind
from tests.fork.desk.desk_site import assert_books_equal_the_chain, running, settings_of, until_quiet
from tests.fork.lending.conftest import ETH_USD
from tests.fork.lending.lending_site import AAVE, COMPOUND, Site
from tests.fork.server.site import INVENTORY, Deployed, as_owner, fill, serving
from tests.unit.execution.actions_desk import request

ETH, USD = 10**18, 10**6
_ALL = ("WETH:40", "USDC:120000")
_FALL = Decimal("0.8")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "desk.sqlite"


def leveraged(site: Site) -> None:
    """100 WETH of collateral, USDC owed and gone."""
    site.open(AAVE, collateral=WETH.address, supplied=100 * ETH, debt=USDC.address, buffer_bps=6_100)
    stock_up(site)


def stock_up(site: Site) -> None:
    """Let the settlement contract hold its inventory and nothing of what was borrowed."""
    for token, amount in INVENTORY.items():
        deal(site.chain.rpc, token, site.settlement, amount)


def sent(turns: list[DeskTurn]) -> list[Command]:
    kept = [turn.kept for turn in turns if turn.kept is not None]
    assert [one.refused for one in kept if one.refused] == []
    return [command for one in kept for command in one.sent]


def assert_lending_equals_the_chain(desk: Desk, site: Site) -> None:
    for market in (AAVE, COMPOUND):
        for one in site.account(market).balances:
            (mark,) = [
                mark
                for key, mark in desk.reader.read().lending.items()
                if (key.market, key.token) == (market, one.token.address)
            ]
            assert (mark.supply.amount, mark.debt.amount) == (one.supplied, one.owed)


def test_fall__keeper_without_stock__sells_collateral_and_the_books_equal_the_chain(
    site: Site, lending_desk: Deployed, ledger: Path
) -> None:
    leveraged(site)
    with running(lending_desk, ledger, keeper=True, keeper_max_cost_bps=100, keeper_leaves=_ALL) as desk:
        assert sent(until_quiet(desk)) == []
        site.move_eth(ETH_USD * _FALL)
        assert site.buffer_bps() < 3_000
        (command,) = sent(until_quiet(desk))
        assert isinstance(command, Deleverage)
        assert site.buffer_bps() >= 5_900
        assert_books_equal_the_chain(desk, lending_desk)
        assert_lending_equals_the_chain(desk, site)
        for token, amount in INVENTORY.items():
            assert balance_of(lending_desk.rpc, token, site.settlement) == amount
        with urllib.request.urlopen(f"http://127.0.0.1:{desk.metrics.port}/metrics", timeout=5) as page:
            text = page.read().decode()
    assert 'pmm_keeper_actions_total{action="deleverage",outcome="done"} 1.0' in text
    buffers = [line for line in text.splitlines() if line.startswith("pmm_lending_buffer_ratio{")]
    assert float(buffers[0].rsplit(" ", 1)[1]) == pytest.approx(0.6, abs=0.02)


def test_fall__keeper_off__the_buffer_stays_low(site: Site, lending_desk: Deployed, ledger: Path) -> None:
    leveraged(site)
    with running(lending_desk, ledger) as desk:
        until_quiet(desk)
        site.move_eth(ETH_USD * _FALL)
        turns = until_quiet(desk)
        assert [turn.kept for turn in turns if turn.kept] == []
        assert site.buffer_bps() < 3_000
        assert_lending_equals_the_chain(desk, site)
        with urllib.request.urlopen(f"http://127.0.0.1:{desk.metrics.port}/metrics", timeout=5) as page:
            text = page.read().decode()
        # Nothing that an alert about a silent keeper could go by.
        assert "pmm_keeper_rounds" not in text
        # Risk sees the account without a keeper, and a sale of 35 % of its collateral's value in the worst case.
        readings = desk.risk.monitor.readings
        assert desk.scene.lending is not None
        account = desk.scene.lending.account
        buffer_pct = readings["liquidation_buffer_pct", account].value
        assert buffer_pct == pytest.approx(site.buffer_bps() / 100, abs=0.1)
        assert readings["health_factor", account].value == pytest.approx(1 + (buffer_pct or 0) / 100)
        assert f'pmm_risk_metric{{metric="health_factor",subject="{account}"}} 1.2' in text


def test_stock__is_repaid_down_to_what_the_keeper_leaves(
    site: Site, lending_desk: Deployed, ledger: Path
) -> None:
    leveraged(site)
    with running(lending_desk, ledger, keeper=True, keeper_leaves=("WETH:40", "USDC:90000")) as desk:
        first = sent(until_quiet(desk))[0]
        assert (type(first), first.token, first.amount) == (Repay, USDC.address, 30_000 * USD)
        assert balance_of(lending_desk.rpc, USDC.address, site.settlement) == 90_000 * USD
        assert_books_equal_the_chain(desk, lending_desk)


def test_repay__commanded__restores_the_working_buffer_before_the_keepers_own_line(
    site: Site, lending_desk: Deployed, ledger: Path
) -> None:
    site.open(AAVE, collateral=WETH.address, supplied=100 * ETH, debt=USDC.address, buffer_bps=5_800)
    stock_up(site)
    with running(lending_desk, ledger, keeper=True, keeper_leaves=("WETH:30", "USDC:120000")) as desk:
        assert sent(until_quiet(desk)) == []
        assert site.buffer_bps() < 5_900
        for command_id in ("first", "first", "second"):
            wanted = replace(request(ActionKind.REPAY), request_id=command_id)
            desk.actions.runner.submit([wanted])
            until_quiet(desk)
        assert site.buffer_bps() >= 5_990
        rows = desk.ledger.read(
            "SELECT status, detail FROM actions_commands WHERE kind = 'repay' AND command_id IN ('first', 'second')"
            " ORDER BY command_id"
        )
        assert [status for status, _ in rows] == ["done", "done"]
        assert rows[0][1].startswith("sent supply ")
        assert rows[1][1] == "nothing to repay"
        assert_books_equal_the_chain(desk, lending_desk)


def test_quote_hedge_and_keeper__want_the_same_ether__each_gets_what_is_its(
    site: Site, lending_desk: Deployed, ledger: Path, tmp_path: Path
) -> None:
    as_owner(site.chain, lending_desk, "setBand(address,address,uint8)", WETH.address, USDC.address, 20)
    site.open(AAVE, collateral=USDC.address, supplied=300_000 * USD, debt=WETH.address, buffer_bps=6_100)
    stock_up(site)
    journal = tmp_path / "journal.sqlite"
    with (
        serving(lending_desk, journal) as server,
        running(lending_desk, ledger, journal=journal, keeper=True) as desk,
    ):
        answer = server.quote(baseToken=USDC.address, quoteToken=WETH.address, amount=str(15_000 * USD))
        promised = answer.signed.order.making_amount
        bought = server.quote()
        until_quiet(desk)
        fill(site.chain, bought)
        turns = until_quiet(desk)
        sent(turns)
        said = [one.kind for turn in turns for one in turn.notices]
        assert said == [NoticeKind.DONE], said
        assert balance_of(lending_desk.rpc, WETH.address, site.settlement) == promised
        assert_books_equal_the_chain(desk, lending_desk)
        fill(site.chain, answer)


def test_oracle_or_node__fails_the_keeper__is_said__and_the_turn_goes_on(
    site: Site, lending_desk: Deployed, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> None:
        raise ChainError("expected a price of WETH, found zero")

    leveraged(site)
    with running(lending_desk, ledger, keeper=True, keeper_leaves=_ALL) as desk:
        assert desk.lending is not None
        with monkeypatch.context() as patched:
            patched.setattr(desk.lending.keeper, "step", silent)
            for _ in range(2):
                turn = desk.turn()
                assert turn is not None
                assert turn.kept is None
            assert desk.trouble == "the lending accounts are not kept: expected a price of WETH, found zero"
        # At the same block: what failed is tried again.
        turn = desk.turn()
        assert turn is not None
        assert turn.kept is not None
        assert desk.trouble == ""


@pytest.mark.parametrize(
    "wrong", [{"keeper_leaves": ("WETH:all",)}, {"keeper_working_buffer_bps": 5_000, "keeper_leaves": ()}]
)
def test_keeper__settings_that_cannot_be__end_the_start_in_words(
    site: Site, lending_desk: Deployed, ledger: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="expected"):
        open_desk(settings_of(lending_desk, ledger, keeper=True, **wrong))
