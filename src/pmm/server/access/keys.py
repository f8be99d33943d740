"""API keys and HMAC secrets in one private file.

A key is ``pmm_<id>_<secret>`` with 256 random bits of secret: nothing can be guessed offline, so that a plain SHA-256
of it is kept and no slow hash costs time per request. An HMAC secret must be known to check a signature; it is in the
file as it is, which is why the file must be readable by its owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from pmm.errors import InvalidInput, SetupError, UnsafeToSign
from pmm.server.access.roles import Principal, Role

_PREFIX = "pmm"
_ID_BYTES, _SECRET_BYTES = 6, 32
_MAX_FILE_BYTES = 4_000_000


class KeyKind(StrEnum):
    """How a key proves itself: sent along, or used to sign each request."""

    API_KEY = "api_key"
    HMAC = "hmac"


class KeyRecord(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One key. ``verifier`` is the SHA-256 of an API key in hex, or the HMAC secret; ``repr`` leaves it out."""

    key_id: str
    kind: KeyKind
    role: Role
    name: str
    verifier: str
    created_at_s: int
    revoked_at_s: int | None = None
    rate_per_s: float | None = None
    burst: int | None = None

    def __repr__(self) -> str:
        return f"KeyRecord({self.key_id}, {self.kind}, {self.role}, {self.name})"

    @property
    def principal(self) -> Principal:
        """Who its holder is."""
        return Principal(key_id=self.key_id, role=self.role, name=self.name)


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    version: int
    keys: list[KeyRecord]


def new_key(
    *,
    kind: KeyKind,
    role: Role,
    name: str,
    now_s: int,
    rate_per_s: float | None = None,
    burst: int | None = None,
) -> tuple[KeyRecord, str]:
    """Return a new key's record and what its holder gets; that text exists nowhere else."""
    if not name or not name.isprintable() or len(name) > 64:
        raise InvalidInput(f"key name: expected 1 to 64 printable characters, found {name!r}")
    key_id = secrets.token_hex(_ID_BYTES)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    shown = f"{_PREFIX}_{key_id}_{secret}"
    verifier = secret if kind is KeyKind.HMAC else _digest(shown)
    record = KeyRecord(
        key_id=key_id,
        kind=kind,
        role=role,
        name=name,
        verifier=verifier,
        created_at_s=now_s,
        rate_per_s=rate_per_s,
        burst=burst,
    )
    return record, shown


def read_keys(path: Path) -> list[KeyRecord]:
    """Return the keys of a file, none if it does not exist.

    Raises UnsafeToSign when others than its owner can read it, InvalidInput when it is no key file.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise UnsafeToSign(
                    f"key file {path}: expected mode 0600, found {mode:04o}: others can read it; run chmod 600 {path}"
                )
            data = file.read(_MAX_FILE_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SetupError(f"key file {path}: {error.strerror}; check PMM_AUTH_KEYS_FILE") from error
    try:
        keys = msgspec.json.decode(data, type=_File).keys
    except msgspec.DecodeError as error:
        # Without the cause, which could quote the file.
        detail = str(error).split(" - ")[-1]
        raise InvalidInput(
            f"key file {path}: expected what `pmm keys` writes, found a mistake at {detail}"
        ) from None
    if len({key.key_id for key in keys}) != len(keys):
        raise InvalidInput(f"key file {path}: expected every key_id once; remove the copy")
    return keys


def write_keys(path: Path, keys: Iterable[KeyRecord]) -> None:
    """Replace a key file in one step; a crash leaves the old one. Raises SetupError when it cannot be written."""
    data = msgspec.json.format(msgspec.json.encode(_File(version=1, keys=list(keys))), indent=1)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(f"key file {path}: could not write it: {error.strerror or error}") from error


class Keyring:
    """The keys of a file; looks again when the file has changed, so that a revoked key ends by itself.

    A file that has become unreadable leaves the keys as they were; ``fault`` says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._by_id: dict[str, KeyRecord] = {}
        self.fault: str | None = None
        self._load()

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """Every key that is not revoked."""
        return tuple(self._by_id.values())

    def refresh(self) -> None:
        """Look whether the file has changed, and take it if it has and is good."""
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        try:
            self._load()
        except (InvalidInput, SetupError, UnsafeToSign) as error:
            self.fault = str(error)
            self._stamp = stamp

    def find_hmac(self, key_id: str) -> KeyRecord | None:
        """Return the HMAC key with this id."""
        record = self._by_id.get(key_id)
        return record if record is not None and record.kind is KeyKind.HMAC else None

    def check_api_key(self, shown: str) -> KeyRecord | None:
        """Return the record of an API key as its holder sends it, None when it is wrong, revoked or no key."""
        parts = shown.split("_", 2)
        record = self._by_id.get(parts[1]) if len(parts) == 3 and parts[0] == _PREFIX else None
        expected = record.verifier if record is not None and record.kind is KeyKind.API_KEY else ""
        good = hmac.compare_digest(_digest(shown), expected)
        return record if good else None

    def _load(self) -> None:
        stamp = self._stamp_now()
        keys = read_keys(self._path)
        self._by_id = {key.key_id: key for key in keys if key.revoked_at_s is None}
        self._stamp, self.fault = stamp, None

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
