"""What one chain view reads of the contracts: the plan, its calls and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pmm.chain.feeds import Feed, feed_call, feed_reading
from pmm.chain.inventory import (
    balance_call,
    lane_call,
    lane_state,
    registered_call,
    router_allowance_call,
    router_word_call,
)
from pmm.chain.lending_reader import LendingPlan
from pmm.chain.pool_reader import TickRules
from pmm.chain.quoter import Pool
from pmm.chain.web3_node import Call, word
from pmm.domain import Address, Token
from pmm.execution import LaneState, NonceKey, NonceWord, NonceWords, Settlement, nonces_of
from pmm.pricing import FeedReading


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


class StateAnswers:
    """Builds the calls of the second round trip and takes their answers apart again."""

    def __init__(
        self, plan: ReaderPlan, watched: NonceWords, pool_calls: list[Call], lending_calls: list[Call]
    ) -> None:
        self._plan = plan
        self._watched = watched
        self._words = sorted(word.place for word in watched.words if word.settlement is Settlement.ONEINCH)
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
            return self._router_words.get(word.place, 0)
        # Lanes of an earlier signer are not read: its quotes end by expiry.
        lane = lanes.get(word.lane) if word.signer == self._plan.signer else None
        return 0 if lane is None else lane.dead_bits(word.place)


def _amounts(tokens: Sequence[Token], answers: Sequence[bytes | None], what: str) -> dict[Address, int]:
    return {
        token.address: word(answer, what=f"{what} of {token.symbol}")
        for token, answer in zip(tokens, answers, strict=True)
    }
