"""A change in an imported module reaches the contract that imports it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBE = """
import ape
from scripts._build import compile_if_changed
print(compile_if_changed(), ape.project.AtomicHedger.contract_type.deployment_bytecode.bytecode.__hash__())
"""


def _probe(folder: Path) -> tuple[str, str]:
    outcome = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
        env={**os.environ, "PMM_HOME": str(folder), "PYTHONHASHSEED": "0"},
    )
    changed, bytecode = outcome.stdout.split()[-2:]
    return changed, bytecode


def test_compile_if_changed__module_edited__the_importing_contract_is_new(tmp_path: Path) -> None:
    for name in ("ape-config.yaml", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    # Vyper alone: it shows the same and compiles in a second.
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts", ignore=shutil.ignore_patterns("*.sol"))
    first = _probe(tmp_path)
    assert first[0] == "True"
    assert _probe(tmp_path) == ("False", first[1])
    module = tmp_path / "contracts" / "modules" / "funding_plan.vy"
    text = module.read_text()
    edited = text.replace("(2**39 - 1) << 128", "(2**38 - 1) << 129")
    assert edited != text
    module.write_text(edited)
    second = _probe(tmp_path)
    assert second[0] == "True"
    assert second[1] != first[1]
