"""Which relayer answers, in whose form, and in whose time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from pmm.domain import MAINNET_TOKENS, Decision
from pmm.errors import InvalidInput
from pmm.execution import ChainView, JournalUnavailable, LadderRecord, QuoteRecord, Receipt
from pmm.relayers.oneinch import OneInchCodec
from pmm.relayers.registry import RelayerSettings
from pmm.server.deadline import time_left_s
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.relayer_routes import RelayerRoutes
from tests.helpers.quoting import CHAIN_TIME_S, TAKER, FakeMarket, MemoryJournal
from tests.helpers.relayer_site import (
    ASK_1INCH,
    ASK_OKX,
    ASK_OKX_EARLIER,
    RelayerSite,
    open_relayer_site,
    with_account,
)

_NOW_MS = CHAIN_TIME_S * 1_000
_SMALL = {**ASK_1INCH, "amount": "1"}
_QUICK = RelayerSettings(tokens=MAINNET_TOKENS, oneinch_time_budget_ms=50, okx_time_budget_ms=50)


@pytest.fixture
def site() -> RelayerSite:
    return open_relayer_site()


def test_order__bare_path__is_our_own_api_with_objects(site: RelayerSite) -> None:
    response = site.ask("POST", "/order", json=_SMALL)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "amount_too_small")
    assert site.journal.records[0].relayer == "pmm"


@pytest.mark.parametrize(
    ("path", "relayer"), [("/1inch/order", None), ("/order", "1inch"), ("/1inch/order", "1inch")]
)
def test_order__1inch_by_path_or_by_name__is_the_bare_string(
    site: RelayerSite, path: str, relayer: str | None
) -> None:
    response = site.ask("POST", path, json=_SMALL, relayer=relayer)
    assert (response.status_code, response.content) == (422, b'"order is too small"')
    assert site.journal.records[0].relayer == "1inch"


@pytest.mark.parametrize(("path", "relayer"), [("/okx/order", None), ("/order", "okx")])
def test_order__okx_earlier_form__by_path_or_by_name(
    site: RelayerSite, path: str, relayer: str | None
) -> None:
    response = site.ask("POST", path, json=ASK_OKX_EARLIER, relayer=relayer)
    assert response.json()["order"]["rfqId"] == "12345678"


def test_order__path_of_another_relayer__is_403_and_signs_nothing(site: RelayerSite) -> None:
    response = site.ask("POST", "/okx/order", json=ASK_OKX_EARLIER, relayer="1inch")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "other_relayer")
    assert site.journal.records == []


@pytest.mark.parametrize("relayer", ["nobody", 7, {"name": "1inch"}, ""])
def test_order__unknown_identity__is_answered_by_path(site: RelayerSite, relayer: object) -> None:
    assert site.ask("POST", "/order", json=ASK_1INCH, relayer=relayer).status_code == 200


@pytest.mark.parametrize(
    "path", ["/nobody/order", "/1inch", "/1inch/order/", "/OKXDEX/rfq/other", "/okx/okx/order"]
)
def test_route__unknown__is_404(site: RelayerSite, path: str) -> None:
    response = site.ask("POST", path, json=ASK_1INCH)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_relayers__name_twice__is_refused(site: RelayerSite) -> None:
    one = QuoteEndpoints(desk=site.okx, codec=OneInchCodec(tokens=MAINNET_TOKENS), new_id=lambda: "q")
    with pytest.raises(InvalidInput, match="1inch is listed twice"):
        RelayerRoutes((one, one))


@dataclass
class _NeverMarket(FakeMarket):
    """A market that never answers a quote."""

    asleep: bool = True

    async def current(self) -> ChainView | Decision:
        if self.asleep:
            await asyncio.Event().wait()
        return self.answer


@dataclass
class _SlowJournal(MemoryJournal):
    """A journal whose disk hangs until it is let go."""

    hangs: bool = True
    waiting: list[QuoteRecord] = field(default_factory=list)

    async def admit(self, record: QuoteRecord) -> Receipt:
        if self.hangs:
            self.waiting.append(record)
            await asyncio.Event().wait()
        return await super().admit(record)


def _is_late(site: RelayerSite) -> None:
    string = site.ask("POST", "/1inch/order", json=ASK_1INCH)
    assert (string.status_code, string.headers["retry-after"]) == (503, "1")
    assert "in the time of the request" in string.json()
    envelope = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX)
    assert (envelope.status_code, envelope.json()["code"]) == (200, "503")
    assert envelope.json()["msg"].startswith("deadline_passed")


def test_order__market_that_never_answers__is_an_explicit_refusal_in_time() -> None:
    from tests.helpers.quoting import chain_view

    market = _NeverMarket(with_account(chain_view()))
    site = open_relayer_site(market=market, settings=_QUICK)
    _is_late(site)
    assert site.ask("GET", "/1inch/levels").status_code == 503
    assert site.ask("GET", "/OKXDEX/rfq/pricing", params={"chainIndex": "1"}).json()["code"] == "503"
    assert site.desk.book.open_quotes(TAKER).count == 0


def test_order__journal_that_hangs__refuses_in_time_and_signs_nothing() -> None:
    journal = _SlowJournal()
    site = open_relayer_site(journal=journal, settings=_QUICK)
    _is_late(site)
    # Both were admitted and on their way to the disk: what may still be written stays reserved, and is never signed.
    assert [record.admitted is not None for record in journal.waiting] == [True, True]
    assert len(site.desk.book) == len(site.okx.watched()) == 1
    assert site.desk.desk.ends._signatures == site.okx.ends._signatures == {}
    journal.hangs = False
    assert site.ask("POST", "/1inch/order", json=ASK_1INCH).status_code == 200


def test_order__id_of_a_late_request__is_not_signed_for_again() -> None:
    journal = _SlowJournal()
    site = open_relayer_site(journal=journal, settings=_QUICK)
    site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX)
    journal.hangs = False
    # The hanging disk may still have written the first record: its id must not back a second one.
    assert site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()["code"] == "409"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-request-timeout": "0"},
        {"x-request-deadline": str(_NOW_MS)},
        {"x-request-deadline": str(_NOW_MS - 5_000)},
        {"x-request-timeout": "250", "x-request-start": str(_NOW_MS - 251)},
        {"x-request-timeout": "250", "x-request-deadline": str(_NOW_MS - 1)},
    ],
)
@pytest.mark.parametrize(("path", "body"), [("/order", ASK_1INCH), ("/OKXDEX/rfq/firm-order", ASK_OKX)])
def test_deadline__already_past__is_refused_and_signs_nothing(
    site: RelayerSite, headers: dict[str, str], path: str, body: dict[str, Any]
) -> None:
    response = site.ask("POST", path, json=body, headers=headers)
    assert "deadline" in response.text
    assert site.journal.records == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x-request-timeout": "250"},
        {"x-request-timeout": "250", "x-request-start": str(_NOW_MS + 3_600_000)},
        {"x-request-deadline": str(_NOW_MS + 400)},
    ],
)
def test_deadline__ahead__is_quoted(site: RelayerSite, headers: dict[str, str]) -> None:
    assert site.ask("POST", "/order", json=ASK_1INCH, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-timeout", "soon"),
        ("x-request-timeout", "-1"),
        ("x-request-timeout", "1.5"),
        ("x-request-timeout", "9" * 16),
        ("x-request-deadline", str(CHAIN_TIME_S)),
        ("x-request-start", str(_NOW_MS * 1_000_000)[:15]),
    ],
)
def test_deadline__wrong_unit_or_no_number__is_400(site: RelayerSite, name: str, value: str) -> None:
    response = site.ask("POST", "/order", json=ASK_1INCH, headers={name: value})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    assert "milliseconds" in response.text


@pytest.mark.parametrize(
    ("budget_ms", "headers", "expected"),
    [
        (None, [], None),
        (500, [], 0.4),
        (500, [(b"x-request-timeout", b"250")], 0.2),
        (200, [(b"x-request-timeout", b"250")], 0.16),
        (None, [(b"x-request-timeout", b"250"), (b"x-request-start", str(_NOW_MS - 50).encode())], 0.16),
    ],
)
def test_time_left__limits__is_80_percent_of_the_shortest(
    budget_ms: int | None, headers: list[tuple[bytes, bytes]], expected: float | None
) -> None:
    assert time_left_s(headers, budget_ms=budget_ms, now_ms=_NOW_MS) == (
        None if expected is None else pytest.approx(expected)
    )


class _LosesLaddersOf(MemoryJournal):
    """Writes no ladder of one relayer."""

    relayer: str | None = "1inch"

    async def append_ladder(self, record: LadderRecord) -> None:
        if record.relayer == self.relayer:
            raise JournalUnavailable("disk is full")
        await super().append_ladder(record)


def test_levels__one_relayers_is_lost_and_anothers_written__the_lost_one_is_published_anew() -> None:
    site = open_relayer_site()
    journal = _LosesLaddersOf()
    site.desk.desk._records._journal = journal
    lost = site.ask("GET", "/1inch/levels")
    written = site.ask("GET", "/pmm/levels")
    assert (lost.status_code, written.status_code) == (200, 200)
    assert [one.relayer for one in journal.ladders] == ["pmm"]
    # The same body, from now on only when it is on disk; another relayer's waits for nothing.
    assert site.ask("GET", "/1inch/levels").status_code == 503
    assert site.ask("GET", "/pmm/levels").status_code == 200
    journal.relayer = None
    assert site.ask("GET", "/1inch/levels").content == lost.content
    assert site.ask("GET", "/1inch/levels").content == lost.content
    assert [one.relayer for one in journal.ladders] == ["pmm", "1inch"]
