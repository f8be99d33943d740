"""How long an answer may take: the relayer's cut-off and what the request says about itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pmm.relayers.refusals import WireRefusal, bad_request, deadline_passed

TIMEOUT: Final = "x-request-timeout"
START: Final = "x-request-start"
DEADLINE: Final = "x-request-deadline"
HEADERS: Final = {
    TIMEOUT: "Milliseconds that the answer may take, counted from x-request-start, or from its arrival here.",
    START: "When the request was sent, unix milliseconds.",
    DEADLINE: "When the answer must be there, unix milliseconds.",
}
_NAMES: Final = {name.encode(): name for name in HEADERS}
ANSWER_SHARE: Final = 0.8
"""Part of the time after which an explicit refusal leaves: the rest is for the way back."""

_MAX_DIGITS: Final = 15
# Unix milliseconds of 2001 and of 2286: another number is in another unit.
_LEAST_MS, _MOST_MS = 10**12, 10**13


def time_left_s(
    headers: Iterable[tuple[bytes, bytes]], *, budget_ms: int | None, now_ms: int
) -> float | WireRefusal | None:
    """Return seconds until an answer is due, None for no limit, or the refusal of a request that is too late.

    Several limits count together, the shortest wins. A start or deadline that our clock has not reached yet is
    believed no more than the timeout beside it: clocks differ.
    """
    given: dict[str, int] = {}
    for raw_name, raw_value in headers:
        name = _NAMES.get(raw_name)
        if name is None:
            continue
        value = _number(name, raw_value)
        if isinstance(value, WireRefusal):
            return value
        given[name] = value
    if budget_ms is None and not given:
        return None
    limits = [] if budget_ms is None else [budget_ms]
    if TIMEOUT in given:
        elapsed_ms = max(now_ms - given[START], 0) if START in given else 0
        limits.append(given[TIMEOUT] - elapsed_ms)
    if DEADLINE in given:
        limits.append(given[DEADLINE] - now_ms)
    if not limits:
        return None
    left_ms = min(limits)
    if left_ms <= 0:
        return deadline_passed(f"expected time for an answer, found the deadline {-left_ms} ms past")
    return left_ms * ANSWER_SHARE / 1_000


def _number(name: str, raw: bytes) -> int | WireRefusal:
    if not raw.isdigit() or len(raw) > _MAX_DIGITS:
        return bad_request("invalid_request", f"{name}: expected whole milliseconds, found {raw[:40]!r}")
    value = int(raw)
    if name != TIMEOUT and not _LEAST_MS <= value < _MOST_MS:
        return bad_request("invalid_request", f"{name}: expected unix milliseconds, found {value}")
    return value
