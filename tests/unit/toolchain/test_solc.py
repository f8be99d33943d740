"""The npm compilers behave like native ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.toolchain import compile_standard_json, install_solc_launchers, solc_command

SOURCE = (
    "pragma solidity 0.8.37; contract One { function one() external pure returns (uint256) { return 1; } }"
)


def _input(source: str) -> dict[str, object]:
    return {
        "language": "Solidity",
        "sources": {"One.sol": {"content": source}},
        "settings": {"outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }


def test_install_solc_launchers__each_version__answers_as_native_solc(tmp_path: Path) -> None:
    launchers = install_solc_launchers(tmp_path)
    assert {launcher.name for launcher in launchers} >= {"solc-v0.8.37", "solc-v0.8.23"}
    for launcher in launchers:
        answer = subprocess.run(
            [launcher, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
        assert f"Version: {launcher.name.removeprefix('solc-v')}+commit." in answer.stdout


def test_environment__launchers__are_found_by_py_solc_x() -> None:
    import solcx

    assert Path(os.environ["SOLCX_BINARY_PATH"]).is_dir()
    assert "0.8.37" in {str(version) for version in solcx.get_installed_solc_versions()}


def test_compile_standard_json__good_source__returns_bytecode() -> None:
    output = compile_standard_json("0.8.37", _input(SOURCE))
    assert output["contracts"]["One.sol"]["One"]["evm"]["bytecode"]["object"]


def test_compile_standard_json__bad_source__raises_with_the_compilers_words() -> None:
    with pytest.raises(SetupError, match="ParserError"):
        compile_standard_json("0.8.37", _input("pragma solidity 0.8.37; contract {"))


def test_solc_command__unknown_version__names_the_remedy() -> None:
    with pytest.raises(SetupError, match=r"expected solc 0\.1\.0 .* run `make setup`"):
        solc_command("0.1.0")
