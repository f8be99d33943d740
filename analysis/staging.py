"""A copy of the Solidity sources in .cache that analysers may compile, mutate and litter.

forge would also want to compile the Vyper sources, and planted faults must never touch the working tree.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "analysis"
CONTRACTS = ROOT / "contracts"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

_FOUNDRY_TOML = """[profile.default]
src = "contracts"
test = "test"
out = "out"
cache_path = "cache"
libs = []
remappings = ["contracts/=contracts/"]
solc = "{solc}"
offline = true
evm_version = "cancun"
via_ir = true
optimizer = true
optimizer_runs = {runs}
deny = "never"

[lint]
lint_on_build = false
"""


def forge_folder() -> Path:
    """Return the folder of the forge executable that ``make`` installed under .cache."""
    machine = platform.machine().lower()
    package = f"forge-{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    folder = CACHE / "forge" / "node_modules" / "@foundry-rs" / package / "bin"
    if not (folder / "forge").is_file():
        raise SystemExit(
            f"error: expected forge in {folder}, found none; run the make target, which installs it"
        )
    return folder


def environment(tool: str) -> dict[str, str]:
    """Return the environment of a tool's process: its own venv and forge come first on PATH."""
    path = os.pathsep.join((str(CACHE / tool / "bin"), str(forge_folder()), os.environ.get("PATH", "")))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FOUNDRY_", "DAPP_"))}
    return {**kept, "PATH": path, "NO_COLOR": "1"}


def _ape_setting(name: str) -> str:
    found = re.search(rf"^\s+{name}: *(\S+)", (ROOT / "ape-config.yaml").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"error: expected {name} in ape-config.yaml, found none")
    return found[1]


def solc_version() -> str:
    """Return the compiler version of ape-config.yaml; the first `version` there is solc's."""
    return _ape_setting("version")


def optimizer_runs() -> int:
    return int(_ape_setting("optimization_runs"))


def stage(name: str, tests: Path | None = None) -> Path:
    """Write a forge project of the Solidity sources, without mocks, into .cache and return its folder.

    Sources that did not change keep their time stamps, so that forge does not compile them anew.
    """
    project = CACHE / name
    wanted = {
        Path("contracts") / path.relative_to(CONTRACTS): path.read_text()
        for path in CONTRACTS.rglob("*.sol")
        if "mocks" not in path.parts
    }
    if tests is not None:
        wanted |= {Path("test") / path.name: path.read_text() for path in tests.glob("*.sol")}
    solc = ROOT / ".solcx" / f"solc-v{solc_version()}"
    wanted[Path("foundry.toml")] = _FOUNDRY_TOML.format(solc=solc, runs=optimizer_runs())
    for folder in ("contracts", "test"):
        for stale in (project / folder).rglob("*.sol"):
            if stale.relative_to(project) not in wanted:
                stale.unlink()
    for relative, text in wanted.items():
        target = project / relative
        if not target.is_file() or target.read_text() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return project


def reset(name: str) -> None:
    shutil.rmtree(CACHE / name, ignore_errors=True)
