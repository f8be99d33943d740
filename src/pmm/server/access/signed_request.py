"""HMAC-SHA256 over timestamp, nonce, method, path and body: the secret never travels, a copy works only once.

X-PMM-Key: <key id>    X-PMM-Timestamp: <unix ms>    X-PMM-Nonce: <8 to 64 characters, new each time>
X-PMM-Signature: hex(HMAC-SHA256(secret, timestamp \\n nonce \\n METHOD \\n path?query \\n body))
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY, TIMESTAMP, NONCE, SIGNATURE = (
    b"x-pmm-key",
    b"x-pmm-timestamp",
    b"x-pmm-nonce",
    b"x-pmm-signature",
)
_TIMESTAMP: Final = re.compile(r"[0-9]{10,16}", re.ASCII)
_NONCE: Final = re.compile(r"[A-Za-z0-9_\-]{8,64}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
# At 1,000 requests a second of one key a window of 2 x 60 s fits.
_MOST_NONCES: Final = 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeaders:
    """The four headers, well-formed; ``repr`` leaves the signature out."""

    key_id: str
    timestamp_ms: int
    nonce: str
    signature: str

    def __repr__(self) -> str:
        return f"SignedHeaders({self.key_id}, {self.timestamp_ms})"


def read_headers(headers: Mapping[bytes, bytes]) -> SignedHeaders | None:
    """Return the headers of a signed request, None when one is missing or malformed."""
    key_id, timestamp, nonce, signature = (
        headers.get(name, b"").decode("latin-1") for name in (KEY, TIMESTAMP, NONCE, SIGNATURE)
    )
    if not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and _SIGNATURE.fullmatch(signature)):
        return None
    return SignedHeaders(key_id=key_id, timestamp_ms=int(timestamp), nonce=nonce, signature=signature.lower())


def sign_request(secret: str, *, timestamp_ms: int, nonce: str, method: str, target: str, body: bytes) -> str:
    """Return the signature in hex. ``target`` is the path with its query, as sent."""
    head = f"{timestamp_ms}\n{nonce}\n{method}\n{target}\n".encode()
    return hmac.new(secret.encode(), head + body, hashlib.sha256).hexdigest()


class ReplayGuard:
    """Remembers the nonces of the time in which a copy would still be accepted; bounded in memory."""

    def __init__(self, skew_ms: int) -> None:
        self._skew_ms = skew_ms
        self._seen: dict[str, OrderedDict[str, int]] = {}

    def is_timely(self, timestamp_ms: int, now_ms: int) -> bool:
        """Tell whether a timestamp is near enough to now, on either side."""
        return abs(now_ms - timestamp_ms) <= self._skew_ms

    def accept(self, key_id: str, nonce: str, *, timestamp_ms: int, now_ms: int) -> bool:
        """Note a nonce whose signature was good; False when it was seen, or when no more can be remembered."""
        seen = self._seen.setdefault(key_id, OrderedDict())
        while seen:
            first, until_ms = next(iter(seen.items()))
            if until_ms >= now_ms:
                break
            del seen[first]
        if nonce in seen or len(seen) >= _MOST_NONCES:
            return False
        # Not from the timestamp: entries must leave in the order in which they came.
        seen[nonce] = now_ms + 2 * self._skew_ms
        return True
