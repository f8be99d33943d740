"""The outermost ASGI layer: credentials, roles, rates and sizes, before anything else sees a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pmm.execution import NO_STAGES, Clock, Stage, StageWatch
from pmm.relayers.refusals import WireRefusal
from pmm.server.access import refusals
from pmm.server.access.forwarded import PROXY_HEADERS, proxy_reader
from pmm.server.access.keys import KeyRecord, Keyring
from pmm.server.access.rate_limit import RateLimiter
from pmm.server.access.request_body import (
    AsgiApp,
    BodyTooLarge,
    ClientLeft,
    Receive,
    Scope,
    Send,
    read_body,
    replayed,
)
from pmm.server.access.roles import Principal, Role
from pmm.server.access.signed_request import KEY, ReplayGuard, read_headers, sign_request
from pmm.server.access.watch import NO_WATCH, AccessWatch
from pmm.server.relayer_routes import BEGAN_SCOPE, RELAYER_SCOPE

OPEN_PATHS = frozenset({"/healthz", "/docs", "/openapi.json"})
"""Need no credentials; the answers hold nothing that a stranger may not know."""
OPERATOR_PREFIX = "/v1/operator"
_OPERATOR_PATHS = ("/metrics", OPERATOR_PREFIX)
_BEHIND_OPERATOR_PATHS = tuple(f"{path}/" for path in _OPERATOR_PATHS)
_KEY_LOOK_S = 1.0
_NOBODY = Principal(key_id="open", role=Role.RELAYER, name="")
_BEARER = b"bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """Bounds of the door; ``is_open`` lets quote requests in without credentials (development node, no key file)."""

    is_open: bool
    hmac_skew_ms: int = 5_000
    rate_per_s: Decimal = Decimal(250)
    burst: int = 500
    failures_per_s: Decimal = Decimal(10)
    max_body: int = 4_096
    body_timeout_s: float = 2.0


class FrontDoor:
    """Puts ``pmm.relayer`` (the relayer's name) and ``pmm.principal`` into the scope of what it lets in.

    Args:
        relayers: names of the relayers served; a relayer's key with another name is the first's.
        key_headers: headers that may hold an API key, lower case.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        keyring: Keyring | None,
        rules: AccessRules,
        clock: Clock,
        watch: AccessWatch = NO_WATCH,
        stages: StageWatch = NO_STAGES,
        relayers: Sequence[str] = (),
        key_headers: Sequence[bytes] = (b"x-api-key",),
    ) -> None:
        self._stages = stages
        self._relayers = tuple(relayers)
        self._key_headers = tuple(key_headers)
        self._app = app
        self._read_proxy = proxy_reader()
        self._keyring = keyring
        self._rules = rules
        self._clock = clock
        self._watch = watch
        self._replays = ReplayGuard(rules.hmac_skew_ms)
        self._rates = RateLimiter(rate_per_s=float(rules.rate_per_s), burst=rules.burst)
        self._failures = RateLimiter(
            rate_per_s=float(rules.failures_per_s), burst=float(rules.failures_per_s) * 2
        )
        self._looked_at_s = clock.monotonic_s()

    def set_rates(self, rules: AccessRules) -> None:
        """Change the rates; what a key has used up stays used up."""
        self._rates.rate_per_s, self._rates.burst = float(rules.rate_per_s), rules.burst
        self._failures.rate_per_s = float(rules.failures_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_ns = self._stages.now_ns()
        scope[BEGAN_SCOPE] = asyncio.get_running_loop().time()
        path = scope["path"]
        headers = dict(scope["headers"])
        if not headers.keys().isdisjoint(PROXY_HEADERS):
            await self._read_proxy(scope, receive, send)
        if path in OPEN_PATHS and not self._has_credentials(headers):
            await self._app(scope, receive, send)
            return
        found: Principal | WireRefusal
        if self._keyring is None:
            found = self._unknown(path)
        else:
            try:
                found, receive = await self._identify(self._keyring, scope, headers, receive)
            except ClientLeft:
                return
        refusal = found if isinstance(found, WireRefusal) else _role_refusal(found, path)
        if refusal is not None:
            self._watch.refused(path=path, code=refusal.code)
            await refusals.send_refusal(send, refusal)
            return
        assert isinstance(found, Principal)
        scope["pmm.principal"] = found
        relays = found.role is Role.RELAYER
        if relays and found is not _NOBODY:
            scope[RELAYER_SCOPE] = self._relayer_of(found)
        await self._app(scope, receive, send)
        if relays and scope["method"] == "POST":
            self._stages.took(Stage.TOTAL, started_ns)

    def _relayer_of(self, principal: Principal) -> str:
        # Whoever is no relayer with a protocol of its own asks our own API.
        known = not self._relayers or principal.name in self._relayers
        return principal.name if known else self._relayers[0]

    def _has_credentials(self, headers: Mapping[bytes, bytes]) -> bool:
        return any(name in headers for name in (*self._key_headers, b"authorization", KEY))

    def _unknown(self, path: str) -> Principal | WireRefusal:
        """Return who asks a server without keys: nobody in particular, where that is allowed."""
        return _NOBODY if self._rules.is_open and not _is_operator_path(path) else refusals.NO_KEYS

    async def _identify(
        self, keyring: Keyring, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[Principal | WireRefusal, Receive]:
        now_s = self._clock.monotonic_s()
        self._look_at_keys(keyring, now_s)
        address = (scope.get("client") or ("",))[0]
        body: bytes | None = None
        if KEY in headers or _is_operator_path(scope["path"]):
            try:
                body = await read_body(
                    scope, receive, most_bytes=self._rules.max_body, timeout_s=self._rules.body_timeout_s
                )
            except BodyTooLarge:
                return refusals.too_large(self._rules.max_body), receive
            except TimeoutError:
                return refusals.TOO_SLOW, receive
            receive = replayed(body, receive)
        signs = KEY in headers
        record = self._signed(keyring, scope, headers, body) if signs else self._shown(keyring, headers)
        if isinstance(record, WireRefusal):
            wait_s = self._failures.take(address, now_s)
            return (record if wait_s is None else refusals.too_many(wait_s)), receive
        wait_s = self._rates.take(
            record.key_id, now_s, rate_per_s=record.rate_per_s, burst=record.burst or record.rate_per_s
        )
        return (record.principal if wait_s is None else refusals.too_many(wait_s)), receive

    def _look_at_keys(self, keyring: Keyring, now_s: float) -> None:
        if now_s - self._looked_at_s < _KEY_LOOK_S:
            return
        self._looked_at_s = now_s
        fault = keyring.fault
        keyring.refresh()
        if keyring.fault not in (None, fault):
            self._watch.key_file_fault(str(keyring.fault))

    def _shown(self, keyring: Keyring, headers: Mapping[bytes, bytes]) -> KeyRecord | WireRefusal:
        shown = next((headers[name] for name in self._key_headers if name in headers), None)
        authorization = headers.get(b"authorization", b"")
        if shown is None and authorization[: len(_BEARER)].lower() == _BEARER:
            shown = authorization[len(_BEARER) :].strip()
        if shown is None:
            return refusals.NO_CREDENTIALS
        return keyring.check_api_key(shown.decode("latin-1")) or refusals.BAD_KEY

    def _signed(
        self, keyring: Keyring, scope: Scope, headers: Mapping[bytes, bytes], body: bytes | None
    ) -> KeyRecord | WireRefusal:
        assert body is not None
        signed = read_headers(headers)
        if signed is None:
            return refusals.BAD_HEADERS
        now_ms = self._clock.wall_ms()
        if not self._replays.is_timely(signed.timestamp_ms, now_ms):
            return refusals.untimely(now_ms, self._rules.hmac_skew_ms)
        record = keyring.find_hmac(signed.key_id)
        expected = sign_request(
            record.verifier if record is not None else "",
            timestamp_ms=signed.timestamp_ms,
            nonce=signed.nonce,
            method=scope["method"],
            target=_target(scope),
            body=body,
        )
        if not refusals.same(expected, signed.signature) or record is None:
            return refusals.BAD_SIGNATURE
        fresh = self._replays.accept(
            signed.key_id, signed.nonce, timestamp_ms=signed.timestamp_ms, now_ms=now_ms
        )
        return record if fresh else refusals.REPLAYED


def _target(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")


def _is_operator_path(path: str) -> bool:
    return path in _OPERATOR_PATHS or path.startswith(_BEHIND_OPERATOR_PATHS)


def _role_refusal(principal: Principal, path: str) -> WireRefusal | None:
    """Operators have nothing to do on the quote routes, relayers nothing on the operator's; open paths take both."""
    if principal is _NOBODY:
        # Let in by its path alone.
        return None
    if path in OPEN_PATHS or path == "/maker-status":
        return None
    needed = Role.VIEWER if _is_operator_path(path) else Role.RELAYER
    role = principal.role
    return None if role is needed or role.may(needed) else refusals.wrong_role(role, needed)


def principal_of(scope: Mapping[str, Any]) -> Principal | None:
    """Return who a request comes from, None when nobody was asked."""
    found = scope.get("pmm.principal")
    return found if isinstance(found, Principal) else None
