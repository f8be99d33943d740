"""``/maker-status``: everything passes on a sound server, and each check fails on the fault it is for."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from pmm.domain import MAINNET_TOKENS, USDC, WETH, Decision, RefusalReason
from pmm.execution import AnsweredQuote, PublishedLadder
from pmm.relayers.codec import Route, RouteKind, WireAnswer
from pmm.relayers.conformance import check_in_time, report
from pmm.relayers.okx import OkxCodec
from pmm.relayers.oneinch import ErrorForm, OneInchCodec
from pmm.relayers.refusals import WireRefusal
from tests.helpers.quoting import chain_view
from tests.helpers.relayer_site import RelayerSite, open_relayer_site, with_account

_ONEINCH = OneInchCodec(tokens=MAINNET_TOKENS, error_form=ErrorForm.STRING, time_budget_ms=5_000)
_OKX = OkxCodec(tokens=MAINNET_TOKENS, time_budget_ms=5_000)


def failing(site: RelayerSite, relayer: str) -> set[str]:
    found = site.status(relayer)
    assert found["passed"] is all(check["passed"] for check in found["checks"])
    return {check["name"].split(".")[-1] for check in found["checks"] if not check["passed"]}


@pytest.mark.parametrize("relayer", ["pmm", "1inch", "okx"])
def test_report__sound_server__passes_everything(relayer: str) -> None:
    found = open_relayer_site().status(relayer)
    assert found["relayer"] == relayer
    assert [check for check in found["checks"] if not check["passed"]] == []
    assert found["passed"] is True
    assert all(check["expected"] and check["found"] for check in found["checks"])
    assert len(found["checks"]) >= 25


def test_report__text__is_one_line_per_check() -> None:
    site = open_relayer_site()
    response = site.ask("GET", "/maker-status", params={"relayer": "okx"}, headers={"accept": "text/plain"})
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.startswith("okx: everything passes\n")
    assert 'signature":' not in response.text


@pytest.mark.parametrize("query", [{}, {"relayer": "nobody"}, {"relayer": "x" * 500}])
def test_report__unknown_relayer__is_404_and_names_the_known(query: dict[str, str]) -> None:
    response = open_relayer_site().ask("GET", "/maker-status", params=query)
    assert response.status_code == 404
    assert "pmm, 1inch, okx" in response.json()["error"]["message"]


def test_report__asked_again_at_once__makes_no_new_orders() -> None:
    site = open_relayer_site()
    response = site.ask("GET", "/maker-status", params={"relayer": "1inch"})
    made = len(site.journal.records)
    assert made > 0
    assert site.ask("GET", "/maker-status", params={"relayer": "1inch"}).content == response.content
    assert len(site.journal.records) == made


def test_report__orders_of_the_test__never_leave() -> None:
    site = open_relayer_site()
    text = site.ask("GET", "/maker-status", params={"relayer": "1inch"}).text
    signatures = [signature.hex() for signature in site.desk.desk.ends._signatures.values()]
    assert signatures
    assert not [signature for signature in signatures if signature[:64] in text]


@dataclass(frozen=True, slots=True, kw_only=True)
class _FaultyOneInch(OneInchCodec):
    """A codec whose answers are spoilt on the way out."""

    spoil_levels: Callable[[dict[str, Any]], Any] = lambda body: body
    spoil_quote: Callable[[dict[str, Any]], Any] = lambda body: body
    spoil_refusal: Callable[[WireAnswer], WireAnswer] = lambda answer: answer

    def encode_levels(self, route: Route, ladders: tuple[PublishedLadder, ...]) -> bytes:
        body = OneInchCodec.encode_levels(self, route, ladders)
        return json.dumps(self.spoil_levels(json.loads(body))).encode()

    def encode_quote(self, route: Route, answered: AnsweredQuote) -> bytes:
        body = OneInchCodec.encode_quote(self, route, answered)
        return json.dumps(self.spoil_quote(json.loads(body))).encode()

    def encode_refusal(self, route: Route, refusal: WireRefusal) -> WireAnswer:
        return self.spoil_refusal(OneInchCodec.encode_refusal(self, route, refusal))


def _faulty(**faults: Any) -> RelayerSite:
    codec = _FaultyOneInch(tokens=MAINNET_TOKENS, error_form=ErrorForm.STRING, time_budget_ms=5_000, **faults)
    return open_relayer_site(codecs=(codec,))


def _each_level(change: Callable[[list[str]], list[str]]) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {pair: [change(level) for level in levels] for pair, levels in body.items()}


def _scaled(text: str, factor: str) -> str:
    return format(Decimal(text) * Decimal(factor), "f")


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda body: list(body), "levels_form"),
        (lambda body: {"nonsense": []}, "levels_form"),
        (_each_level(lambda level: [float(level[0]), float(level[1])]), "levels_form"),  # type: ignore[list-item]
        (_each_level(lambda level: ["-" + level[0], level[1]]), "levels_form"),
        (_each_level(lambda level: [*level, "1"]), "levels_form"),
        (lambda body: {}, "levels_depth"),
        (lambda body: {pair: [] for pair in body}, "levels_depth"),
        (_each_level(lambda level: level[::-1]), "levels_units"),
        (_each_level(lambda level: [_scaled(level[0], "1e12"), level[1]]), "levels_units"),
        (lambda body: {pair: levels[::-1] for pair, levels in body.items()}, "levels_order"),
        (_each_level(lambda level: [_scaled(level[0], "1.01"), level[1]]), "levels_uncrossed"),
        (_each_level(lambda level: [_scaled(level[0], "0.99"), level[1]]), "quote_matches_levels"),
        (_each_level(lambda level: [_scaled(level[0], "1.005"), level[1]]), "quote_matches_levels"),
        (_each_level(lambda level: [level[0], _scaled(level[1], "1e-6")]), "quote_matches_levels"),
    ],
    ids=[
        "list", "pair", "numbers", "negative", "triples", "no directions", "no levels", "swapped", "base units",
        "worst first", "crossed", "worse than quoted", "better than quoted", "sizes in other units",
    ],
)  # fmt: skip
def test_levels__planted_fault__is_found(spoil: Callable[[dict[str, Any]], Any], check: str) -> None:
    assert check in failing(_faulty(spoil_levels=spoil), "1inch")


def test_levels__price_and_size_swapped__says_so() -> None:
    site = _faulty(spoil_levels=_each_level(lambda level: level[::-1]))
    (unit,) = [check for check in site.status("1inch")["checks"] if check["name"] == "levels_units"]
    assert unit["found"].endswith("price and size swapped")


def _in_order(**changes: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {**body, "order": {**body["order"], **changes}}


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda body: {"signature": body["signature"]}, "quote_form"),
        (lambda body: {**body, "signature": "0x00"}, "quote_form"),
        # The packed form holds the order's words: a client reads a contradiction.
        (_in_order(makingAmount="1"), "quote_form"),
        (lambda body: {**body, "signature": body["signature"][:-128] + "11" * 64}, "quote_signed"),
    ],
    ids=["no order", "short signature", "other amount", "other signature"],
)
def test_quote__planted_fault__is_found(spoil: Callable[[dict[str, Any]], Any], check: str) -> None:
    assert check in failing(_faulty(spoil_quote=spoil), "1inch")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: WireAnswer(status=200, body=answer.body),
        lambda answer: WireAnswer(status=answer.status, body=b'{"error": "an object"}'),
        lambda answer: WireAnswer(status=answer.status, body=b""),
        lambda answer: WireAnswer(status=answer.status, body=b'"0x' + b"ab" * 65 + b'"'),
    ],
    ids=["success", "object", "nothing", "a signature"],
)
def test_refusal__planted_fault__is_found(spoil: Callable[[WireAnswer], WireAnswer]) -> None:
    assert failing(_faulty(spoil_refusal=spoil), "1inch") == {
        "refusal_malformed", "refusal_small", "refusal_huge", "refusal_unknown_token", "refusal_late",
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _FaultyOkx(OkxCodec):
    spoil: Callable[[dict[str, Any]], Any] = lambda data: data

    def encode_quote(self, route: Route, answered: AnsweredQuote) -> bytes:
        body = json.loads(OkxCodec.encode_quote(self, route, answered))
        part = "data" if "data" in body else "order"
        return json.dumps({**body, part: self.spoil(body[part])}).encode()


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda data: {**data, "makerAmount": str(int(data["makerAmount"]) + 1)}, "quote_signed"),
        (lambda data: {**data, "confidenceCap": 1}, "quote_signed"),
        (lambda data: {**data, "rfqId": "7"}, "quote_signed"),
        (lambda data: {**data, "rfqId": str(2**64)}, "quote_form"),
        (lambda data: {**data, "makerAddress": WETH.address}, "quote_signed"),
        (lambda data: {**data, "takerAmount": "1"}, "quote_answers_request"),
        (lambda data: {**data, "takerAsset": USDC.address}, "quote_answers_request"),
        (lambda data: {**data, "expiry": data["expiry"] + 60}, "quote_life"),
        (lambda data: {**data, "expiry": 1}, "quote_life"),
    ],
)
def test_okx_quote__planted_fault__is_found(spoil: Callable[[dict[str, Any]], Any], check: str) -> None:
    codec = _FaultyOkx(tokens=MAINNET_TOKENS, time_budget_ms=5_000, spoil=spoil)
    assert check in failing(open_relayer_site(codecs=(codec,)), "okx")


@pytest.mark.parametrize(
    ("relayer", "age_s", "fails"), [("okx", 0.9, False), ("okx", 1.1, True), ("1inch", 11, True)]
)
def test_levels__old_market__is_stale(relayer: str, age_s: float, fails: bool) -> None:
    site = open_relayer_site()
    site.desk.clock.now_s = age_s
    assert ("levels_fresh" in failing(site, relayer)) is fails


def test_levels__account_nearly_empty__is_no_depth_at_okx() -> None:
    view = with_account(chain_view(), {WETH.address: 10**16, USDC.address: 150 * 10**6})
    assert "levels_depth" in failing(open_relayer_site(view=view), "okx")


def test_report__not_quoting__fails_with_the_reason() -> None:
    site = open_relayer_site()
    site.desk.market.answer = Decision.refuse(RefusalReason.NODE_UNAVAILABLE, "no node")
    found = site.status("1inch")
    assert found["passed"] is False
    assert "no node" in json.dumps(found)


@pytest.mark.parametrize(
    ("took_ms", "budget_ms", "passes"), [(400, 500, True), (401, 500, False), (9, None, True)]
)
def test_in_time__answer__is_due_at_80_percent(took_ms: int, budget_ms: int | None, passes: bool) -> None:
    assert check_in_time(took_ms, budget_ms).passed is passes


def test_report__no_checks__is_no_pass() -> None:
    assert report("okx", ()).passed is False


def test_codecs__every_route__belongs_to_a_kind_of_each_form() -> None:
    for codec in (_ONEINCH, _OKX):
        forms = {route.form for route in codec.profile.routes}
        assert len(codec.profile.routes) == len(forms) * len(RouteKind)
