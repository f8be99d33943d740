"""Each adapter against answers in the documented form, and against everything that is not."""

from __future__ import annotations

import io
import json
import logging
import math
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode

from pmm.chain.addresses import AAVE_V3_POOL
from pmm.domain import USDC, WETH
from pmm.errors import ChainError, InvalidInput
from pmm.monitoring.desk import DeskEvents
from pmm.pricing import SourceKind
from pmm.sources import (
    AaveApi,
    CalledSource,
    ChainlinkPrices,
    CoinGeckoMarkets,
    CoinGeckoPrices,
    CompoundApi,
    CrossCheck,
    DuneSql,
    SourceUnavailable,
    largest_gap,
)
from pmm.sources.lending_rates import LendingRate, numbers
from pmm.sources.rest import RestClient
from tests.helpers.http_site import Answer, Site
from tests.unit.sources.conftest import StoppedClock

# Long where an answer comes: a busy machine is no silent source.
_timeout_s = 10.0

KEY = "k3y-that-nobody-may-see"

# Form: https://aave.com/docs/aave-v3/markets/data (Reserve, PercentValue, TokenAmount).
AAVE = {
    "data": {
        "market": {
            "reserves": [
                {
                    "underlyingToken": {"address": WETH.address},
                    "supplyInfo": {"apy": {"value": "0.0182"}, "liquidationThreshold": {"value": "0.83"}},
                    "borrowInfo": {
                        "apy": {"value": "0.0263"},
                        "availableLiquidity": {"amount": {"value": "312345.67"}},
                    },
                },
                {
                    "underlyingToken": {"address": USDC.address.lower()},
                    "supplyInfo": {"apy": {"value": "0.04"}, "liquidationThreshold": {"value": "0.78"}},
                    "borrowInfo": None,
                },
                {
                    "underlyingToken": {"address": "0x" + "77" * 20},
                    "supplyInfo": {"apy": {"value": "0"}, "liquidationThreshold": {"value": "0"}},
                    "borrowInfo": None,
                },
            ]
        }
    }
}
# Form: https://docs.compound.finance/v2/api/ (CTokenService, Precise).
COMPOUND = {
    "cToken": [
        {
            "token_address": "0x4ddc2d193948926d02f9b1fe9e1daa0718270ed5",
            "underlying_address": None,
            "supply_rate": {"value": "0.0007"},
            "borrow_rate": {"value": "0.0281"},
            "cash": {"value": "123456.5"},
            "collateral_factor": {"value": "0.825"},
        },
        {
            "token_address": "0x39aa39c021dfbae8fac545936693ac917d5e7563",
            "underlying_address": USDC.address.lower(),
            "supply_rate": {"value": "0.02"},
            "borrow_rate": {"value": "0.04"},
            "cash": {"value": "9000000"},
            "collateral_factor": {"value": "0.855"},
        },
    ],
    "error": None,
}


def _aave(site: Site) -> Any:
    return AaveApi((WETH, USDC), timeout_s=_timeout_s, url=f"{site.url}/graphql")


def _compound(site: Site) -> Any:
    return CompoundApi(f"{site.url}/api/v2", (WETH, USDC), timeout_s=_timeout_s)


def _markets(site: Site) -> Any:
    return CoinGeckoMarkets(site.url, (WETH, USDC), timeout_s=_timeout_s, key=KEY)


def _dune(site: Site) -> Any:
    return DuneSql("flow", "SELECT 1", key=KEY, timeout_s=_timeout_s, clock=StoppedClock(), url=site.url)


every_adapter = pytest.mark.parametrize(
    "make", [_aave, _compound, _markets, _dune], ids=lambda make: make.__name__.strip("_")
)


def test_aave_api__documented_answer__gives_simple_rates_of_our_tokens(site: Site) -> None:
    site.usual = Answer.of(AAVE)
    weth, usdc = _aave(site).ask()
    assert (weth.market, weth.token, weth.available, weth.threshold) == (
        "aave_v3",
        WETH.address,
        312345.67,
        0.83,
    )
    assert weth.supply_rate == pytest.approx(math.log1p(0.0182))
    assert weth.borrow_rate == pytest.approx(math.log1p(0.0263))
    assert (usdc.token, usdc.borrow_rate, usdc.available) == (USDC.address, 0.0, 0.0)
    (asked,) = site.asked
    assert asked.json["variables"] == {"request": {"address": AAVE_V3_POOL, "chainId": 1}}
    assert asked.json["query"].startswith("query Rates")


def test_compound_api__documented_answer__gives_rates_and_takes_ceth_for_weth(site: Site) -> None:
    site.usual = Answer.of(COMPOUND)
    weth, usdc = _compound(site).ask()
    assert (weth.token, weth.available, weth.threshold) == (WETH.address, 123456.5, 0.825)
    assert (usdc.token, usdc.market) == (USDC.address, "compound_v2")
    assert site.asked[0].path == "/api/v2/ctoken"


def test_cross_check__contracts_and_api__shows_the_market_that_lies(site: Site) -> None:
    site.usual = Answer.of(AAVE)
    by_api = _aave(site).ask()
    same = [
        LendingRate(market=r.market, token=r.token, supply_rate=r.supply_rate, borrow_rate=r.borrow_rate)
        for r in by_api
    ]
    assert largest_gap(numbers(by_api), numbers(same), floor=0.001) == 0
    same[0] = LendingRate(
        market="aave_v3", token=WETH.address, supply_rate=0.0182, borrow_rate=by_api[0].borrow_rate * 2
    )
    gap = largest_gap(numbers(by_api), numbers(same), floor=0.001)
    assert gap == pytest.approx(0.5)
    events = DeskEvents()
    contracts = CalledSource("contracts", lambda: tuple(same))
    check = CrossCheck("aave_rates", contracts, _aave(site), watch=events.sources)
    assert check.run() == gap
    labels = {"role": "aave_rates"}
    assert events.registry.get_sample_value("pmm_source_disagreement_ratio", labels) == gap
    site.usual = Answer(status=500)
    assert check.run() is None


def test_coingecko__prices_and_market_values__are_read_and_the_key_goes_into_a_header(site: Site) -> None:
    site.usual = Answer(
        body=b'{"weth":{"usd":3150.5,"usd_market_cap":379841234567.89,"last_updated_at":1750000000},'
        b'"usd-coin":{"usd":1,"usd_market_cap":61000000000,"last_updated_at":1750000001}}'
    )
    (price, _) = CoinGeckoPrices(site.url, (WETH, USDC), timeout_s=2, max_age_s=300).ask()
    assert price.rate_e36 == 31505 * 10**17
    weth, usdc = _markets(site).ask()
    assert (weth.usd, weth.observed_at_s) == (Decimal("379841234567.89"), 1_750_000_000)
    assert usdc.usd == 61_000_000_000
    assert site.asked[1].headers["x-cg-demo-api-key"] == KEY
    assert KEY not in site.asked[1].path


class Feeds:
    """Answers the feeds' calls with one round."""

    def __init__(self, *rounds: bytes | None) -> None:
        self.rounds = list(rounds)

    def multicall(self, calls: Any, *, block: int | str) -> list[bytes | None]:
        return self.rounds


def _round(answer: int, updated_at_s: int) -> bytes:
    types = ["uint80", "int256", "uint256", "uint256", "uint80"]
    return encode(types, [1, answer, updated_at_s, updated_at_s, 1])


def test_chainlink__good_rounds__are_reference_prices() -> None:
    feeds = Feeds(_round(315_025_000_000, 1_000), _round(100_010_000, 900))
    weth, usdc = ChainlinkPrices(feeds, (WETH, USDC), chain_now_s=lambda: 1_100).ask()
    assert (weth.rate_e36, weth.kind, weth.observed_at_s) == (315_025 * 10**16, SourceKind.FEED, 1_000)
    assert usdc.rate_e36 == 10_001 * 10**26


@pytest.mark.parametrize(
    "rounds",
    [
        (_round(0, 9_000), _round(100_000_000, 9_000)),
        (_round(-1, 9_000), _round(100_000_000, 9_000)),
        (_round(315_025_000_000, 9_000 - 3_901), _round(100_000_000, 9_000)),
        (None, _round(100_000_000, 9_000)),
        (b"\x01" * 31, _round(100_000_000, 9_000)),
    ],
    ids=["zero", "negative", "frozen", "silent", "short"],
)
def test_chainlink__round_of_no_use__is_no_answer(rounds: tuple[bytes | None, ...]) -> None:
    with pytest.raises(ChainError):
        ChainlinkPrices(Feeds(*rounds), (WETH, USDC), chain_now_s=lambda: 9_000).ask()


def _changed(form: Any, value: Any) -> Any:
    """Return an answer with every number in it replaced."""
    if isinstance(form, list):
        return [_changed(one, value) for one in form]
    if isinstance(form, dict):
        return {name: value if name == "value" else _changed(one, value) for name, one in form.items()}
    return form


_NONSENSE = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b'"text"',
    b"{}",
    b"[" * 100_000,
    b'{"data":{"market":null},"cToken":[{}],"execution_id":{},"weth":{"usd_market_cap":"x"}}',
    b'{"data":{"market":{"reserves":[]}},"cToken":[],"weth":{}}',
    b'{"errors":[{"message":"no"}],"error":{"code":1},"weth":3}',
    b'{"weth":{"usd_market_cap":NaN,"last_updated_at":1}}',
    b'{"weth":{"usd_market_cap":"Infinity","last_updated_at":1}}',
    b'{"weth":{"usd_market_cap":-1,"last_updated_at":1}}',
    *(
        json.dumps(_changed(form, value)).encode()
        for form in (AAVE, COMPOUND)
        for value in ("nan", "inf", "-1e999", "-2", math.nan)
    ),
]


@every_adapter
@pytest.mark.parametrize("body", _NONSENSE)
def test_adapter__nonsense__is_no_answer_and_nothing_worse(
    make: Callable[[Site], Any], body: bytes, site: Site
) -> None:
    site.usual = Answer(body=body)
    with pytest.raises(SourceUnavailable) as caught:
        make(site).ask()
    assert caught.value.final


@every_adapter
def test_adapter__statuses_and_silence__say_whether_to_try_again(
    make: Callable[[Site], Any], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer, final, pause in (
        (Answer(status=500), False, None),
        (Answer(status=429), False, 60.0),
        (Answer(status=429, headers={"retry-after": "7"}), False, 7.0),
        (Answer(status=429, headers={"retry-after": "\u00b2"}), False, 60.0),
        (Answer(status=401), True, None),
        (Answer(status=302, headers={"location": "http://127.0.0.1:1/"}), True, None),
        (Answer(delay_s=1.5), False, None),
    ):
        site.usual = answer
        if answer.delay_s:
            monkeypatch.setattr(sys.modules[__name__], "_timeout_s", answer.delay_s / 3)
        with pytest.raises(SourceUnavailable) as caught:
            make(site).ask()
        assert (caught.value.final, caught.value.retry_after_s) == (final, pause)


@pytest.fixture
def every_log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@every_adapter
def test_adapter__key__is_in_no_log_error_or_repr(
    make: Callable[[Site], Any], site: Site, every_log: io.StringIO
) -> None:
    source = make(site)
    shown = [repr(source), repr(source._client)]
    for answer in (Answer(status=401), Answer(status=500), Answer(body=b"x"), Answer(delay_s=1.0)):
        site.usual = answer
        with pytest.raises(SourceUnavailable) as caught:
            source.ask()
        shown += [str(caught.value), repr(caught.value.__cause__)]
    assert KEY not in every_log.getvalue() + " ".join(shown)


def test_coingecko_prices__pause_that_is_no_number__is_no_answer_and_nothing_worse(site: Site) -> None:
    site.usual = Answer(status=429, headers={"retry-after": "\u00b2"})
    with pytest.raises(SourceUnavailable) as caught:
        CoinGeckoPrices(site.url, (WETH,), timeout_s=1, max_age_s=60).ask()
    assert caught.value.retry_after_s is None


def test_rest__answer_that_comes_byte_by_byte__is_given_up_in_time() -> None:
    moments = iter(range(1_000))

    class Drops(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b" " for _ in range(900))
            yield b"{}"

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Drops()))
    client = RestClient("slow", "https://slow.test", timeout_s=20, clock=lambda: next(moments))
    client._client = httpx.Client(transport=transport)
    with pytest.raises(SourceUnavailable, match="within 20 s"):
        client.get("/")
    assert next(moments) < 30


@pytest.mark.parametrize("url", ["http://api.example.org", "ftp://x", ""])
def test_adapter__address_that_is_not_https__is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="https"):
        CompoundApi(url, (WETH,), timeout_s=1)
