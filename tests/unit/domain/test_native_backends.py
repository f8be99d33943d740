from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from pmm.domain import keccak256, require_native_backends
from pmm.errors import SetupError


def test_require_native_backends__both_present__passes() -> None:
    require_native_backends()
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


@pytest.mark.parametrize("missing", ["sha3", "_pysha3", "coincurve", "coincurve._libsecp256k1"])
def test_require_native_backends__one_missing__raises_with_the_remedy(missing: str) -> None:
    def importer(name: str) -> Any:
        if name == missing:
            raise ImportError(f"No module named {name!r}")
        return import_module(name)

    with pytest.raises(SetupError, match=r"cannot be imported .*make setup"):
        require_native_backends(importer)


def test_require_native_backends__sha3_that_is_not_keccak__raises() -> None:
    import hashlib

    def importer(name: str) -> Any:
        return SimpleNamespace(keccak_256=hashlib.sha3_256) if name == "sha3" else import_module(name)

    with pytest.raises(SetupError, match="does not compute keccak256"):
        require_native_backends(importer)


@pytest.mark.parametrize("missing", ["coincurve", "_pysha3"])
def test_command_line__native_library_absent__stops_in_one_line(missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from pmm.cli import main; main(['order', 'hash'])"
    done = subprocess.run(
        [sys.executable, "-c", script], input="{}", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: native library ")
    assert done.stderr.count("\n") == 1
