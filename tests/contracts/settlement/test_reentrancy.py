"""What may be entered while a fill runs: every function that changes anything, from every place that calls out."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import WETH
from tests.contracts.settlement.conftest import LENDING_ACCOUNT, PROFIT, ROUTER_HOOKS, TAKER_PORTAL
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    Desk,
    HedgerTrick,
    Oddity,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
    position,
    word,
)

ZERO = "0x" + "00" * 20
LOCKED = (
    "fillOrder",
    "fillOrderCompact",
    "fillOrderArgs",
    "fillOrderFor",
    "fillOrderFunded",
    "swapInventory",
    "moveToLending",
    "withdraw",
    "isValidSignature",
)
# Settings and cancels touch neither balances nor the ticket: whoever has the right may use them at any time.
OPEN = (
    "setModule",
    "consumeCap",
    "setRouterAllowance",
    "cancelOnRouter",
    "cancelMaskOnRouter",
    "initLanes",
    "pauseSigner",
    "pauseSigners",
    "resumeSigner",
    "revokeSigner",
    "cancelAllLanes",
    "cancelLane",
    "cancelNonce",
    "cancelWindow",
    "transferOwnership",
    "setGuardian",
    "setOperator",
    "setGuards",
    "setCap",
    "setFeed",
    "setBand",
    "registerToken",
    "unregisterToken",
    "setMaxExpiry",
)
# By name: the owner is not the pending one, and the ticket is another's or closed.
REFUSED = ("acceptOwnership", "collect", "uniswapV3SwapCallback")


@pytest.fixture
def insider(desk: Desk, owner: Any) -> Any:
    """A contract with every role that can be given, which tries each call from inside and rolls it back."""
    instance = owner.deploy(ape.project.MockInsider, desk.settlement)
    for kind in (ROUTER_HOOKS, TAKER_PORTAL):
        desk.settlement.setModule(kind, instance, sender=owner)
    desk.settlement.setGuardian(instance, sender=owner)
    desk.settlement.setOperator(instance, sender=owner)
    desk.settlement.transferOwnership(instance, sender=owner)
    instance.execute(desk.settlement.acceptOwnership.encode_input(), sender=owner)
    return instance


def _values(desk: Desk, function: str, insider: Any) -> tuple[Any, ...]:
    signer = desk.key.address
    at = position(signer, 0, 100)
    order = desk.order(nonce=101)
    signature = desk.sign(order)
    digest = order.digest(desk.router_domain)
    fill = (order.words, signature.r_bytes, signature.vs_bytes, TAKING, 0)
    return {
        "fillOrder": fill,
        "fillOrderCompact": (bytes(32),) * 4,
        "fillOrderArgs": (*fill, b""),
        "fillOrderFor": (desk.taker, *fill, b""),
        "fillOrderFunded": (*fill, b""),
        "swapInventory": (desk.base, desk.quote, 1, 0, 0, b""),
        "moveToLending": (desk.base, 1),
        "withdraw": (desk.base, insider, 1),
        "isValidSignature": (digest, order.packed_with(desk.key.sign(digest))),
        "setModule": (LENDING_ACCOUNT, insider),
        "consumeCap": (desk.base, 1),
        "setRouterAllowance": (desk.base, 1),
        "cancelOnRouter": (0, bytes(32)),
        "cancelMaskOnRouter": (0, 1),
        "initLanes": (signer, 5),
        "pauseSigner": (signer,),
        "pauseSigners": (),
        "resumeSigner": (signer,),
        "revokeSigner": (signer,),
        "cancelAllLanes": (signer,),
        "cancelLane": (signer, 0),
        "cancelNonce": (at,),
        "cancelWindow": (at, 1),
        "transferOwnership": (desk.owner,),
        "acceptOwnership": (),
        "setGuardian": (desk.owner,),
        "setOperator": (desk.owner,),
        "setGuards": (3,),
        "setCap": (desk.base, 1, 1, 60),
        "setFeed": (desk.base, ZERO, 0),
        "setBand": (desk.base, desk.quote, 1),
        "registerToken": (desk.base,),
        "unregisterToken": (desk.base,),
        "setMaxExpiry": (60,),
        "collect": (insider, 0),
        "uniswapV3SwapCallback": (1, -1, b""),
    }[function]


def _prepare(desk: Desk, insider: Any) -> None:
    calls = [
        getattr(desk.settlement, function).encode_input(*_values(desk, function, insider))
        for function in (*LOCKED, *OPEN, *REFUSED)
    ]
    insider.prepare(calls, sender=desk.owner)


def _assert_outcomes(desk: Desk, insider: Any) -> None:
    outcomes = [(ok, bytes(answer)) for ok, answer in insider.outcomes()]
    found = dict(zip((*LOCKED, *OPEN, *REFUSED), outcomes, strict=True))
    for function in LOCKED:
        assert decode_error(found[function][1]) == ("Reentered",), function
    for function in OPEN:
        assert found[function] == (True, b""), function
    assert decode_error(found["acceptOwnership"][1]) == ("Unauthorised", lower(insider))
    assert decode_error(found["collect"][1]) == ("Unauthorised", lower(insider))
    assert decode_error(found["uniswapV3SwapCallback"][1]) == ("Unauthorised", lower(insider))


def test_reentrancy__table_of_functions__is_complete(desk: Desk) -> None:
    mutable = {method.name for method in desk.settlement.contract_type.mutable_methods}
    assert {*LOCKED, *OPEN, *REFUSED} == {*mutable, "isValidSignature"}


def test_reentrancy__from_the_takers_interaction__only_settings_answer(
    desk: Desk, insider: Any, mock_taker: Any, owner: Any
) -> None:
    _prepare(desk, insider)
    mock_taker.setReaction(insider, insider.strike.encode_input(), sender=owner)
    interaction = bytes.fromhex(mock_taker.address[2:])
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(
        desk.order(), taker_traits=args_traits(interaction=interaction), args=args_of(interaction=interaction)
    )
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    _assert_outcomes(desk, insider)
    assert not desk.settlement.isLocked()


def test_reentrancy__on_receipt_of_unwrapped_ether__only_settings_answer(
    desk: Desk, insider: Any, mock_taker: Any, owner: Any
) -> None:
    _prepare(desk, insider)
    mock_taker.setReaction(insider, insider.strike.encode_input(), sender=owner)
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    method, values = desk.call_of(order, taker_traits=UNWRAP_WETH)
    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner)
    assert mock_taker.balance == ONE
    _assert_outcomes(desk, insider)


def test_reentrancy__on_refund_of_ether__only_settings_answer(
    desk: Desk, insider: Any, mock_taker: Any, owner: Any
) -> None:
    _prepare(desk, insider)
    mock_taker.setReaction(insider, insider.strike.encode_input(), sender=owner)
    method, values = desk.call_of(desk.order(taker_asset=word(WETH)))
    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner, value=TAKING + 5)
    assert mock_taker.balance == 5
    _assert_outcomes(desk, insider)


@pytest.mark.parametrize("side", ["base", "quote"])
def test_reentrancy__from_a_token_of_a_fill_with_args__only_settings_answer(
    desk: Desk, insider: Any, owner: Any, side: str
) -> None:
    _prepare(desk, insider)
    token = getattr(desk, side)
    token.setOddity(Oddity.CALLS_OUT, insider, insider.strike.encode_input(), sender=owner)
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(desk.order(), args=b"")
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    _assert_outcomes(desk, insider)


def test_reentrancy__from_the_hedger_of_a_funded_fill__only_settings_answer(
    desk: Desk, honest: Any, insider: Any, owner: Any
) -> None:
    _prepare(desk, insider)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, insider, insider.strike.encode_input(), sender=owner)
    extension = extension_of(plan=2 << 248 | PROFIT)
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(
        desk.with_extension(extension),
        function="fillOrderFunded",
        taker_traits=args_traits(extension=extension),
        args=extension,
    )
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(0, PROFIT), (MAKING, -TAKING)]
    _assert_outcomes(desk, insider)


def test_reentrancy__from_the_hedger_of_an_inventory_swap__only_settings_answer(
    desk: Desk, honest: Any, insider: Any, owner: Any
) -> None:
    _prepare(desk, insider)
    insider.execute(desk.settlement.setBand.encode_input(desk.base, desk.quote, 255), sender=owner)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, insider, insider.strike.encode_input(), sender=owner)
    before = desk.balances(desk.settlement)
    swap = desk.settlement.swapInventory.encode_input(desk.base, desk.quote, 7, PROFIT, 0, b"")
    insider.execute(swap, sender=owner)
    assert moved(before, desk.balances(desk.settlement)) == [(-7, PROFIT)]
    _assert_outcomes(desk, insider)
