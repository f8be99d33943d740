"""The name of a state follows its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.localnet.builder import PROTOCOLS, cached_state, recorded_placements, state_key


def test_state_key__same_sources__is_the_same_hash() -> None:
    key = state_key(genuine=False)
    assert key == state_key(genuine=False)
    assert len(key) == 16
    assert int(key, 16) > 0


def test_state_key__genuine_bytecode__follows_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mainnet" / "bytecode"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PMM_DATA_DIR", str(tmp_path))
    keys = {state_key(genuine=False)}
    for rows in ([], [{"name": "a", "address": "0x" + "11" * 20, "codehash": "0x", "file": "a"}]):
        (folder / "index.json").write_text(json.dumps(rows))
        keys.add(state_key(genuine=True))
    assert len(keys) == 3


def test_state_key__genuine_without_data__is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PMM_DATA_DIR", raising=False)
    with pytest.raises(SetupError, match="PMM_DATA_DIR"):
        state_key(genuine=True)


def test_cached_state__nothing_built__is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.localnet.builder.cache_folder", lambda: tmp_path)
    assert cached_state(genuine=False) is None
    with pytest.raises(SetupError, match="run `pmm localnet reset`"):
        recorded_placements("00" * 8)


def test_protocols__order__puts_what_others_use_first() -> None:
    position = {name: index for index, name in enumerate(PROTOCOLS)}
    assert position["tokens"] < position["chainlink"] < position["uniswap_v3"]
    for later in ("morpho", "aave", "compound"):
        assert position["chainlink"] < position[later]
