"""One slow source holds up nobody: patience with each, and a thread for each role."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pmm.errors import InvalidInput
from pmm.monitoring.desk import DeskEvents
from pmm.sources import EACH_MINUTE, FirstOf, Guarded, Polled, SourcePoller, SourceUnavailable, SystemClock
from pmm.sources.patient import Patient
from tests.unit.sources.conftest import StoppedClock

_WITHIN_S = 20.0


class Gate:
    """A source that answers once it is let to; ``asked`` is set by each question."""

    def __init__(self, name: str, *, opened: bool = False) -> None:
        self.name = name
        self.opened, self.asked = threading.Event(), threading.Event()
        self.questions = 0
        self.error: Exception | None = None
        if opened:
            self.opened.set()

    def ask(self) -> str:
        self.questions += 1
        self.asked.set()
        self.opened.wait(_WITHIN_S)
        if self.error is not None:
            raise self.error
        return self.name


@pytest.fixture
def hung() -> Iterator[Gate]:
    gate = Gate("hung")
    yield gate
    gate.opened.set()


def test_patient__answer_in_time__is_returned__and_a_fault_is_the_askers() -> None:
    gate = Gate("fast", opened=True)
    patient = Patient(gate, patience_s=_WITHIN_S)
    assert (patient.name, patient.ask()) == ("fast", "fast")
    gate.error = SourceUnavailable("down", retry_after_s=7)
    with pytest.raises(SourceUnavailable) as caught:
        patient.ask()
    assert caught.value.retry_after_s == 7
    gate.error = ValueError("broke")
    with pytest.raises(ValueError, match="broke"):
        patient.ask()


def test_patient__no_answer_in_time__fails__and_asks_no_second_time_meanwhile(hung: Gate) -> None:
    patient = Patient(hung, patience_s=0.01)
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match=r"within 0\.01 s"):
            patient.ask()
    assert hung.questions == 1
    hung.opened.set()
    assert patient._asked is not None
    patient._asked.result(_WITHIN_S)
    hung.asked.clear()
    with pytest.raises(InvalidInput):
        Patient(hung, patience_s=0)


def test_patient__behind_a_guard__a_source_that_hangs_opens_its_breaker(
    hung: Gate, events: DeskEvents, clock: StoppedClock
) -> None:
    guarded = Guarded(Patient(hung, patience_s=0.01), policy=EACH_MINUTE, watch=events.sources, clock=clock)
    for _ in range(EACH_MINUTE.failures):
        clock.now_s += 60
        with pytest.raises(SourceUnavailable):
            guarded.ask()
    assert (guarded.breaker, guarded.healthy, hung.questions) == ("open", False, 1)


def test_poller__one_source_hangs__the_others_are_asked_all_the_same(hung: Gate, events: DeskEvents) -> None:
    fast = Gate("fast", opened=True)
    roles = [FirstOf(one.name, (one,), watch=events.sources) for one in (hung, fast)]
    poller = SourcePoller([Polled(role, 0.001) for role in roles], SystemClock())
    poller.start(interval_s=0.001)
    try:
        assert hung.asked.wait(_WITHIN_S)
        for _ in range(3):
            fast.asked.clear()
            assert fast.asked.wait(_WITHIN_S), "the fast source waits for the slow one"
        assert poller.last("hung", max_age_s=60) is None
        assert hung.questions == 1
    finally:
        poller.close()
    hung.opened.set()
    poller.close(wait_s=_WITHIN_S)


def test_poller__source_that_breaks_its_promise__is_asked_again(events: DeskEvents) -> None:
    broken = Gate("broken", opened=True)
    broken.error = ValueError("not a ChainError")
    poller = SourcePoller([Polled(FirstOf("r", (broken,), watch=events.sources), 0.001)], SystemClock())
    poller.start(interval_s=0.001)
    try:
        for _ in range(2):
            assert broken.asked.wait(_WITHIN_S)
            broken.asked.clear()
    finally:
        poller.close(wait_s=_WITHIN_S)


def test_poller__never_started__can_be_closed(events: DeskEvents) -> None:
    gate = Gate("gate", opened=True)
    poller = SourcePoller([Polled(FirstOf("gate", (gate,), watch=events.sources), 60.0)], SystemClock())
    poller.close(wait_s=1.0)
    assert gate.questions == 0
