"""Reads what hedges are judged by: pools to the tick, feeds, gas, and the lending markets as our account stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pmm.chain.feeds import feed_call, feed_reading, feeds_of
from pmm.chain.lending_reader import LendingPlan, LendingReader
from pmm.chain.quoter import Pool
from pmm.chain.tick_reader import read_tick_maps
from pmm.chain.web3_node import Web3Node
from pmm.domain import Address, Token
from pmm.execution.book import ChainReading
from pmm.execution.hedging import HedgeMarket, HedgePool
from pmm.pricing import FeedReading, PerpQuote, PoolKind
from pmm.pricing.fair_rules import check_feed


class HedgeMarketReader:
    """Reads one market per block. Without a lending plan the lending routes find nothing.

    ``heartbeat_grace_s`` is what a feed may be older than its heartbeat, by the block's time.
    """

    def __init__(
        self,
        node: Web3Node,
        *,
        tokens: Sequence[Token],
        native: Address,
        settlement: Address,
        pools: Sequence[Pool],
        plan: LendingPlan | None,
        words: int = 2,
        most_ticks: int = 200,
        heartbeat_grace_s: int = 300,
    ) -> None:
        self._node, self._native, self._settlement = node, native, settlement
        self._pools = [pool for pool in pools if pool.kind is PoolKind.UNISWAP_V3]
        self.fees_pips = tuple(dict.fromkeys(pool.fee_pips for pool in self._pools))
        """Fees of the pools that are read."""
        self._feeds = feeds_of(tokens)
        self._tokens = {token.address: token for token in tokens}
        self._lending = LendingReader(plan, tokens)
        self._words, self._most_ticks, self._grace_s = words, most_ticks, heartbeat_grace_s

    def read(
        self,
        reading: ChainReading,
        *,
        reserved: Mapping[Address, int],
        gas_price_wei: int,
        perps: tuple[PerpQuote, ...] = (),
    ) -> HedgeMarket:
        """Return the market at the block of a book's reading, which says what there is to trade.

        ``gas_price_wei`` is what the sender of the hedges pays: read apart from it, a plan may be capped below that.
        A token whose feed cannot be traded by has no price in it. Raises ChainError for answers that cannot be right,
        NodeUnreachable without one.
        """
        block = reading.block.number
        feed_calls = [feed_call(feed) for feed in self._feeds.values()]
        answers = self._node.multicall([*feed_calls, *self._lending.calls], block=block)
        feeds = {
            token: feed_reading(feed, answer)
            for (token, feed), answer in zip(self._feeds.items(), answers, strict=False)
        }
        unpriced = self._unpriced(feeds, reading.block.time_s)
        usable = {token: feed for token, feed in feeds.items() if token not in unpriced}
        lending = self._lending.read(answers[len(feed_calls) :], usable)
        held = {
            key.token: amount for key, amount in reading.balances.items() if key.account == self._settlement
        }
        return HedgeMarket(
            block_number=block,
            at_s=reading.block.time_s,
            gas_price_wei=gas_price_wei,
            native=self._native,
            usd_per_unit_e36={
                token: feed.usd_per_unit_e36(self._tokens[token]) for token, feed in usable.items()
            },
            unpriced=unpriced,
            inventory={token: max(amount - reserved.get(token, 0), 0) for token, amount in held.items()},
            pools=self._read_pools(block),
            lending=lending.readings,
            lending_unknown=lending.unknown,
            debts=_debts(reading),
            perps=perps,
        )

    def _unpriced(self, feeds: Mapping[Address, FeedReading], chain_time_s: int) -> dict[Address, str]:
        """Return why tokens cannot be traded by their feeds: as quotes are judged, by each feed's own heartbeat."""
        found = {
            token: check_feed(feed, chain_time_s=chain_time_s, heartbeat_grace_s=self._grace_s)
            for token, feed in feeds.items()
        }
        return {token: decision.detail for token, decision in found.items() if not decision.accepted}

    def _read_pools(self, block: int) -> tuple[HedgePool, ...]:
        maps = read_tick_maps(
            self._node, self._pools, block=block, words=self._words, most_ticks=self._most_ticks
        )
        return tuple(
            HedgePool(
                address=pool.address,
                token0=pool.token0,
                token1=pool.token1,
                fee_pips=pool.fee_pips,
                state=state,
            )
            for pool, state in zip(self._pools, maps, strict=True)
            if state is not None
        )


def _debts(reading: ChainReading) -> dict[tuple[str, Address], int]:
    return {(key.market.value, key.token): mark.debt.amount for key, mark in reading.lending.items()}
