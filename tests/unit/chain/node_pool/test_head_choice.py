"""Where heads come from, by a clock that the test moves: trial, silence, lateness, lies."""

import pytest

from pmm.chain.node_pool import Fall, HeadChoice, HeadSource, WatchPolicy

POLICY = WatchPolicy(poll_s=1, check_s=2, quiet_s=30, lag_s=3, least_s=0)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def go(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def choice(clock: Clock) -> HeadChoice:
    return HeadChoice(POLICY, clock)


@pytest.fixture
def live(choice: HeadChoice) -> HeadChoice:
    """A choice whose subscription has earned its place with block 1."""
    choice.subscribed()
    choice.seen(block(1))
    choice.told(block(1))
    assert choice.source is HeadSource.WEBSOCKET
    return choice


def block(number: int) -> bytes:
    return number.to_bytes(32, "big")


def fell(choice: HeadChoice, how: Fall) -> bool:
    return choice.source is HeadSource.HTTP and not choice.standing and choice.falls[how] == 1


def test_source__at_first__is_http(choice: HeadChoice) -> None:
    assert choice.source is HeadSource.HTTP
    assert choice.pause_s == POLICY.poll_s


def test_source__subscribed_but_no_head__stays_http(choice: HeadChoice) -> None:
    choice.subscribed()
    choice.seen(block(1))
    assert choice.source is HeadSource.HTTP
    assert choice.pause_s == POLICY.poll_s


def test_told__head_that_http_never_shows__stays_http(choice: HeadChoice, clock: Clock) -> None:
    choice.subscribed()
    for number in range(100):
        assert choice.told(block(1_000 + number)) is False
        choice.seen(block(number))
        clock.go(1)
    assert choice.source is HeadSource.HTTP


@pytest.mark.parametrize("socket_first", [True, False])
def test_told__head_that_http_shows__earns_the_place(choice: HeadChoice, *, socket_first: bool) -> None:
    choice.subscribed()
    tell, see = choice.told, choice.seen
    for do in (tell, see) if socket_first else (see, tell):
        do(block(7))
    assert choice.source is HeadSource.WEBSOCKET
    assert choice.why == ""
    assert choice.pause_s == POLICY.check_s


def test_told__head_long_after_http__earns_nothing(choice: HeadChoice, clock: Clock) -> None:
    choice.subscribed()
    choice.seen(block(7))
    clock.go(POLICY.lag_s + 1)
    choice.told(block(7))
    choice.seen(block(7))
    assert choice.source is HeadSource.HTTP


def test_told__head_of_an_earlier_subscription__earns_nothing(live: HeadChoice) -> None:
    live.told(block(2))
    live.ended("cut")
    live.subscribed()
    live.seen(block(2))
    assert live.source is HeadSource.HTTP


def test_ended__live__falls_at_once_and_says_why(live: HeadChoice) -> None:
    live.ended("cut")
    assert fell(live, Fall.DIED)
    assert live.why == "cut"
    assert live.pause_s == POLICY.poll_s
    assert live.told(block(2)) is False


def test_ended__never_live__is_no_fall(choice: HeadChoice) -> None:
    choice.ended("refused")
    assert choice.why == "refused"
    assert sum(choice.falls.values()) == 0


def test_judge__silent_for_as_long_as_allowed__stands(live: HeadChoice, clock: Clock) -> None:
    clock.go(POLICY.quiet_s)
    assert live.judge() is False
    assert live.source is HeadSource.WEBSOCKET


def test_judge__silent_for_longer__falls(live: HeadChoice, clock: Clock) -> None:
    clock.go(POLICY.quiet_s + 1)
    assert live.judge() is True
    assert fell(live, Fall.SILENT)


def test_judge__on_trial_and_nothing_confirmed__is_tried_anew(choice: HeadChoice, clock: Clock) -> None:
    choice.subscribed()
    for _ in range(31):
        clock.go(1)
        choice.told(block(int(clock.now_s)))
    assert choice.judge() is True
    assert not choice.standing
    assert "HTTP shows too" in choice.why


def test_judge__mute_while_http_goes_on__falls_soon(live: HeadChoice, clock: Clock) -> None:
    live.seen(block(2))
    clock.go(POLICY.lag_s)
    assert live.judge() is False
    clock.go(0.1)
    live.seen(block(3))
    assert live.judge() is True
    assert fell(live, Fall.BEHIND)


def test_judge__each_head_a_little_late__stands(live: HeadChoice, clock: Clock) -> None:
    # Blocks faster than the delay: the newest one is never told yet.
    for number in range(2, 50):
        live.seen(block(number))
        clock.go(1)
        if number > 3:
            live.told(block(number - 2))
        assert live.judge() is False
    assert live.source is HeadSource.WEBSOCKET


def test_judge__heads_ever_later__falls(live: HeadChoice, clock: Clock) -> None:
    for number in range(2, 50):
        live.seen(block(number))
        clock.go(1)
        if number > 5:
            live.told(block(number - 4))
        if live.judge():
            break
    assert fell(live, Fall.BEHIND)


def test_judge__block_that_a_reorg_replaced__is_not_waited_for(live: HeadChoice, clock: Clock) -> None:
    live.seen(block(2))
    clock.go(1)
    live.told(block(102))
    live.seen(block(102))
    clock.go(POLICY.lag_s)
    assert live.judge() is False


def test_judge__socket_tells_other_heads_than_http__falls(live: HeadChoice, clock: Clock) -> None:
    for number in range(2, 10):
        live.seen(block(number))
        live.told(block(1_000 + number))
        clock.go(1)
        live.judge()
    assert fell(live, Fall.BEHIND)


def test_pause__told_before_http_shows_it__looks_as_without_a_socket(live: HeadChoice, clock: Clock) -> None:
    assert live.told(block(2)) is True
    assert live.pause_s == POLICY.poll_s
    clock.go(1)
    live.seen(block(2))
    assert live.pause_s == POLICY.check_s


def test_pause__head_not_told_yet__ends_when_that_is_judged(live: HeadChoice, clock: Clock) -> None:
    live.seen(block(2))
    clock.go(2)
    assert live.pause_s == pytest.approx(POLICY.lag_s - 2)


def test_steady__only_after_a_time_in_place(live: HeadChoice, clock: Clock) -> None:
    assert not live.steady
    clock.go(POLICY.most_retry_s)
    assert live.steady
    live.ended("cut")
    assert not live.steady


def test_told__endless_lies__are_bounded_and_change_nothing(live: HeadChoice) -> None:
    for number in range(10_000, 20_000):
        live.told(block(number))
    assert len(live._told) <= 256
    live.seen(block(2))
    live.told(block(2))
    assert live.source is HeadSource.WEBSOCKET
