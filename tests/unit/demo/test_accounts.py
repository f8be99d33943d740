"""The closing check counts what the desk moved."""

from __future__ import annotations

from pmm.demo.accounts import LENDING, SETTLEMENT, TAKER, account_lines
from pmm.demo.trade import FILLED, Trade
from pmm.domain import USDC, WETH
from pmm.localnet.funding import NATIVE

_ETH, _USD = 10**18, 10**6
_BEFORE = {
    (SETTLEMENT, WETH.address): 40 * _ETH,
    (SETTLEMENT, USDC.address): 130_000 * _USD,
    (LENDING, USDC.address): 0,
    (TAKER, WETH.address): 10 * _ETH,
    (TAKER, USDC.address): 0,
    (TAKER, NATIVE): _ETH,
}
_FILL = Trade(
    number=1,
    time_s=0,
    request="taker sells 1 WETH",
    outcome=FILLED,
    maker_asset=USDC.address,
    taker_asset=WETH.address,
    making_amount=str(3_000 * _USD),
    taking_amount=str(_ETH),
    gas_cost_wei="5",
)
_HEDGE: dict[tuple[str, str], int] = {
    (SETTLEMENT, WETH.address): -_ETH,
    (SETTLEMENT, USDC.address): 2_999 * _USD,
}
_AFTER = {
    **_BEFORE,
    (SETTLEMENT, USDC.address): 129_999 * _USD,
    (TAKER, WETH.address): 9 * _ETH,
    (TAKER, USDC.address): 3_000 * _USD,
    (TAKER, NATIVE): _ETH - 5,
}


def test_account_lines__fill_and_its_hedge__nothing_is_off() -> None:
    lines = account_lines(_BEFORE, _AFTER, [_FILL], _HEDGE)
    assert [line.difference for line in lines] == [0] * len(_BEFORE)


def test_account_lines__hedge_that_is_not_counted__is_off_by_it() -> None:
    lines = account_lines(_BEFORE, _AFTER, [_FILL], {})
    off = {(line.account, line.asset): line.difference for line in lines if line.difference}
    assert off == _HEDGE


def test_account_lines__repayment__leaves_the_rest_in_the_lending_account() -> None:
    moves: dict[tuple[str, str], int] = {
        (SETTLEMENT, USDC.address): -10_001 * _USD,
        (LENDING, USDC.address): 1 * _USD,
    }
    after = {
        **_BEFORE,
        (SETTLEMENT, USDC.address): 119_999 * _USD,
        (LENDING, USDC.address): 1 * _USD,
    }
    assert [line.difference for line in account_lines(_BEFORE, after, [], moves)] == [0] * len(_BEFORE)
