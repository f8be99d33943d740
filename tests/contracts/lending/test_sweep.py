"""Ether that was forced upon the account leaves wrapped, to the unit."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import USDC, WETH


@pytest.mark.parametrize("amount", [1, 2, 10**18])
def test_sweep__ether_lies_here__is_wrapped_and_sent(
    amount: int, account: Any, desk: Any, operator: Any, rpc: Any, balance_of: Any
) -> None:
    before = balance_of(WETH, desk)
    rpc.call("anvil_setBalance", account.address, hex(amount))
    receipt = account.sweep(WETH, sender=operator)
    assert receipt.return_value == amount
    assert balance_of(WETH, desk) == before + amount
    assert account.balance == 0


def test_sweep__one_unit__is_sent(account: Any, desk: Any, operator: Any, move: Any, balance_of: Any) -> None:
    move(USDC, 1)
    before = balance_of(USDC, desk)
    assert account.sweep(USDC, sender=operator).return_value == 1
    assert balance_of(USDC, desk) == before + 1


def test_sweep__another_token_beside_ether__leaves_the_ether(
    account: Any, operator: Any, move: Any, rpc: Any
) -> None:
    move(USDC, 5)
    rpc.call("anvil_setBalance", account.address, hex(7))
    account.sweep(USDC, sender=operator)
    assert account.balance == 7
