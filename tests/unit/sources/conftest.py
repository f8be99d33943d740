"""A site, a clock that stands still, and a watch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pmm.monitoring.desk import DeskEvents
from tests.helpers.http_site import Site, http_site


class StoppedClock:
    """Moves when it is told to, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        return self.now_s

    def unix_s(self) -> float:
        return 1_800_000_000 + self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def events() -> DeskEvents:
    return DeskEvents()


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as running:
        yield running
