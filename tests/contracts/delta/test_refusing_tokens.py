"""Tokens that answer false to a transfer or an approval: refused, naming token, counterpart and amount."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.abi import selector
from pmm.localnet.addresses import AAVE_POOL, ONEINCH_ROUTER, USDC
from tests.contracts.delta.test_resolve import PROFIT, resolve_call, signed, user
from tests.contracts.settlement.desk import Oddity

__all__ = ["signed", "user"]

GENUINE = "0x00000000000000000000000000000000600d600d"


def refusing_approvals(genuine: str) -> str:
    """Return code that answers false to `approve` and leaves all else to the code of ``genuine``."""
    refuse, done = 0x3B, 0x37
    return (
        "0x"
        + "".join(
            [
                "5f3560e01c63" + selector("approve(address,uint256)").hex(),  # selector of the call
                f"1460{refuse:02x}57",
                "365f5f37",  # else all of its calldata
                "5f5f365f73" + genuine[2:],
                "5af4",  # to the genuine code, on the storage here
                "3d5f5f3e",
                f"60{done:02x}57",
                "3d5ffd",
                "5b3d5ff3",
                "5b60205ff3",
            ]
        )
    )


@pytest.fixture
def refusing_usdc(rpc: Any) -> str:
    """USDC, which from now on answers false to every approval."""
    rpc.call("anvil_setCode", GENUINE, rpc.call("eth_getCode", USDC, "latest"))
    rpc.call("anvil_setCode", USDC, refusing_approvals(GENUINE))
    return USDC.lower()


@pytest.mark.parametrize("holder", ["account", "delta"])
def test_sweep__token_that_answers_false__is_refused(
    holder: str, account: Any, delta: Any, owner: Any, operator: Any, desk: Any, refusal_of: Any
) -> None:
    contract = account if holder == "account" else delta
    token = owner.deploy(ape.project.MockOddToken)
    token.mint(contract, 7, sender=owner)
    token.setOddity(Oddity.RETURNS_FALSE, token, b"", sender=owner)

    error = refusal_of(contract.sweep, token, sender=operator)

    assert error == ("TransferRefused", token.address.lower(), desk.address.lower(), 7)
    assert token.balanceOf(contract) == 7


def test_sweep__from_inside_a_sweep__is_refused(delta: Any, owner: Any, operator: Any, desk: Any) -> None:
    token = owner.deploy(ape.project.MockTrickToken)
    token.mint(delta, 7, sender=owner)
    again = delta.sweep.encode_input(token)
    token.setTrick(4, delta, again, sender=owner)  # calls before it moves anything

    delta.sweep(token, sender=operator)

    assert token.called()
    assert not token.succeeded()
    assert (token.balanceOf(delta), token.balanceOf(desk)) == (0, 7)


def test_sweep__nothing__moves_nothing(delta: Any, owner: Any, operator: Any) -> None:
    """Not even a transfer of zero, which some tokens refuse."""
    token = owner.deploy(ape.project.MockTrickToken)
    assert not delta.sweep(token, sender=operator).logs


def test_supply__approval_refused__reverts(
    account: Any, operator: Any, move: Any, refusing_usdc: str, refusal_of: Any, balance_of: Any
) -> None:
    move(USDC, 1_000)

    error = refusal_of(account.supply, 1, USDC, 1_000, sender=operator)

    assert error == ("ApprovalRefused", refusing_usdc, AAVE_POOL.lower(), 1_000)
    assert balance_of(USDC, account) == 1_000


def test_resolve__approval_refused__reverts(
    delta: Any, operator: Any, signed: Any, refusing_usdc: str, refusal_of: Any, nothing_stays: Any
) -> None:
    order = signed()

    error = refusal_of(delta.resolve, *resolve_call(order, PROFIT), sender=operator)

    assert error == ("ApprovalRefused", refusing_usdc, ONEINCH_ROUTER.lower(), order.order.taking_amount)
    nothing_stays()
