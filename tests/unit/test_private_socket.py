"""A socket of one user: its mode, its place, what a killed process leaves behind."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.private_socket import bind_private, peer_uid


def bound(path: Path) -> socket.socket:
    return bind_private(path, what="door", listens="porter")


def test_bind__free_path__is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with bound(path) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        listener.listen()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            connection, _ = listener.accept()
            with connection:
                assert peer_uid(connection) == os.geteuid()


def test_bind__left_behind_by_a_killed_process__is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "door"
    bound(path).close()
    assert path.exists()
    bound(path).close()


def test_bind__somebody_listens__is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with bound(path) as listener:
        listener.listen()
        with pytest.raises(
            SetupError, match=r"door: expected a free path at .*another porter that listens there"
        ):
            bound(path)
        assert path.exists()


def test_bind__file_that_is_no_socket__is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("dear")
    with pytest.raises(SetupError, match=r"found a file that is no socket; it stays"):
        bound(path)
    assert path.read_text() == "dear"


def test_bind__place_that_cannot_hold_one__says_why(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"folder of .* to exist"):
        bound(tmp_path / "none" / "door")
    with pytest.raises(SetupError, match=r"at most 107 bytes"):
        bound(tmp_path / ("d" * 120))
