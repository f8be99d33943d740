"""A child process that ends with its parent, however the parent ends.

A shell watcher holds the reading end of a pipe to the parent. When the parent exits, is interrupted or is killed,
the pipe closes and the watcher ends the child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pmm.errors import SetupError

_STOP_TIMEOUT_S = 5.0
# File descriptor 3 is the pipe from the parent; the child itself does not see it. A shell gives /dev/null to what it
# starts in the background, so the standard input travels as descriptor 4.
_WATCHER = (
    'exec 4<&0; "$@" <&4 3<&- 4<&- & child=$!; exec 4<&- </dev/null; '
    '( cat <&3 >/dev/null; kill "$child" 2>/dev/null ) & watch=$!; '
    'exec 3<&-; wait "$child"; code=$?; kill "$watch" 2>/dev/null; exit "$code"'
)


def _moved_to_3(reading: int) -> str:
    """Return what lets the watcher shell have the pipe as descriptor 3."""
    if reading == 3:
        return ""
    if reading <= 9:
        return f"exec 3<&{reading}; exec {reading}<&-; "
    # dash reads one digit: a pipe with a longer number is opened anew, and the other end that stays reads nothing.
    return f"exec 3</dev/fd/{reading}; "


class Child:
    """A supervised process; use it as a context manager.

    Args:
        name: what people call it, for errors.
        command: the command line.
        log: file that receives its output.
        environment: added to the parent's environment.
        stdin, stdout: as for :class:`subprocess.Popen`; stdout goes to the log unless given.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        reading, self._lifeline = os.pipe()
        script = _moved_to_3(reading) + _WATCHER
        try:
            with log.open("ab") as output:
                self.process = subprocess.Popen(  # noqa: S603 - fixed command lines of ours
                    ["/bin/sh", "-c", script, "sh", *command],
                    stdin=stdin,
                    stdout=output if stdout is None else stdout,
                    stderr=output,
                    env={**os.environ, **(environment or {})},
                    pass_fds=(reading,),
                    start_new_session=True,
                    text=True,
                    bufsize=1,
                )
        finally:
            os.close(reading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check_alive(self) -> None:
        """Raise SetupError with the end of the log where the process has ended."""
        if self.process.poll() is not None:
            raise SetupError(
                f"expected the {self.name} to keep running, it ended with code {self.process.returncode}: "
                f"{self.tail()}"
            )

    def tail(self, lines: int = 5) -> str:
        """Return the last lines of the log."""
        return " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-lines:]) or "no output"

    def wait(self, timeout_s: float) -> int:
        """Return the exit code; raise SetupError after ``timeout_s``."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise SetupError(
                f"expected the {self.name} to end within {timeout_s:.0f} s: {self.tail()}"
            ) from error

    def stop(self) -> None:
        """End the process and everything it started; idempotent."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
