"""The taker leg by Permit2: the genuine contract at its genuine address, and an allowance there alone."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import WETH
from tests.contracts.settlement.conftest import TAKER_PORTAL, UNLIMITED
from tests.contracts.settlement.desk import MAKING, TAKING, USE_PERMIT2, Desk, Oddity, lower, moved, word

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
FOR_EVER = 2**48 - 1
MOST = 2**160 - 1


def _item(name: str, kind: str) -> dict[str, str]:
    return {"name": name, "type": kind}


@pytest.fixture(scope="session")
def permit2(desk: Desk) -> Any:
    """The contract as the network has it."""
    code = desk.rpc.call("eth_getCode", PERMIT2, "latest")
    assert len(code) > 10_000, f"expected Permit2 at {PERMIT2}, found {len(code) // 2 - 1} bytes of code"
    approve = {
        "type": "function",
        "name": "approve",
        "stateMutability": "nonpayable",
        "inputs": [
            _item("token", "address"),
            _item("spender", "address"),
            _item("amount", "uint160"),
            _item("expiration", "uint48"),
        ],
        "outputs": [],
    }
    allowance = {
        "type": "function",
        "name": "allowance",
        "stateMutability": "view",
        "inputs": [_item("user", "address"), _item("token", "address"), _item("spender", "address")],
        "outputs": [_item("amount", "uint160"), _item("expiration", "uint48"), _item("nonce", "uint48")],
    }
    return ape.Contract(PERMIT2, abi=[approve, allowance])


@pytest.fixture
def by_permit2(desk: Desk, permit2: Any) -> Any:
    """The taker has approved quote to Permit2 and nothing to the settlement; returns how to allow there."""
    desk.quote.approve(desk.settlement, 0, sender=desk.taker)
    desk.quote.approve(PERMIT2, UNLIMITED, sender=desk.taker)

    def _allow(amount: int, expiration_s: int = FOR_EVER, token: Any = None) -> None:
        permit2.approve(token or desk.quote, desk.settlement, amount, expiration_s, sender=desk.taker)

    return _allow


def _left(desk: Desk, permit2: Any) -> int:
    return int(permit2.allowance(desk.taker, desk.quote, desk.settlement)[0])


@pytest.mark.parametrize("args", [None, b""])
def test_permit2__allowed_there__pulls_exactly_the_taking_amount(
    desk: Desk, permit2: Any, by_permit2: Any, args: bytes | None
) -> None:
    by_permit2(TAKING + 5)
    before = desk.balances(desk.settlement, desk.taker)
    receipt = desk.fill(desk.order(), taker_traits=USE_PERMIT2, args=args)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (event.taker, event.makingAmount, event.takingAmount) == (desk.taker, MAKING, TAKING)
    assert _left(desk, permit2) == 5


def test_permit2__allowed_without_bound__stays_so(desk: Desk, permit2: Any, by_permit2: Any) -> None:
    by_permit2(MOST)
    desk.fill(desk.order(), taker_traits=USE_PERMIT2)
    assert _left(desk, permit2) == MOST


def test_permit2__without_the_bit__asks_the_token_alone(desk: Desk, by_permit2: Any) -> None:
    by_permit2(MOST)
    assert desk.fill_refusal(desk.order())[:2] == ("TokenCallFailed", lower(desk.quote))


def test_permit2__allowed_too_little__is_refused_with_its_own_error(desk: Desk, by_permit2: Any) -> None:
    by_permit2(TAKING - 1)
    refusal = desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2)
    assert refusal == ("InsufficientAllowance", TAKING - 1)
    by_permit2(TAKING)
    assert desk.simulate(desk.order(), taker_traits=USE_PERMIT2)[1] == TAKING


def test_permit2__never_allowed__is_refused(desk: Desk, by_permit2: Any) -> None:
    assert desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2) == ("AllowanceExpired", 0)


def test_permit2__allowance_expired__is_refused_to_the_second(desk: Desk, by_permit2: Any) -> None:
    until_s = desk.now_s() + 100
    by_permit2(TAKING, until_s)
    order = desk.order()
    assert desk.simulate(order, taker_traits=USE_PERMIT2, at_s=until_s)[1] == TAKING
    refusal = desk.fill_refusal(order, taker_traits=USE_PERMIT2, at_s=until_s + 1)
    assert refusal == ("AllowanceExpired", until_s)


def test_permit2__allowed_for_another_token__is_refused(desk: Desk, by_permit2: Any) -> None:
    by_permit2(MOST, token=desk.base)
    assert desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2) == ("AllowanceExpired", 0)


def test_permit2__allowance_of_another_taker__is_not_used(desk: Desk, by_permit2: Any, attacker: Any) -> None:
    by_permit2(MOST)
    refusal = desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2, sender=attacker)
    assert refusal == ("AllowanceExpired", 0)


def test_permit2__token_not_approved_to_it__is_refused(desk: Desk, by_permit2: Any) -> None:
    by_permit2(MOST)
    desk.quote.approve(PERMIT2, 0, sender=desk.taker)
    assert desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2) == ("Error", "TRANSFER_FROM_FAILED")


def test_permit2__token_that_returns_false__is_refused(desk: Desk, by_permit2: Any, owner: Any) -> None:
    by_permit2(MOST)
    desk.quote.setOddity(Oddity.RETURNS_FALSE, desk.quote, b"", sender=owner)
    assert desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2) == ("Error", "TRANSFER_FROM_FAILED")
    desk.quote.setOddity(Oddity.RETURNS_NOTHING, desk.quote, b"", sender=owner)
    assert desk.simulate(desk.order(), taker_traits=USE_PERMIT2)[1] == TAKING


def test_permit2__more_than_160_bits__is_refused(desk: Desk, by_permit2: Any) -> None:
    by_permit2(MOST)
    order = desk.order(making_amount=1, taking_amount=MOST + 1)
    refusal = desk.fill_refusal(order, taker_traits=USE_PERMIT2)
    assert refusal == ("AmountOverflow", MOST + 1, 1)
    order = desk.order(making_amount=1, taking_amount=MOST)
    assert desk.fill_refusal(order, taker_traits=USE_PERMIT2) == ("Error", "TRANSFER_FROM_FAILED")


def test_permit2__with_ether__the_ether_pays(desk: Desk, by_permit2: Any) -> None:
    order = desk.order(taker_asset=word(WETH))
    assert desk.simulate(order, taker_traits=USE_PERMIT2, value=TAKING)[1] == TAKING
    assert desk.fill_refusal(order, taker_traits=USE_PERMIT2) == ("AllowanceExpired", 0)


def test_permit2__through_the_portal__pulls_from_the_named_taker(
    desk: Desk, permit2: Any, by_permit2: Any, owner: Any
) -> None:
    portal = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setModule(TAKER_PORTAL, portal, sender=owner)
    by_permit2(TAKING)
    _, values = desk.call_of(desk.order(), taker_traits=USE_PERMIT2, args=b"")
    data = desk.settlement.fillOrderFor.encode_input(desk.taker, *values)
    before = desk.balances(desk.settlement, desk.taker)
    portal.execute(data, sender=owner)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    assert _left(desk, permit2) == 0
