"""How fast the quote server answers: what its own histogram gained between two looks."""

from __future__ import annotations

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from pmm.execution import Stage
from pmm.risk.events import RequestAnswered

_FAMILY: Final = "pmm_stage_seconds"
_PARTS: Final = (f"{_FAMILY}_count", f"{_FAMILY}_sum")
_US: Final = 1_000_000
_MOST: Final = 2**53
_LONGEST_S: Final = 60.0
"""No answer takes longer: the server ends a connection before."""


class BadPage(Exception):
    """A page that cannot be what a quote server says of itself; the message is what was found."""


class ResponseTimes:
    """Sums and counts of ``pmm_stage_seconds`` of the stage ``total``: from a request's receipt to its answer.

    The journal cannot tell: its row is on disk before the answer leaves. What was answered before the first look is
    not known to be of this window; a server that began anew began at zero.
    """

    def __init__(self) -> None:
        self._before: tuple[int, float] | None = None

    def look(self, exposition: str, at_ms: int) -> RequestAnswered | None:
        """Return what was answered since the last look; None where nothing was, or there was none before.

        Raises BadPage; what was known before it stays known.
        """
        found = _total(exposition)
        if found is None:
            return None
        count, seconds = found
        before, self._before = self._before, found
        if before is None:
            return None
        if count < before[0] or seconds < before[1]:
            before = (0, 0.0)
        answered = count - before[0]
        if answered <= 0:
            return None
        return RequestAnswered(at_ms, round((seconds - before[1]) * _US / answered), answered)


def _total(exposition: str) -> tuple[int, float] | None:
    """Return count and seconds of the stage; None where the server measures none. Raises BadPage."""
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(exposition):
            if family.name != _FAMILY:
                continue
            for sample in family.samples:
                if sample.labels.get("stage") != Stage.TOTAL.value or sample.name not in _PARTS:
                    continue
                if sample.name in found:
                    raise BadPage(f"{sample.name} twice")
                found[sample.name] = sample.value
    except (ValueError, LookupError, TypeError) as error:
        raise BadPage(f"no page of metrics ({type(error).__name__})") from None
    if len(found) < len(_PARTS):
        return None
    count, seconds = (found[name] for name in _PARTS)
    # Also NaN is not within.
    if not (0 <= count <= _MOST and count == int(count)) or not 0 <= seconds <= count * _LONGEST_S:
        raise BadPage(f"{count:g} answers in {seconds:g} s")
    return int(count), seconds
