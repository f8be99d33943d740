"""Compiles what the benchmark deploys, all of it cached by content.

Our own Solidity contracts are compiled by the compiler and the settings of ``ape-config.yaml``, under the unit
names that Ape gives them, so that the bytes are Ape's and a change of the settings is measured at once.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from pmm.localnet.artifacts import Compiled, compile_contracts, write_atomically
from pmm.localnet.tarballs import Packages, cache_folder, read_lock
from pmm.toolchain import project_root

_COMPILE_TIMEOUT_S = 300
_FOLDER = Path(__file__).parent
_OPENZEPPELIN = "@openzeppelin/contracts"
_ONE_MILLION_RUNS = {"optimizer": {"enabled": True, "runs": 1_000_000}, "evmVersion": "shanghai"}


@cache
def packages() -> Packages:
    """Return the packages of the offline mainnet."""
    return Packages()


@cache
def peer_packages() -> Packages:
    """Return the packages of the benchmark's own lock."""
    return Packages(read_lock(_FOLDER / "packages.lock.json"))


@cache
def ape_config() -> dict[str, Any]:
    """Return ape-config.yaml."""
    config: dict[str, Any] = yaml.safe_load((project_root() / "ape-config.yaml").read_text())
    return config


def solidity_settings() -> dict[str, Any]:
    """Return the project's compiler settings for Solidity."""
    solidity = ape_config()["solidity"]
    return {
        "optimizer": {"enabled": True, "runs": solidity["optimization_runs"]},
        "viaIR": solidity["via_ir"],
        "evmVersion": solidity["evm_version"],
    }


@cache
def own_contract(name: str) -> Compiled:
    """Compile ``contracts/<name>.sol`` or ``contracts/<name>.vy`` of this project."""
    folder = project_root() / "contracts"
    if (folder / f"{name}.vy").exists():
        return _vyper_contract(folder, name)
    unit = f"contracts/{name}.sol"
    compiled = compile_contracts(
        solc=ape_config()["solidity"]["version"],
        entries={unit: (folder / f"{name}.sol").read_text()},
        roots={"contracts/": folder},
        settings=solidity_settings(),
        contracts=[f"{unit}:{name}"],
    )
    return compiled[f"{unit}:{name}"]


def _vyper_contract(folder: Path, name: str) -> Compiled:
    # As Ape does it: the command line of the installed compiler.
    sources = sorted(p for p in folder.rglob("*") if p.suffix in (".vy", ".vyi", ".json"))
    evm_version = ape_config()["vyper"]["evm_version"]
    digest = hashlib.sha256(f"{name} {evm_version} {version('vyper')}".encode())
    for path in sources:
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    cached = cache_folder() / "compiled" / f"{digest.hexdigest()[:32]}.json"
    if not cached.is_file():
        command = [sys.executable, "-m", "vyper", "-f", "abi,bytecode,bytecode_runtime", "-p", "."]
        output = subprocess.run(
            [*command, "--evm-version", evm_version, f"contracts/{name}.vy"],
            cwd=project_root(),
            capture_output=True,
            text=True,
            timeout=_COMPILE_TIMEOUT_S,
            check=True,
        ).stdout
        write_atomically(cached, json.dumps(output.split("\n")[:3]).encode())
    abi, bytecode, runtime = json.loads(cached.read_text())
    return Compiled(bytecode=bytecode, link_references={}, abi=json.loads(abi), runtime=runtime)


@cache
def bench_contract(source: str, name: str) -> Compiled:
    """Compile a contract of the benchmark itself, as the tokens: solc 0.8.23, a million runs."""
    unit = f"benchmark/{source}.sol"
    compiled = compile_contracts(
        solc="0.8.23",
        entries={unit: (_FOLDER / "solidity" / f"{source}.sol").read_text()},
        roots={f"{_OPENZEPPELIN}/": packages().path(_OPENZEPPELIN)},
        settings=_ONE_MILLION_RUNS,
        contracts=[f"{unit}:{name}"],
    )
    return compiled[f"{unit}:{name}"]
