"""What the runner asks of the test process, and what it is told; one line of JSON each."""

from __future__ import annotations

import socket
from typing import TypedDict

# What the tests print, in the copy of the project.
LOG = "vehicle.log"


class Request(TypedDict):
    """Run the tests with this bytecode of ``contract``; those of ``first``, tests or files, before the others."""

    contract: str
    bytecode: str
    first: list[str]
    timeout_s: float


class Answer(TypedDict):
    """``failed`` is the first test that failed, or why they did not end; empty where all passed."""

    failed: str
    message: str
    passed: int
    seconds: float
    crashed: bool


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
