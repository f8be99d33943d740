"""Our answers through the eyes of a client of 1inch's protocol, written from its description.

KyberNetwork/kyberswap-dex-lib, pkg/liquidity-source/mx-trading (client/http.go, type.go): a 200 is an object of
``order`` and ``signature``, every field of the order a string; anything else is a bare JSON string, and
``"order is too small"`` is the one that it knows.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from pmm.domain import USDC, WETH
from tests.helpers.quoting import MAKER, TAKER
from tests.helpers.relayer_site import ASK_1INCH, RelayerSite, open_relayer_site

_ORDER_FIELDS = (
    "makerAsset",
    "takerAsset",
    "makingAmount",
    "takingAmount",
    "maker",
    "salt",
    "receiver",
    "makerTraits",
)


class TooSmall(Exception):
    """The client's ErrOrderIsTooSmall."""


class RfqFailed(Exception):
    """The client's error for everything else."""


@dataclass
class OrderResult:
    """What the client keeps of an answer."""

    order: dict[str, str]
    signature: str

    @property
    def amount_out(self) -> int:
        """Amount out is read from order.makingAmount."""
        return int(self.order["makingAmount"])


def client_reads(status: int, body: bytes) -> OrderResult:
    """Read an answer of ``POST /order`` with the types of the description; raises as the client does."""
    found: Any = json.loads(body)
    if not 200 <= status < 300:
        if not isinstance(found, str):
            raise TypeError("a refusal must be a bare JSON string")
        raise TooSmall if found == "order is too small" else RfqFailed(found)
    order, signature = found["order"], found["signature"]
    for field in _ORDER_FIELDS:
        if not isinstance(order[field], str):
            raise TypeError(f"order.{field} must be a string")
    if not isinstance(signature, str):
        raise TypeError("signature must be a string")
    return OrderResult(order={field: order[field] for field in _ORDER_FIELDS}, signature=signature)


@pytest.fixture
def site() -> RelayerSite:
    return open_relayer_site()


def reads(site: RelayerSite, **changes: Any) -> OrderResult:
    response = site.ask("POST", "/1inch/order", json={**ASK_1INCH, **changes})
    assert response.headers["content-type"] == "application/json"
    return client_reads(response.status_code, response.content)


def test_order__client__reads_amount_out_and_the_order(site: RelayerSite) -> None:
    found = reads(site)
    assert 2_990 * 10**6 < found.amount_out < 3_000 * 10**6
    assert (found.order["makerAsset"], found.order["takerAsset"]) == (USDC.address, WETH.address)
    assert (found.order["takingAmount"], found.order["maker"]) == (str(10**18), MAKER)
    assert int(found.order["salt"]) < 2**256
    assert int(found.order["makerTraits"], 16) & (1 << 80) - 1 == int(TAKER, 16) & (1 << 80) - 1
    assert found.signature.startswith("0x")


def test_order__fee__is_taken_off_the_making_amount(site: RelayerSite) -> None:
    free, charged = (reads(open_relayer_site(), feeBps=fee).amount_out for fee in (0, 25))
    assert free - charged == pytest.approx(free * 25 / 10_000, rel=0.01)


def test_order__small__is_the_sentence_the_client_knows(site: RelayerSite) -> None:
    with pytest.raises(TooSmall):
        reads(site, amount="1")


@pytest.mark.parametrize(
    "change", [{"amount": str(10**30)}, {"baseToken": "0x" + "ab" * 20}, {"amount": "x"}, {"feeBps": 9_999}]
)
def test_order__refused_otherwise__is_another_string(site: RelayerSite, change: dict[str, Any]) -> None:
    with pytest.raises(RfqFailed, match=r".+"):
        reads(site, **change)


@pytest.mark.parametrize(("method", "content"), [("GET", b""), ("POST", b"x" * 5_000), ("POST", b"{")])
def test_order__no_request_at_all__is_a_string_too(site: RelayerSite, method: str, content: bytes) -> None:
    response = site.ask(method, "/1inch/order", content=content)
    with pytest.raises(RfqFailed):
        client_reads(response.status_code, response.content)


def test_client__object_for_a_refusal__is_noticed(site: RelayerSite) -> None:
    response = site.ask("POST", "/order", json={**ASK_1INCH, "amount": "1"})
    with pytest.raises(TypeError, match="bare JSON string"):
        client_reads(response.status_code, response.content)


def test_levels__client__walks_them_for_the_amount(site: RelayerSite) -> None:
    levels = site.ask("GET", "/1inch/levels").json()[f"{WETH.address}_{USDC.address}".lower()]
    left, out = 1.0, 0.0
    for price, size in levels:
        part = min(left, float(size))
        left, out = left - part, out + part * float(price)
    assert left == 0
    assert out == pytest.approx(reads(site).amount_out / 10**6, rel=1e-4)
