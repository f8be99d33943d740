"""Refusals of the front door; always an object, whatever form the relayer's own refusals have."""

from __future__ import annotations

import hmac

import msgspec

from pmm.relayers.refusals import WireRefusal
from pmm.server.access.request_body import Send
from pmm.server.access.roles import Role

_HOW = "send X-API-Key, Authorization: Bearer, or a signed request; docs/operations.md says how"


def _refusal(status: int, code: str, message: str, remedy: str = _HOW) -> WireRefusal:
    return WireRefusal(status=status, code=code, message=message, remedy=remedy)


NO_KEYS = _refusal(
    401,
    "no_keys_configured",
    "expected a key, found that this server knows none",
    "make one with `pmm keys create` and start the server with PMM_AUTH_KEYS_FILE",
)
NO_CREDENTIALS = _refusal(401, "no_credentials", "expected credentials, found none")
BAD_KEY = _refusal(401, "bad_key", "expected a key of this server, found another, a revoked one or none")
BAD_HEADERS = _refusal(
    401,
    "bad_signature_headers",
    "expected X-PMM-Key, -Timestamp (unix ms), -Nonce and -Signature (64 hex digits)",
)
BAD_SIGNATURE = _refusal(
    401, "bad_signature", "expected a signature of timestamp, nonce, method, path and body"
)
REPLAYED = _refusal(
    401,
    "replayed",
    "expected a new nonce, found one that was used",
    "sign each request with a nonce of its own",
)
TOO_SLOW = _refusal(
    408,
    "body_too_slow",
    "expected the whole body of the request in time, found a part of it",
    "send the request in one go",
)


def untimely(now_ms: int, skew_ms: int) -> WireRefusal:
    """Return the refusal of a timestamp; it tells our time, which is no secret and helps to find a wrong clock."""
    return _refusal(
        401,
        "timestamp_out_of_range",
        f"expected a timestamp within {skew_ms} ms of {now_ms}",
        "set the clock by NTP and sign anew",
    )


def too_large(most_bytes: int) -> WireRefusal:
    """Return the refusal of a long body."""
    return _refusal(
        413,
        "body_too_large",
        f"expected a body of at most {most_bytes} bytes",
        "send the fields of the request and nothing else",
    )


def too_many(wait_s: int) -> WireRefusal:
    """Return the refusal for asking too often."""
    return WireRefusal(
        status=429,
        code="too_many_requests",
        message="expected fewer requests per second from this key or address",
        remedy=f"ask again after {wait_s} s",
        retry_after_s=wait_s,
    )


def wrong_role(role: Role, needed: Role) -> WireRefusal:
    """Return the refusal of a key that may not do this."""
    return _refusal(
        403,
        "wrong_role",
        f"expected a key with the role {needed.value} or more, found {role.value}",
        "use another key",
    )


def same(expected: str, found: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(expected, found)


def refusal_body(refusal: WireRefusal) -> bytes:
    """Return the JSON of a refusal."""
    detail = {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}
    return msgspec.json.encode({"error": detail})


async def send_refusal(send: Send, refusal: WireRefusal) -> None:
    """Answer with a refusal and close the connection where its body was not read."""
    body = refusal_body(refusal)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
