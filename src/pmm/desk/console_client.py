"""Asking the desk through its console, and reading what it asks from its ledger."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path

from pmm.desk.console import MOST_BYTES, read_line
from pmm.desk.scene import Scene
from pmm.errors import InvalidInput, SetupError
from pmm.execution.actions import ActionRecord, AuditLine, Command, Status
from pmm.ledger import ReadOnlyLedger, read_ledger
from pmm.settings import ServeSettings

_TIMEOUT_S = 5.0
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionList:
    """Commands that wait for a person, and those of the last day with their steps."""

    waiting: tuple[Command, ...]
    recent: tuple[tuple[Command, tuple[AuditLine, ...]], ...]


def console_place(settings: ServeSettings) -> Path:
    """Return where the desk of these settings listens; raises as ``Scene.find``."""
    if settings.desk.console is not None:
        return settings.desk.console
    scene = Scene.find(settings)
    try:
        return scene.console_place
    finally:
        scene.close()


def read_actions(settings: ServeSettings, now_ms: int) -> ActionList:
    """Read the ledger beside the desk; raises InvalidInput without one."""
    scene = Scene.find(settings)
    try:
        with read_ledger(scene.ledger_place) as reader:
            record = ActionRecord(ReadOnlyLedger(reader))
            recent = record.commands(now_ms - _DAY_MS, now_ms)
            return ActionList(
                waiting=tuple(one for one in record.open_commands() if one.status is Status.ASKED),
                recent=tuple((one, tuple(record.audit([one.command_id]))) for one in recent),
            )
    finally:
        scene.close()


def decide(path: Path, do: str, command_id: str, *, who: str, why: str) -> dict[str, str]:
    """Approve or refuse a command; return id, status and who.

    Raises SetupError where no desk listens, InvalidInput where the desk refuses.
    """
    line = json.dumps({"do": do, "id": command_id, "who": who, "why": why}).encode() + b"\n"
    if len(line) > MOST_BYTES:
        raise InvalidInput(f"actions: expected at most {MOST_BYTES} bytes, found {len(line)}; say it shorter")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.connect(str(path))
            connection.sendall(line)
            answer = json.loads(read_line(connection))
        except (OSError, ValueError) as error:
            raise SetupError(
                f"expected a desk at {path}, found: {type(error).__name__}; start `pmm desk` with the same settings, "
                "and ask as its user"
            ) from error
    if "error" in answer:
        raise InvalidInput(str(answer["error"]))
    return {name: str(value) for name, value in answer.items()}
