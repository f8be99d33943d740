"""postInteraction through 1inch's own contract: what came in is supplied, repaid with, or sold."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode

from pmm.domain import keccak256
from pmm.domain.hook_payloads import InventoryHedge, LendingMarket, PostAction, PostHook
from tests.contracts.hooks.router_fills import FILLED, RouterDesk, decode_error
from tests.contracts.settlement.desk import MAKING, TAKING, lower, moved

PLAN = 1 << 248 | 500 << 224
FLOOR = 300_000
HEDGE = InventoryHedge(share_bps=10_000, minimum_out=MAKING, plan=PLAN, route=b"\x01\x02\x03")
DEPOSITS = [
    (PostAction.SUPPLY_AAVE, None, ("supply", 1)),
    (PostAction.SUPPLY_COMPOUND, None, ("supply", 2)),
    (PostAction.REPAY, LendingMarket.AAVE_V3, ("repay", 1)),
    (PostAction.REPAY, LendingMarket.COMPOUND_V2, ("repay", 2)),
]


def hook(*, required: bool, action: PostAction = PostAction.HEDGE, **parts: Any) -> PostHook:
    if action is PostAction.HEDGE:
        parts.setdefault("hedge", HEDGE)
    return PostHook(action=action, required=required, gas_floor=0 if required else FLOOR, **parts)


def _swapped(desk: RouterDesk) -> tuple[Any, ...]:
    return decode(["address", "address", "uint256", "uint256", "uint256", "bytes32"], desk.maker.swapped())


def test_post_interaction__no_action__fills(mock_desk: RouterDesk) -> None:
    before = mock_desk.holdings()
    receipt = mock_desk.fill(mock_desk.order(post=PostHook()))
    assert moved(before, mock_desk.holdings()) == FILLED
    assert receipt.decode_logs([mock_desk.hooks.HedgeFailed, mock_desk.hooks.DepositFailed]) == []


# ---------------------------------------------------------------------- supply and repay


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(("action", "market", "expected"), DEPOSITS)
def test_post_interaction__deposit__moves_what_came_in_and_tells_the_market(
    mock_desk: RouterDesk,
    mock_lending: Any,
    action: PostAction,
    market: LendingMarket | None,
    expected: tuple[str, int],
    required: bool,
) -> None:
    receipt = mock_desk.fill(mock_desk.order(post=hook(required=required, action=action, market=market)))
    assert mock_desk.quote.balanceOf(mock_lending) == TAKING
    assert mock_desk.quote.balanceOf(mock_desk.maker) == 0
    seen = decode(["string", "uint256", "address", "uint256"], mock_lending.seen())
    assert seen == (*expected, lower(mock_desk.quote), TAKING)
    assert receipt.decode_logs(mock_desk.hooks.DepositFailed) == []


def test_post_interaction__part_is_filled__deposits_that_part(
    mock_desk: RouterDesk, mock_lending: Any
) -> None:
    mock_desk.fill(
        mock_desk.order(post=hook(required=True, action=PostAction.SUPPLY_AAVE)), making=MAKING // 3
    )
    assert mock_desk.quote.balanceOf(mock_lending) == -(-TAKING * (MAKING // 3) // MAKING)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("debt", [0, 1, TAKING - 1, TAKING + 1])
def test_post_interaction__repay__moves_no_more_than_is_owed(
    mock_desk: RouterDesk, mock_lending: Any, owner: Any, debt: int, required: bool
) -> None:
    mock_lending.setDebt(debt, sender=owner)
    post = hook(required=required, action=PostAction.REPAY, market=LendingMarket.AAVE_V3)
    receipt = mock_desk.fill(mock_desk.order(post=post))
    moved_in = min(debt, TAKING)
    assert mock_desk.quote.balanceOf(mock_lending) == moved_in
    assert mock_desk.quote.balanceOf(mock_desk.maker) == TAKING - moved_in
    assert receipt.decode_logs(mock_desk.hooks.DepositFailed) == []


@pytest.mark.parametrize(("action", "market", "expected"), DEPOSITS)
def test_post_interaction__required_deposit_fails__reverts_the_fill(
    mock_desk: RouterDesk, mock_lending: Any, owner: Any, action: Any, market: Any, expected: tuple[str, int]
) -> None:
    mock_lending.setRefuses(True, sender=owner)
    hooked = mock_desk.order(post=hook(required=True, action=action, market=market))
    refusal = mock_desk.fill_refusal(hooked)
    assert refusal == ("DepositRefused", expected[1], lower(mock_desk.quote), TAKING)


@pytest.mark.parametrize(("action", "market", "expected"), DEPOSITS)
def test_post_interaction__best_effort_deposit_fails__fill_stands_and_the_move_is_undone(
    mock_desk: RouterDesk, mock_lending: Any, owner: Any, action: Any, market: Any, expected: tuple[str, int]
) -> None:
    mock_lending.setRefuses(True, sender=owner)
    before = mock_desk.holdings()
    receipt = mock_desk.fill(mock_desk.order(post=hook(required=False, action=action, market=market)))
    assert moved(before, mock_desk.holdings()) == FILLED
    assert mock_desk.quote.balanceOf(mock_lending) == 0
    (event,) = receipt.decode_logs(mock_desk.hooks.DepositFailed)
    assert event.orderHash == receipt.return_value[2]
    assert decode_error(event.reason) == ("DepositRefused", expected[1], lower(mock_desk.quote), TAKING)


def test_post_interaction__no_lending_account__required_reverts_and_best_effort_tells(
    mock_desk: RouterDesk,
) -> None:
    required = hook(required=True, action=PostAction.SUPPLY_AAVE)
    assert mock_desk.fill_refusal(mock_desk.order(post=required)) == ("NoLendingAccount",)
    receipt = mock_desk.fill(mock_desk.order(post=hook(required=False, action=PostAction.SUPPLY_AAVE)))
    (event,) = receipt.decode_logs(mock_desk.hooks.DepositFailed)
    assert decode_error(event.reason) == ("NoLendingAccount",)


def test_deposit_taken__from_outside__is_refused(
    mock_desk: RouterDesk, mock_lending: Any, attacker: Any
) -> None:
    values = [1, 0, mock_desk.quote, 1]
    for sender in (attacker, mock_desk.router, mock_desk.maker):
        refusal = mock_desk.refusal(mock_desk.hooks.depositTaken, *values, sender=sender)
        assert refusal == ("NotSelf", lower(sender))


# ---------------------------------------------------------------------- hedge


@pytest.mark.parametrize("required", [True, False])
def test_post_interaction__hedge__sells_what_came_in_as_signed(
    mock_desk: RouterDesk, owner: Any, required: bool
) -> None:
    mock_desk.maker.setSwap(0, MAKING, sender=owner)
    receipt = mock_desk.fill(mock_desk.order(post=hook(required=required)))
    expected = (lower(mock_desk.quote), lower(mock_desk.base), TAKING, MAKING, PLAN, keccak256(HEDGE.route))
    assert _swapped(mock_desk) == expected
    assert receipt.decode_logs(mock_desk.hooks.HedgeFailed) == []


@pytest.mark.parametrize("share_bps", [1, 3_333, 9_999])
@pytest.mark.parametrize("making", [1, MAKING // 7, MAKING - 1])
def test_post_interaction__part_and_share__are_rounded_as_the_python_twin_says(
    mock_desk: RouterDesk, owner: Any, share_bps: int, making: int
) -> None:
    hedge = InventoryHedge(share_bps=share_bps, minimum_out=10**20 + 7, plan=PLAN)
    mock_desk.maker.setSwap(0, 10**21, sender=owner)
    mock_desk.fill(mock_desk.order(post=hook(required=True, hedge=hedge)), making=making)
    taking = -(-TAKING * making // MAKING)
    assert _swapped(mock_desk)[2:4] == hedge.amounts(taking, TAKING)


@pytest.mark.parametrize("bought", [MAKING - 1, MAKING])
def test_post_interaction__hedge_brings_too_little__required_reverts_and_best_effort_tells(
    mock_desk: RouterDesk, owner: Any, bought: int
) -> None:
    mock_desk.maker.setSwap(0, bought, sender=owner)
    short = bought < MAKING
    required, best_effort = (mock_desk.order(post=hook(required=flag), nonce=flag) for flag in (True, False))
    if short:
        assert mock_desk.fill_refusal(required) == ("SwapRefused", bought, MAKING)
    else:
        mock_desk.fill(required)
        mock_desk.base.mint(mock_desk.maker, MAKING, sender=owner)
    before = mock_desk.holdings()
    receipt = mock_desk.fill(best_effort)
    assert moved(before, mock_desk.holdings()) == FILLED
    events = receipt.decode_logs(mock_desk.hooks.HedgeFailed)
    assert [decode_error(e.reason) for e in events] == [("SwapRefused", bought, MAKING)] * short
    assert [e.orderHash for e in events] == [receipt.return_value[2]] * short


# ---------------------------------------------------------------------- payload


BPS = b"\x27\x10"
TAIL = (1).to_bytes(16, "big") + bytes(32)
NO_GAS = bytes(4)
MALFORMED = [
    (b"", ("BadPayloadLength", 0, 6)),
    (bytes(5), ("BadPayloadLength", 5, 6)),
    (bytes(7), ("BadPayloadLength", 7, 6)),
    (b"\x05\x01" + NO_GAS, ("UnknownAction", 5)),
    (b"\xff\x01" + NO_GAS, ("UnknownAction", 255)),
    (b"\x00\x01" + NO_GAS, ("UnknownFlags", 1)),
    (b"\x01\x02" + NO_GAS, ("UnknownFlags", 2)),
    (b"\x04\x81" + NO_GAS + BPS + TAIL, ("UnknownFlags", 0x81)),
    (b"\x00\x00\x00\x00\x00\x01", ("BadGasFloor", 1)),
    (b"\x01\x01\x00\x01\x86\xa0", ("BadGasFloor", 100_000)),
    (b"\x01\x00\x00\x01\x86\x9f", ("BadGasFloor", 99_999)),
    (b"\x04\x00" + NO_GAS + BPS + TAIL, ("BadGasFloor", 0)),
    (b"\x01\x01" + NO_GAS + b"\x00", ("BadPayloadLength", 7, 6)),
    (b"\x02\x01" + NO_GAS + b"\x00", ("BadPayloadLength", 7, 6)),
    (b"\x03\x01" + NO_GAS, ("BadPayloadLength", 6, 7)),
    (b"\x03\x01" + NO_GAS + b"\x01\x00", ("BadPayloadLength", 8, 7)),
    (b"\x03\x01" + NO_GAS + b"\x00", ("UnknownMarket", 0)),
    (b"\x03\x01" + NO_GAS + b"\x03", ("UnknownMarket", 3)),
    (b"\x04\x01" + NO_GAS + BPS + TAIL[:-1], ("BadPayloadLength", 55, 56)),
    (b"\x04\x01" + NO_GAS + b"\x00\x00" + TAIL, ("BadShare", 0)),
    (b"\x04\x01" + NO_GAS + b"\x27\x11" + TAIL, ("BadShare", 10_001)),
    (b"\x04\x01" + NO_GAS + BPS + bytes(48), ("ZeroMinimum",)),
]


@pytest.mark.parametrize(("payload", "expected"), MALFORMED)
def test_post_interaction__malformed_payload__reverts_the_fill(
    mock_desk: RouterDesk, mock_lending: Any, payload: bytes, expected: tuple[Any, ...]
) -> None:
    assert mock_desk.fill_refusal(mock_desk.order(post=payload)) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", ("BadPayloadLength", 0, 2)),
        (b"\x00", ("BadPayloadLength", 1, 2)),
        (b"\x00\x00\x00", ("BadPayloadLength", 3, 2)),
        (b"\x02\x00", ("UnknownFlags", 2)),
        (b"\x81\x00" + b"\x11" * 20, ("UnknownFlags", 0x81)),
        (b"\x00\x05", ("UnknownSource", 5)),
        (b"\x01\x00", ("BadPayloadLength", 2, 22)),
        (b"\x01\x00" + b"\x11" * 19, ("BadPayloadLength", 21, 22)),
        (b"\x01\x00" + b"\x11" * 21, ("BadPayloadLength", 23, 22)),
        (b"\x01\x00" + bytes(20), ("ZeroTaker",)),
    ],
)
def test_pre_interaction__malformed_payload__reverts_the_fill(
    mock_desk: RouterDesk, payload: bytes, expected: tuple[Any, ...]
) -> None:
    assert mock_desk.fill_refusal(mock_desk.order(pre=payload)) == expected
