"""``POST /v1/operator/otc`` behind the front door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pmm.domain import USDC
from pmm.server.client import parse_answer
from tests.helpers.quoting import TAKER
from tests.unit.server.test_operator_api import Site, open_site

_PATH = "/v1/operator/otc"
_BODY: dict[str, Any] = {
    "reference": "T-1",
    "counterparty": "acme",
    "taker": TAKER,
    "give": "USDC",
    "giveAmount": str(2_990 * 10**6),
    "get": "WETH",
    "getAmount": str(10**18),
    "lifeS": 120,
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return open_site(tmp_path)


def test_otc__entered_by_a_trader__is_answered_with_the_signed_order(site: Site) -> None:
    response = site.ask("POST", _PATH, "trader", _BODY)
    assert response.status_code == 200, response.text
    answer = parse_answer(response.json())
    assert answer.signed.order.making_amount == 2_990 * 10**6
    assert answer.settlement == "pmm"
    assert site.desk.book.reserved(USDC.address) == 2_990 * 10**6


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("relayer", 403), (None, 401), ("risk", 200)])
def test_otc__role__is_traders_and_above(site: Site, who: str | None, status: int) -> None:
    assert site.ask("POST", _PATH, who, _BODY).status_code == status


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"giveAmount": str(3_100 * 10**6)}, 503, "price_deviation"),
        ({"give": "WETH"}, 422, "invalid_request"),
        ({"give": "XYZ"}, 422, "invalid_request"),
        ({"taker": "0x" + "0" * 40}, 422, "invalid_request"),
        ({"lifeS": 299}, 503, "limit_reached"),
    ],
)
def test_otc__trade_that_is_not_done__says_why(
    site: Site, change: dict[str, Any], status: int, code: str
) -> None:
    response = site.ask("POST", _PATH, "trader", {**_BODY, **change})
    assert (response.json()["error"]["code"], response.status_code) == (code, status)


def test_otc__another_trade_under_the_reference__is_a_conflict(site: Site) -> None:
    site.ask("POST", _PATH, "trader", _BODY)
    response = site.ask("POST", _PATH, "trader", {**_BODY, "giveAmount": str(2_980 * 10**6)})
    assert response.json()["error"]["code"] == "idempotency_conflict"
