"""The import direction holds, and the tool that checks it can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "src" / "pmm", tmp_path / "src" / "pmm", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_lint_imports__the_tree_as_it_is__passes(copy: Path) -> None:
    outcome = _lint(copy)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("domain", "import pmm.server"),
        ("pricing", "import pmm.execution"),
        ("domain", "import httpx"),
        ("risk", "import time"),
        ("execution", "import ape"),
        ("chain", "import pmm.cli"),
    ],
)
def test_lint_imports__planted_bad_import__fails(copy: Path, module: str, planted: str) -> None:
    (copy / "src" / "pmm" / module / "planted.py").write_text(f"{planted}\n")
    outcome = _lint(copy)
    assert outcome.returncode != 0
    assert "BROKEN" in outcome.stdout
