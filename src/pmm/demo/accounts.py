"""Balances before, after and expected: the check that decides the demo's exit status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pmm.chain.rpc import JsonRpc
from pmm.demo.trade import FILLED, Trade
from pmm.localnet.funding import NATIVE, balance_of

SETTLEMENT, TAKER, HEDGER, LENDING = "settlement", "taker", "hedger", "lending"

Moves = Mapping[tuple[str, str], int]
"""What the desk itself moved, base units per account and asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """One asset of one account, in base units; ``asset`` is an address, zero for ether."""

    account: str
    asset: str
    before: int
    after: int
    expected: int

    @property
    def difference(self) -> int:
        """What the chain holds beyond the expectation."""
        return self.after - self.expected


def read_balances(
    rpc: JsonRpc, accounts: Mapping[str, str], assets: Iterable[str]
) -> dict[tuple[str, str], int]:
    """Return the balance of every asset of every account, and the takers' ether, read from the chain."""
    balances = {
        (name, asset): balance_of(rpc, asset, address)
        for name, address in accounts.items()
        for asset in assets
    }
    balances[TAKER, NATIVE] = balance_of(rpc, NATIVE, accounts[TAKER])
    return balances


def expected_balances(
    before: Mapping[tuple[str, str], int], trades: Iterable[Trade], moves: Moves
) -> dict[tuple[str, str], int]:
    """Return what signed amounts, swap events and receipts say the balances must be.

    A fill from inventory moves both signed amounts between taker and settlement. A funded fill gives the taker
    the same, and the settlement the taker asset less what the closing swap took; its maker asset stays. ``moves`` are
    the desk's hedges and repayments.
    """
    balances = dict(before)
    for place, amount in moves.items():
        balances[place] += amount
    for trade in trades:
        balances[TAKER, NATIVE] -= int(trade.gas_cost_wei)
        if trade.outcome != FILLED:
            continue
        making, taking, cost = int(trade.making_amount), int(trade.taking_amount), int(trade.hedge_cost)
        balances[TAKER, trade.maker_asset] += making
        balances[TAKER, trade.taker_asset] -= taking
        balances[SETTLEMENT, trade.taker_asset] += taking - cost
        if not trade.funded:
            balances[SETTLEMENT, trade.maker_asset] -= making
    return balances


def account_lines(
    before: Mapping[tuple[str, str], int],
    after: Mapping[tuple[str, str], int],
    trades: Iterable[Trade],
    moves: Moves,
) -> list[AccountLine]:
    """Return the closing table, one line per account and asset."""
    expected = expected_balances(before, trades, moves)
    return [
        AccountLine(
            account=name, asset=asset, before=amount, after=after[name, asset], expected=expected[name, asset]
        )
        for (name, asset), amount in before.items()
    ]
