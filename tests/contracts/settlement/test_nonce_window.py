"""The nonce window of a lane: its edges, its slide, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.settlement.desk import HORIZON_S, MAKING, WINDOW, Desk, position

TOP = 2**32 - 1


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, WINDOW - 2, WINDOW - 1])
def test_fill_order__nonce_within_the_first_window__sets_its_bit_alone(desk: Desk, nonce: int) -> None:
    desk.fill(desk.order(nonce=nonce))
    lane = desk.lane()
    assert (lane.base, lane.window) == (0, 1 << nonce)
    assert desk.fill_refusal(desk.order(nonce=nonce)) == ("NonceDead", nonce, 0)


@pytest.mark.parametrize("nonce", [WINDOW, WINDOW + 1, 255, 256, 2 * WINDOW, 10_000, TOP])
def test_fill_order__nonce_beyond_the_window__slides_it_to_be_the_top(desk: Desk, nonce: int) -> None:
    desk.fill(desk.order(nonce=nonce))
    lane = desk.lane()
    assert (lane.base, lane.window) == (nonce - WINDOW + 1, 1 << (WINDOW - 1))
    oldest = nonce - WINDOW + 1
    assert desk.fill_refusal(desk.order(nonce=oldest - 1)) == ("NonceDead", oldest - 1, oldest)
    assert desk.simulate(desk.order(nonce=oldest))[0] == MAKING
    assert desk.fill_refusal(desk.order(nonce=nonce)) == ("NonceDead", nonce, oldest)


def test_fill_order__slide_by_one__keeps_the_bits_of_the_rest(desk: Desk) -> None:
    for nonce in (0, 1, 5, WINDOW):
        desk.fill(desk.order(nonce=nonce))
    lane = desk.lane()
    assert (lane.base, lane.window) == (1, 1 << 0 | 1 << 4 | 1 << (WINDOW - 1))
    for nonce in (0, 1, 5, WINDOW):
        assert desk.fill_refusal(desk.order(nonce=nonce)) == ("NonceDead", nonce, 1)
    for nonce in (2, 4, 6, WINDOW - 1, WINDOW + 1):
        assert desk.simulate(desk.order(nonce=nonce))[0] == MAKING


def test_fill_order__slide_from_beyond_zero__keeps_the_bits_of_the_rest(desk: Desk) -> None:
    for nonce in (1_000, 900, 1_003, 1_010):
        desk.fill(desk.order(nonce=nonce))
    base = 1_010 - WINDOW + 1
    lane = desk.lane()
    assert (lane.base, lane.window) == (base, sum(1 << (used - base) for used in (900, 1_000, 1_003, 1_010)))
    for nonce in (900, 1_000, 1_003, 1_010):
        assert desk.fill_refusal(desk.order(nonce=nonce)) == ("NonceDead", nonce, base)
    for nonce in (base, 899, 901, 1_002, 1_009, 1_011):
        assert desk.simulate(desk.order(nonce=nonce))[0] == MAKING


@pytest.mark.parametrize("nonce", [TOP + 1, 2**40 - 1])
def test_fill_order__nonce_over_32_bits__is_refused(desk: Desk, nonce: int) -> None:
    assert desk.fill_refusal(desk.order(nonce=nonce)) == ("NonceOutOfRange", nonce)


def test_fill_order__highest_nonce_then_any__lane_is_spent(desk: Desk) -> None:
    desk.fill(desk.order(nonce=TOP))
    assert desk.fill_refusal(desk.order(nonce=TOP)) == ("NonceDead", TOP, TOP - WINDOW + 1)
    assert desk.fill_refusal(desk.order(nonce=TOP + 1)) == ("NonceOutOfRange", TOP + 1)
    assert desk.simulate(desk.order(nonce=TOP, lane=1))[0] == MAKING


# ---------------------------------------------------------------- cancelNonce


@pytest.fixture(params=["owner", "guardian", "signer"])
def canceller(request: Any, desk: Desk) -> Any:
    """Each of the three who may cancel."""
    if request.param != "signer":
        return request.getfixturevalue(request.param)
    account = ape.accounts[desk.key.address]
    account.balance = 10**18
    return account


def test_cancel_nonce__live_one__dies_alone(desk: Desk, canceller: Any) -> None:
    at = position(desk.key.address, 0, 7)
    receipt = desk.settlement.cancelNonce(at, sender=canceller)
    (event,) = receipt.decode_logs(desk.settlement.NonceCancelled)
    assert event.position == at
    assert desk.fill_refusal(desk.order(nonce=7)) == ("NonceDead", 7, 0)
    assert desk.simulate(desk.order(nonce=6))[0] == MAKING
    assert desk.simulate(desk.order(nonce=7, lane=1))[0] == MAKING


def test_cancel_nonce__dead_one__does_nothing(desk: Desk, guardian: Any) -> None:
    desk.fill(desk.order(nonce=500))
    before = desk.lane()
    for nonce in (500, 3):
        receipt = desk.settlement.cancelNonce(position(desk.key.address, 0, nonce), sender=guardian)
        assert not receipt.events
    assert desk.lane() == before


def test_cancel_nonce__beyond_the_window__slides_as_a_fill_would(desk: Desk, guardian: Any) -> None:
    desk.settlement.cancelNonce(position(desk.key.address, 0, 1_000), sender=guardian)
    lane = desk.lane()
    assert (lane.base, lane.window) == (1_000 - WINDOW + 1, 1 << (WINDOW - 1))


@pytest.mark.parametrize(
    ("lane", "nonce", "refusal"),
    [(0, TOP + 1, "NonceOutOfRange"), (4, 0, "UnknownLane"), (2**40 - 1, 0, "UnknownLane")],
)
def test_cancel__no_such_nonce_or_lane__is_refused(
    desk: Desk, guardian: Any, lane: int, nonce: int, refusal: str
) -> None:
    at = position(desk.key.address, lane, nonce)
    assert desk.refusal(desk.settlement.cancelNonce, at, sender=guardian)[0] == refusal
    assert desk.refusal(desk.settlement.cancelWindow, at, 1, sender=guardian)[0] == refusal


# ---------------------------------------------------------------- cancelWindow


def test_cancel_window__mask__kills_exactly_its_nonces(desk: Desk, canceller: Any) -> None:
    at = position(desk.key.address, 0, 10)
    receipt = desk.settlement.cancelWindow(at, 0b1011, sender=canceller)
    (event,) = receipt.decode_logs(desk.settlement.WindowCancelled)
    assert (event.position, event.mask) == (at, 0b1011)
    for nonce in (10, 11, 13):
        assert desk.fill_refusal(desk.order(nonce=nonce))[0] == "NonceDead"
    for nonce in (9, 12, 14):
        assert desk.simulate(desk.order(nonce=nonce))[0] == MAKING


@pytest.mark.parametrize("first", [0, 900])
def test_cancel_window__some_are_dead_already__they_stay_so(desk: Desk, guardian: Any, first: int) -> None:
    for nonce in (first + 1, first + 4, first + 6):
        desk.fill(desk.order(nonce=nonce))
    before = desk.lane()
    desk.settlement.cancelWindow(position(desk.key.address, 0, first), 0b1011, sender=guardian)
    lane = desk.lane()
    assert (lane.base, lane.window) == (before.base, before.window | 0b1011 << (first - before.base))


def test_cancel_window__whole_window__leaves_the_next_nonce(desk: Desk, guardian: Any) -> None:
    desk.settlement.cancelWindow(position(desk.key.address, 0, 0), (1 << WINDOW) - 1, sender=guardian)
    assert desk.fill_refusal(desk.order(nonce=WINDOW - 1))[0] == "NonceDead"
    assert desk.simulate(desk.order(nonce=WINDOW))[0] == MAKING


@pytest.mark.parametrize("beyond", [0, 1, 7])
@pytest.mark.parametrize("first", [0, 1, 159])
def test_cancel_window__highest_bit_beyond_the_window__slides_it_to_be_the_top(
    desk: Desk, guardian: Any, first: int, beyond: int
) -> None:
    highest = WINDOW - first + beyond
    desk.settlement.cancelWindow(position(desk.key.address, 0, first), 1 << highest | 1, sender=guardian)
    top = first + highest
    lane = desk.lane()
    assert (lane.base, lane.epoch, lane.max_expiry) == (top - WINDOW + 1, 0, HORIZON_S)
    window = 1 << (WINDOW - 1) | (1 << (first - lane.base) if first >= lane.base else 0)
    assert lane.window == window
    assert desk.simulate(desk.order(nonce=top + 1))[0] == MAKING
    assert desk.fill_refusal(desk.order(nonce=top)) == ("NonceDead", top, lane.base)


@pytest.mark.parametrize("distance", [256, 300, 2**20 + 1])
def test_cancel_window__mask_equal_to_its_distance__kills_its_nonces(
    desk: Desk, guardian: Any, distance: int
) -> None:
    """So far ahead that the mask leaves the word: what is left of it says nothing about the mask."""
    dead = [distance + bit for bit in range(distance.bit_length()) if distance >> bit & 1]
    desk.settlement.cancelWindow(position(desk.key.address, 0, distance), distance, sender=guardian)
    assert desk.lane().base == dead[-1] - WINDOW + 1
    for nonce in dead:
        assert desk.fill_refusal(desk.order(nonce=nonce))[0] == "NonceDead"
    for nonce in (dead[-1] - 1, dead[-1] + 1):
        assert desk.simulate(desk.order(nonce=nonce))[0] == MAKING


def test_cancel_window__behind_the_window__is_as_dead_as_before(desk: Desk, guardian: Any) -> None:
    desk.fill(desk.order(nonce=1_000))
    before = desk.lane()
    desk.settlement.cancelWindow(position(desk.key.address, 0, 10), (1 << 168) - 1, sender=guardian)
    assert desk.lane() == before


def test_cancel_window__from_behind_into_the_window__kills_what_is_left_of_it(
    desk: Desk, guardian: Any
) -> None:
    desk.fill(desk.order(nonce=1_000))
    base = 1_000 - WINDOW + 1
    desk.settlement.cancelWindow(position(desk.key.address, 0, base - 3), 0b11010, sender=guardian)
    lane = desk.lane()
    assert (lane.base, lane.window) == (base, 1 << (WINDOW - 1) | 0b11)


# ---------------------------------------------------------------- LaneLib against a model

EPOCH_AND_FLAGS = 0xC0DE_0000_1234_5678 << 192
# Most steps stay near a window's edges, where the rules differ.
nonces = st.integers(0, 400) | st.integers(TOP - 300, TOP + 5) | st.integers(0, 2**40 - 1)
masks = (
    st.integers(0, 2**8 - 1)
    | st.integers(0, 2**256 - 1)
    | st.integers(0, 255).map(lambda bit: 1 << bit | 1)
    | st.integers(150, 170).map(lambda bit: (1 << bit) - 1)
)


class Model:
    """A lane as a set of dead nonces above a base."""

    def __init__(self) -> None:
        self.base = 0
        self.dead: set[int] = set()

    @property
    def word(self) -> int:
        window = sum(1 << (nonce - self.base) for nonce in self.dead if nonce >= self.base)
        return EPOCH_AND_FLAGS | self.base << 160 | window

    def is_live(self, nonce: int) -> bool:
        return self.base <= nonce <= TOP and nonce not in self.dead

    def kill(self, nonce: int) -> None:
        self.dead.add(nonce)
        self.base = max(self.base, nonce - WINDOW + 1)


@pytest.fixture(scope="session")
def harness(owner: Any) -> Any:
    return owner.deploy(ape.project.LaneLibHarness)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["burn", "kill", "mask"]), nonces, masks), max_size=8))
def test_lane_word__any_steps__agrees_with_a_set(
    desk: Desk, harness: Any, steps: list[tuple[str, int, int]]
) -> None:
    model = Model()
    for step, nonce, mask in steps:
        word = model.word
        live = model.is_live(nonce)
        assert harness.isLive(word, nonce) == live
        if step == "mask":
            wanted = [nonce + bit for bit in range(256) if mask >> bit & 1]
            method: Any = harness.killMask
            values: tuple[int, ...] = (word, nonce, mask)
            possible = not wanted or wanted[-1] <= TOP
        else:
            wanted = [nonce]
            method, values = (harness.burn if step == "burn" else harness.kill), (word, nonce)
            possible = live or (step == "kill" and nonce <= TOP)
        if possible:
            for each in sorted(wanted, reverse=True):
                model.kill(each)
            assert method(*values) == model.word
        else:
            refusal = desk.refusal(method, *values, sender=desk.taker)
            behind = nonce < model.base or (nonce <= TOP and not live)
            assert refusal[0] == ("NonceDead" if step == "burn" and behind else "NonceOutOfRange")
