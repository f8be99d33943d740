"""A child whose pipe has a number of more than one digit, as where much is open."""

from __future__ import annotations

import os
from pathlib import Path

from pmm.demo.child import Child


def test_child__many_open_files__runs_and_ends_with_its_parent(tmp_path: Path) -> None:
    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    try:
        with Child("echo", ["echo", "hello"], log=tmp_path / "echo.log") as child:
            assert child.wait(10) == 0
        assert (tmp_path / "echo.log").read_text() == "hello\n"
        with Child("sleep", ["sleep", "60"], log=tmp_path / "sleep.log") as child:
            child.check_alive()
        assert child.process.returncode is not None
    finally:
        for one in kept:
            os.close(one)
