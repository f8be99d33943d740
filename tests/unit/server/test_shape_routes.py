"""Shaping quotes over the operator's API: the very next quote and ladder have it, and everybody can see it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import WETH
from pmm.execution import Outside
from pmm.market_data import SwitchedMarket
from pmm.pricing import ReferencePrice, SourceKind
from tests.unit.server.test_operator_api import Site, open_site

_SHAPE = "/v1/operator/shape"
_BODY = {"what": "spread", "name": "*", "value": "7.5", "version": 0, "reason": "news"}
_SANDBOX = {"baseToken": "WETH", "quoteToken": "USDC", "amount": "1000000000000000000"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return open_site(tmp_path)


def _put(site: Site, who: str = "risk", **changes: Any) -> Any:
    return site.ask("PUT", _SHAPE, who, {**_BODY, **changes})


def _offers(site: Site, amount: str = _SANDBOX["amount"]) -> list[dict[str, Any]]:
    answer = site.ask("POST", "/v1/operator/sandbox", "trader", {**_SANDBOX, "amount": amount})
    found: list[dict[str, Any]] = answer.json()["offers"]
    return found


def _levels(site: Site) -> Any:
    return site.ask("GET", "/1inch/levels", "relayer").json()


def test_widen__next_quote_and_ladder__have_it(site: Site) -> None:
    before, ladder = _offers(site)[0], _levels(site)
    assert _put(site).json()["version"] == 1
    after = _offers(site)[0]
    assert after["components"]["operator_spread"] == "7.5"
    assert Decimal(after["totalBps"]) == sum(Decimal(one) for one in after["components"].values())
    assert int(after["makingAmount"]) < int(before["makingAmount"])
    assert _levels(site) != ladder
    assert _put(site, value="0", version=1).status_code == 200
    assert _offers(site)[0] == before
    assert _levels(site) == ladder


def test_cut_sizes__larger_quote__is_refused_and_the_ladder_is_shorter(site: Site) -> None:
    whole = _levels(site)
    assert _put(site, what="size", value="5").status_code == 200
    # 5 bps of 500,000 dollars: one WETH at 3,000 is too large, a tenth is not.
    refused = _offers(site)
    assert not any(one["accepted"] for one in refused)
    assert "250" in refused[0]["reason"]
    assert any(one["accepted"] for one in _offers(site, "50000000000000000"))
    assert len(str(_levels(site))) < len(str(whole))


def test_state__after_a_change__is_in_status_audit_and_metrics(site: Site) -> None:
    _put(site, expiresInS=60)
    _put(site, what="source", name="coingecko", value="1", who="desk")
    listed = site.ask("GET", _SHAPE, "viewer").json()
    assert listed["pairs"]["WETH/USDC"] == {"spreadBps": "7.5", "sizeBps": 10_000, "baseSkewBps": "0"}
    assert listed["sourcesOff"] == ["coingecko"]
    assert listed["values"][0]["expiresAtMs"] is not None
    status = site.ask("GET", "/v1/operator/status", "viewer").json()
    assert status["shape"] == listed["pairs"]
    assert status["sourcesOff"] == ["coingecko"]
    line = site.ask("GET", f"{_SHAPE}/audit", "viewer").json()[-1]
    assert line["who"].startswith("risk-1 (")
    assert (line["why"], line["before"]["value"], line["after"]["value"]) == ("news", "0", "7.5")
    metrics = site.ask("GET", "/metrics", "viewer").text
    assert 'pmm_quote_shape{name="*",setter="person",what="spread"} 7.5' in metrics
    assert 'pmm_shape_changes_total{setter="desk",what="source"} 1.0' in metrics


def test_put__stale_version__is_409_and_changes_nothing(site: Site) -> None:
    _put(site)
    answer = _put(site, value="9")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_version")
    assert _offers(site)[0]["components"]["operator_spread"] == "7.5"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "USDC/WETH"},
        {"name": "WETH/WBTC"},
        {"what": "size", "name": "weth/usdc", "value": "5000"},
        {"what": "skew", "name": "WBTC", "value": "3"},
    ],
)
def test_put__what_is_not_quoted__is_422_and_can_still_be_cleared(site: Site, change: dict[str, str]) -> None:
    answer = _put(site, **change)
    assert answer.status_code == 422
    assert "nothing else is quoted" in answer.json()["error"]["message"]
    neutral = "10000" if change.get("what") == "size" else "0"
    assert _put(site, **{**change, "value": neutral}).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [{"value": "-1"}, {"what": "size", "value": "0"}, {"name": "WETH"}, {"what": "source", "name": "pools"}],
)
def test_put__against_the_maker__is_422_and_changes_nothing(site: Site, fault: dict[str, str]) -> None:
    before = _offers(site)
    assert _put(site, **fault).status_code == 422
    assert _offers(site) == before


def test_put__setter__is_that_of_the_key_whatever_the_body_says(site: Site) -> None:
    assert _put(site, who="desk", value="5").json()["setter"] == "desk"
    assert _put(site, who="desk", setter="desk", value="6", version=1).json()["setter"] == "desk"
    assert _put(site, who="admin", setter="person").json()["setter"] == "person"
    for who, said in (("risk", "desk"), ("admin", "desk"), ("desk", "person")):
        refused = _put(site, who=who, setter=said, value="0", version=2)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wrong_setter")
    listed = site.ask("GET", _SHAPE, "viewer").json()["values"]
    assert {one["setter"]: one["value"] for one in listed} == {"desk": "6", "person": "7.5"}


def test_put__source_that_is_not_asked__is_422_and_can_still_be_cleared(site: Site) -> None:
    refused = _put(site, what="source", name="coingeko", value="1")
    assert refused.status_code == 422
    assert "expected one of coingecko, found 'coingeko'" in refused.json()["error"]["message"]
    assert site.ask("GET", _SHAPE, "viewer").json()["sourcesOff"] == []
    assert _put(site, what="source", name="coingeko", value="0").status_code == 200
    assert _put(site, what="source", name="coingecko", value="1").status_code == 200


def test_put__trader__may_not(site: Site) -> None:
    assert site.ask("PUT", _SHAPE, "trader", _BODY).status_code == 403


def test_source_off__market__is_read_without_it() -> None:
    prices = tuple(
        ReferencePrice(
            source=name,
            kind=SourceKind.AGGREGATOR,
            token=WETH.address,
            unit=None,
            rate_e36=1,
            observed_at_s=1,
            max_age_s=1,
        )
        for name in ("coingecko", "operator")
    )

    class _Heard:
        def current(self) -> Outside:
            return Outside(references=prices)

    off: set[str] = set()
    market = SwitchedMarket(_Heard(), lambda: frozenset(off))
    assert market.current().references == prices
    off.add("coingecko")
    assert [one.source for one in market.current().references] == ["operator"]
