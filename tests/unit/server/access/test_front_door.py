"""The front door: who gets in, who does not, and why; nothing behind it sees what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pmm.server.access.front_door import AccessRules, FrontDoor
from pmm.server.access.keys import KeyKind, Keyring, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.access.signed_request import sign_request
from tests.helpers.quoting import ManualClock

_NONCE = "nonce-0001"


@dataclass
class _Behind:
    """The application behind the door."""

    scopes: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@dataclass
class _Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def code(self) -> str:
        error = json.loads(self.body)["error"]
        assert all(error[name] for name in ("code", "message", "remedy"))
        return str(error["code"])


@dataclass
class House:
    """A door, its keys, and what is behind it."""

    door: FrontDoor
    behind: _Behind
    clock: ManualClock
    keys: dict[str, str]
    path: Path

    def ask(
        self,
        path: str = "/order",
        headers: dict[str, str] | None = None,
        *,
        chunks: Iterable[bytes] = (b"{}",),
        method: str = "POST",
        query: bytes = b"",
        hangs: bool = False,
        address: str = "10.0.0.1",
    ) -> _Answer:
        parts = list(chunks)
        messages = [
            {"type": "http.request", "body": part, "more_body": hangs or index + 1 < len(parts)}
            for index, part in enumerate(parts)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.sleep(60)
            raise AssertionError("the door waited for ever")

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "method": method,
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": (address, 1),
        }
        asyncio.run(self.door(scope, receive, send))
        return _Answer(status=sent[0]["status"], headers=dict(sent[0]["headers"]), body=sent[1]["body"])

    def signed(self, *, body: bytes = b"{}", path: str = "/order", **changes: Any) -> dict[str, str]:
        """Return the headers of a good signed request, with changes."""
        _, key_id, secret = self.keys["signer"].split("_", 2)
        values: dict[str, Any] = {
            "timestamp_ms": self.clock.wall_ms(),
            "nonce": _NONCE,
            "method": "POST",
            "target": path,
            "body": body,
            "secret": secret,
            **changes,
        }
        secret = values.pop("secret")
        return {
            "X-PMM-Key": key_id,
            "X-PMM-Timestamp": str(values["timestamp_ms"]),
            "X-PMM-Nonce": values["nonce"],
            "X-PMM-Signature": sign_request(secret, **values),
        }


def open_house(
    folder: Path,
    *,
    keyed: bool = True,
    relayers: tuple[str, ...] = (),
    key_headers: tuple[bytes, ...] = (b"x-api-key",),
    **rules: Any,
) -> House:
    keys: dict[str, str] = {}
    records = []
    for name, kind, role in (
        ("relayer", KeyKind.API_KEY, Role.RELAYER),
        ("signer", KeyKind.HMAC, Role.RELAYER),
        *((role.value, KeyKind.API_KEY, role) for role in Role if role is not Role.RELAYER),
    ):
        record, keys[name] = new_key(kind=kind, role=role, name=f"{name}-name", now_s=1)
        records.append(record)
    path = folder / "keys.json"
    write_keys(path, records)
    behind, clock = _Behind(), ManualClock()
    defaults = {"body_timeout_s": 0.05, "max_body": 100, "failures_per_s": Decimal(1000)}
    door = FrontDoor(
        behind,
        keyring=Keyring(path) if keyed else None,
        rules=AccessRules(is_open=not keyed, **{**defaults, **rules}),
        clock=clock,
        relayers=relayers,
        key_headers=key_headers,
    )
    return House(door=door, behind=behind, clock=clock, keys=keys, path=path)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


@pytest.mark.parametrize("form", ["X-API-Key", "Authorization"])
def test_door__api_key__lets_in_with_the_relayers_name(house: House, form: str) -> None:
    key = house.keys["relayer"]
    answer = house.ask(headers={form: key if form == "X-API-Key" else f"Bearer {key}"})
    assert answer.status == 200
    assert house.behind.scopes[0]["pmm.relayer"] == "relayer-name"
    assert house.behind.bodies == [b"{}"]


@pytest.mark.parametrize(
    ("served", "found"), [(("pmm", "relayer-name"), "relayer-name"), (("pmm", "okx"), "pmm")]
)
def test_door__relayer_without_a_protocol_of_its_own__asks_our_own_api(
    tmp_path: Path, served: tuple[str, ...], found: str
) -> None:
    house = open_house(tmp_path, relayers=served)
    assert house.ask(headers={"X-API-Key": house.keys["relayer"]}).status == 200
    assert house.behind.scopes[0]["pmm.relayer"] == found


def test_door__relayers_own_header__is_read_for_the_key(tmp_path: Path) -> None:
    house = open_house(tmp_path, key_headers=(b"x-api-key", b"ok-access-key"))
    key = house.keys["relayer"]
    assert house.ask(headers={"OK-ACCESS-KEY": key}).status == 200
    assert house.ask("/healthz", {"OK-ACCESS-KEY": key + "x"}, method="GET").code == "bad_key"
    assert open_house(tmp_path).ask(headers={"OK-ACCESS-KEY": key}).code == "no_credentials"


def test_door__no_credentials__is_401(house: House) -> None:
    answer = house.ask()
    assert (answer.status, answer.code) == (401, "no_credentials")
    assert answer.headers[b"www-authenticate"] == b"Bearer"
    assert house.behind.scopes == []


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: "",
        lambda key: "pmm_",
        lambda key: "pmm_000000000000_" + key.split("_", 2)[2],
        lambda key: key + "x",
        lambda key: "\xff" * 10,
    ],
)
def test_door__wrong_key__is_401(house: House, change: Any) -> None:
    headers = {"X-API-Key": change(house.keys["relayer"])}
    answer = house.ask(headers=headers)
    assert (answer.status, answer.code) == (401, "bad_key")
    assert house.behind.scopes == []


def test_door__hmac_secret_sent_as_a_key__is_401(house: House) -> None:
    assert house.ask(headers={"X-API-Key": house.keys["signer"]}).code == "bad_key"


def test_door__open_paths__need_nothing_and_say_nobody(house: House) -> None:
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert house.ask(path, method="GET").status == 200
    assert "pmm.principal" not in house.behind.scopes[0]


def test_door__open_path_with_a_wrong_key__is_401(house: House) -> None:
    assert house.ask("/healthz", {"X-API-Key": "pmm_x_y"}).status == 401


def test_door__signed_request__lets_in_with_body_and_query(house: House) -> None:
    body = b'{"amount": "1"}'
    headers = house.signed(body=body, target="/order?a=1")
    answer = house.ask(headers=headers, chunks=(body[:5], body[5:]), query=b"a=1")
    assert answer.status == 200
    assert house.behind.bodies == [body]
    assert house.behind.scopes[0]["pmm.relayer"] == "signer-name"


def test_door__signed_request_sent_twice__is_refused_the_second_time(house: House) -> None:
    headers = house.signed()
    assert house.ask(headers=headers).status == 200
    answer = house.ask(headers=headers)
    assert (answer.status, answer.code) == (401, "replayed")
    assert len(house.behind.scopes) == 1


def test_door__replay_just_inside_the_window__is_still_refused(house: House) -> None:
    headers = house.signed(timestamp_ms=house.clock.wall_ms() + 5_000)
    assert house.ask(headers=headers).status == 200
    house.clock.now_s = 9.9
    assert house.ask(headers=headers).code == "replayed"


@pytest.mark.parametrize("off_ms", [-5_001, 5_001])
def test_door__timestamp_out_of_range__is_401(house: House, off_ms: int) -> None:
    answer = house.ask(headers=house.signed(timestamp_ms=house.clock.wall_ms() + off_ms))
    assert (answer.status, answer.code) == (401, "timestamp_out_of_range")


@pytest.mark.parametrize(
    "signed_as",
    [
        {"body": b"{ }"},
        {"method": "GET"},
        {"target": "/levels"},
        {"target": "/order?x=1"},
        {"secret": "another"},
    ],
)
def test_door__signature_of_something_else__is_401(house: House, signed_as: dict[str, Any]) -> None:
    answer = house.ask(headers=house.signed(**signed_as))
    assert (answer.status, answer.code) == (401, "bad_signature")
    # The nonce of a forged request is not spent: its owner can still use it.
    assert house.ask(headers=house.signed()).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-PMM-Timestamp", "now"),
        ("X-PMM-Timestamp", "9" * 40),
        ("X-PMM-Nonce", "short"),
        ("X-PMM-Nonce", "a" * 65),
        ("X-PMM-Signature", "00"),
    ],
)
def test_door__malformed_signature_header__is_401(house: House, name: str, value: str) -> None:
    assert house.ask(headers={**house.signed(), name: value}).code == "bad_signature_headers"


def test_door__signed_request_with_an_unknown_key__is_401(house: House) -> None:
    assert house.ask(headers={**house.signed(), "X-PMM-Key": "0" * 12}).code == "bad_signature"


@pytest.mark.parametrize("announced", [True, False])
def test_door__oversized_signed_body__is_413_and_unread(house: House, announced: bool) -> None:
    headers = house.signed() | ({"Content-Length": "101"} if announced else {})
    answer = house.ask(headers=headers, chunks=(b"x" * 60, b"x" * 60))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert answer.headers[b"connection"] == b"close"
    assert house.behind.scopes == []


def test_door__slow_signed_body__is_408(house: House) -> None:
    answer = house.ask(headers=house.signed(), chunks=(b"{",), hangs=True)
    assert (answer.status, answer.code) == (408, "body_too_slow")
    assert house.behind.scopes == []


def test_door__slow_body_for_the_operator__is_408(house: House) -> None:
    headers = {"X-API-Key": house.keys["admin"]}
    assert house.ask("/v1/operator/reload", headers, chunks=(b"{",), hangs=True).code == "body_too_slow"


@pytest.mark.parametrize("role", ["viewer", "trader", "risk", "desk", "admin"])
def test_door__operator_on_a_quote_route__is_403(house: House, role: str) -> None:
    answer = house.ask(headers={"X-API-Key": house.keys[role]})
    assert (answer.status, answer.code) == (403, "wrong_role")


@pytest.mark.parametrize("path", ["/metrics", "/v1/operator/status"])
def test_door__relayer_on_an_operator_route__is_403(house: House, path: str) -> None:
    assert house.ask(path, {"X-API-Key": house.keys["relayer"]}).code == "wrong_role"
    assert house.ask(path, {"X-API-Key": house.keys["viewer"]}).status == 200


def test_door__maker_status__takes_both_kinds(house: House) -> None:
    for name in ("relayer", "viewer"):
        assert house.ask("/maker-status", {"X-API-Key": house.keys[name]}).status == 200


def test_door__too_many_requests__is_429_with_a_time(tmp_path: Path) -> None:
    house = open_house(tmp_path, rate_per_s=Decimal("0.5"), burst=2)
    headers = {"X-API-Key": house.keys["relayer"]}
    assert [house.ask(headers=headers).status for _ in range(3)] == [200, 200, 429]
    answer = house.ask(headers=headers)
    assert answer.code == "too_many_requests"
    assert answer.headers[b"retry-after"] == b"2"
    # Another key is not concerned, and this one comes back.
    assert house.ask(headers=house.signed()).status == 200
    house.clock.now_s = 2.0
    assert house.ask(headers=headers).status == 200


def test_door__guessing_keys__is_slowed_down_by_address(tmp_path: Path) -> None:
    house = open_house(tmp_path, failures_per_s=Decimal(1))
    codes = [house.ask(headers={"X-API-Key": "pmm_a_b"}).status for _ in range(4)]
    assert codes == [401, 401, 429, 429]
    assert house.ask(headers={"X-API-Key": "pmm_a_b"}, address="10.0.0.2").status == 401


def test_door__key_revoked__ends_within_a_second(house: House) -> None:
    from msgspec.structs import replace

    from pmm.server.access.keys import read_keys

    headers = {"X-API-Key": house.keys["relayer"]}
    assert house.ask(headers=headers).status == 200
    write_keys(house.path, [replace(key, revoked_at_s=2) for key in read_keys(house.path)])
    house.clock.now_s = 1.1
    assert house.ask(headers=headers).code == "bad_key"


def test_door__key_file_broken_while_running__leaves_the_old_keys(house: House) -> None:
    house.path.write_text("{")
    house.clock.now_s = 1.1
    assert house.ask(headers={"X-API-Key": house.keys["relayer"]}).status == 200


def test_door__development_node_without_keys__quotes_for_everybody_but_no_operator(tmp_path: Path) -> None:
    house = open_house(tmp_path, keyed=False)
    assert house.ask().status == 200
    assert "pmm.relayer" not in house.behind.scopes[0]
    for path in ("/metrics", "/v1/operator/status", "/v1/operator"):
        assert house.ask(path).code == "no_keys_configured"


@pytest.mark.parametrize("path", ["/v1/operator/../order", "/v1/operatorx", "//order", "/ORDER"])
def test_door__odd_path__is_never_open(house: House, path: str) -> None:
    assert house.ask(path).status == 401


def test_door__websocket_or_lifespan__is_passed_on(house: House) -> None:
    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.startup"}

        async def send(_: Any) -> None:
            return None

        await house.door({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    assert house.behind.scopes[0]["type"] == "lifespan"


_FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("address", "trusted", "client"),
    [
        ("127.0.0.1", None, "203.0.113.9"),
        ("::1", None, "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.0/8", "203.0.113.9"),
        ("127.0.0.1", "10.0.0.0/8", "127.0.0.1"),
    ],
)
def test_door__forwarded__believes_trusted_proxies_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, trusted: str | None, client: str
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if trusted is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    house = open_house(tmp_path)
    assert (
        house.ask(headers={"X-API-Key": house.keys["relayer"], **_FORWARDED}, address=address).status == 200
    )
    scope = house.behind.scopes[0]
    assert scope["client"][0] == client
    assert scope.get("scheme") == ("https" if client == "203.0.113.9" else None)


def test_door__failures_behind_a_proxy__are_counted_by_client(tmp_path: Path) -> None:
    house = open_house(tmp_path, failures_per_s=Decimal(1))
    for number in range(3):
        refused = house.ask(headers=_FORWARDED, address="127.0.0.1").code
        assert refused == ("no_credentials" if number < 2 else "too_many_requests")
    assert (
        house.ask(headers={"X-Forwarded-For": "203.0.113.10"}, address="127.0.0.1").code == "no_credentials"
    )
