"""Rate limit, tries, breaker, fallback and the metrics of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import ChainError, InvalidInput
from pmm.monitoring.desk import DeskEvents
from pmm.sources import FirstOf, Guarded, GuardPolicy, Polled, SourcePoller, SourceUnavailable, largest_gap
from tests.unit.sources.conftest import StoppedClock

POLICY = GuardPolicy(rate_per_s=1.0, burst=100.0, tries=3, pause_s=1.0, failures=3, open_s=60.0)


class Scripted:
    """Answers its name, or fails as told."""

    def __init__(self, name: str = "s") -> None:
        self.name = name
        self.faults: list[Exception | None] = []
        self.always: Exception | None = None
        self.asked = 0

    def ask(self) -> str:
        self.asked += 1
        fault = self.faults.pop(0) if self.faults else self.always
        if fault is not None:
            raise fault
        return self.name


def _guarded(
    source: Scripted, events: DeskEvents, clock: StoppedClock, policy: GuardPolicy = POLICY
) -> Guarded[str]:
    return Guarded(source, policy=policy, watch=events.sources, clock=clock)


def _value(events: DeskEvents, name: str, **labels: str) -> float | None:
    return events.registry.get_sample_value(name, labels)


def test_guarded__answer__is_returned_and_makes_it_healthy(events: DeskEvents, clock: StoppedClock) -> None:
    guarded = _guarded(Scripted(), events, clock)
    assert not guarded.healthy
    assert _value(events, "pmm_source_healthy", source="s") == 0
    assert guarded.ask() == "s"
    assert guarded.healthy
    assert _value(events, "pmm_source_healthy", source="s") == 1
    assert _value(events, "pmm_source_requests_total", source="s", outcome="answered") == 1
    assert _value(events, "pmm_source_last_answer_timestamp_seconds", source="s") == clock.unix_s()


def test_guarded__two_faults_then_an_answer__is_tried_with_doubling_pauses(
    events: DeskEvents, clock: StoppedClock
) -> None:
    source = Scripted()
    source.faults = [SourceUnavailable("away"), ChainError("away"), None]
    assert _guarded(source, events, clock).ask() == "s"
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize(
    "fault", [SourceUnavailable("wrong key", final=True), SourceUnavailable("busy", retry_after_s=30)]
)
def test_guarded__fault_that_another_try_does_not_mend__is_asked_once(
    fault: SourceUnavailable, events: DeskEvents, clock: StoppedClock
) -> None:
    source = Scripted()
    source.always = fault
    with pytest.raises(SourceUnavailable):
        _guarded(source, events, clock).ask()
    assert source.asked == 1


def test_guarded__retry_after__is_kept_without_asking(events: DeskEvents, clock: StoppedClock) -> None:
    source = Scripted()
    source.faults = [SourceUnavailable("busy", retry_after_s=30)]
    guarded = _guarded(source, events, clock)
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            guarded.ask()
    assert source.asked == 1
    clock.now_s += 30
    assert guarded.ask() == "s"


def test_breaker__three_failed_questions__opens_and_lets_one_through_after_its_time(
    events: DeskEvents, clock: StoppedClock
) -> None:
    source = Scripted()
    source.always = SourceUnavailable("down", final=True)
    guarded = _guarded(source, events, clock)
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match="down"):
            guarded.ask()
    assert guarded.breaker == "open"
    assert _value(events, "pmm_source_breaker", source="s") == 2
    with pytest.raises(SourceUnavailable, match="breaker"):
        guarded.ask()
    assert source.asked == 3
    assert _value(events, "pmm_source_requests_total", source="s", outcome="broken") == 1

    guarded.breaker_storage.opened_at = datetime.now(UTC) - timedelta(seconds=61)
    with pytest.raises(SourceUnavailable, match="down"):
        guarded.ask()
    assert (source.asked, guarded.breaker) == (4, "open")

    guarded.breaker_storage.opened_at = datetime.now(UTC) - timedelta(seconds=61)
    source.always = None
    assert guarded.ask() == "s"
    assert guarded.breaker == "closed"
    assert _value(events, "pmm_source_breaker", source="s") == 0


@given(waits=st.lists(st.one_of(st.floats(0, 1), st.floats(0, 60)), max_size=60))
def test_rate_limit__whatever_the_pace__no_stretch_of_time_has_more_than_burst_and_rate(
    waits: list[float],
) -> None:
    clock, source = StoppedClock(), Scripted()
    policy = GuardPolicy(rate_per_s=0.5, burst=2.0)
    guarded = Guarded(source, policy=policy, watch=DeskEvents().sources, clock=clock)
    asked_at_s: list[float] = []
    for wait_s in waits:
        clock.now_s += wait_s
        try:
            guarded.ask()
        except SourceUnavailable:
            continue
        asked_at_s.append(clock.now_s)
    for first, started_s in enumerate(asked_at_s):
        for count, ended_s in enumerate(asked_at_s[first:], 1):
            assert count <= 2 + 0.5 * (ended_s - started_s) + 1e-6


def test_rate_limit__question_too_many__is_refused_at_once_and_does_no_harm_to_the_breaker(
    events: DeskEvents, clock: StoppedClock
) -> None:
    source = Scripted()
    guarded = _guarded(source, events, clock, GuardPolicy(rate_per_s=1.0, burst=1.0))
    guarded.ask()
    for _ in range(10):
        with pytest.raises(SourceUnavailable, match="questions per second"):
            guarded.ask()
    assert (source.asked, guarded.breaker, guarded.healthy) == (1, "closed", True)
    assert _value(events, "pmm_source_requests_total", source="s", outcome="limited") == 10


def test_first_of__first_fails__next_in_order_answers_and_is_named(events: DeskEvents) -> None:
    chainlink, pools, books = Scripted("chainlink"), Scripted("pools"), Scripted("books")
    role = FirstOf("valuation", (chainlink, pools, books), watch=events.sources)
    found = role.ask()
    assert found is not None
    assert (found.source, pools.asked) == ("chainlink", 0)
    chainlink.always = SourceUnavailable("stale")
    found = role.ask()
    assert found is not None
    assert (found.value, books.asked) == ("pools", 0)
    assert _value(events, "pmm_source_fallbacks_total", role="valuation", source="pools") == 1
    pools.always = ChainError("no depth")
    found = role.ask()
    assert found is not None
    assert found.source == "books"


def test_first_of__nobody_answers__is_skipped_and_counted(events: DeskEvents) -> None:
    dune = Scripted("dune")
    dune.always = SourceUnavailable("down")
    assert FirstOf("flow", (dune,), watch=events.sources).ask() is None
    assert _value(events, "pmm_source_skips_total", role="flow") == 1
    with pytest.raises(InvalidInput):
        FirstOf("flow", (), watch=events.sources)


def test_poller__each_role__is_asked_at_its_own_pace_and_ages(
    events: DeskEvents, clock: StoppedClock
) -> None:
    fast, slow = Scripted("fast"), Scripted("slow")
    roles = [FirstOf(one.name, (one,), watch=events.sources) for one in (fast, slow)]
    poller = SourcePoller([Polled(roles[0], 10.0), Polled(roles[1], 3_600.0)], clock)
    for _ in range(61):
        poller.poll_due()
        clock.now_s += 1
    assert (fast.asked, slow.asked) == (7, 1)
    # A long pause is not made up for.
    clock.now_s += 1_000
    poller.poll_due()
    assert fast.asked == 8
    slow_answer = poller.last("slow", max_age_s=2_000)
    assert slow_answer is not None
    assert slow_answer.value == "slow"
    assert poller.last("slow", max_age_s=60) is None
    assert poller.last("nobody", max_age_s=60) is None


def test_largest_gap__shared_names__is_relative_to_the_larger_and_has_a_floor() -> None:
    assert largest_gap({"a": 0.10, "b": 0.05}, {"a": 0.08, "c": 1.0}, floor=0.001) == pytest.approx(0.2)
    assert largest_gap({"a": 0.0001}, {"a": 0.0002}, floor=0.01) == pytest.approx(0.01)
    assert largest_gap({"a": 1.0}, {"b": 1.0}, floor=0.01) is None
