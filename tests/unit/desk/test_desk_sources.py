"""Sources beyond the desk: what is configured is asked, its health is risk's, its prices are held against ours."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pmm.desk.sources import CheckedPrices, CheckedRates, DeskSources, ProbedSources
from pmm.domain import USDC, WETH
from pmm.execution.hedging import HedgeMarket
from pmm.monitoring.desk import DeskEvents
from pmm.pricing import ReferencePrice, SourceKind
from pmm.risk.engine import RiskEngine
from pmm.risk.events import SourceProbed
from pmm.risk.settings import RiskSettings
from pmm.settings import load_settings
from pmm.sources import CalledSource, CrossCheck, FirstOf, LendingRate, SourceUnavailable
from tests.helpers.http_site import Answer, Site, http_site
from tests.unit.desk.performance_site import TOKENS, market

_WITHIN_S = 20.0


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as running:
        yield running


def sources(values: Mapping[str, Any], events: DeskEvents, now: HedgeMarket | None = None) -> DeskSources:
    settings = load_settings({"rpc_url": "http://127.0.0.1:1", "rpc_timeout_ms": 100, **values})
    return DeskSources(settings, TOKENS, events.sources, lambda: now, lambda: 7)


def names(found: DeskSources) -> list[str]:
    return [one.role.name for one in found.poller._polled]


def gap(events: DeskEvents, role: str) -> float | None:
    return events.registry.get_sample_value("pmm_source_disagreement_ratio", {"role": role})


def test_sources__nothing_is_set__only_the_feeds_are_asked() -> None:
    found = sources({}, DeskEvents())
    assert names(found) == ["valuation"]
    found.close()


def test_sources__everything_is_set__each_has_a_role_of_its_own(site: Site) -> None:
    section = {
        "aave_api": site.url,
        "compound_api": site.url,
        "coingecko_key": "k",
        "dune_key": "k",
        "dune_sql": "SELECT 1",
    }
    found = sources({"sources": section, "coingecko_url": site.url}, DeskEvents())
    assert names(found) == [
        "valuation",
        "aave_rates",
        "compound_rates",
        "prices",
        "market_values",
        "flow",
    ]
    assert site.asked == []
    found.close()


def test_sources__one_answers_and_one_hangs__risk_hears_of_both_and_the_slow_one_holds_nobody(
    site: Site,
) -> None:
    site.usual = Answer(delay_s=_WITHIN_S)
    now_s = int(time.time())
    prices = {"usd": 3_030, "last_updated_at": now_s}
    site.routes["/simple"] = Answer.of(
        {"weth": prices, "usd-coin": {"usd": 1, "last_updated_at": now_s}, "ethereum": prices}
    )
    events = DeskEvents()
    # The node does not answer either: neither its feeds nor the pools that stand in for them.
    section = {"compound_api": site.url, "timeout_ms": 100}
    found = sources({"sources": section, "coingecko_url": site.url}, events, market())
    found.start()
    engine = RiskEngine(RiskSettings())
    heard: dict[str, bool] = {}
    deadline_s = time.monotonic() + _WITHIN_S
    silent = dict.fromkeys(("chainlink", "uniswap_v3", "compound_api"), False)
    while heard.keys() != {*silent, "coingecko"} and time.monotonic() < deadline_s:
        for one in found.drain():
            heard[one.source] = one.healthy
            engine.apply(one)
        time.sleep(0.02)
    found.close()
    assert heard == silent | {"coingecko": True}
    health = {one.key: one.value for one in engine.tick(7) if one.metric.name == "source_health_pct"}
    assert health == dict.fromkeys(silent, 0) | {"coingecko": 100}
    assert events.registry.get_sample_value("pmm_source_healthy", {"source": "coingecko"}) == 1
    assert events.registry.get_sample_value("pmm_source_healthy", {"source": "compound_api"}) == 0
    assert gap(events, "prices") == pytest.approx(30 / 3_030)


def test_probed__our_own_limit__says_nothing_of_the_source() -> None:
    watch = ProbedSources(DeskEvents().sources, lambda: 7)
    watch.source_failed(source="a", outcome="limited", detail="")
    assert watch.drain() == []
    watch.source_failed(source="a", outcome="broken", detail="")
    watch.source_answered(source="b", took_s=0.1, at_s=1)
    assert watch.drain() == [SourceProbed(7, "a", healthy=False), SourceProbed(7, "b", healthy=True)]
    assert watch.drain() == []


def price(weth_usd: int) -> ReferencePrice:
    return ReferencePrice(
        source="s",
        kind=SourceKind.FEED,
        token=WETH.address,
        unit=None,
        rate_e36=weth_usd * 10**18,
        observed_at_s=1,
        max_age_s=1,
    )


def test_checked_prices__of_another_price__tell_the_gap__and_without_a_market_none() -> None:
    events = DeskEvents()
    watch = ProbedSources(events.sources, lambda: 7)
    outside: tuple[ReferencePrice, ...] = (price(2_700),)
    role = FirstOf("prices", (CalledSource("s", lambda: outside),), watch=watch)
    assert CheckedPrices(role, lambda: None, watch).ask() is not None
    assert gap(events, "prices") is None
    found = CheckedPrices(role, market, watch).ask()
    assert found is not None
    assert found.value == (price(2_700),)
    assert gap(events, "prices") == pytest.approx(0.1)


def test_checked_rates__api_that_is_silent__answers_none_and_a_gap_where_both_speak() -> None:
    events = DeskEvents()
    watch = ProbedSources(events.sources, lambda: 7)
    rate = LendingRate(market="aave_v3", token=USDC.address, supply_rate=0.04, borrow_rate=0.05)

    def silent() -> tuple[LendingRate, ...]:
        raise SourceUnavailable("down")

    contracts = CalledSource("contracts", lambda: (rate,))
    dumb = CrossCheck("rates", contracts, CalledSource("api", silent), watch=watch)
    assert CheckedRates(dumb).ask() is None
    other = replace(rate, borrow_rate=0.04)
    check = CrossCheck("rates", contracts, CalledSource("api", lambda: (other,)), watch=watch)
    found = CheckedRates(check).ask()
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert gap(events, "rates") == pytest.approx(0.2)
