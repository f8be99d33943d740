"""Reads a whole chain view in three to five round trips, all of it at one block."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, Final

from pmm.chain.feeds import Feed, feed_call, feed_reading
from pmm.chain.inventory import (
    balance_call,
    lane_call,
    lane_state,
    registered_call,
    router_allowance_call,
    router_word_call,
)
from pmm.chain.lending_reader import LendingPlan, LendingReader
from pmm.chain.node_identity import IDENTITY_CALLS, node_identity
from pmm.chain.pool_reader import PoolReader, TickRules
from pmm.chain.quoter import Pool
from pmm.chain.rpc import RpcError
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import Address, Token
from pmm.errors import ChainError
from pmm.execution import (
    NOTHING_OUTSIDE,
    ChainView,
    LaneState,
    NodeIdentity,
    NonceKey,
    NonceWord,
    NonceWords,
    OutsideMarket,
    Settlement,
    nonces_of,
)
from pmm.pricing import FeedReading, MarketSnapshot

_E36: Final = 10**36
# Amounts of a ladder are cut to this many leading digits: easier to read, nothing lost.
_LEADING_DIGITS: Final = 3
# Ten slots of mainnet: beyond it the node has lost the chain, or one of the two clocks is wrong.
_MAX_BLOCK_AGE_S: Final = 120
_HASH_DIGITS: Final = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderPlan:
    """What to read.

    Attributes:
        settlement: our contract.
        signer: whose lanes.
        lanes: how many of them.
        tokens: every token that is quoted.
        feeds: feed per token.
        pools: pools to hedge on.
        ladder_usd: cumulative notionals at which depth is read, rising.
        ticks: how much of the pools' tick maps is read; None reads depth from the quoter.
        lending: our lending account and its markets, None without one.
    """

    settlement: Address
    signer: Address
    lanes: int
    tokens: tuple[Token, ...]
    feeds: Mapping[Address, Feed]
    pools: tuple[Pool, ...]
    ladder_usd: tuple[Decimal, ...]
    ticks: TickRules | None = None
    lending: LendingPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    identity: NodeIdentity
    number: int
    block_hash: str
    timestamp_s: int
    pending_s: int
    gas_price_wei: int


class MarketReader:
    """Reads chain views through one node. Not thread-safe."""

    def __init__(self, node: Web3Node, plan: ReaderPlan, outside: OutsideMarket | None = None) -> None:
        self._node = node
        self._plan = plan
        self._outside = outside
        self._pools = PoolReader(plan.pools, ticks=plan.ticks)
        self._lending = LendingReader(plan.lending, plan.tokens)
        self._serial = count(1)

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        """Return the chain as it is now, and which of the ``watched`` nonces are dead.

        Raises:
            NodeUnreachable: no answer within the timeout.
            ChainError: the node or a contract answered something that cannot be right.
        """
        read_at_s = time.monotonic()
        head = self._head()
        _check_clock(head, self._node.shown_url)
        state = _StateAnswers(self._plan, NonceWords.of(watched), self._pools.calls, self._lending.calls)
        answers = self._node.multicall(state.calls, block=head.number)
        state.accept(answers)
        market = self._snapshot(head, state)
        return ChainView(
            market=market,
            balances=state.balances,
            router_allowances=state.allowances,
            tradable=state.tradable,
            lanes=state.lanes,
            spent=state.spent(),
            node=head.identity,
            # A development chain stands still between transactions: there the next block's time must do.
            expiry_clock_s=market.chain_time_s if head.identity.development else head.timestamp_s,
            read_at_s=read_at_s,
        )

    def _snapshot(self, head: _Head, state: _StateAnswers) -> MarketSnapshot:
        amounts = {
            token.address: ladder_amounts(token, state.feeds, self._plan.ladder_usd)
            for token in self._plan.tokens
        }
        pools = self._pools.read(
            self._node, state.pools, lambda token: amounts[token.address], block=head.number
        )
        outside = self._outside.current() if self._outside is not None else NOTHING_OUTSIDE
        return MarketSnapshot(
            snapshot_id=f"{head.number}-{head.block_hash[2:10]}-{time.time_ns():x}-{next(self._serial)}",
            block_number=head.number,
            block_timestamp_s=head.timestamp_s,
            chain_time_s=max(head.timestamp_s, head.pending_s),
            gas_price_wei=head.gas_price_wei,
            feeds=state.feeds,
            pools=pools,
            lending=self._lending.read(state.lending, state.feeds),
            references=outside.references,
            otc=outside.otc,
            perps=outside.perps,
        )

    def _head(self) -> _Head:
        answers = self._node.batch(
            [
                *IDENTITY_CALLS,
                ("eth_getBlockByNumber", ("latest", False)),
                ("eth_getBlockByNumber", ("pending", False)),
                ("eth_gasPrice", ()),
            ]
        )
        latest, pending, gas_price = answers[-3:]
        try:
            timestamp_s = int(latest["timestamp"], 16)
            has_pending = isinstance(pending, dict) and pending.get("timestamp")
            return _Head(
                identity=node_identity(answers[: len(IDENTITY_CALLS)]),
                number=int(latest["number"], 16),
                block_hash=_hash(latest["hash"]),
                timestamp_s=timestamp_s,
                pending_s=int(pending["timestamp"], 16) if has_pending else timestamp_s,
                gas_price_wei=int(gas_price, 16),
            )
        except (TypeError, KeyError, ValueError) as error:
            refused = next((answer for answer in answers[-3:] if isinstance(answer, RpcError)), None)
            found = self._node.without_key(str(refused or repr(latest)[:120]))
            raise ChainError(
                f"expected the latest block and a gas price from {self._node.shown_url}, found {found}"
            ) from error


def _check_clock(head: _Head, url: str) -> None:
    """Refuse a real node that is behind: its feeds would look fresh by its own clock.

    A development chain lives in a time of its own.
    """
    age_s = int(time.time()) - head.timestamp_s
    if not head.identity.development and abs(age_s) > _MAX_BLOCK_AGE_S:
        raise ChainError(
            f"expected the latest block of {url} within {_MAX_BLOCK_AGE_S} s of this machine's clock, found it "
            f"{age_s} s behind; check that the node is synchronised and that the clock is right"
        )


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != _HASH_DIGITS:
        raise ValueError("a block without hash")
    return value


class _StateAnswers:
    """Builds the calls of the second round trip and takes their answers apart again."""

    def __init__(
        self, plan: ReaderPlan, watched: NonceWords, pool_calls: list[Call], lending_calls: list[Call]
    ) -> None:
        self._plan = plan
        self._watched = watched
        self._words = sorted(word.index for word in watched.words if word.settlement is Settlement.ONEINCH)
        tokens, settlement = plan.tokens, plan.settlement
        self._groups: dict[str, list[Call]] = {
            "feeds": [feed_call(feed) for feed in plan.feeds.values()],
            "pools": pool_calls,
            "lending": lending_calls,
            "balances": [balance_call(token, settlement) for token in tokens],
            "allowances": [router_allowance_call(token, settlement) for token in tokens],
            "registered": [registered_call(token, settlement) for token in tokens],
            "lanes": [lane_call(settlement, plan.signer, lane) for lane in range(plan.lanes)],
            "words": [router_word_call(settlement, index << 8) for index in self._words],
        }
        self.feeds: dict[Address, FeedReading] = {}
        self.pools: list[bytes | None] = []
        self.lending: list[bytes | None] = []
        self.balances: dict[Address, int] = {}
        self.allowances: dict[Address, int] = {}
        self.tradable: frozenset[Address] = frozenset()
        self.lanes: tuple[LaneState, ...] = ()
        self._router_words: dict[int, int] = {}

    @property
    def calls(self) -> list[Call]:
        """Every call, group after group."""
        return [call for group in self._groups.values() for call in group]

    def accept(self, answers: list[bytes | None]) -> None:
        """Take the answers to :attr:`calls`; raises ChainError for one that cannot be right."""
        by_group: dict[str, list[bytes | None]] = {}
        start = 0
        for name, group in self._groups.items():
            by_group[name] = answers[start : start + len(group)]
            start += len(group)
        tokens = self._plan.tokens
        for (address, feed), answer in zip(self._plan.feeds.items(), by_group["feeds"], strict=True):
            self.feeds[address] = feed_reading(feed, answer)
        self.pools = by_group["pools"]
        self.lending = by_group["lending"]
        self.balances = _amounts(tokens, by_group["balances"], "balanceOf")
        self.allowances = _amounts(tokens, by_group["allowances"], "allowance")
        registered = _amounts(tokens, by_group["registered"], "isRegistered")
        self.tradable = frozenset(address for address, flag in registered.items() if flag)
        self.lanes = tuple(lane_state(lane, answer) for lane, answer in enumerate(by_group["lanes"]))
        self._router_words = {
            index: word(answer, what="1inch's nonce bitmap")
            for index, answer in zip(self._words, by_group["words"], strict=True)
        }

    def spent(self) -> frozenset[NonceKey]:
        """Return the watched nonces that are dead on chain."""
        lanes = {lane.lane: lane for lane in self.lanes}
        return frozenset(
            nonce
            for word, bits in self._watched.words.items()
            for nonce in nonces_of(word, bits & self._dead_bits(lanes, word))
        )

    def _dead_bits(self, lanes: Mapping[int, LaneState], word: NonceWord) -> int:
        if word.settlement is Settlement.ONEINCH:
            return self._router_words.get(word.index, 0)
        # Lanes of an earlier signer are not read: its quotes end by expiry.
        lane = lanes.get(word.lane) if word.signer == self._plan.signer else None
        return 0 if lane is None else lane.dead_bits(word.index)


def _amounts(tokens: Sequence[Token], answers: Sequence[bytes | None], what: str) -> dict[Address, int]:
    return {
        token.address: word(answer, what=f"{what} of {token.symbol}")
        for token, answer in zip(tokens, answers, strict=True)
    }


def ladder_amounts(
    token: Token, feeds: Mapping[Address, FeedReading], ladder_usd: Sequence[Decimal]
) -> list[int]:
    """Return rising amounts of a token worth about the given US dollars, cut to three leading digits.

    Empty when the token has no usable price: pricing refuses such a pair anyway.
    """
    feed = feeds.get(token.address)
    unit_e36 = feed.usd_per_unit_e36(token) if feed and feed.answer > 0 else 0
    if unit_e36 == 0:
        return []
    amounts: list[int] = []
    for usd in ladder_usd:
        amount = int(usd * 10**18) * (_E36 // 10**18) // unit_e36
        magnitude = 10 ** max(len(str(amount)) - _LEADING_DIGITS, 0)
        amount -= amount % magnitude
        if amount > (amounts[-1] if amounts else 0):
            amounts.append(amount)
    return amounts


def identify(node: Web3Node) -> NodeIdentity:
    """Return who the node is; raises as :meth:`MarketReader.read`."""
    answers: list[Any] = node.batch(list(IDENTITY_CALLS))
    return node_identity(answers)
