"""Steps and sums over points of a day. Pure; times are unix milliseconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Steps = list[tuple[int, float]]
"""(time, value) from then on, rising in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A series had a value from ``at_ms`` on, in the process ``run``."""

    at_ms: int
    run: str
    series: str
    subject: str
    value: float


def levels(points: Iterable[Point], series: str, start_ms: int) -> dict[str, Steps]:
    """Return the steps of each subject; what stood before the day begins with it."""
    found: dict[str, Steps] = {}
    for point in points:
        if point.series != series:
            continue
        steps = found.setdefault(point.subject, [])
        if point.at_ms <= start_ms:
            steps[:] = [(start_ms, point.value)]
        else:
            steps.append((point.at_ms, point.value))
    return found


def growths(points: Iterable[Point], series: str, start_ms: int) -> dict[str, Steps]:
    """Return what each subject grew by since the day began; every process counts from zero."""
    last: dict[tuple[str, str], float] = defaultdict(float)
    total: dict[str, float] = defaultdict(float)
    found: dict[str, Steps] = {}
    for point in points:
        if point.series != series:
            continue
        key = (point.run, point.subject)
        gained, last[key] = point.value - last[key], point.value
        if point.at_ms <= start_ms:
            continue
        total[point.subject] += gained
        found.setdefault(point.subject, [(start_ms, 0.0)]).append((point.at_ms, total[point.subject]))
    return found


def summed(parts: Sequence[Steps]) -> Steps:
    """Return the sum of several steps."""
    current = [0.0] * len(parts)
    moments: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for index, steps in enumerate(parts):
        for at_ms, value in steps:
            moments[at_ms].append((index, value))
    found: Steps = []
    for at_ms in sorted(moments):
        for index, value in moments[at_ms]:
            current[index] = value
        found.append((at_ms, sum(current)))
    return found


def grouped(parts: dict[str, Steps], place: int) -> dict[str, Steps]:
    """Return the sums by one part of the subject: ``WETH/spread`` by 0 is WETH."""
    groups: dict[str, list[Steps]] = defaultdict(list)
    for subject, steps in parts.items():
        groups[subject.split("/")[place]].append(steps)
    return {name: summed(group) for name, group in groups.items()}


def last(steps: Steps) -> float:
    """Return the last value, 0 for none."""
    return steps[-1][1] if steps else 0.0
