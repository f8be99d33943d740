"""A rotation over restarts: who may start in which state, and how it moves on with the chain."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.domain import SigningKey
from pmm.errors import ChainError, InvalidInput, SetupError, UnsafeToSign
from pmm.execution import GuardedSigner, ReservationBook, SigningMode
from pmm.server.rotation_desk import SignerRotationDesk
from pmm.signers.rotation import RotationState
from tests.helpers.quoting import ANVIL, chain_view, market

_KEYS = {name: SigningKey(bytes([number]) * 32) for number, name in enumerate(("old", "new", "third"), 1)}


def _start(folder: Path, who: str, *, lanes: int = 4, fails: bool = False) -> SignerRotationDesk:
    def lanes_of(_: str) -> int:
        if fails:
            raise ChainError("no node")
        return lanes

    return SignerRotationDesk(
        folder / "rotation.json",
        signer=GuardedSigner(_KEYS[who], mode=SigningMode.DEVELOPMENT, node=ANVIL),
        book=ReservationBook(confirmations=0),
        lanes_of=lanes_of,
        ttl_s=30,
        confirmations=2,
    )


def _block(desk: SignerRotationDesk, number: int) -> None:
    snapshot = replace(market(block_number=number), block_timestamp_s=1_750_000_000 + 12 * number)
    asyncio.run(desk.on_view(chain_view(snapshot)))


def _begun(folder: Path, *, blocks: int = 1) -> SignerRotationDesk:
    desk = _start(folder, "old")
    _block(desk, 100)
    desk.begin(_KEYS["new"].address, "ada")
    for number in range(101, 101 + blocks):
        _block(desk, number)
    return desk


def _state(desk: SignerRotationDesk) -> RotationState:
    assert desk.rotation is not None
    return desk.rotation.state


def test_rotation__whole_way_over_a_restart__ends_retired(tmp_path: Path) -> None:
    assert _state(_begun(tmp_path, blocks=3)) is RotationState.OVERLAP
    assert (tmp_path / "rotation.json").stat().st_mode & 0o777 == 0o600
    desk = _start(tmp_path, "new")
    _block(desk, 110)
    assert _state(desk) is RotationState.SWITCHED
    for number in range(111, 120):
        _block(desk, number)
    assert _state(desk) is RotationState.RETIRED
    _start(tmp_path, "new")


@pytest.mark.parametrize(("blocks", "who"), [(1, "new"), (1, "third"), (3, "third")])
def test_start__key_that_the_rotation_does_not_expect__is_refused(
    tmp_path: Path, blocks: int, who: str
) -> None:
    _begun(tmp_path, blocks=blocks)
    with pytest.raises(UnsafeToSign, match="start with the key of"):
        _start(tmp_path, who)


def test_start__old_key_after_the_switch__is_refused(tmp_path: Path) -> None:
    _begun(tmp_path, blocks=3)
    _block(_start(tmp_path, "new"), 110)
    with pytest.raises(UnsafeToSign, match="switched"):
        _start(tmp_path, "old")


def test_start__old_key_before_the_switch__goes_on(tmp_path: Path) -> None:
    _begun(tmp_path, blocks=3)
    assert _state(_start(tmp_path, "old")) is RotationState.OVERLAP


def test_begin__twice_or_to_itself__is_refused(tmp_path: Path) -> None:
    desk = _begun(tmp_path)
    with pytest.raises(InvalidInput, match="under way"):
        desk.begin(_KEYS["third"].address, "bob")
    desk.abandon("ada")
    with pytest.raises(InvalidInput, match="another signer"):
        desk.begin(_KEYS["old"].address, "ada")


def test_on_view__chain_does_not_answer__waits(tmp_path: Path) -> None:
    _begun(tmp_path, blocks=0)
    desk = _start(tmp_path, "old", fails=True)
    _block(desk, 105)
    assert _state(desk) is RotationState.WAITING


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "flying"}', '{"state": "waiting"}'])
def test_start__file_of_something_else__is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rotation.json").write_text(text)
    with pytest.raises(SetupError, match="rotation file"):
        _start(tmp_path, "old")
