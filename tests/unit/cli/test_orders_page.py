"""The console blocks of docs/orders.md are what the commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_PAGE = Path(__file__).parents[3] / "docs" / "orders.md"


def _steps() -> list[tuple[str, str]]:
    """Return (command, output) pairs in the order of the page."""
    blocks = re.findall(r"```console\n(.*?)```", _PAGE.read_text(), flags=re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def test_page__every_command__prints_what_the_page_shows(tmp_path: Path) -> None:
    steps = _steps()
    assert len(steps) == 10
    shown_order = steps[0][1]
    (tmp_path / "order.json").write_text(shown_order)
    environment = {name: value for name, value in os.environ.items() if name != "PMM_LIVE"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for command, output in steps:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.rstrip("\n") == output.rstrip("\n"), command
