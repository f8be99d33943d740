"""Recorded mainnet code is used only where its hash says it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from pmm.errors import SetupError
from pmm.localnet.addresses import USDT, WETH
from pmm.localnet.genuine import GenuineCode

CODE = bytes.fromhex("6001")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mainnet" / "bytecode"
    folder.mkdir(parents=True)
    row = {"name": "USDT", "address": USDT.lower(), "codehash": "0x" + keccak(CODE).hex(), "file": "u.hex"}
    (folder / "index.json").write_text(json.dumps([row]))
    (folder / "u.hex").write_text("0x6001\n")
    monkeypatch.setenv("PMM_DATA_DIR", str(tmp_path))
    return folder


def test_runtime__recorded_address__is_its_code(data: Path) -> None:
    assert GenuineCode.from_environment().runtime(USDT) == CODE


def test_runtime__address_not_recorded__is_none(data: Path) -> None:
    assert GenuineCode.from_environment().runtime(WETH) is None


def test_runtime__file_was_changed__is_refused(data: Path) -> None:
    (data / "u.hex").write_text("0x6002")
    with pytest.raises(SetupError, match="expected code hash"):
        GenuineCode.from_environment().runtime(USDT)


def test_from_environment__variable_unset__names_it_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PMM_DATA_DIR", raising=False)
    with pytest.raises(SetupError, match=r"expected PMM_DATA_DIR .* start without --genuine"):
        GenuineCode.from_environment()


def test_from_environment__folder_without_index__names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMM_DATA_DIR", str(tmp_path))
    with pytest.raises(SetupError, match="expected the index of genuine bytecode"):
        GenuineCode.from_environment()
