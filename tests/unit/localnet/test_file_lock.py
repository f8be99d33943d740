"""Only one process builds or starts at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.localnet.file_lock import exclusive

_HOLD = "import sys, time; from pmm.localnet.file_lock import exclusive; from pathlib import Path\n"
_HOLD += "with exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


def test_exclusive__held_by_another_process__is_refused_until_that_ends(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(SetupError, match="found it held by another pmm process"),
            exclusive(lock, wait_s=0),
        ):
            pass
    finally:
        holder.kill()  # no chance to clean up: the lock must go with the process
        holder.wait()
    with exclusive(lock, wait_s=5):
        assert lock.exists()
