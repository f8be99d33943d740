"""Unix seconds as people read them. No clock here: "now" is always an argument."""

from __future__ import annotations

from datetime import UTC, datetime

_LAST_OF_YEAR_9999 = 253_402_300_799
_UNITS = (("year", 31_557_600), ("day", 86_400), ("hour", 3_600), ("minute", 60))


def utc_text(time_s: int) -> str:
    """Return ``2025-08-12 07:40:04 UTC``; a time that no calendar library reaches stays a number."""
    if not 0 <= time_s <= _LAST_OF_YEAR_9999:
        return f"unix second {time_s}, after the year 9999"
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative_text(time_s: int, now_s: int) -> str:
    """Return the distance from ``now_s``, such as ``in 3.2 minutes``, ``12.0 days ago`` or ``now``."""
    distance_s = abs(time_s - now_s)
    if distance_s == 0:
        return "now"
    amount = f"{distance_s} second{'s' if distance_s != 1 else ''}"
    for unit, length_s in _UNITS:
        if distance_s >= length_s:
            tenths = distance_s * 10 // length_s
            amount = f"{tenths // 10}.{tenths % 10} {unit}s"
            break
    return f"in {amount}" if time_s > now_s else f"{amount} ago"
