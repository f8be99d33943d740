"""The book of caps against a model, and where its 24-bit tags wrap."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.settlement.conftest import ROUTER_HOOKS
from tests.contracts.settlement.desk import Desk, word
from tests.contracts.settlement.feeds import CAPS_ON

PER_BLOCK = 100
PER_WINDOW = 250
WINDOW_S = 60
TAGS = 2**24


@pytest.fixture
def hooks(desk: Desk, owner: Any) -> Any:
    """Router hooks, which count what they are told; caps are on."""
    instance = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setModule(ROUTER_HOOKS, instance, sender=owner)
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    return instance


def _block(desk: Desk) -> int:
    return int(desk.rpc.call("eth_blockNumber"), 16)


def _count(desk: Desk, hooks: Any, amount: int) -> bool:
    """Count in a block of its own; tell whether the caps allowed it."""
    data = desk.settlement.consumeCap.encode_input(desk.base, amount)
    request = {
        "from": str(desk.owner.address),
        "to": hooks.address,
        "data": hooks.execute.encode_input(data).to_0x_hex(),
        "gas": hex(300_000),
    }
    return int(desk.rpc.call("eth_sendTransactionSync", request)["status"], 16) == 1


def _at(desk: Desk, hooks: Any, amount: int, *, time_s: int, block: int | None = None) -> bool:
    """Whether the caps would allow it at another time and in another block."""
    data = desk.settlement.consumeCap.encode_input(desk.base, amount).to_0x_hex()
    request = {"from": hooks.address, "to": desk.settlement.address, "data": data}
    number = _block(desk) + 1 if block is None else block
    reason = None
    try:
        desk.rpc.call("eth_call", request, "latest", {}, {"time": hex(time_s), "number": hex(number)})
    except desk.rpc_error as refused:
        reason = desk.decode(refused.data)[:2]
    expected = [(f"{each}CapExceeded", word(desk.base)) for each in ("Block", "Window")]
    assert reason is None or reason in expected
    return reason is None


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(1, 130), st.integers(1, 110)), min_size=2, max_size=10))
def test_caps__any_uses__are_allowed_as_the_model_says_and_never_pass_the_cap_in_any_span(
    desk: Desk, hooks: Any, next_block_at: Any, steps: list[tuple[int, int]]
) -> None:
    desk.settlement.setCap(desk.base, PER_BLOCK, PER_WINDOW, WINDOW_S, sender=desk.owner)
    at_s = desk.now_s() + 1
    counted: list[tuple[int, int]] = []
    for wait_s, amount in steps:
        at_s += wait_s
        next_block_at(at_s)
        window = at_s // WINDOW_S
        near = sum(used for time_s, used in counted if window - time_s // WINDOW_S <= 1)
        allowed = amount <= PER_BLOCK and near + amount <= PER_WINDOW
        assert _count(desk, hooks, amount) == allowed
        if allowed:
            counted.append((at_s, amount))
    for start_s, _ in counted:
        span = range(start_s, start_s + WINDOW_S)
        assert sum(used for time_s, used in counted if time_s in span) <= PER_WINDOW


def test_caps__number_of_the_window_wraps__the_window_before_still_counts(
    desk: Desk, hooks: Any, next_block_at: Any
) -> None:
    """Windows of one second, so that a second has the highest number soon enough."""
    desk.settlement.setCap(desk.base, PER_BLOCK, 150, 1, sender=desk.owner)
    last_s = desk.now_s() | TAGS - 1
    next_block_at(last_s)
    assert _count(desk, hooks, PER_BLOCK)
    assert int(desk.settlement.capWord(desk.base)) >> 232 == TAGS - 1
    assert _at(desk, hooks, 50, time_s=last_s + 1)
    assert not _at(desk, hooks, 51, time_s=last_s + 1)
    assert _at(desk, hooks, PER_BLOCK, time_s=last_s + 2)


def test_caps__numbers_that_agree_in_24_bits_only__are_too_strict_and_never_too_loose(
    desk: Desk, hooks: Any
) -> None:
    desk.settlement.setCap(desk.base, PER_BLOCK, 150, WINDOW_S, sender=desk.owner)
    assert _count(desk, hooks, PER_BLOCK)
    now_s, block = desk.now_s(), _block(desk)
    turn_s = TAGS * WINDOW_S
    for number, allowed in ((block, False), (block + 1, True), (block + TAGS, False)):
        assert _at(desk, hooks, 1, time_s=now_s, block=number) == allowed
    assert not _at(desk, hooks, 51, time_s=now_s)
    assert _at(desk, hooks, 51, time_s=now_s + 2 * WINDOW_S)
    assert not _at(desk, hooks, 51, time_s=now_s + turn_s)
    assert _at(desk, hooks, 51, time_s=now_s + turn_s + 2 * WINDOW_S)
