"""The compiled hash and curve libraries; the pure Python fallbacks cost milliseconds per signature.

Importing this module fails with SetupError, in one line with the remedy, when either is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pmm.errors import SetupError

# keccak256 of nothing; SHA3-256 of nothing is a7ffc6f8..., so this also tells the two apart.
_KECCAK_OF_NOTHING = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
_REMEDY = "install the locked requirements (make setup); pmm does not start on the slow pure Python fallback"

Importer = Callable[[str], Any]


def _load(module: str, package: str, importer: Importer) -> Any:
    try:
        return importer(module)
    except ImportError as error:
        raise SetupError(f"native library {package!r} cannot be imported ({error}): {_REMEDY}") from error


def require_native_backends(importer: Importer = import_module) -> None:
    """Check that compiled keccak (safe-pysha3) and secp256k1 (coincurve) are present and answer correctly.

    ``importer`` is ``importlib.import_module``; a test passes another. Raises SetupError with the remedy.
    """
    sha3 = _load("sha3", "safe-pysha3", importer)
    # The name `sha3` is also used by pure Python packages; only pysha3 brings this extension module.
    _load("_pysha3", "safe-pysha3", importer)
    if sha3.keccak_256(b"").digest() != _KECCAK_OF_NOTHING:
        raise SetupError(f"module 'sha3' does not compute keccak256 (SHA3 has another padding): {_REMEDY}")
    coincurve = _load("coincurve", "coincurve", importer)
    _load("coincurve._libsecp256k1", "coincurve", importer)
    key = coincurve.PrivateKey(b"\x11" * 32)
    signature = key.sign_recoverable(_KECCAK_OF_NOTHING, hasher=None)
    recovered = coincurve.PublicKey.from_signature_and_message(signature, _KECCAK_OF_NOTHING, hasher=None)
    if recovered.format() != key.public_key.format():
        raise SetupError(f"'coincurve' does not recover its own signature: {_REMEDY}")


require_native_backends()
_keccak_256 = import_module("sha3").keccak_256


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest."""
    digest: bytes = _keccak_256(data).digest()
    return digest
