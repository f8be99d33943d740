"""The desk's risk as it is told to a quote server: what it says of the book, and that it arrives as it left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from pmm.desk.pre_trade import PreTradeDesk
from pmm.desk.pre_trade_teller import PreTradeTeller, pre_trade_json, tellers_of
from pmm.domain import DAI, USDC, USDT, WBTC, WETH
from pmm.errors import PmmError, SetupError
from pmm.execution.hedging import HedgeMarket
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import PositionValued
from pmm.risk.posture import Posture
from pmm.risk.pre_trade import PreTradeState
from pmm.risk.returns import ReturnModel
from pmm.risk.settings import RiskSettings
from pmm.server.operator.pre_trade_models import PreTradeRequest
from pmm.settings import load_settings
from tests.helpers.quoting import CHAIN_TIME_S
from tests.unit.desk.performance_site import market
from tests.unit.execution.test_operator_quoting import ToSite
from tests.unit.server.test_operator_api import Site, open_site

_TOKENS = (WETH, WBTC, USDC, USDT, DAI)
_MILLION = 10**12
_NOW_MS = CHAIN_TIME_S * 1000
_NAMES = ("DAI", "USDC", "USDT", "WBTC", "WETH")
_MODEL = ReturnModel(
    assets=_NAMES,
    covariance=np.diag([1e-8, 1e-8, 1e-8, 0.0009, 0.0016])
    + np.array([[0.0] * 5] * 3 + [[0, 0, 0, 0, 0.0005], [0, 0, 0, 0.0005, 0]]),
)


def _position(asset: str, long: int, *, delta: int | None = None, short: int = 0) -> PositionValued:
    wanted = None if delta is None else long - short - delta
    return PositionValued(0, asset, asset == "USDC", long, short, long, long, 0, 0, 0, 0, wanted)


_BOOK = (
    _position("WETH", 2 * _MILLION, delta=30_000 * 10**6),
    _position("WBTC", _MILLION, delta=-7),
    _position("USDC", 5 * _MILLION),
    _position("USDT", _MILLION),
    _position("DAI", _MILLION),
)


def _prices(dai_usd: Decimal = Decimal(1)) -> HedgeMarket:
    prices = {
        WETH.address: 3_000 * 10**18,
        WBTC.address: 60_000 * 10**28,
        USDC.address: 10**30,
        USDT.address: 10**30,
        DAI.address: int(dai_usd * 10**18),
    }
    return replace(market(), usd_per_unit_e36=prices)


def _desk(*tellers: PreTradeTeller) -> PreTradeDesk:
    return PreTradeDesk(_TOKENS, max_quote_usd=Decimal(500_000), settings=RiskSettings(), tellers=tellers)


def _state(**changes: Any) -> PreTradeState:
    given: dict[str, Any] = {
        "positions": _BOOK,
        "market": _prices(),
        "block_number": 100,
        "posture": Posture(size_bps=5_000),
        "model": _MODEL,
        "now_ms": _NOW_MS,
        **changes,
    }
    return _desk().state(given.pop("positions"), given.pop("market"), **given)


def test_state__of_a_book__measures_delta_from_what_is_wanted_and_risk_from_all_of_it() -> None:
    state = _state()
    weth, wbtc = state.assets[WETH.address], state.assets[WBTC.address]
    assert set(state.assets) == {WETH.address, WBTC.address}
    assert (weth.delta_usd_e6, wbtc.delta_usd_e6) == (30_000 * 10**6, -7)
    # 5 % of an inventory of ten millions.
    assert weth.limit_usd_e6 == wbtc.limit_usd_e6 == 500_000 * 10**6
    assert state.max_quote_usd_e6 == 250_000 * 10**6
    assert weth.slope == pytest.approx(0.0016 * 2e6 + 0.0005 * 1e6)
    assert state.variance == pytest.approx(0.0016 * 4e12 + 2 * 0.0005 * 2e12 + 0.0009 * 1e12)
    assert state.var_limit_usd == 300_000
    assert state.numeraires == {USDC.address, USDT.address, DAI.address}
    assert (state.made_at_ms, state.valid_ms, state.block_number) == (_NOW_MS, 5_000, 100)
    assert not state.stopped


def test_state__dollar_token_off_its_peg__is_watched_by_nobody() -> None:
    assert DAI.address in _state(market=_prices(Decimal("0.98"))).numeraires
    assert DAI.address not in _state(market=_prices(Decimal("0.979"))).numeraires


def test_state__hedged_token_without_a_price__is_watched_by_nobody() -> None:
    prices = _prices()
    left = {token: price for token, price in prices.usd_per_unit_e36.items() if token != WBTC.address}
    state = _state(market=replace(prices, usd_per_unit_e36=left))
    assert set(state.assets) == {WETH.address}
    assert WBTC.address not in state.numeraires


def test_state__returns_unknown__says_so() -> None:
    state = _state(model=None)
    assert state.var_limit_usd is None
    assert state.assets[WETH.address].row == {}


def test_state__desk_is_critical__stops() -> None:
    assert _state(posture=Posture(stopped=True)).stopped


@pytest.mark.parametrize("model", [_MODEL, None])
def test_json__read_by_the_server__is_the_state(model: ReturnModel | None) -> None:
    state = _state(model=model)
    read = PreTradeRequest.model_validate(pre_trade_json(state)).state()
    if model is not None:
        assert read.assets[WETH.address].row == pytest.approx(state.assets[WETH.address].row)
    assert read == state


def test_look__a_price_is_missing__tells_nothing() -> None:
    teller = PreTradeTeller("http://test", "")
    desk = _desk(teller)
    rest: dict[str, Any] = {"block_number": 1, "posture": Posture(), "model": None, "now_ms": 1}
    desk.look(None, _prices(), **rest)
    desk.look(_BOOK, None, **rest)
    assert teller._next is None
    desk.look(_BOOK, _prices(), **rest)
    assert teller._next is not None
    desk.close()


# ----------------------------------------------------------------------------------------------------- on its way


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = open_site(tmp_path)
    made.pre_trade.required = True
    yield made
    made.shape.close()


def _teller(site: Site, role: str = "risk", **more: Any) -> PreTradeTeller:
    client = httpx.Client(transport=ToSite(site), base_url="http://test")
    return PreTradeTeller("http://test", site.keys[role], client=client, **more)


def test_send__to_a_server__opens_it_and_a_restart_closes_it_until_the_next(
    site: Site, tmp_path: Path
) -> None:
    _teller(site).send(_state())
    assert site.pre_trade.look().accepted
    (tmp_path / "again").mkdir()
    again = open_site(tmp_path / "again")
    again.pre_trade.required = True
    assert not again.pre_trade.look().accepted
    _teller(again).send(_state())
    assert again.pre_trade.look().accepted


def test_send__twice_or_with_another_role__is_refused(site: Site) -> None:
    teller = _teller(site)
    teller.send(_state())
    with pytest.raises(SetupError, match="409"):
        teller.send(_state())
    with pytest.raises(SetupError, match="403"):
        _teller(site, "viewer").send(_state(now_ms=_NOW_MS + 1))


def test_send__nobody_answers__is_trouble_without_the_key() -> None:
    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    teller = PreTradeTeller(
        "http://test", "secret-key", client=httpx.Client(transport=httpx.MockTransport(down))
    )
    with pytest.raises(SetupError, match="ConnectError") as caught:
        teller.send(_state())
    assert "secret-key" not in str(caught.value) + repr(teller)


def test_tell__server_hangs__holds_up_nobody_and_sends_the_newest() -> None:
    free, sent = threading.Event(), list[int]()
    began = threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        sent.append(int(request.read().split(b'"madeAtMs":')[1].split(b",")[0]))
        began.set()
        free.wait(10)
        return httpx.Response(200)

    done = threading.Semaphore(0)
    teller = PreTradeTeller(
        "http://test",
        "",
        on_told=lambda _: done.release(),
        client=httpx.Client(transport=httpx.MockTransport(slow)),
    )
    teller.start()
    teller.tell(_state(now_ms=1))
    assert began.wait(10)
    for at_ms in (2, 3, 4):
        teller.tell(_state(now_ms=at_ms))
    free.set()
    assert done.acquire(timeout=10)
    assert done.acquire(timeout=10)
    teller.close()
    assert sent == [1, 4]


def test_tell__server_refuses_then_takes__is_logged_once_each_and_measured() -> None:
    answers = iter([500, 500, 200, 200])
    events = DeskEvents()
    settings = load_settings(
        {"desk": {"quote_server_url": "http://localhost:1", "quote_replicas": "http://localhost:2"}},
        environment={},
    )
    one, two = tellers_of(settings.desk, events.risk)
    assert "localhost:2" in repr(two)
    one._client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(next(answers))))
    shown = []
    with capture_logs() as logged:
        for _ in range(4):
            one._tell(_state())
            shown.append(
                events.registry.get_sample_value("pmm_pre_trade_told", {"server": "http://localhost:1"})
            )
    assert shown == [0, 0, 1, 1]
    assert [line["event"] for line in logged if line["log_level"] in ("warning", "info")] == [
        "pre_trade_not_told",
        "pre_trade_told",
    ]


def test_settings__replica_without_encryption__is_refused() -> None:
    with pytest.raises(PmmError, match="https"):
        load_settings({"desk": {"quote_replicas": "http://10.0.0.1:1"}}, environment={})
