"""The server over HTTP, without a network or a chain."""

import asyncio
import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from pmm.domain import MAINNET_TOKENS, USDC, WETH, Decision, RefusalReason
from pmm.journal import SqliteJournal
from pmm.monitoring.metrics import Metrics
from pmm.relayers.oneinch import ORDER, ErrorForm, OneInchCodec
from pmm.server.app import build_app
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from tests.helpers.quoting import MAKER, TAKER, Desk, FakeMarket, chain_view, open_test_desk

_BODY = {
    "baseToken": WETH.address,
    "quoteToken": USDC.address,
    "amount": "1000000000000000000",
    "taker": TAKER,
    "feeBps": 0,
}


@dataclass
class _Refresher:
    """What health asks of a refresher, over a fake market."""

    market: FakeMarket
    error: str | None = None

    @property
    def view(self) -> object:
        return None if isinstance(self.market.answer, Decision) else self.market.answer

    async def current(self) -> object:
        return self.market.answer


@dataclass
class Site:
    """A running application and the desk behind it."""

    app: QuoteRoutes
    desk: Desk

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **options)  # type: ignore[arg-type]

        return asyncio.run(run())


def open_site(path: Path, *, error_form: ErrorForm = ErrorForm.OBJECT, desk: Desk | None = None) -> Site:
    desk = desk or open_test_desk()
    journal = SqliteJournal(path / "health.sqlite", chain_id=1, maker=MAKER)
    journal.close()
    numbers = count(1)
    endpoints = QuoteEndpoints(
        desk=desk.desk,
        codec=OneInchCodec(tokens=MAINNET_TOKENS, error_form=error_form),
        new_id=lambda: f"q{next(numbers)}",
    )
    health = Health(
        admission=desk.admission,
        journal=journal,
        refresher=_Refresher(desk.market),  # type: ignore[arg-type]
        clock=desk.clock,
    )
    return Site(
        app=build_app(endpoints=endpoints, health=health, max_body=4_096, body_timeout_s=0.2), desk=desk
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return open_site(tmp_path)


def code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "remedy"}
    assert all(error.values())
    return str(error["code"])


def test_order__good_request__is_200_with_a_signed_order(site: Site) -> None:
    response = site.ask("POST", "/order", json=_BODY)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["order"]["maker"] == MAKER
    assert site.desk.journal.records[0].quote_id == response.json()["quoteId"]


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"baseToken": "0x" + "ab" * 20}, 422, "unknown_token"),
        ({"amount": "0"}, 400, "invalid_request"),
        ({"amount": "-5"}, 400, "invalid_request"),
        ({"amount": str(2**256)}, 400, "invalid_request"),
        ({"amount": str(2**256 - 1)}, 422, "amount_too_large"),
        ({"amount": "1"}, 422, "amount_too_small"),
        ({"amount": 1.0}, 400, "invalid_request"),
        ({"taker": TAKER[:-1]}, 400, "invalid_request"),
        ({"taker": "0x" + "00" * 20}, 400, "invalid_request"),
        ({"baseToken": WETH.address.swapcase().replace("0X", "0x")}, 400, "invalid_request"),
        ({"chainId": 137}, 422, "unknown_chain"),
        ({"feeBps": 5_000}, 422, "fee_too_high"),
        ({"amount": str(60 * 10**18)}, 422, "insufficient_inventory"),
    ],
)
def test_order__bad_request__has_status_and_reason_and_is_journaled(
    site: Site, change: dict[str, object], status: int, expected: str
) -> None:
    response = site.ask("POST", "/order", json={**_BODY, **change})
    assert (response.status_code, code(response)) == (status, expected)
    (record,) = site.desk.journal.records
    assert record.admitted is None
    assert record.body
    assert site.desk.book.open_quotes(TAKER).count == 0


def test_order__malformed_json__is_400(site: Site) -> None:
    response = site.ask("POST", "/order", content=b'{"baseToken": ')
    assert (response.status_code, code(response)) == (400, "invalid_json")


def test_order__body_too_long__is_413_and_not_journaled(site: Site) -> None:
    response = site.ask("POST", "/order", content=b" " * 5_000)
    assert (response.status_code, code(response)) == (413, "body_too_large")
    assert site.desk.journal.records == []


def test_order__body_too_long_without_length__is_413(site: Site) -> None:
    async def chunks() -> object:
        for _ in range(10):
            yield b" " * 1_000

    response = site.ask("POST", "/order", content=chunks())
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/order", "POST"), ("POST", "/levels", "GET"), ("PUT", "/order", "POST")],
)
def test_routes__wrong_method__is_405(site: Site, method: str, path: str, allow: str) -> None:
    response = site.ask(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert code(response) == "method_not_allowed"


@pytest.mark.parametrize(
    "reason", [RefusalReason.NODE_UNAVAILABLE, RefusalReason.STALE_PRICE, RefusalReason.UNSAFE_TO_SIGN]
)
def test_order__no_market__is_503_and_says_when_to_return(site: Site, reason: RefusalReason) -> None:
    site.desk.market.answer = Decision.refuse(reason, "why")
    response = site.ask("POST", "/order", json=_BODY)
    assert (response.status_code, code(response)) == (503, reason.value)
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("body", [_BODY, {"nothing": 1}], ids=["good request", "bad request"])
def test_order__journal_full__is_503_and_signs_nothing(site: Site, body: dict[str, object]) -> None:
    site.desk.journal.fails = "disk is full"
    response = site.ask("POST", "/order", json=body)
    assert (response.status_code, code(response)) == (503, "journal_unavailable")
    assert "disk is full" in response.text
    assert site.desk.book.open_quotes(TAKER).count == 0


def test_levels__journal_full__is_503_from_the_second_on_and_back_with_the_journal(site: Site) -> None:
    site.desk.journal.fails = "disk is full"
    # A ladder promises nothing and does not wait for the disk: the first is out before the journal is known to fail.
    answers = [site.ask("GET", "/levels").status_code for _ in range(3)]
    assert answers == [200, 503, 503]
    site.desk.journal.fails = None
    assert site.ask("GET", "/levels").status_code == 200
    assert len(site.desk.journal.ladders) == 1


def test_order__string_form__is_a_bare_json_string(tmp_path: Path) -> None:
    site = open_site(tmp_path, error_form=ErrorForm.STRING)
    small = site.ask("POST", "/order", json={**_BODY, "amount": str(10**12)})
    assert (small.status_code, small.json()) == (422, "order is too small")
    assert isinstance(site.ask("POST", "/order", content=b"{").json(), str)


def test_levels__market__is_one_ladder_per_direction(site: Site) -> None:
    response = site.ask("GET", "/levels")
    assert response.status_code == 200
    directions = {f"{a.address}_{b.address}".lower() for a, b in ((WETH, USDC), (USDC, WETH))}
    assert set(response.json()) == directions


def test_levels__polled_again__is_journaled_once(site: Site) -> None:
    first = site.ask("GET", "/levels")
    assert site.ask("GET", "/levels").content == first.content
    assert len(site.desk.journal.ladders) == 1
    site.ask("POST", "/order", json=_BODY)
    assert site.ask("GET", "/levels").content != first.content
    assert len(site.desk.journal.ladders) == 2


def test_healthz__quoting__is_200_with_everything(site: Site) -> None:
    site.ask("POST", "/order", json=_BODY)
    response = site.ask("GET", "/healthz")
    health = response.json()
    assert response.status_code == 200
    assert health["state"] == "quoting"
    assert health["pairs"] == {"USDC->WETH": "quoting", "WETH->USDC": "quoting"}
    assert health["chain"]["block"] == 100
    assert health["liveQuotes"] == 1
    assert {row["token"]: int(row["reserved"]) > 0 for row in health["inventory"]} == {
        "USDC": True,
        "WETH": False,
    }
    assert health["feeds"][0]["ageSeconds"] == 60
    assert "signature" not in response.text


def test_healthz__journal_cannot_write__is_503_with_the_reason(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteJournal, "last_error", "disk is full")
    response = site.ask("GET", "/healthz")
    health = response.json()
    assert (response.status_code, health["state"]) == (503, "refusing")
    assert health["reasons"] == ["disk is full"]


def test_order__json_nested_deeply__is_400_and_journaled(site: Site) -> None:
    response = site.ask("POST", "/order", content=b'{"more":' + b"[" * 4_000)
    assert (response.status_code, code(response)) == (400, "invalid_json")
    assert len(site.desk.journal.records) == 1


def test_healthz__node_gone__is_503_with_the_reason(site: Site) -> None:
    site.desk.market.answer = Decision.refuse(RefusalReason.NODE_UNAVAILABLE, "no node")
    response = site.ask("GET", "/healthz")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["no node"]


def test_healthz__settlement_closed__says_what_is_closed(site: Site) -> None:
    site.desk.market.answer = chain_view(tradable=frozenset({WETH.address}))
    assert "does not settle USDC" in site.ask("GET", "/healthz").json()["reasons"][0]
    site.desk.market.answer = chain_view(lanes=())
    response = site.ask("GET", "/healthz")
    assert response.status_code == 503
    assert "no lane is authorised" in response.json()["reasons"][0]


def test_openapi__document__describes_every_route(site: Site) -> None:
    document = site.ask("GET", "/openapi.json").json()
    bare = {"/order", "/levels", "/healthz", "/maker-status"}
    assert set(document["paths"]) == bare | {"/1inch/order", "/1inch/levels"}
    order = document["paths"]["/order"]["post"]
    assert set(order["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "405",
        "408",
        "409",
        "413",
        "422",
        "429",
        "503",
    }
    schemas = document["components"]["schemas"]
    assert set(schemas["OrderBody"]["required"]) == {"baseToken", "quoteToken", "taker"}
    references = json.dumps(document).split('"$ref": "#/components/schemas/')[1:]
    assert {part.split('"')[0] for part in references} <= set(schemas)


def test_openapi__answer__has_the_fields_it_says(site: Site) -> None:
    schemas = site.ask("GET", "/openapi.json").json()["components"]["schemas"]
    body = site.ask("POST", "/order", json={**_BODY, "settlement": "pmm"}).json()
    assert set(body) <= set(schemas["OrderAnswer"]["properties"])
    assert set(schemas["OrderAnswer"]["required"]) <= set(body)
    assert set(body["order"]) == set(schemas["SignedOrderFields"]["properties"])


def test_docs__page__loads_nothing_from_elsewhere(site: Site) -> None:
    response = site.ask("GET", "/docs")
    assert response.status_code == 200
    assert "text/html" in response.headers["content-type"]
    assert "POST /order" in response.text
    assert "http://" not in response.text
    assert "https://" not in response.text
    assert "<script" not in response.text


def test_unknown_path__any__is_404(site: Site) -> None:
    response = site.ask("GET", "/nothing")
    assert (response.status_code, code(response)) == (404, "not_found")


def test_healthz__wrong_method__is_405_in_our_form(site: Site) -> None:
    response = site.ask("POST", "/healthz")
    assert (response.status_code, code(response)) == (405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


def test_hot_path__client_leaves_in_the_middle__journals_nothing(site: Site) -> None:
    sent: list[object] = []

    async def run() -> None:
        sequence: list[dict[str, object]] = [
            {"type": "http.request", "body": b'{"a', "more_body": True},
            {"type": "http.disconnect"},
        ]
        messages = iter(sequence)

        async def receive() -> dict[str, object]:
            return next(messages)

        async def send(message: object) -> None:
            sent.append(message)

        scope = {"type": "http", "path": "/order", "method": "POST", "headers": []}
        await site.app(scope, receive, send)

    asyncio.run(run())
    assert site.desk.journal.records == []


def test_order__many_at_once__never_over_commit(site: Site) -> None:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=site.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            body = {**_BODY, "amount": str(3 * 10**18)}
            return await asyncio.gather(*(client.post("/order", json=body) for _ in range(40)))

    answers = asyncio.run(run())
    given = [int(answer.json()["order"]["makingAmount"]) for answer in answers if answer.status_code == 200]
    assert sum(given) < 120_000 * 10**6
    assert {answer.status_code for answer in answers} == {200, 422}
    assert len({answer.json()["orderHash"] for answer in answers if answer.status_code == 200}) == len(given)


def test_fastapi_routes__without_the_hot_path__answer_the_same(site: Site) -> None:
    inner = Site(app=site.app._app, desk=site.desk)  # type: ignore[arg-type]
    assert inner.ask("POST", "/order", json=_BODY).status_code == 200
    assert inner.ask("GET", "/levels").status_code == 200


@pytest.mark.parametrize(("body", "encoded"), [(json.dumps(_BODY).encode(), 1), (b"{", 0)])
def test_serve__order__reading_and_writing_are_measured(body: bytes, encoded: int) -> None:
    metrics = Metrics()
    endpoints = QuoteEndpoints(
        desk=open_test_desk().desk,
        codec=OneInchCodec(tokens=MAINNET_TOKENS),
        new_id=lambda: "q1",
        stages=metrics,
    )
    asyncio.run(endpoints.serve(ORDER, body=body))
    shown = metrics.exposition().decode()
    assert 'pmm_stage_seconds_count{stage="decode"} 1.0' in shown
    assert f'pmm_stage_seconds_count{{stage="encode"}} {encoded}.0' in shown
