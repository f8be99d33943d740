"""A lock between processes, so that two of them never build or start the same thing at once."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmm.errors import SetupError

_WAIT_S = 900.0
_POLL_S = 0.1


@contextmanager
def exclusive(path: Path, *, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Hold the lock file ``path``; it is freed when the process ends in any way.

    Raises:
        SetupError: another process holds it for longer than ``wait_s``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SetupError(
                        f"expected the lock {path} to be free within {wait_s:.0f} s, found it held by another "
                        "pmm process; wait for it or end it"
                    ) from None
                time.sleep(_POLL_S)
        yield
