"""Faults between quote and hedge: books equal the chain after each, no hedge is doubled, nothing is signed on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH
from pmm.localnet.addresses import ETH_USD_FEED
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import refresh_feeds, set_price
from pmm.server.clock import SystemClock
from tests.fork.desk.desk_site import (
    ETHER,
    assert_books_equal_the_chain,
    nonce,
    running,
    until_quiet,
)
from tests.fork.server.site import Deployed, Server, fill, serving

_ETH_USD = Decimal(3_000)
_TURNS = 4
_REST_MS = 3_600_000
# Twenty times what is usual, and more: a swap of 170,000 gas costs half an ether.
_SPIKE_WEI = 3_000 * 10**9


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def _feed_off(chain: ChainBuilder, share: str) -> None:
    """The feed lies, the pools do not."""
    set_price(chain.rpc, "ETH", _ETH_USD * Decimal(share), pools=False)


def _pools_off(chain: ChainBuilder, share: str) -> None:
    """Somebody trades the pools away, the feed stands."""
    set_price(chain.rpc, "ETH", _ETH_USD * Decimal(share))
    set_price(chain.rpc, "ETH", _ETH_USD, pools=False)


def _feed_zero(chain: ChainBuilder) -> None:
    """Whatever it is asked, the feed answers with 160 bytes of zeros: the genuine aggregator takes no zero in."""
    chain.rpc.call("anvil_setCode", ETH_USD_FEED, "0x60a06000f3")


def _feed_frozen(chain: ChainBuilder) -> None:
    chain.rpc.call("evm_increaseTime", 2 * 86_400)
    chain.rpc.call("evm_mine")


_FAULTS: dict[str, Callable[[ChainBuilder], None]] = {
    "feed 30 % high": lambda chain: _feed_off(chain, "1.3"),
    "feed zero": _feed_zero,
    "feed frozen": _feed_frozen,
    "pools 3 % low": lambda chain: _pools_off(chain, "0.97"),
}


def _repair(chain: ChainBuilder, feed_code: str) -> None:
    chain.rpc.call("anvil_setCode", ETH_USD_FEED, feed_code)
    refresh_feeds(chain.rpc)
    set_price(chain.rpc, "ETH", _ETH_USD)


@pytest.mark.parametrize("fault", _FAULTS)
def test_fault_between_quote_and_hedge__nothing_is_traded_on_it__and_one_hedge_follows(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, fault: str
) -> None:
    feed_code = chain.rpc.call("eth_getCode", ETH_USD_FEED, "latest")
    set_price(chain.rpc, "ETH", _ETH_USD)
    server.catch_up()
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        _FAULTS[fault](chain)
        server.catch_up()
        for _ in range(_TURNS):
            desk.turn()
        assert nonce(desk, deployed) == 0, "a hedge went out on a price that is wrong"
        # Also without any price the fill is in the books, and the desk says what it waits for.
        assert desk.hedger.open_delta(WETH.address) == ETHER
        assert_books_equal_the_chain(desk, deployed)
        unpriced = fault in ("feed zero", "feed frozen")
        assert ("feed ETH / USD: expected" in desk.trouble) is unpriced
        assert desk.gauges.market is not None
        assert (WETH.address in desk.gauges.market.usd_per_unit_e36) is not unpriced
        assert server.refused()[0] == 503
        _repair(chain, feed_code)
        # An asset rests after a hedge that failed.
        desk.clock_ms = lambda: time.time_ns() // 1_000_000 + _REST_MS
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)


def test_gas_spike_between_quote_and_hedge__the_hedge_waits_until_it_is_worth_its_gas(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    set_price(chain.rpc, "ETH", _ETH_USD)
    server.catch_up()
    usual = int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        _base_fee(chain, _SPIKE_WEI)
        for _ in range(_TURNS):
            desk.turn()
        assert nonce(desk, deployed) == 0, "a hedge went out for more gas than it may cost"
        assert desk.hedger.open_delta(WETH.address) == ETHER
        assert_books_equal_the_chain(desk, deployed)
        _base_fee(chain, usual)
        desk.clock_ms = lambda: time.time_ns() // 1_000_000 + _REST_MS
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)


def _base_fee(chain: ChainBuilder, wei: int) -> None:
    chain.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(wei))
    chain.rpc.call("evm_mine")


def test_feed_30_percent_low__sells_at_the_pools_better_price_once__and_signs_nothing(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    """A feed that lies can only forbid a trade: what is sold brings what the pools pay."""
    set_price(chain.rpc, "ETH", _ETH_USD)
    server.catch_up()
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        usdc = balance_of(deployed.rpc, USDC.address, deployed.settlement)
        _feed_off(chain, "0.7")
        server.catch_up()
        until_quiet(desk)
        assert server.refused() == (503, "price_deviation")
        assert nonce(desk, deployed) == 1
        assert balance_of(deployed.rpc, USDC.address, deployed.settlement) - usdc > 2_990 * 10**6
        assert_books_equal_the_chain(desk, deployed)


class _Skewed(SystemClock):
    """This process's clock is off."""

    by_ms = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.by_ms


@pytest.mark.parametrize("by_ms", [-2_000, 2_000])
def test_clock_2_s_off__quotes_expire_by_the_chains_clock__and_fills_are_hedged_once(
    chain: ChainBuilder,
    deployed: Deployed,
    journal: Path,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    by_ms: int,
) -> None:
    monkeypatch.setattr(_Skewed, "by_ms", by_ms)
    monkeypatch.setattr("pmm.server.runtime.SystemClock", _Skewed)
    with serving(deployed, journal) as server, running(deployed, ledger) as desk:
        desk.clock_ms = lambda: time.time_ns() // 1_000_000 + by_ms
        until_quiet(desk)
        answer = server.quote()
        block = deployed.rpc.call("eth_getBlockByNumber", "latest", False)
        expires_s = answer.signed.order.maker_traits >> 80 & (1 << 40) - 1
        ttl_s = server.runtime.settings.quote_ttl_s
        assert 0 < expires_s - int(block["timestamp"], 16) <= ttl_s + 1
        fill(chain, answer)
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)
