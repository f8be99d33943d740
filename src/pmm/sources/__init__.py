"""Sources beyond the desk (section 6 of the risk book), each with health, rate limit, breaker and a stand-in.

How to join it (``pmm.desk.sources`` does; ``Patient`` around a source bounds its answer, whatever it does)::

    guard = partial(Guarded, watch=events.sources, clock=SystemClock())
    chainlink = guard(ChainlinkPrices(node, tokens), policy=EACH_BLOCK)
    pools = guard(PoolPrices(node, tokens, chain_now_s=now_s), policy=EACH_BLOCK)
    books = guard(BookPrices(live_books), policy=EACH_BLOCK)
    valuation = FirstOf("valuation", (chainlink, pools, books), watch=events.sources)
    rates = FirstOf("aave_rates", (contracts, guard(AaveApi(...), policy=EACH_MINUTE)), watch=events.sources)
    flow = FirstOf("flow", (guard(DuneSql(...), policy=EACH_HOUR),), watch=events.sources)   # nobody else: skipped
    poller = SourcePoller([Polled(valuation, every_s=12), Polled(flow, every_s=3_600)], clock)   # start()

``FirstOf.ask()`` returns None where nobody answered: the desk skips it and an alert rule fires. Nodes of providers
are ``node_endpoints(settings)`` for the indexer's pool. Keys stay inside; no repr, error or log shows one.
"""

from pmm.sources.aave_api import AaveApi
from pmm.sources.chainlink import ChainlinkPrices
from pmm.sources.coingecko import CoinGeckoMarkets, CoinGeckoPrices, MarketCap
from pmm.sources.compound_api import CompoundApi
from pmm.sources.cross_check import CrossCheck, largest_gap
from pmm.sources.dune import DuneSql
from pmm.sources.fallback import FirstOf
from pmm.sources.guarded import EACH_BLOCK, EACH_HOUR, EACH_MINUTE, Guarded, GuardPolicy
from pmm.sources.lending_rates import LendingRate, rates_of_readings
from pmm.sources.patient import Patient
from pmm.sources.poller import Polled, SourcePoller
from pmm.sources.rpc_endpoints import RpcEndpoint, node_endpoints
from pmm.sources.settings import SourceSettings
from pmm.sources.source import CalledSource, Source, SourceUnavailable, SourceWatch, SystemClock
from pmm.sources.stand_ins import BookPrices, PoolPrices

__all__ = [
    "EACH_BLOCK",
    "EACH_HOUR",
    "EACH_MINUTE",
    "AaveApi",
    "BookPrices",
    "CalledSource",
    "ChainlinkPrices",
    "CoinGeckoMarkets",
    "CoinGeckoPrices",
    "CompoundApi",
    "CrossCheck",
    "DuneSql",
    "FirstOf",
    "GuardPolicy",
    "Guarded",
    "LendingRate",
    "MarketCap",
    "Patient",
    "Polled",
    "PoolPrices",
    "RpcEndpoint",
    "Source",
    "SourcePoller",
    "SourceSettings",
    "SourceUnavailable",
    "SourceWatch",
    "SystemClock",
    "largest_gap",
    "node_endpoints",
    "rates_of_readings",
]
