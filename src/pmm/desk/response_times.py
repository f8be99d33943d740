"""How fast the quote server answers: what its own histogram gained between two looks."""

from __future__ import annotations

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from pmm.execution import Stage
from pmm.risk.events import RequestAnswered

_FAMILY: Final = "pmm_stage_seconds"
_US: Final = 1_000_000


class ResponseTimes:
    """Sums and counts of ``pmm_stage_seconds`` of the stage ``total``: from a request's receipt to its answer.

    The journal cannot tell: its row is on disk before the answer leaves. What was answered before the first look is
    not known to be of this window; a server that began anew began at zero.
    """

    def __init__(self) -> None:
        self._before: tuple[int, float] | None = None

    def look(self, exposition: str, at_ms: int) -> RequestAnswered | None:
        """Return what was answered since the last look; None where nothing was, or there was none before."""
        found = _total(exposition)
        if found is None:
            return None
        count, seconds = found
        before, self._before = self._before, found
        if before is None:
            return None
        if count < before[0]:
            before = (0, 0.0)
        answered = count - before[0]
        if answered <= 0:
            return None
        mean_us = round((seconds - before[1]) * _US / answered)
        return RequestAnswered(at_ms, max(mean_us, 0), answered)


def _total(exposition: str) -> tuple[int, float] | None:
    """Return count and seconds of the stage; None where the server measures none."""
    count: int | None = None
    seconds: float | None = None
    for family in text_string_to_metric_families(exposition):
        if family.name != _FAMILY:
            continue
        for sample in family.samples:
            if sample.labels.get("stage") != Stage.TOTAL.value:
                continue
            if sample.name == f"{_FAMILY}_count":
                count = round(sample.value)
            elif sample.name == f"{_FAMILY}_sum":
                seconds = sample.value
    return None if count is None or seconds is None else (count, seconds)
