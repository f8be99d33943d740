"""Reads a whole chain view in three to five round trips, all of it at one block."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

import structlog

from pmm.chain.lending_reader import LendingReader
from pmm.chain.node_identity import IDENTITY_CALLS, node_identity
from pmm.chain.pool_reader import PoolReader
from pmm.chain.rpc import RpcError
from pmm.chain.view_calls import ReaderPlan, StateAnswers
from pmm.chain.web3_node import Web3Node
from pmm.domain import Address, Token
from pmm.errors import ChainError
from pmm.execution import (
    NOTHING_OUTSIDE,
    ChainView,
    NodeIdentity,
    NonceKey,
    NonceWords,
    Outside,
    OutsideMarket,
)
from pmm.pricing import FeedReading, MarketSnapshot

_LOG = structlog.get_logger()
_E36: Final = 10**36
# Amounts of a ladder are cut to this many leading digits: easier to read, nothing lost.
_LEADING_DIGITS: Final = 3
# Ten slots of mainnet: beyond it the node has lost the chain, or one of the two clocks is wrong.
_MAX_BLOCK_AGE_S: Final = 120
_HASH_DIGITS: Final = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    identity: NodeIdentity
    number: int
    block_hash: str
    timestamp_s: int
    pending_s: int
    gas_price_wei: int

    @property
    def chain_time_s(self) -> int:
        """The timestamp a block built now would carry."""
        return max(self.timestamp_s, self.pending_s)

    @property
    def expiry_clock_s(self) -> int:
        """What quotes expire by; a development chain stands still, there the next block's time must do."""
        return self.chain_time_s if self.identity.development else self.timestamp_s


class MarketReader:
    """Reads chain views through one node. Not thread-safe.

    While a block stands, its contracts are not asked again: only time, gas price and outside prices are new.
    ``reread`` asks them all the same; None does so on development nodes, whose state changes without a block.
    """

    def __init__(
        self,
        node: Web3Node,
        plan: ReaderPlan,
        outside: OutsideMarket | None = None,
        *,
        reread: bool | None = None,
    ) -> None:
        self._node = node
        self._plan = plan
        self._outside = outside
        self._reread = reread
        self._known: tuple[_Head, ChainView] | None = None
        self._pools = PoolReader(plan.pools, ticks=plan.ticks)
        self._lending = LendingReader(plan.lending, plan.tokens)
        self._unknown: Mapping[str, str] = {}
        self._serial = count(1)
        self._readings = count(1)

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        """Return the chain as it is now, and which of the ``watched`` nonces are dead.

        Raises:
            NodeUnreachable: no answer within the timeout.
            ChainError: the node or a contract answered something that cannot be right.
        """
        read_at_s = time.monotonic()
        head = self._head()
        _check_clock(head, self._node.shown_url)
        standing = self._standing(head)
        if standing is None:
            view, whole = self._read_contracts(head, watched)
        else:
            view, whole = self._renewed(head, standing), True
        # A pool that did not answer may do so at the next read: such a view is not kept for as long as the block.
        self._known = (head, view) if whole else None
        return replace(view, read_at_s=read_at_s)

    def _standing(self, head: _Head) -> ChainView | None:
        """Return the last view where its block is still the head."""
        reread = head.identity.development if self._reread is None else self._reread
        if reread or self._known is None:
            return None
        before, view = self._known
        same = (before.identity, before.number, before.block_hash) == (
            head.identity,
            head.number,
            head.block_hash,
        )
        return view if same else None

    def _renewed(self, head: _Head, view: ChainView) -> ChainView:
        """Return the view with what changes between blocks; the same market where nothing has."""
        outside, market = self._heard(), view.market
        new = replace(
            market,
            chain_time_s=head.chain_time_s,
            gas_price_wei=head.gas_price_wei,
            references=outside.references,
            otc=outside.otc,
            perps=outside.perps,
        )
        if new == market:
            return view
        new = replace(new, snapshot_id=self._snapshot_id(head))
        return replace(view, market=new, expiry_clock_s=head.expiry_clock_s)

    def _read_contracts(self, head: _Head, watched: Collection[NonceKey]) -> tuple[ChainView, bool]:
        """Return the view, and whether every call was answered."""
        state = StateAnswers(self._plan, NonceWords.of(watched), self._pools.calls, self._lending.calls)
        answers = self._node.multicall(state.calls, block=head.number)
        state.accept(answers)
        market = self._snapshot(head, state)
        view = ChainView(
            market=market,
            balances=state.balances,
            router_allowances=state.allowances,
            tradable=state.tradable,
            lanes=state.lanes,
            spent=state.spent(),
            node=head.identity,
            expiry_clock_s=head.expiry_clock_s,
            read_at_s=0.0,
            reading=next(self._readings),
        )
        return view, None not in state.pools and None not in state.lending

    def _heard(self) -> Outside:
        return self._outside.current() if self._outside is not None else NOTHING_OUTSIDE

    def _snapshot_id(self, head: _Head) -> str:
        return f"{head.number}-{head.block_hash[2:10]}-{time.time_ns():x}-{next(self._serial)}"

    def _snapshot(self, head: _Head, state: StateAnswers) -> MarketSnapshot:
        amounts = {
            token.address: ladder_amounts(token, state.feeds, self._plan.ladder_usd)
            for token in self._plan.tokens
        }
        pools = self._pools.read(
            self._node, state.pools, lambda token: amounts[token.address], block=head.number
        )
        lending = self._lending.read(state.lending, state.feeds)
        if lending.unknown != self._unknown:
            # Once, not per block: quotes are funded without that market until it is known again.
            self._unknown = lending.unknown
            _LOG.warning(
                "lending_markets_unknown", why="; ".join(lending.unknown.values()) or "none any more"
            )
        outside = self._heard()
        return MarketSnapshot(
            snapshot_id=self._snapshot_id(head),
            block_number=head.number,
            block_timestamp_s=head.timestamp_s,
            chain_time_s=head.chain_time_s,
            gas_price_wei=head.gas_price_wei,
            feeds=state.feeds,
            pools=pools,
            lending=lending.readings,
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
