"""The desk's door for people on its machine: a unix socket of mode 0600 that answers commands which ask.

One line of JSON in, one out. Who decided is the user at the other end, as the kernel says, with the name that he
gives beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from pmm.errors import InvalidInput, PmmError, SetupError
from pmm.execution.actions import Command
from pmm.private_socket import bind_private, peer_uid

MOST_BYTES = 4_096
_BACKLOG = 4
_TURN_S = 0.5
_TIMEOUT_S = 2.0
_LOG = structlog.get_logger()


class Decisions(Protocol):
    """Who takes decisions: ``DeskActions``."""

    def approve(self, command_id: str, *, who: str, why: str) -> Command:
        """Let a command that asks be done; raises InvalidInput when none of this id asks."""
        ...

    def refuse(self, command_id: str, *, who: str, why: str) -> Command:
        """Drop a command that asks; raises as above."""
        ...


def peer_of(connection: socket.socket) -> tuple[int, str]:
    """Return user id and name of the process at the other end (Linux SO_PEERCRED)."""
    uid = peer_uid(connection)
    try:
        return uid, pwd.getpwuid(uid).pw_name
    except KeyError:
        return uid, f"uid {uid}"


class DeskConsole:
    """Listens in a thread of its own; ``close`` takes the socket away."""

    def __init__(
        self,
        path: Path,
        decisions: Decisions,
        *,
        peer: Callable[[socket.socket], tuple[int, str]] = peer_of,
    ) -> None:
        """Open the socket; raises SetupError where it cannot be made or another desk listens there."""
        self.path = path
        self._decisions, self._peer = decisions, peer
        self._allowed = {os.geteuid(), 0}
        self._listener = _listen(path)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk-console", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(_TURN_S + _TIMEOUT_S)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                _LOG.error("desk_console_ended", why=str(error))
                return
            try:
                with contextlib.closing(connection):
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever one request does, the next person is served
                _LOG.error("desk_console_request_failed", why=f"{type(error).__name__}: {error}")

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(_TIMEOUT_S)
            uid, name = self._peer(connection)
            if uid not in self._allowed:
                _LOG.warning("desk_console_refused", uid=uid)
                return
            line = read_line(connection)
            connection.sendall(json.dumps(self._answer(line, name)).encode() + b"\n")
        except OSError as error:
            _LOG.info("desk_console_connection_ended", why=type(error).__name__)

    def _answer(self, line: bytes, user: str) -> dict[str, Any]:
        try:
            asked = _request(line)
            stated = asked["who"]
            who = f"{stated} (user {user})" if stated else f"user {user}"
            decide = self._decisions.approve if asked["do"] == "approve" else self._decisions.refuse
            done = decide(asked["id"], who=who, why=asked["why"])
        except PmmError as error:
            return {"error": str(error)}
        _LOG.warning("command_decided", command_id=done.command_id, status=done.status.value, who=who)
        return {"id": done.command_id, "status": done.status.value, "who": who}


def read_line(connection: socket.socket) -> bytes:
    """Return what comes up to the end of the line, at most ``MOST_BYTES``."""
    found = b""
    while not found.endswith(b"\n") and len(found) <= MOST_BYTES:
        part = connection.recv(MOST_BYTES)
        if not part:
            break
        found += part
    return found


def _request(line: bytes) -> dict[str, str]:
    try:
        found = json.loads(line) if len(line) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    fields = {"do", "id", "who", "why"}
    if (
        not isinstance(found, dict)
        or set(found) != fields
        or not all(isinstance(one, str) for one in found.values())
    ):
        raise InvalidInput(
            f"console: expected one line of JSON with {', '.join(sorted(fields))}, found another"
        )
    if found["do"] not in ("approve", "refuse"):
        raise InvalidInput("console: expected to approve or refuse, found another verb")
    if not all(one.isprintable() for one in found.values()):
        raise InvalidInput("console: expected printable text, found control characters")
    if found["do"] == "refuse" and not found["why"].strip():
        raise InvalidInput("console: expected why the command is refused, found nothing")
    return found


def _listen(path: Path) -> socket.socket:
    try:
        listener = bind_private(path, what="desk console", listens="desk")
    except SetupError as error:
        raise SetupError(f"{error}; set PMM_DESK_CONSOLE") from error
    listener.listen(_BACKLOG)
    listener.settimeout(_TURN_S)
    return listener
