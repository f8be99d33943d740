"""withdraw, and the ether that may and may not come in."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import WETH
from tests.contracts.settlement.desk import Desk, lower, moved

ZERO = "0x" + "00" * 20


def test_withdraw__token__leaves_exactly_so_much(desk: Desk, owner: Any, receiver: Any) -> None:
    before = desk.balances(desk.settlement, receiver)
    receipt = desk.settlement.withdraw(desk.base, receiver, 7, sender=owner)
    after = desk.balances(desk.settlement, receiver)
    assert (before[0][0] - after[0][0], after[1][0] - before[1][0]) == (7, 7)
    (event,) = receipt.decode_logs(desk.settlement.Withdrawn)
    assert (event.token, event.to, event.amount) == (desk.base, receiver, 7)


def test_withdraw__ether_forced_in__leaves(desk: Desk, owner: Any, receiver: Any) -> None:
    desk.settlement.balance = 9
    ether = receiver.balance
    desk.settlement.withdraw(ZERO, receiver, 9, sender=owner)
    assert (desk.settlement.balance, receiver.balance - ether) == (0, 9)


def test_withdraw__to_zero_or_more_than_held__is_refused(desk: Desk, owner: Any, receiver: Any) -> None:
    assert desk.refusal(desk.settlement.withdraw, desk.base, ZERO, 1, sender=owner) == ("ZeroAddress",)
    refusal = desk.refusal(desk.settlement.withdraw, desk.base, receiver, 2**255, sender=owner)
    assert refusal[:2] == ("TokenCallFailed", lower(desk.base))
    refusal = desk.refusal(desk.settlement.withdraw, ZERO, receiver, 1, sender=owner)
    assert refusal == ("EthTransferFailed", lower(receiver))


def test_receive__plain_ether__is_refused(desk: Desk) -> None:
    request = {"from": str(desk.taker.address), "to": str(desk.settlement.address), "value": "0x1"}
    with pytest.raises(desk.rpc_error) as refused:
        desk.rpc.call("eth_call", request, "latest")
    assert desk.decode(refused.value.data) == ("UnexpectedEth", lower(desk.taker))


def test_receive__ether_from_weth__is_accepted(desk: Desk) -> None:
    """It comes from unwrapping only."""
    request = {"from": WETH, "to": str(desk.settlement.address), "value": "0x0"}
    assert desk.rpc.call("eth_call", request, "latest") == "0x"


def test_receive__unknown_selector__is_refused(desk: Desk) -> None:
    request = {"from": str(desk.owner.address), "to": str(desk.settlement.address), "data": "0xdeadbeef"}
    with pytest.raises(desk.rpc_error) as refused:
        desk.rpc.call("eth_call", request, "latest")
    assert desk.decode(refused.value.data) == ("",)


def test_withdraw__token_that_was_never_registered__leaves_too(desk: Desk, owner: Any, receiver: Any) -> None:
    """Whatever was sent here by mistake."""
    stray = owner.deploy(ape.project.MockOddToken)
    stray.mint(desk.settlement, 5, sender=owner)
    desk.settlement.withdraw(stray, receiver, 5, sender=owner)
    assert (stray.balanceOf(desk.settlement), stray.balanceOf(receiver)) == (0, 5)


def test_withdraw__ether__is_announced_under_the_zero_token(desk: Desk, owner: Any, receiver: Any) -> None:
    desk.settlement.balance = 9
    receipt = desk.settlement.withdraw(ZERO, receiver, 4, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.Withdrawn)
    assert (event.token, event.to, event.amount) == (ZERO, receiver, 4)
    assert desk.settlement.balance == 5


def test_withdraw__nothing__moves_nothing(desk: Desk, owner: Any, receiver: Any) -> None:
    before = desk.balances(desk.settlement, receiver)
    desk.settlement.withdraw(desk.base, receiver, 0, sender=owner)
    assert moved(before, desk.balances(desk.settlement, receiver)) == [(0, 0), (0, 0)]
