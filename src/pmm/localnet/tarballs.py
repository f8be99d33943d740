"""Fetches the protocols' npm tarballs, pinned by integrity hash, and unpacks each once.

Nothing is installed and no script of a package runs: ``npm pack`` fetches the tarball through the registry the
user has configured, its hash must equal the one in ``packages.lock.json``, and it is unpacked into a git-ignored
cache folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from pmm.errors import SetupError
from pmm.toolchain import node_path, npm_command, project_root

LOCK_PATH = Path(__file__).with_name("packages.lock.json")
_PACK_TIMEOUT_S = 300
_PARALLEL_FETCHES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One npm package version and the hash its tarball must have.

    Attributes:
        integrity: ``sha512-`` and the base64 digest, as npm writes it.
        licence: what the package's own manifest states.
    """

    name: str
    version: str
    integrity: str
    licence: str

    @property
    def spec(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


def cache_folder() -> Path:
    """Return the git-ignored folder of everything this package fetches and builds."""
    return project_root() / ".cache" / "localnet"


def read_lock(path: Path = LOCK_PATH) -> dict[str, LockedPackage]:
    """Return the locked packages by name.

    Raises:
        SetupError: the lock is not a list of complete entries.
    """
    try:
        entries = [LockedPackage(**entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise SetupError(
            f"expected {path} to list name, version, integrity and licence, found: {error}"
        ) from error
    return {entry.name: entry for entry in entries}


def integrity_of(tarball: bytes) -> str:
    """Return the npm integrity string (sha512) of a tarball."""
    return "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()


def verify_integrity(package: LockedPackage, tarball: bytes) -> None:
    """Require the locked hash.

    Raises:
        SetupError: the tarball is not the locked one.
    """
    found = integrity_of(tarball)
    if found != package.integrity:
        raise SetupError(
            f"expected the tarball of {package.spec} to have integrity {package.integrity}, found {found}; "
            "the registry served something else than was locked: do not use it, check your npm registry setting"
        )


def npm_pack(spec: str, folder: Path) -> bytes:
    """Fetch one tarball through the configured registry and return its bytes.

    Raises:
        SetupError: npm is missing, or the registry did not deliver.
    """
    command = [*npm_command(), "pack", spec, "--ignore-scripts", "--loglevel=error", "--json"]
    path = os.pathsep.join((str(node_path().parent), os.environ.get("PATH", "")))
    try:
        subprocess.run(  # noqa: S603 - the spec comes from our own lock
            [*command, "--pack-destination", str(folder)],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=_PACK_TIMEOUT_S,
            check=True,
        )
        return next(folder.glob("*.tgz")).read_bytes()
    except (subprocess.SubprocessError, StopIteration) as error:
        output = getattr(error, "stderr", "") or ""
        reason = next((line for line in output.splitlines() if "code" in line), str(error)[:200])
        raise SetupError(
            f"expected npm to fetch {spec}, it failed ({reason}); connect to the network once, or point npm at a "
            "registry that has it (npm config set registry ...): later runs need no network"
        ) from error
    finally:
        for stale in folder.glob("*.tgz"):
            stale.unlink()


class Packages:
    """The locked packages, fetched on first use.

    Args:
        lock: packages by name.
        folder: where they are unpacked, as ``<folder>/<name>@<version>``.
        fetch: gets a tarball by ``name@version``; the second argument is a scratch folder.
    """

    def __init__(
        self,
        lock: Mapping[str, LockedPackage] | None = None,
        folder: Path | None = None,
        fetch: Callable[[str, Path], bytes] = npm_pack,
    ) -> None:
        self._lock = read_lock() if lock is None else lock
        self._folder = folder or cache_folder() / "packages"
        self._fetch = fetch

    def locked(self, name: str) -> LockedPackage:
        """Return the lock entry of ``name``.

        Raises:
            SetupError: the lock has no such package.
        """
        if name not in self._lock:
            raise SetupError(f"expected {name} in {LOCK_PATH.name}, found {sorted(self._lock)}")
        return self._lock[name]

    def version(self, name: str) -> str:
        """Return the locked version of ``name``."""
        return self.locked(name).version

    def path(self, name: str, inside: str = "") -> Path:
        """Return the unpacked package, or the file ``inside`` it; fetches on first use.

        Raises:
            SetupError: it cannot be fetched, fails its hash, or has no such file.
        """
        package = self.locked(name)
        target = self._folder / package.spec
        if not target.is_dir():
            self._unpack(package, target)
        found = target / inside
        if not found.exists():
            raise SetupError(f"expected {inside} in {package.spec}, found no such file in {target}")
        return found

    def fetch_all(self, on_progress: Callable[[str, int, int], None] | None = None) -> None:
        """Fetch what is missing, several at a time; calls ``on_progress(spec, done, total)``."""
        missing = [p for p in self._lock.values() if not (self._folder / p.spec).is_dir()]
        with ThreadPoolExecutor(_PARALLEL_FETCHES) as pool:
            futures = {pool.submit(self.path, p.name): p for p in missing}
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    if on_progress:
                        on_progress(futures[future].spec, done, len(missing))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _unpack(self, package: LockedPackage, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".fetch-") as scratch_name:
            scratch = Path(scratch_name)
            tarball = self._fetch(package.spec, scratch)
            verify_integrity(package, tarball)
            archive_path, unpacked = scratch / "package.tar", scratch / "unpacked"
            archive_path.write_bytes(tarball)
            with tarfile.open(archive_path) as archive:
                archive.extractall(unpacked, filter="data")
            # npm tarballs hold one top folder, nearly always called `package`.
            (top,) = unpacked.iterdir()
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                top.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was first: same hash, same files
                    raise


def lock_entries(specs: Iterable[str], fetch: Callable[[str, Path], bytes] = npm_pack) -> list[LockedPackage]:
    """Return lock entries for ``name@version`` specs, from the tarballs themselves."""
    entries = []
    for spec in specs:
        name, _, version = spec.rpartition("@")
        with tempfile.TemporaryDirectory() as scratch_name:
            scratch = Path(scratch_name)
            tarball = fetch(spec, scratch)
            archive_path = scratch / "package.tar"
            archive_path.write_bytes(tarball)
            with tarfile.open(archive_path) as archive:
                manifest = next(
                    m for m in archive if m.name.count("/") == 1 and m.name.endswith("/package.json")
                )
                stream = archive.extractfile(manifest)
                assert stream is not None
                licence = json.load(stream).get("license", "see its repository")
        entries.append(
            LockedPackage(name=name, version=version, integrity=integrity_of(tarball), licence=str(licence))
        )
    return entries


def write_lock(specs: Sequence[str], path: Path = LOCK_PATH) -> None:
    """Maintainer's step: add or replace ``specs`` in the lock.

    ``python -c "from pmm.localnet.tarballs import write_lock; write_lock(['name@version'])"``
    """
    merged = read_lock(path) if path.exists() else {}
    merged |= {entry.name: entry for entry in lock_entries(specs)}
    rows = [asdict(merged[name]) for name in sorted(merged)]
    path.write_text(json.dumps(rows, indent=2) + "\n")
