"""A command: an action that was decided, with all that happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pmm.risk.plans import ActionKind


class Status(StrEnum):
    """How far a command has come."""

    PLANNED = "planned"
    ASKED = "asked"
    STARTED = "started"
    FAILED = "failed"
    DONE = "done"
    GAVE_UP = "gave_up"
    DECLINED = "declined"
    SUPERSEDED = "superseded"


OPEN: Final = frozenset({Status.PLANNED, Status.ASKED, Status.STARTED, Status.FAILED})
"""Something may still happen. A started command is one whose outcome is not known: it is done again under its id."""
AUTOMATIC: Final = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        command_id: names it for ever; whoever executes it twice under one id has the effect of once.
        kind: what to do.
        subject: on what, ``*`` for all.
        value: what a standing action sets, basis points.
        reason: what asked for it.
        at_ms: when it was decided.
        status: how far it has come.
        attempts: how often it was started.
        changed_at_ms: when the status changed.
        detail: of its outcome.
    """

    command_id: str
    kind: ActionKind
    subject: str
    value: float
    reason: str
    at_ms: int
    status: Status
    attempts: int
    changed_at_ms: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One step of a command."""

    at_ms: int
    command_id: str
    status: Status
    who: str
    detail: str
