"""Where ``pmm order sign`` gets its key: never from an argument, which the process list and history show."""

from __future__ import annotations

import getpass
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pmm.domain import SigningKey
from pmm.errors import InvalidInput, UnsafeToSign

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_KEY_LIKE = re.compile(r"(?:0x)?[0-9a-fA-F]{64}", re.ASCII)
_MAX_FILE_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Exactly one of ``env``, ``file`` and ``keystore`` is set."""

    env: str | None = None
    file: Path | None = None
    keystore: Path | None = None
    password_env: str | None = None
    password_file: Path | None = None

    def load(self, environ: Mapping[str, str]) -> SigningKey:
        """Return the key; raise InvalidInput or UnsafeToSign without ever repeating a secret."""
        given = [name for name in ("env", "file", "keystore") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InvalidInput(
                "signing key: expected exactly one of --key-env NAME, --key-file PATH, --keystore PATH; "
                f"found {len(given)}"
            )
        if self.keystore is not None:
            return self._from_keystore(self.keystore, environ)
        if self.file is not None:
            return SigningKey.from_hex(_read_private(self.file, "key file"))
        return SigningKey.from_hex(_variable(str(self.env), "--key-env", environ))

    def _from_keystore(self, path: Path, environ: Mapping[str, str]) -> SigningKey:
        text = _read(path, "keystore", private=False)
        # eth-account takes a second to import: only for those who use a keystore.
        from eth_account import Account

        try:
            return SigningKey(bytes(Account.decrypt(text, self._password(environ))))
        except (ValueError, KeyError, TypeError, NotImplementedError) as error:
            if isinstance(error, InvalidInput):
                raise
            # The cause could quote the file: it is left out on purpose.
            raise InvalidInput(
                f"keystore {path}: expected an encrypted eth-account file and its password, found that they do "
                "not fit; check both"
            ) from None

    def _password(self, environ: Mapping[str, str]) -> str:
        if self.password_env is not None:
            return _variable(self.password_env, "--password-env", environ)
        if self.password_file is not None:
            return _read_private(self.password_file, "password file")
        try:
            return getpass.getpass("keystore password: ")
        except (EOFError, OSError) as error:
            raise InvalidInput(
                "keystore: expected a password; there is no terminal, give --password-env NAME or "
                "--password-file PATH"
            ) from error


def _variable(name: str, option: str, environ: Mapping[str, str]) -> str:
    if _KEY_LIKE.fullmatch(name):
        raise UnsafeToSign(
            f"{option}: expected the NAME of an environment variable, found what looks like a private key. "
            "Arguments show in the process list and in the shell history: treat that key as stolen"
        )
    if not _ENV_NAME.fullmatch(name):
        raise InvalidInput(f"{option}: expected the NAME of an environment variable")
    value = environ.get(name)
    if not value:
        raise InvalidInput(f"{option}: environment variable {name} is not set or empty; export it first")
    return value


def _read_private(path: Path, what: str) -> str:
    return _read(path, what, private=True).strip()


def _read(path: Path, what: str, *, private: bool) -> str:
    try:
        with path.open("rb") as file:
            # Checked on the open file, so that it cannot be swapped in between.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{what} {path}: expected a regular file")
            if private and status.st_mode & 0o077:
                raise UnsafeToSign(
                    f"{what} {path}: expected mode 0600, found {stat.S_IMODE(status.st_mode):04o}: others can read "
                    f"it; run chmod 600 {path}"
                )
            return file.read(_MAX_FILE_BYTES).decode("ascii")
    except OSError as error:
        raise InvalidInput(f"{what} {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidInput(f"{what} {path}: expected text") from None
