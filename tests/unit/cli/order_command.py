"""Runs ``pmm order ...`` in this process with given standard input and environment."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pmm.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


RunOrder = Callable[..., Outcome]


@pytest.fixture
def run_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunOrder:
    """Return a function of the arguments; ``stdin`` is text, bytes, or records to write as JSON lines."""
    monkeypatch.delenv("PMM_LIVE", raising=False)

    def run(*arguments: str, stdin: str | bytes | list[Any], env: dict[str, str] | None = None) -> Outcome:
        if isinstance(stdin, list):
            stdin = "\n".join(json.dumps(record) for record in stdin)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        status: Any = 0
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            try:
                main(["order", *arguments])
            except SystemExit as stop:
                status = stop.code or 0
        captured = capsys.readouterr()
        return Outcome(status=int(status), out=captured.out, err=captured.err)

    return run
