"""``pmm status --watch`` in a terminal: what it draws, that it goes on, and how it leaves the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fork.desk.test_desk_command import command, environment, wait_for_a_block
from tests.fork.server.site import Deployed

_WITHIN_S = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"


class Screen:
    """A terminal of 200 columns and 80 lines, with a command in it."""

    def __init__(self, *arguments: str) -> None:
        self._own, self.line = pty.openpty()
        fcntl.ioctl(self.line, termios.TIOCSWINSZ, struct.pack("HHHH", 80, 200, 0, 0))
        self.before = termios.tcgetattr(self.line)
        self.process = subprocess.Popen(
            command(*arguments),
            stdin=self.line,
            stdout=self.line,
            stderr=self.line,
            env=environment(TERM="xterm-256color"),
            start_new_session=True,
            # Ctrl-C is for who has the terminal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.raw = ""

    def wait_for(self, pattern: str, *, since: int = 0) -> int:
        """Read until the text from a place on matches; return the place behind it."""
        deadline_s = time.monotonic() + _WITHIN_S
        while True:
            found = re.search(pattern, _ESCAPES.sub("", self.raw[since:]))
            if found:
                return len(self.raw)
            assert time.monotonic() < deadline_s, f"no {pattern}: {self.raw[since:][-3_000:]}"
            self._read(0.2)

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        os.write(self._own, b"\x03")
        code = self.process.wait(_WITHIN_S)
        while self._read(0.2):
            pass
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)
        os.close(self.line)

    def _read(self, wait_s: float) -> bool:
        if not select.select([self._own], [], [], wait_s)[0]:
            return False
        self.raw += os.read(self._own, 65_536).decode(errors="replace")
        return True


@contextmanager
def running_desk(where: tuple[str, ...]) -> Iterator[None]:
    process = subprocess.Popen(
        command("desk", *where),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(PMM_MONITORING_LOG_LEVEL="error"),
    )
    try:
        assert process.stdout is not None
        wait_for_a_block(process.stdout.readline().rsplit(" ", 1)[1].strip())
        yield
    finally:
        process.terminate()
        process.communicate(timeout=_WITHIN_S)


@pytest.fixture
def where(deployed: Deployed, tmp_path: Path) -> tuple[str, ...]:
    ledger = tmp_path / "ledger.sqlite"
    return ("--rpc", deployed.rpc.url, "--deployment", str(deployed.record), "--ledger", str(ledger))


def test_watch__desk_goes_and_returns__is_drawn_again_and_ctrl_c_leaves_the_terminal_clean(
    deployed: Deployed, where: tuple[str, ...]
) -> None:
    with running_desk(where):
        screen = Screen("status", *where, "--watch")
        try:
            place = screen.wait_for(r"books at block \d+, 0 blocks[\s\S]*inventory[\s\S]*WETH")
            assert _HIDE in screen.raw
            screen.wait_for(r"books at block \d+, 0 blocks", since=place)
        except BaseException:
            screen.close()
            raise
    try:
        # Nobody follows the chain now, and the page says so.
        deployed.rpc.call("evm_mine")
        place = screen.wait_for(r"books at block \d+, 1 blocks \(\d+ s\) behind", since=len(screen.raw))
        with running_desk(where):
            screen.wait_for(r"books at block \d+, 0 blocks", since=place)
            assert screen.interrupt() == 0
        assert screen.raw.rindex(_SHOW) > screen.raw.rindex(_HIDE)
        assert termios.tcgetattr(screen.line) == screen.before
        assert not re.search(r"Traceback|Aborted|\^C\w", screen.raw)
        # The prompt comes to a line of its own.
        assert _ESCAPES.sub("", screen.raw).endswith("\n")
    finally:
        screen.close()


def test_watch__no_desk_was_ever_there__is_one_line_and_an_end(where: tuple[str, ...]) -> None:
    screen = Screen("status", *where, "--watch")
    try:
        screen.wait_for(r"error: .*ledger")
        assert screen.process.wait(_WITHIN_S) == 2
        assert _HIDE not in screen.raw
    finally:
        screen.close()
