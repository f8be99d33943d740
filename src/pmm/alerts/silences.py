"""Silence for a time: planned work, or trouble that somebody is on already."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pmm.errors import InvalidInput
from pmm.ledger import Ledger

_LONGEST_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Alerts whose key fits ``pattern`` (``net_delta*``) are kept but not told before ``until_ms``."""

    silence_id: str
    pattern: str
    until_ms: int
    who: str
    why: str


class Silences:
    """Kept in the ledger, so that a restart does not wake everybody."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        rows = ledger.read("SELECT silence_id, pattern, until_ms, who, why FROM alerts_silences")
        self._known = {
            row[0]: Silence(silence_id=row[0], pattern=row[1], until_ms=row[2], who=row[3], why=row[4])
            for row in rows
        }

    def add(self, *, pattern: str, until_ms: int, who: str, why: str, now_ms: int) -> Silence:
        """Begin one. Raises InvalidInput for the past, for more than seven days, or without who and why."""
        if not now_ms < until_ms <= now_ms + _LONGEST_MS:
            raise InvalidInput("silence: expected an end within the next seven days, found another")
        if not (pattern.strip() and who.strip() and why.strip()):
            raise InvalidInput("silence: expected a pattern, who and why, found one of them empty")
        silence = Silence(silence_id=uuid.uuid4().hex, pattern=pattern, until_ms=until_ms, who=who, why=why)
        with self._ledger.transaction() as transaction:
            transaction.execute(
                "INSERT INTO alerts_silences (silence_id, pattern, until_ms, who, why) VALUES (?, ?, ?, ?, ?)",
                (silence.silence_id, pattern, until_ms, who, why),
            )
        self._known[silence.silence_id] = silence
        return silence

    def end(self, silence_id: str) -> None:
        """End one early; raises InvalidInput when there is none of that name."""
        if silence_id not in self._known:
            raise InvalidInput(f"silence: expected one that stands, found {silence_id!r:.80}")
        with self._ledger.transaction() as transaction:
            transaction.execute("DELETE FROM alerts_silences WHERE silence_id = ?", (silence_id,))
        del self._known[silence_id]

    def covers(self, key: str, now_ms: int) -> bool:
        """Tell whether an alert is silenced now."""
        return any(
            one.until_ms > now_ms and fnmatchcase(key, one.pattern) for one in tuple(self._known.values())
        )

    def standing(self, now_ms: int) -> tuple[Silence, ...]:
        """Return those in force."""
        return tuple(one for one in self._known.values() if one.until_ms > now_ms)
