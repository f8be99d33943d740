"""Feeds and pools move together, on the offline mainnet and where an aggregator of ours must be installed."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from pmm.chain.rpc import JsonRpc
from pmm.errors import ChainError, InvalidInput
from pmm.localnet.addresses import BUILDER, FEED_ORACLE, FEEDS, MARKER, UNISWAP_V4_SWAP_ROUTER
from pmm.localnet.feeds import START_PRICES_USD, read_feed, submit_answer
from pmm.localnet.node import start
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pool_prices import pool_prices
from pmm.localnet.prices import refresh_feeds, set_price

ONE_BPS = Decimal(1)
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")


@pytest.mark.parametrize(
    ("asset", "price"),
    [
        ("ETH", "3150.25"),
        ("ETH", "1200"),
        ("ETH", "9999.99999999"),
        ("BTC", "61234.5"),
        ("USDC", "0.8748"),
        ("USDT", "1.0012"),
        ("DAI", "0.97"),
    ],
)
def test_set_price__each_asset__moves_feed_and_every_pool_within_1_bps(
    chain: ChainBuilder, asset: str, price: str
) -> None:
    set_price(chain.rpc, asset, Decimal(price))
    assert read_feed(chain, asset).price_usd == Decimal(price)
    found = pool_prices(chain)
    assert len(found) == 16
    assert {p.pool.name: p.deviation_bps for p in found if abs(p.deviation_bps) >= ONE_BPS} == {}


def test_set_price__there_and_back__returns_to_the_start(chain: ChainBuilder) -> None:
    for price in ("3500", "2000", str(START_PRICES_USD["ETH"])):
        set_price(chain.rpc, "ETH", Decimal(price))
    assert all(abs(p.deviation_bps) < ONE_BPS for p in pool_prices(chain))


def test_set_price__without_pools__leaves_them_behind(chain: ChainBuilder) -> None:
    set_price(chain.rpc, "ETH", START_PRICES_USD["ETH"] * 2, pools=False)
    moved = {p.pool.name: p.deviation_bps for p in pool_prices(chain) if "ETH" in p.pool.assets}
    assert all(abs(bps) > 4_000 for bps in moved.values()), moved


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "0.000000001"])
def test_set_price__not_a_price__changes_nothing(chain: ChainBuilder, price: str) -> None:
    before = read_feed(chain, "ETH")
    with pytest.raises(InvalidInput):
        set_price(chain.rpc, "ETH", Decimal(price))
    assert read_feed(chain, "ETH") == before


def test_feed__new_answer__is_a_new_round_at_the_block_time(chain: ChainBuilder) -> None:
    before = chain.read(FEEDS["ETH"], "latestRoundData()", returns=ROUND)
    set_price(chain.rpc, "ETH", Decimal("2800"), pools=False)
    after = chain.read(FEEDS["ETH"], "latestRoundData()", returns=ROUND)
    assert after[0] == after[4] == before[0] + 1
    assert after[1] == 2_800 * 10**8
    block = chain.rpc.call("eth_getBlockByNumber", "latest", False)
    assert after[2] == after[3] == int(block["timestamp"], 16)
    assert chain.read(FEEDS["ETH"], "getRoundData(uint80)", before[0], returns=ROUND) == before


def test_feed__anybody_else__may_not_submit(chain: ChainBuilder, trader: str) -> None:
    aggregator = chain.read(FEEDS["ETH"], "aggregator()", returns=("address",))
    with pytest.raises(ChainError, match="not enabled oracle"):
        chain.transact(aggregator, "submit(uint256,int256)", 99, 1, sender=trader)
    submit_answer(chain, aggregator, 10**11)
    assert read_feed(chain, "ETH").price_usd == 1_000


def test_start__clock_and_feeds__are_of_now_and_never_ahead(chain: ChainBuilder) -> None:
    head_s = int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    now_s = int(time.time())
    assert now_s - 900 < head_s <= now_s + 2
    for asset in FEEDS:
        assert head_s - 900 < read_feed(chain, asset).updated_at_s <= head_s


def test_refresh_feeds__an_hour_later__answers_stay_and_times_are_fresh(chain: ChainBuilder) -> None:
    before = {asset: read_feed(chain, asset) for asset in FEEDS}
    chain.rpc.call("evm_increaseTime", 3_600)
    chain.rpc.call("evm_mine")
    refresh_feeds(chain.rpc)
    for asset, old in before.items():
        new = read_feed(chain, asset)
        assert new.price_usd == old.price_usd
        assert new.updated_at_s >= old.updated_at_s + 3_600


def test_set_price__chain_without_our_mark__installs_an_aggregator_through_the_proxys_owner(
    chain: ChainBuilder,
) -> None:
    """A fork of the real chain, played by an offline mainnet that lost its mark and its V4 router."""
    chain.set_storage(MARKER, 0, 0)
    chain.set_code(UNISWAP_V4_SWAP_ROUTER, b"")
    old = chain.read(FEEDS["ETH"], "aggregator()", returns=("address",))
    set_price(chain.rpc, "ETH", Decimal("2950.5"))
    new = chain.read(FEEDS["ETH"], "aggregator()", returns=("address",))
    assert new != old
    round_id, answer, _, updated_at_s, _ = chain.read(FEEDS["ETH"], "latestRoundData()", returns=ROUND)
    assert (round_id, answer) == ((2 << 64) + 1, 295_050_000_000)
    assert updated_at_s == read_feed(chain, "ETH").updated_at_s > 0
    assert chain.read(FEEDS["ETH"], "description()", returns=("string",)) == "ETH / USD"
    assert all(abs(p.deviation_bps) < ONE_BPS for p in pool_prices(chain))
    set_price(chain.rpc, "ETH", Decimal("2951"))
    assert chain.read(FEEDS["ETH"], "aggregator()", returns=("address",)) == new
    with pytest.raises(ChainError):
        chain.transact(new, "setAnswer(int256)", 1, sender=BUILDER)
    chain.transact(new, "setAnswer(int256)", 1, sender=FEED_ORACLE)


def test_set_price__on_a_fork_of_the_offline_mainnet__leaves_the_upstream_alone(rpc: JsonRpc) -> None:
    before = read_feed(ChainBuilder(rpc), "ETH")
    with start(fork_url=rpc.url) as fork, fork.rpc() as client:
        set_price(client, "ETH", Decimal("3333"))
        chain = ChainBuilder(client)
        assert read_feed(chain, "ETH").price_usd == 3_333
        assert all(abs(p.deviation_bps) < ONE_BPS for p in pool_prices(chain))
    assert read_feed(ChainBuilder(rpc), "ETH") == before
