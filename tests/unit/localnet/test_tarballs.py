"""Packages: only the locked bytes are unpacked, once."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.localnet.tarballs import LockedPackage, Packages, integrity_of, lock_entries, read_lock, write_lock

FILES = {"package.json": '{"name": "tale", "version": "1.0.0", "license": "MIT"}', "out/A.json": "{}"}


def tarball(files: dict[str, str] | None = None, *, top: str = "package") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in (files or FILES).items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Registry:
    """Serves one tarball and counts requests."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[str] = []

    def __call__(self, spec: str, folder: Path) -> bytes:
        self.requests.append(spec)
        return self.content


def packages(registry: Registry, folder: Path, *, integrity: str | None = None) -> Packages:
    entry = LockedPackage(
        name="tale", version="1.0.0", integrity=integrity or integrity_of(registry.content), licence="MIT"
    )
    return Packages({"tale": entry}, folder, registry)


def test_path__locked_tarball__unpacks_once_and_serves_files(tmp_path: Path) -> None:
    registry = Registry(tarball())
    found = packages(registry, tmp_path).path("tale", "out/A.json")
    assert found.read_text() == "{}"
    again = packages(registry, tmp_path).path("tale")
    assert again == tmp_path / "tale@1.0.0"
    assert registry.requests == ["tale@1.0.0"]


def test_path__tarball_with_another_top_folder__is_unpacked_alike(tmp_path: Path) -> None:
    assert packages(Registry(tarball(top="tale")), tmp_path).path("tale", "package.json").is_file()


def test_path__tarball_differs_from_lock__is_refused_and_nothing_unpacked(tmp_path: Path) -> None:
    registry = Registry(tarball())
    locked = integrity_of(b"what was locked")
    with pytest.raises(
        SetupError, match=f"expected the tarball of tale@1.0.0 to have integrity {locked[:20]}"
    ):
        packages(registry, tmp_path, integrity=locked).path("tale")
    assert list(tmp_path.iterdir()) == []


def test_path__file_climbing_out_of_the_archive__is_refused(tmp_path: Path) -> None:
    registry = Registry(tarball({"../../evil.txt": "x"}))
    with pytest.raises(tarfile.OutsideDestinationError):
        packages(registry, tmp_path / "cache").path("tale")
    assert not (tmp_path / "evil.txt").exists()


def test_path__package_not_locked__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"expected left-pad in packages.lock.json"):
        packages(Registry(tarball()), tmp_path).path("left-pad")


def test_path__file_not_in_package__names_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"expected out/B.json in tale@1.0.0"):
        packages(Registry(tarball()), tmp_path).path("tale", "out/B.json")


def test_fetch_all__progress__counts_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    packages(Registry(tarball()), tmp_path).fetch_all(lambda *step: seen.append(step))
    assert seen == [("tale@1.0.0", 1, 1)]


def test_fetch_all__mismatch__raises_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="integrity"):
        packages(Registry(tarball()), tmp_path, integrity="sha512-AAAA").fetch_all()


def test_npm_pack__no_network__says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pmm.localnet import tarballs

    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    with pytest.raises(SetupError, match="connect to the network once") as caught:
        tarballs.npm_pack("canonical-weth@1.0.0", tmp_path)
    assert "\n" not in str(caught.value)


def test_read_lock__incomplete_entry__is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text('[{"name": "tale"}]')
    with pytest.raises(SetupError, match="to list name, version, integrity and licence"):
        read_lock(lock)


def test_read_lock__ours__pins_every_package_by_sha512_and_states_a_licence() -> None:
    lock = read_lock()
    assert "@uniswap/v3-core" in lock
    for package in lock.values():
        assert package.integrity.startswith("sha512-")
        assert len(package.integrity) == len("sha512-") + 88
        assert package.licence
        assert package.version[0].isdigit()


def test_write_lock__second_package__merges_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "lock.json"
    content = tarball()
    monkeypatch.setattr(
        "pmm.localnet.tarballs.lock_entries", lambda specs: lock_entries(specs, Registry(content))
    )
    write_lock(["tale@1.0.0"], lock)
    write_lock(["@a/b@2.0.0"], lock)
    rows = json.loads(lock.read_text())
    assert [row["name"] for row in rows] == ["@a/b", "tale"]
    assert rows[1] == {
        "name": "tale",
        "version": "1.0.0",
        "integrity": integrity_of(content),
        "licence": "MIT",
    }
