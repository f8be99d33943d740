"""A taker who gives too little gas, and one who comes back from inside."""

from __future__ import annotations

import time
from typing import Any

import ape
import pytest
from eth_abi.abi import decode

from pmm.domain import keccak256
from pmm.domain.hook_payloads import InventoryHedge, PostAction, PostHook
from tests.contracts.hooks.conftest import UNLIMITED
from tests.contracts.hooks.router_fills import RouterDesk, decode_error
from tests.contracts.settlement.desk import MAKING, TAKING, lower

FLOOR = 400_000
PLENTY = 1_500_000
MINING_TIMEOUT_S = 10
FAILURES = {
    "0x" + keccak256(f"{name}(bytes32,bytes)".encode()).hex() for name in ("HedgeFailed", "DepositFailed")
}
# The longest route costs the most gas between the check and the call.
HEDGE = InventoryHedge(share_bps=10_000, minimum_out=1, plan=1 << 248, route=b"\xab" * 1_200)
BEST_EFFORT = [
    PostHook(action=PostAction.HEDGE, gas_floor=FLOOR, hedge=HEDGE),
    PostHook(action=PostAction.SUPPLY_AAVE, gas_floor=FLOOR),
]


def _attempt(desk: RouterDesk, hooked: Any, gas: int) -> list[bytes] | None:
    """The reasons of the failures a fill told of, None if it reverted; the chain is as before.

    Sent raw: Ape traces every transaction that reverts, which takes a second, and there are hundreds.
    """
    method = desk.router.fillContractOrderArgs
    request = {
        "from": desk.taker.address,
        "to": desk.router.address,
        "data": method.encode_input(*desk.arguments(hooked)).to_0x_hex(),
        "gas": hex(gas),
    }
    before = desk.rpc.call("evm_snapshot")
    try:
        receipt = _mined(desk, desk.rpc.call("eth_sendTransaction", request))
        if receipt["status"] == "0x0":
            return None
        told = [log for log in receipt["logs"] if log["topics"][0] in FAILURES]
        return [decode(["bytes"], bytes.fromhex(log["data"][2:]))[0] for log in told]
    finally:
        assert desk.rpc.call("evm_revert", before)


def _mined(desk: RouterDesk, transaction_hash: str) -> dict[str, Any]:
    """Wait for the receipt: anvil answers before it has mined."""
    deadline = time.monotonic() + MINING_TIMEOUT_S
    while time.monotonic() < deadline:
        receipt: dict[str, Any] | None = desk.rpc.call("eth_getTransactionReceipt", transaction_hash)
        if receipt is not None:
            return receipt
        time.sleep(0.002)
    raise AssertionError(f"expected {transaction_hash} to be mined within {MINING_TIMEOUT_S} s")


@pytest.fixture
def greedy_desk(mock_desk: RouterDesk, mock_lending: Any, owner: Any) -> RouterDesk:
    """The inner call fails with less than the signed floor, by running out of all it was given."""
    mock_desk.maker.setSwap(FLOOR - 20_000, MAKING, sender=owner)
    return mock_desk


@pytest.mark.parametrize("post", BEST_EFFORT)
def test_post_interaction__taker_gives_little_gas__fill_reverts_and_never_goes_unhedged(
    greedy_desk: RouterDesk, post: PostHook
) -> None:
    hooked = greedy_desk.order(post=post)
    assert _attempt(greedy_desk, hooked, PLENTY) == []
    starved, enough = 100_000, PLENTY
    while enough - starved > 1:
        gas = (starved + enough) // 2
        if _attempt(greedy_desk, hooked, gas) is None:
            starved = gas
        else:
            enough = gas
    # Around the edge, where the inner call gets least, and over the whole range below it.
    limits = [*range(enough - 40, enough + 400, 20), *range(FLOOR, enough, 10_000)]
    for gas in limits:
        assert _attempt(greedy_desk, hooked, gas) in (None, [])
    name, available, needed = greedy_desk.fill_refusal(hooked, gas=starved)
    assert name == "NotEnoughGas"
    assert available < needed == FLOOR * 64 // 63 + 1 + 3_000


@pytest.mark.parametrize("post", BEST_EFFORT)
def test_post_interaction__floor_signed_too_low__is_the_signers_loss(
    greedy_desk: RouterDesk, owner: Any, post: PostHook
) -> None:
    """Beside the test above: with a floor below what the call needs, starving works."""
    greedy_desk.maker.setSwap(4 * FLOOR, MAKING, sender=owner)
    failures = _attempt(greedy_desk, greedy_desk.order(post=post), PLENTY)
    assert failures is not None
    assert [decode_error(reason) for reason in failures] == [("",)]


@pytest.mark.parametrize("call", ["preInteraction", "postInteraction", "depositTaken"])
def test_hooks__called_from_inside_a_swap__refuse(mock_desk: RouterDesk, owner: Any, call: str) -> None:
    post = PostHook(action=PostAction.HEDGE, required=True, hedge=HEDGE)
    hooked = mock_desk.order(post=post)
    values = [1, 0, mock_desk.quote, 1] if call == "depositTaken" else mock_desk.hook_call(hooked, bytes(6))
    data = getattr(mock_desk.hooks, call).encode_input(*values)
    mock_desk.maker.setSwap(0, MAKING, sender=owner)
    mock_desk.maker.setReaction(mock_desk.hooks, data, sender=owner)
    mock_desk.fill(hooked)
    assert mock_desk.maker.called()
    assert not mock_desk.maker.succeeded()
    error = "NotSelf" if call == "depositTaken" else "NotRouter"
    assert decode_error(mock_desk.maker.answer()) == (error, lower(mock_desk.maker))


def test_hooks__second_order_filled_from_the_takers_interaction__both_are_served_in_full(
    mock_desk: RouterDesk, mock_lending: Any, owner: Any
) -> None:
    """Each fill counts, provides and deposits its own amounts, whatever runs inside it."""
    taker = owner.deploy(ape.project.MockTaker)
    mock_desk.quote.mint(taker, 10 * TAKING, sender=owner)
    approve = mock_desk.quote.approve.encode_input(mock_desk.router.address, UNLIMITED)
    taker.execute(mock_desk.quote, approve, sender=owner)
    post = PostHook(action=PostAction.SUPPLY_AAVE, required=True)
    outer, inner = (mock_desk.order(pre=b"\x00\x02", post=post, nonce=nonce) for nonce in (0, 1))
    fill = mock_desk.router.fillContractOrderArgs
    taker.setReaction(mock_desk.router, fill.encode_input(*mock_desk.arguments(inner)), sender=owner)
    interaction = bytes.fromhex(taker.address[2:])
    data = fill.encode_input(*mock_desk.arguments(outer, interaction=interaction))
    taker.execute(mock_desk.router, data, sender=owner)
    assert taker.succeeded()
    assert mock_desk.base.balanceOf(taker) == 2 * MAKING
    assert mock_desk.base.balanceOf(mock_desk.maker) == 0
    assert mock_desk.quote.balanceOf(mock_lending) == 2 * TAKING
