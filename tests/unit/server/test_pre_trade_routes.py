"""The risk desk's state over the operator's API: taken whole or not at all, and nothing is quoted without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pmm.domain import DAI, USDC, WBTC, WETH
from tests.helpers.quoting import CHAIN_TIME_S
from tests.unit.server.test_operator_api import _ORDER, RISK_STATE, Site, open_site

_PATH = "/v1/operator/pre-trade"
_WETH: dict[str, Any] = RISK_STATE["assets"][0]
_WBTC = {**_WETH, "token": WBTC.address, "covariance": [0.0005, 0.0009]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = open_site(tmp_path)
    made.pre_trade.required = True
    return made


def _put(site: Site, **changes: Any) -> Any:
    return site.ask("PUT", _PATH, "risk", {**RISK_STATE, **changes})


def _order(site: Site, ether: int = 1, *, turned: bool = False) -> Any:
    body: dict[str, Any] = {**_ORDER, "amount": str(ether * 10**18)}
    if turned:
        del body["amount"]
        body |= {
            "baseToken": USDC.address,
            "quoteToken": WETH.address,
            "quoteAmount": str(ether * 10**18),
        }
    return site.ask("POST", "/1inch/order", "relayer", body)


def test_start__nobody_has_spoken__nothing_is_quoted_and_everybody_sees_why(site: Site) -> None:
    answer = _order(site)
    assert answer.status_code == 503
    assert "none since the start" in answer.text
    assert site.ask("GET", "/1inch/levels", "relayer").status_code == 503
    assert site.desk.journal.records[-1].decision.reason == "risk_unknown"
    shown = site.ask("GET", _PATH, "viewer").json()
    assert shown == {
        "required": True,
        "condition": "never_given",
        "madeAtMs": None,
        "ageMs": None,
        "blockNumber": None,
    }
    metrics = site.ask("GET", "/metrics", "viewer").text
    assert "pmm_pre_trade_open 0.0" in metrics
    assert "pmm_pre_trade_age_seconds" not in metrics
    assert 'reason="risk_unknown"' in metrics
    status = site.ask("GET", "/v1/operator/status", "viewer").json()
    assert status["pairs"]["WETH->USDC"] == "risk_unknown"


def test_put__good__opens_and_holds_quotes_to_the_line(site: Site) -> None:
    asset = {**_WETH, "deltaUsdE6": 6_000 * 10**6}
    answer = _put(site, assets=[asset])
    assert (answer.status_code, answer.json()["condition"]) == (200, "open")
    assert _order(site, 2).status_code == 503
    assert site.desk.journal.records[-1].decision.reason == "limit_reached"
    assert _order(site, 2, turned=True).status_code == 200
    sandbox = {"baseToken": "WETH", "quoteToken": "USDC", "amount": str(2 * 10**18)}
    offers = site.ask("POST", "/v1/operator/sandbox", "trader", sandbox).json()["offers"]
    assert "within the desk's limits" in offers[0]["reason"]
    metrics = site.ask("GET", "/metrics", "viewer").text
    assert "pmm_pre_trade_open 1.0" in metrics
    assert "pmm_pre_trade_age_seconds 0.0" in metrics


def test_put__two_assets__are_read_with_their_covariance(site: Site) -> None:
    assert _put(site, assets=[_WETH, _WBTC]).status_code == 200
    state = site.pre_trade.state
    assert state is not None
    assert state.assets[WETH.address].row == {WETH.address: 0.0016, WBTC.address: 0.0005}
    assert state.assets[WBTC.address].row == {WETH.address: 0.0005, WBTC.address: 0.0009}
    assert state.numeraires == {USDC.address}


def test_put__value_at_risk_unknown__is_taken(site: Site) -> None:
    assert _put(site, assets=[{**_WETH, "covariance": []}], varLimitUsd=None).status_code == 200


@pytest.mark.parametrize("made_at_ms", [CHAIN_TIME_S * 1000, CHAIN_TIME_S * 1000 - 1])
def test_put__again_or_older__is_409_and_changes_nothing(site: Site, made_at_ms: int) -> None:
    assert _put(site).status_code == 200
    answer = _put(site, madeAtMs=made_at_ms, stopped=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_state")
    assert _order(site).status_code == 200


def test_put__old_already__is_409(site: Site) -> None:
    assert _put(site, madeAtMs=CHAIN_TIME_S * 1000 - 5_000).status_code == 409
    assert site.pre_trade.state is None


_GARBAGE: list[dict[str, Any]] = [
    {"madeAtMs": CHAIN_TIME_S * 1000 + 2_001},
    {"madeAtMs": str(CHAIN_TIME_S * 1000)},
    {"madeAtMs": -1},
    {"validMs": 0},
    {"validMs": 10**9},
    {"stopped": "no"},
    {"stopped": None},
    {"maxQuoteUsdE6": -1},
    {"maxQuoteUsdE6": 1.5},
    {"maxQuoteUsdE6": 10**19},
    {"assets": None},
    {"assets": [_WETH, _WETH]},
    {"assets": [{**_WETH, "token": "0x12"}]},
    {"assets": [{**_WETH, "token": WETH.address[:-1] + "g"}]},
    {"assets": [{**_WETH, "deltaUsdE6": "0"}]},
    {"assets": [{**_WETH, "deltaUsdE6": 0.5}]},
    {"assets": [{**_WETH, "limitUsdE6": -1}]},
    {"assets": [{**_WETH, "slope": None}]},
    {"assets": [{**_WETH, "covariance": []}]},
    {"assets": [{**_WETH, "covariance": [-0.0001]}]},
    {"assets": [{**_WETH, "covariance": [0.1, 0.1]}]},
    {"assets": [_WETH, {**_WBTC, "covariance": [0.9, 0.0009]}]},
    {"assets": [{**_WETH, "more": 1}]},
    {"numeraires": [WETH.address]},
    {"numeraires": [DAI.address] * 2},
    {"variance": -1.0},
    {"varLimitUsd": -1.0},
    {"varLimitUsd": None},
    {"more": 1},
]


@pytest.mark.parametrize("changes", _GARBAGE, ids=[str(one)[:60] for one in _GARBAGE])
def test_put__garbage__is_422_and_changes_nothing(site: Site, changes: dict[str, Any]) -> None:
    answer = _put(site, **changes)
    assert answer.status_code == 422, answer.text
    assert site.pre_trade.state is None
    assert _order(site).status_code == 503


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["variance", "varLimitUsd"])
def test_put__no_number__is_422(site: Site, name: str, number: str) -> None:
    text = json.dumps({**RISK_STATE, name: "HERE"}).replace('"HERE"', number)
    answer = site.ask_raw("PUT", _PATH, "risk", text)
    assert answer.status_code == 422, answer.text
    assert site.pre_trade.state is None


@pytest.mark.parametrize("who", ["relayer", "viewer", "trader", None])
def test_put__without_the_role__is_refused(site: Site, who: str | None) -> None:
    assert site.ask("PUT", _PATH, who, RISK_STATE).status_code in (401, 403)
    assert site.pre_trade.state is None


def test_condition__changes__is_logged_once(site: Site) -> None:
    with capture_logs() as logged:
        _put(site)
        site.desk.clock.now_s = 1.0
        _put(site, madeAtMs=CHAIN_TIME_S * 1000 + 1_000)
        site.desk.clock.now_s = 7.0
        assert _order(site).status_code == 503
        site.pre_trade.tick()
    told = [one["condition"] for one in logged if one["event"] == "pre_trade_changed"]
    assert told == ["open", "stale"]


def test_off__states_are_taken_and_nothing_is_held_to_them(site: Site) -> None:
    site.pre_trade.required = False
    assert _order(site).status_code == 200
    assert _put(site, stopped=True).json()["condition"] == "stopped"
    assert _order(site).status_code == 200
    assert "pmm_pre_trade_open 1.0" in site.ask("GET", "/metrics", "viewer").text
