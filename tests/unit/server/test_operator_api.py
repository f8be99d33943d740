"""The operator's API behind the front door: roles, kill switches, sandbox, reload, metrics, and its OpenAPI page."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmm.domain import MAINNET_TOKENS, USDC, WETH, Address
from pmm.errors import ChainError, InvalidInput
from pmm.execution.otc import OtcDesk, OtcPolicy
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.journal import SqliteJournal
from pmm.monitoring.counted_desk import counted
from pmm.monitoring.desk_gauges import DeskGauges
from pmm.monitoring.events import Events
from pmm.monitoring.metrics import Metrics
from pmm.relayers.oneinch import OneInchCodec
from pmm.server.access.front_door import AccessRules, FrontDoor
from pmm.server.access.keys import KeyKind, Keyring, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.app import build_app
from pmm.server.control_plane import shape_watch, switch_watch
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.health import Health
from pmm.server.operator.api import OperatorParts, operator_api
from pmm.server.reloader import Reloader
from pmm.server.rotation_desk import SignerRotationDesk
from pmm.server.shape_board import ShapeBoard
from pmm.server.switch_board import SwitchBoard
from pmm.settings import load_settings
from tests.helpers.quoting import CHAIN_TIME_S, MAKER, TAKER, Desk, chain_view, open_test_desk
from tests.unit.server.test_http_routes import _Refresher

_ORDER = {
    "baseToken": WETH.address,
    "quoteToken": USDC.address,
    "amount": "1000000000000000000",
    "taker": TAKER,
}
_SANDBOX = {"baseToken": "WETH", "quoteToken": "USDC", "amount": "1000000000000000000"}
_WIDEN = {"what": "spread", "name": "*", "value": "7.5", "version": 0, "reason": "news"}
RISK_STATE: dict[str, Any] = {
    "madeAtMs": CHAIN_TIME_S * 1000,
    "validMs": 5_000,
    "blockNumber": 100,
    "stopped": False,
    "maxQuoteUsdE6": 500_000 * 10**6,
    "assets": [
        {
            "token": WETH.address,
            "deltaUsdE6": 0,
            "limitUsdE6": 10_000 * 10**6,
            "slope": 0.0,
            "covariance": [0.0016],
        }
    ],
    "numeraires": [USDC.address],
    "variance": 0.0,
    "varLimitUsd": 30_000.0,
}
_PAUSE = {"level": "global", "name": "*", "version": 0, "reason": "news"}


@dataclass
class _OnChain:
    """Stands for the guardian; ``fails`` makes the chain refuse."""

    fails: bool = False
    asked: tuple[str, str] | None = None

    def stop(self, signer: Address, how: str) -> str:
        if self.fails:
            raise ChainError("no gas")
        self.asked = (signer, how)
        return "0x" + "ab" * 32


@dataclass
class Site:
    """A whole application with its keys."""

    app: FrontDoor
    desk: Desk
    board: SwitchBoard
    shape: ShapeBoard
    pre_trade: PreTradeGate
    keys: dict[str, str]
    on_chain: _OnChain
    rotation: SignerRotationDesk

    def ask_raw(self, method: str, path: str, who: str | None, text: str) -> httpx.Response:
        """Ask with a body that no JSON library would write."""
        return self.ask(method, path, who, text=text)

    def ask(
        self, method: str, path: str, who: str | None, body: Any = None, *, text: str | None = None
    ) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            headers = {"x-api-key": self.keys[who]} if who else {}
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(
                    method, path, headers=headers, **({"json": body} if text is None else {"content": text})
                )

        return asyncio.run(run())


def open_site(path: Path) -> Site:
    desk = open_test_desk()
    keys: dict[str, str] = {}
    records = []
    for role in Role:
        record, keys[role.value] = new_key(kind=KeyKind.API_KEY, role=role, name=f"{role.value}-1", now_s=1)
        records.append(record)
    write_keys(path / "keys.json", records)
    keyring, metrics = Keyring(path / "keys.json"), Metrics()
    events = Events(metrics)
    journal = SqliteJournal(path / "health.sqlite", chain_id=1, maker=MAKER)
    journal.close()
    board = SwitchBoard(
        path / "switches.sqlite", clock=desk.clock, resume_after_s=30, on_change=switch_watch(events)
    )
    desk.admission.switches = board.switches
    shape = ShapeBoard(path / "shape.sqlite", clock=desk.clock, on_change=shape_watch(events))
    desk.admission.shaping = shape.shaping
    pre_trade = PreTradeGate(
        clock=desk.clock,
        required=False,
        max_age_ms=5_000,
        on_change=lambda condition: events.pre_trade_changed(condition=condition.value),
    )
    desk.admission.pre_trade = pre_trade
    desk.book.watch(pre_trade)
    refresher: Any = _Refresher(desk.market)
    metrics.registry.register(DeskGauges(desk.admission, view=lambda: refresher.view, clock=desk.clock))
    health = Health(admission=desk.admission, journal=journal, refresher=refresher, clock=desk.clock)
    rotation = SignerRotationDesk(
        path / "rotation.json",
        signer=desk.signer,
        book=desk.book,
        lanes_of=lambda _: 4,
        ttl_s=30,
        confirmations=2,
    )

    def refuse() -> Any:
        raise InvalidInput("the file is bad")

    on_chain = _OnChain()
    parts = OperatorParts(
        health=health,
        admission=desk.admission,
        market=desk.market,
        board=board,
        shape=shape,
        pre_trade=pre_trade,
        reloader=Reloader(load_settings(), load=refuse, prepare=lambda _: lambda: None, events=events),
        list_keys=lambda: keyring.records,
        metrics=metrics,
        rotation=rotation,
        on_chain=on_chain,
        sources=("coingecko",),
        otc=OtcDesk(desk.desk, chain_id=1, policy=OtcPolicy(), new_id=lambda: "otc"),
    )
    numbers = count(1)
    endpoints = QuoteEndpoints(
        desk=counted(desk.desk, events),
        codec=OneInchCodec(tokens=MAINNET_TOKENS),
        new_id=lambda: f"q{next(numbers)}",
    )
    routes = build_app(
        endpoints=endpoints,
        health=health,
        max_body=4_096,
        body_timeout_s=0.2,
        operator=operator_api(parts),
        public_health=False,
    )
    door = FrontDoor(
        routes,
        keyring=keyring,
        rules=AccessRules(is_open=False),
        clock=desk.clock,
        watch=events,
        stages=metrics,
    )
    return Site(
        app=door,
        desk=desk,
        board=board,
        shape=shape,
        pre_trade=pre_trade,
        keys=keys,
        on_chain=on_chain,
        rotation=rotation,
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return open_site(tmp_path)


_ROUTES = [
    ("GET", "/metrics", None, Role.VIEWER),
    ("GET", "/v1/operator/status", None, Role.VIEWER),
    ("GET", "/v1/operator/switches", None, Role.VIEWER),
    ("GET", "/v1/operator/switches/audit", None, Role.VIEWER),
    ("GET", "/v1/operator/signer", None, Role.VIEWER),
    ("GET", "/v1/operator/shape", None, Role.VIEWER),
    ("GET", "/v1/operator/shape/audit", None, Role.VIEWER),
    ("PUT", "/v1/operator/shape", _WIDEN, Role.RISK),
    ("GET", "/v1/operator/pre-trade", None, Role.VIEWER),
    ("PUT", "/v1/operator/pre-trade", RISK_STATE, Role.RISK),
    ("POST", "/v1/operator/sandbox", _SANDBOX, Role.TRADER),
    ("POST", "/v1/operator/switches/pause", _PAUSE, Role.TRADER),
    ("POST", "/v1/operator/switches/resume", {**_PAUSE, "version": 1}, Role.RISK),
    ("GET", "/v1/operator/keys", None, Role.ADMIN),
    ("POST", "/v1/operator/reload", None, Role.ADMIN),
    ("POST", "/v1/operator/signer/rotate", {"address": "0x" + "77" * 20}, Role.ADMIN),
    ("POST", "/v1/operator/signer/abandon", None, Role.ADMIN),
]


@pytest.mark.parametrize(("method", "path", "body", "needed"), _ROUTES)
def test_routes__each_role__gets_only_what_it_may(
    site: Site, method: str, path: str, body: Any, needed: Role
) -> None:
    for role in (None, *Role):
        response = site.ask(method, path, role.value if role else None, body)
        if role is None:
            assert response.status_code == 401
        elif role.may(needed):
            assert response.status_code not in (401, 403), response.text
        else:
            assert response.status_code == 403
            assert response.json()["error"]["code"] == "wrong_role"


def test_switches__pause_and_resume__stop_and_start_quotes(site: Site) -> None:
    assert site.ask("POST", "/order", "relayer", _ORDER).status_code == 200
    paused = site.ask("POST", "/v1/operator/switches/pause", "trader", _PAUSE)
    assert (paused.status_code, paused.json()["version"], paused.json()["latchedBy"][:8]) == (
        200,
        1,
        "trader-1",
    )
    refused = site.ask("POST", "/order", "relayer", _ORDER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "paused")
    assert site.ask("GET", "/levels", "relayer").status_code == 503
    status = site.ask("GET", "/v1/operator/status", "viewer").json()
    assert (status["quoting"], list(status["paused"])) == (False, ["global"])
    resumed = site.ask("POST", "/v1/operator/switches/resume", "risk", {**_PAUSE, "version": 1})
    assert resumed.json()["paused"] is False
    assert site.ask("POST", "/order", "relayer", _ORDER).status_code == 200
    assert len(site.ask("GET", "/v1/operator/switches/audit", "viewer").json()) == 2


def test_switches__two_operators_on_one_version__the_second_gets_409(site: Site) -> None:
    first = site.ask("POST", "/v1/operator/switches/pause", "trader", _PAUSE)
    second = site.ask("POST", "/v1/operator/switches/pause", "risk", _PAUSE)
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["error"]["code"] == "stale_version"
    assert "version 0, found 1" in second.json()["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"level": "planet"},
        {"name": "everything"},
        {"version": -1},
        {"version": "x"},
        {"reason": ""},
        {"extra": 1},
        {"level": "pair", "name": "WETH"},
    ],
)
def test_switches__bad_body__is_422_with_a_reason(site: Site, change: dict[str, Any]) -> None:
    response = site.ask("POST", "/v1/operator/switches/pause", "trader", {**_PAUSE, **change})
    assert response.status_code == 422
    assert set(response.json()["error"]) == {"code", "message", "remedy"}
    assert list(site.board.switches.items()) == []


def test_switches__on_chain__asks_the_guardian_and_needs_the_role_risk(site: Site) -> None:
    body = {**_PAUSE, "onChain": "cancel"}
    assert site.ask("POST", "/v1/operator/switches/pause", "trader", body).status_code == 403
    response = site.ask("POST", "/v1/operator/switches/pause", "risk", body)
    assert response.json()["transaction"] == "0x" + "ab" * 32
    assert site.on_chain.asked == (site.desk.signer.address, "cancel")


def test_switches__chain_fails__is_paused_here_all_the_same(site: Site) -> None:
    site.on_chain.fails = True
    response = site.ask("POST", "/v1/operator/switches/pause", "risk", {**_PAUSE, "onChain": "pause"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "chain_failed")
    assert site.board.switches.paused


def test_sandbox__same_request__is_the_price_that_would_be_signed_and_leaves_no_trace(site: Site) -> None:
    answer = site.ask("POST", "/v1/operator/sandbox", "trader", _SANDBOX).json()
    assert answer["quoted"] is True
    offer = answer["offers"][0]
    assert len(site.desk.book) == 0
    assert site.desk.journal.records == []
    from decimal import Decimal

    assert sum(Decimal(part) for part in offer["components"].values()) == Decimal(offer["totalBps"])
    signed = site.ask("POST", "/order", "relayer", _ORDER).json()
    assert signed["order"]["makingAmount"] == offer["makingAmount"]


@pytest.mark.parametrize(
    "change",
    [
        {"baseToken": "DOGE"},
        {"amount": None},
        {"quoteAmount": "1"},
        {"amount": "-1"},
        {"amount": "9" * 79},
        {"baseToken": "USDC"},
        {"taker": "0x12"},
        {"feeBps": 10_000},
    ],
)
def test_sandbox__bad_request__is_422_with_a_reason(site: Site, change: dict[str, Any]) -> None:
    response = site.ask("POST", "/v1/operator/sandbox", "trader", {**_SANDBOX, **change})
    assert response.status_code == 422, response.text
    assert response.json()["error"]["message"]


def test_sandbox__no_quote__says_why(site: Site) -> None:
    response = site.ask("POST", "/v1/operator/sandbox", "trader", {**_SANDBOX, "amount": "1"})
    assert response.status_code == 200
    assert response.json()["quoted"] is False
    assert response.json()["reason"]


def test_reload__bad_file__is_422_and_says_that_nothing_changed(site: Site) -> None:
    response = site.ask("POST", "/v1/operator/reload", "admin")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "reload_refused")
    assert "the file is bad" in response.json()["error"]["message"]


def test_keys__listed__without_secrets(site: Site) -> None:
    response = site.ask("GET", "/v1/operator/keys", "admin")
    assert len(response.json()) == len(Role)
    for key in site.keys.values():
        assert key.split("_", 2)[2] not in response.text
    assert "verifier" not in response.text


def test_healthz__stranger__learns_only_state_and_block(site: Site) -> None:
    public = {"state": "quoting", "chain": {"block": 100}}
    assert site.ask("GET", "/healthz", None).json() == public
    assert "inventory" in site.ask("GET", "/healthz", "viewer").json()
    assert site.ask("GET", "/healthz", "relayer").json() == public


def test_metrics__after_some_traffic__count_and_measure(site: Site) -> None:
    site.ask("POST", "/order", "relayer", _ORDER)
    site.ask("POST", "/order", "relayer", {**_ORDER, "amount": "1"})
    site.ask("POST", "/order", None, _ORDER)
    text = site.ask("GET", "/metrics", "viewer").text
    assert 'pmm_quotes_total{outcome="signed",reason="",relayer="1inch"} 1.0' in text
    assert 'pmm_quotes_total{outcome="refused",reason="amount_too_small",relayer="1inch"} 1.0' in text
    assert 'pmm_access_refused_total{code="no_credentials"} 1.0' in text
    assert 'pmm_stage_seconds_count{stage="total"} 2.0' in text
    assert "pmm_open_reservations 1.0" in text
    assert 'pmm_feed_age_seconds{feed="ETH / USD"} 60.0' in text
    assert 'pmm_free_inventory{token="WETH"} 40.0' in text


def test_signer__rotation_begun__is_reported_and_can_be_abandoned(site: Site) -> None:
    asyncio.run(site.rotation.on_view(chain_view()))
    begun = site.ask("POST", "/v1/operator/signer/rotate", "admin", {"address": "0x" + "77" * 20})
    assert begun.json()["rotation"]["state"] == "waiting"
    again = site.ask("POST", "/v1/operator/signer/rotate", "admin", {"address": "0x" + "78" * 20})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "rotation")
    assert site.ask("POST", "/v1/operator/signer/abandon", "admin").json()["rotation"]["state"] == "abandoned"


def test_openapi__operator__describes_every_route_with_its_errors(site: Site) -> None:
    document = site.ask("GET", "/openapi.json", None).json()
    for method, path, _, _ in _ROUTES:
        operation = document["paths"][path][method.lower()]
        assert {"200", "401", "403", "429"} <= set(operation["responses"])
        assert operation["summary"]
        assert operation["security"]
    schemas = document["components"]["schemas"]
    references = json.dumps(document).split('"$ref": "#/components/schemas/')[1:]
    assert {part.split('"')[0] for part in references} <= set(schemas)
    assert site.ask("GET", "/docs", None).status_code == 200
