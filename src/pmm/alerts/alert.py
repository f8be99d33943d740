"""What is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum

from pmm.errors import InvalidInput

_LONGEST_KEY = 200


class Severity(IntEnum):
    """How much it matters."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def shown(self) -> str:
        """Return the word."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody must know.

    Attributes:
        key: name of the trouble, the same as long as it is the same; at most 200 characters.
        title: one line.
        text: the rest; no order, no key, no signature.
        resolved: the trouble is over.
    """

    key: str
    severity: Severity
    title: str
    text: str = ""
    resolved: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= _LONGEST_KEY or not self.key.isprintable():
            raise InvalidInput(
                f"alert key: expected 1 to {_LONGEST_KEY} printable characters, found {self.key!r:.80}"
            )
        if not self.title.strip():
            raise InvalidInput(f"alert {self.key}: expected a title, found none")

    @property
    def headline(self) -> str:
        """Return state and title in one line, whatever was in it."""
        state = "resolved" if self.resolved else self.severity.shown
        return f"[{state}] {' '.join(self.title.split())}"

    def to_json(self) -> str:
        """Return it as the outbox keeps it."""
        return json.dumps(
            {
                "key": self.key,
                "severity": self.severity.shown,
                "title": self.title,
                "text": self.text,
                "resolved": self.resolved,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Alert:
        """Read what ``to_json`` wrote."""
        found = json.loads(text)
        return cls(
            key=found["key"],
            severity=Severity[found["severity"].upper()],
            title=found["title"],
            text=found["text"],
            resolved=found["resolved"],
        )
