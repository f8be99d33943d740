"""What the hedger has to say that somebody should hear; monitoring turns it into metrics and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What happened."""

    NO_ROUTE = "no_route"
    NO_ANSWER = "no_answer"
    UNDONE = "undone"
    REPAIRED = "repaired"
    UNWINDING = "unwinding"
    FAILED = "failed"
    STUCK = "stuck"
    CONTRADICTION = "contradiction"
    """Whoever takes legs denies one that it named a transaction of."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeNotice:
    """One of them; ``intent_id`` is empty where there is no intent yet."""

    kind: NoticeKind
    intent_id: str
    detail: str
