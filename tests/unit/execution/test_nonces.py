"""No nonce twice; no issued nonce kills a live quote when it is filled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pmm.errors import InvariantViolated
from pmm.execution import WINDOW, LaneNonces, NonceKey, SequentialNonces, Settlement
from tests.helpers.quoting import MAKER, TAKER


def test_sequential_nonces__taken_in_turn__share_words() -> None:
    nonces = SequentialNonces(250)
    taken = [nonces.take() for _ in range(10)]
    assert [key.nonce for key in taken if key] == list(range(250, 260))


def test_sequential_nonces__all_gone__is_none() -> None:
    nonces = SequentialNonces(2**40 - 1)
    assert nonces.take() is not None
    assert nonces.take() is None


def test_lane_nonces__nothing_released__gives_one_window_per_lane() -> None:
    nonces = LaneNonces(TAKER, {0: 0, 3: 0})
    taken = [nonces.take() for _ in range(2 * WINDOW)]
    assert None not in taken
    assert nonces.take() is None


def test_lane_nonces__younger_quote_released__still_waits_for_the_oldest() -> None:
    nonces = LaneNonces(TAKER, {0: 0})
    taken = [key for key in (nonces.take() for _ in range(WINDOW)) if key]
    for key in taken[1:]:
        nonces.release(key)
    assert nonces.take() is None
    nonces.release(taken[0])
    following = nonces.take()
    assert following is not None
    assert following.nonce == WINDOW


def test_lane_nonces__live_quotes_taken_over__hold_the_lane_back() -> None:
    old = NonceKey(settlement=Settlement.PMM, signer=TAKER, lane=0, nonce=5)
    nonces = LaneNonces(TAKER, {0: 5 + WINDOW}, live=(old,))
    assert nonces.take() is None
    nonces.release(old)
    assert nonces.take() is not None


def test_lane_nonces__quotes_of_another_signer__do_not_matter() -> None:
    other = NonceKey(settlement=Settlement.PMM, signer=MAKER, lane=0, nonce=0)
    nonces = LaneNonces(TAKER, {0: WINDOW}, live=(other,))
    assert nonces.take() is not None


@pytest.mark.parametrize("lanes", [{64: 0}, {-1: 0}])
def test_lane_nonces__lanes_that_do_not_exist__raises(lanes: dict[int, int]) -> None:
    with pytest.raises(InvariantViolated, match="lanes 0 to 63"):
        LaneNonces(TAKER, lanes)


class LaneMachine(RuleBasedStateMachine):
    """Issues, releases, and after every step asks what a fill on chain would kill."""

    def __init__(self) -> None:
        super().__init__()
        self.nonces = LaneNonces(TAKER, {0: 0, 1: 7})
        self.live: set[NonceKey] = set()
        self.issued: set[NonceKey] = set()

    @rule(count=st.integers(min_value=1, max_value=200))
    def take(self, count: int) -> None:
        for _ in range(count):
            key = self.nonces.take()
            if key is None:
                return
            assert key not in self.issued
            self.issued.add(key)
            self.live.add(key)

    @rule(data=st.data(), count=st.integers(min_value=1, max_value=200))
    def release(self, data: st.DataObject, count: int) -> None:
        ordered = sorted(self.live, key=lambda key: (key.lane, key.nonce))
        if not ordered:
            return
        start = data.draw(st.integers(min_value=0, max_value=len(ordered) - 1))
        for key in ordered[start : start + count]:
            self.nonces.release(key)
            self.live.discard(key)

    @invariant()
    def filling_the_newest_kills_no_live_quote(self) -> None:
        for lane in (0, 1):
            newest = max((key.nonce for key in self.issued if key.lane == lane), default=0)
            # The contract slides its window so that the filled nonce becomes its top bit.
            oldest_allowed = newest - WINDOW + 1
            assert all(key.nonce >= oldest_allowed for key in self.live if key.lane == lane)


LaneMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLanes = LaneMachine.TestCase


@given(st.lists(st.integers(min_value=0, max_value=2**32 - 1), max_size=5))
def test_lane_nonces__near_the_end_of_a_lane__stops(starts: list[int]) -> None:
    lanes = dict.fromkeys(range(len(starts) or 1), 2**32 - 1)
    nonces = LaneNonces(TAKER, lanes)
    assert all(nonces.take() for _ in lanes)
    assert nonces.take() is None
