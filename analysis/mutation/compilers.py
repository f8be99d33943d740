"""Compiles one contract with one changed file, with the settings of ape-config.yaml."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vyper.compiler import compile_from_file_input  # type: ignore[import-untyped]
from vyper.compiler.input_bundle import FilesystemInputBundle  # type: ignore[import-untyped]
from vyper.compiler.settings import OptimizationLevel, Settings  # type: ignore[import-untyped]

from analysis.staging import CONTRACTS, optimizer_runs, solc_version
from pmm.errors import SetupError
from pmm.toolchain.solc import compile_standard_json

_VYPER_IMPORT = re.compile(r"^from (\.+)([\w.]*) import (\w+)", re.MULTILINE)
_SOLIDITY_IMPORT = re.compile(r'^import [^;]*"([^"]+)";', re.MULTILINE)


class DoesNotCompileError(Exception):
    """The compiler refuses the mutant."""


def _vyper_imports(path: Path, text: str) -> Iterable[Path]:
    for dots, package, name in _VYPER_IMPORT.findall(text):
        folder = path.parent
        for _ in dots[1:]:
            folder = folder.parent
        yield folder.joinpath(*filter(None, package.split(".")), f"{name}.vy")


def _solidity_imports(path: Path, text: str) -> Iterable[Path]:
    for name in _SOLIDITY_IMPORT.findall(text):
        yield (path.parent / name).resolve() if name.startswith(".") else CONTRACTS.parent / name


def sources_of(contract: str) -> dict[str, str]:
    """Return the files whose code ends up in a contract: it and, transitively, what it imports.

    Interfaces have no code and are left out. Names are relative to contracts/.
    """
    found: dict[str, str] = {}
    pending = [CONTRACTS / contract]
    while pending:
        path = pending.pop()
        name = str(path.relative_to(CONTRACTS))
        if name in found or not path.is_file() or "interfaces" in path.parts:
            continue
        text = path.read_text()
        found[name] = text
        pending += (_vyper_imports if path.suffix == ".vy" else _solidity_imports)(path, text)
    return dict(sorted(found.items()))


class VyperCompiler:
    """Compiles in this process, from a copy of the sources; without metadata, which holds a hash of them."""

    def __init__(self, contract: str) -> None:
        self._contract = contract
        self._folder = tempfile.TemporaryDirectory(prefix="mutation-vyper-")
        self._root = Path(self._folder.name)
        shutil.copytree(CONTRACTS, self._root / "contracts")

    def compile(self, file: str = "", text: str = "") -> str:
        """Return the deployment bytecode with ``text`` in the place of ``file``.

        Raises:
            DoesNotCompileError: as it says.
        """
        path = self._root / "contracts" / file
        original = path.read_text() if file else ""
        if file:
            path.write_text(text)
        try:
            bundle = FilesystemInputBundle([self._root])
            source = bundle.load_file(self._root / "contracts" / self._contract)
            settings = Settings(optimize=OptimizationLevel.GAS, evm_version="cancun")
            output = compile_from_file_input(
                source,
                input_bundle=bundle,
                output_formats=("bytecode",),
                settings=settings,
                no_bytecode_metadata=True,
            )
        except Exception as error:
            # The compiler also dies of inputs that it should refuse.
            raise DoesNotCompileError(f"{type(error).__name__}: {error}".splitlines()[0]) from error
        finally:
            if file:
                path.write_text(original)
        return str(output["bytecode"])


class SolidityCompiler:
    """Compiles with solc of ape-config.yaml; without metadata, so that equal code has equal bytes."""

    def __init__(self, contract: str) -> None:
        self._contract = contract
        self._sources = {
            f"contracts/{path.relative_to(CONTRACTS)}": path.read_text()
            for path in CONTRACTS.rglob("*.sol")
            if "mocks" not in path.parts
        }

    def compile(self, file: str = "", text: str = "") -> str:
        """Return the deployment bytecode with ``text`` in the place of ``file``.

        Raises:
            DoesNotCompileError: as it says.
            SetupError: the compiler did not come to an answer.
        """
        changed = {f"contracts/{file}": text} if file else {}
        name = Path(self._contract).stem
        request: dict[str, Any] = {
            "language": "Solidity",
            "sources": {key: {"content": value} for key, value in (self._sources | changed).items()},
            "settings": {
                "evmVersion": "cancun",
                "viaIR": True,
                "optimizer": {"enabled": True, "runs": optimizer_runs()},
                "metadata": {"bytecodeHash": "none", "appendCBOR": False},
                "outputSelection": {f"contracts/{self._contract}": {name: ["evm.bytecode.object"]}},
            },
        }
        try:
            output = compile_standard_json(solc_version(), request)
        except SetupError as error:
            # A compiler that was ended or did not start says nothing about the mutant.
            if error.__cause__ is not None:
                raise
            raise DoesNotCompileError(str(error)[:300]) from error
        return "0x" + str(
            output["contracts"][f"contracts/{self._contract}"][name]["evm"]["bytecode"]["object"]
        )


def compiler_of(contract: str) -> VyperCompiler | SolidityCompiler:
    return VyperCompiler(contract) if contract.endswith(".vy") else SolidityCompiler(contract)
