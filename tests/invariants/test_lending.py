"""Shorts, longs and moves of collateral on genuine Aave and Compound code, with whatever may come in between.

Held here, by letter: (e) allowances, (f) the hedger keeps nothing, (g) debt only ever sits in the lending account,
which pays nobody but the settlement and the hedger's payees, and stays above the owner's floor.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import USDC, WETH
from pmm.localnet.prices import set_price
from tests.invariants.depth import depth, run_machine
from tests.invariants.lending_desk import (
    A_TOKENS,
    C_TOKENS,
    FLOOR_BPS,
    MARKETS,
    TOKENS,
    WAD,
    LendingDesk,
    build,
)
from tests.invariants.lending_machine import ALL, ROLES, SIGNATURES, LendingMachine, markets, shares, tokens

_operators = st.sampled_from([*["operator"] * 12, "hooks", "guardian", "stranger"])
_management = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*ROLES, "supply", "withdraw", "borrow"]),
        "by": _operators,
        "market": markets,
        "token": tokens,
        "share": shares,
        "whole": st.booleans(),
    }
)
_trades = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["openShort", "openShort", "closeShort", "openLong", "openLong", "closeLong"]
        ),
        "by": _operators,
        "source": st.sampled_from([1, 2]),
        "market": markets,
        "share": shares,
        "whole": st.booleans(),
        "margin": st.sampled_from([80, 100, 60, 50, 0]),
        "lowest": st.sampled_from([0, 0, 14 * 10**17]),
    }
)


class PositionsMachine(LendingMachine):
    """The operator, and others in its place, change positions."""

    @rule(
        trades=st.lists(_trades, min_size=4, max_size=6),
        management=st.lists(_management, max_size=3),
        topped_up=tokens,
        price=st.sampled_from(["", "2730", "2900", "2500", "2715"]),
        stopped=st.sampled_from(["", "pause", "", "stop", "pause", "shut out"]),
    )
    def work(
        self,
        trades: list[dict[str, Any]],
        management: list[dict[str, Any]],
        topped_up: str,
        price: str,
        stopped: str,
    ) -> None:
        """A busy day, over which ether's price may move.

        The guardian may stop something before the last trades; then the owner resumes in the evening.
        """
        self.move_to_lending(topped_up, 4)
        self.trade(**trades[0])
        if price:
            self.swing(price, 60)
        for trade in trades[1:-2]:
            self.trade(**trade)
        if stopped:
            self.reduce(stopped, "guardian")
        for trade in trades[-2:]:
            self.trade(**trade)
        for each in management:
            self.manage(**each)
        if stopped:
            self.resume(FLOOR_BPS, "owner")

    def manage(self, name: str, by: str, market: int, token: str, share: int, whole: bool) -> None:
        """One of LendingAccount's own functions."""
        if name == "sweep":
            values: tuple[Any, ...] = ((*TOKENS, *A_TOKENS.values(), *C_TOKENS.values())[share % 6],)
        elif name == "provide":
            # Odd sources withdraw, even ones borrow.
            source = 2 * market - share % 2
            values = (source, token, self._part("withdraw" if source % 2 else "borrow", market, token, share))
        else:
            part = self._part(name, market, token, share)
            values = (market, token, ALL if whole and name != "borrow" else part)
        before = self.state
        done = self._send(by, self.desk.account, SIGNATURES[name], *values)
        assert done.error or by in ROLES[name], f"(g) {by} called {name}"
        if not done.error and name not in ("supply", "repay"):
            self._require_health(*(MARKETS if name == "sweep" else (market,)))
        if not done.error and name in ("borrow", "provide"):
            self._require_debt_allowed(before)

    def _part(self, name: str, market: int, token: str, share: int) -> int:
        """A share of what there is to supply, withdraw or repay, or up to 16 WETH's worth to borrow."""
        if name == "borrow":
            return share * WAD if token == WETH else share * 2_700 * 10**6
        name = {"withdraw": "lent", "repay": "owes"}.get(name, "")
        whole = (
            self.state[name, token, str(market)] if name else self.state["holds", token, self.desk.account]
        )
        return whole * share // 16

    def trade(
        self, name: str, by: str, source: int, market: int, share: int, whole: bool, margin: int, lowest: int
    ) -> None:
        """Open, grow, shrink or close; the margin is in percent of what is bought or sold."""
        plan = source << 248 | 500 << 224 | market << 216 | lowest
        price = self.state["price", WETH] * 10**6 // 10**8
        if name.startswith("open"):
            amount = share * WAD
            worth = amount * price // WAD
            stake = (worth if name == "openShort" else amount) * margin // 100
            limit = 1 if name == "openShort" else worth * 112 // 100
            values: tuple[int, ...] = (amount, limit, stake)
        elif name == "closeShort":
            bought = self.state["owes", WETH, str(market)] * (16 if whole else share) // 16
            values = (ALL if whole else bought, bought * price * 112 // WAD // 100)
        else:
            owed = self.state["owes", USDC, str(market)] * WAD // price
            amount = owed * share // 16
            values = (ALL, owed * 112 // 100) if whole else (amount, amount * price * 88 // WAD // 100)
        words = ",".join(["uint256"] * (len(values) + 1))
        before = self.state
        done = self._send(by, self.desk.delta, f"{name}(address,address,{words})", WETH, USDC, *values, plan)
        if done.error:
            return
        assert by == "operator", f"(g) {by} called {name}"
        assert not self.stopped, f"(g) {name} while stopped"
        assert not self.shut_out, f"(g) {name} while shut out"
        if values[0] == ALL:
            owed_token = WETH if name == "closeShort" else USDC
            assert self.state["owes", owed_token, str(market)] == 0, f"(g) {name} left debt"
        self._require_health(market, lowest_wad=lowest)
        if name.startswith("open"):
            self._require_debt_allowed(before)


@pytest.fixture(scope="session")
def lending_desk(rpc: JsonRpc, deal: Any) -> LendingDesk:
    """The three contracts, joined, with feed and pool at one price."""
    set_price(rpc, "ETH", Decimal("2722.73"))
    return build(rpc, deal)


def test_lending__any_order_of_events__keeps_debt_funds_and_health_where_they_belong(
    lending_desk: LendingDesk,
) -> None:
    run_machine(lambda: PositionsMachine(lending_desk), depth(short=10, long=400, steps=8))
