"""Chainlink's feeds as a source: the existing reader, and a judgement of what it read.

Which feeds, and ``latestRoundData``: ``pmm.chain.feeds``. https://docs.chain.link/data-feeds/api-reference
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pmm.chain.feeds import feed_call, feed_reading, feeds_of
from pmm.chain.web3_node import Call
from pmm.domain import Token
from pmm.pricing import ReferencePrice, SourceKind
from pmm.sources.source import SourceUnavailable

_E36_EXPONENT = 36


class Multicall(Protocol):
    """The part of ``Web3Node`` that is used."""

    def multicall(self, calls: Sequence[Call], *, block: int | str) -> list[bytes | None]:
        """Call many contracts at one block."""
        ...


class ChainlinkPrices:
    """US dollars per base unit of each token, all or nothing; ``chain_now_s`` gives the chain's time."""

    name = "chainlink"

    def __init__(
        self, node: Multicall, tokens: Sequence[Token], *, chain_now_s: Callable[[], int], grace_s: int = 300
    ) -> None:
        self._node = node
        self._feeds = feeds_of(tokens)
        self._tokens = {token.address: token for token in tokens}
        self._chain_now_s = chain_now_s
        self._grace_s = grace_s

    def ask(self) -> tuple[ReferencePrice, ...]:
        """Read every feed; raises SourceUnavailable for one that is not positive or older than its heartbeat."""
        answers = self._node.multicall([feed_call(feed) for feed in self._feeds.values()], block="latest")
        now_s = self._chain_now_s()
        found: list[ReferencePrice] = []
        for (address, feed), answer in zip(self._feeds.items(), answers, strict=True):
            reading = feed_reading(feed, answer)
            age_s, most_s = now_s - reading.updated_at_s, feed.heartbeat_s + self._grace_s
            if reading.answer <= 0:
                raise SourceUnavailable(
                    f"expected a price of {feed.name}, found {reading.answer}", final=True
                )
            if age_s > most_s:
                raise SourceUnavailable(
                    f"expected {feed.name} younger than {most_s} s, found {age_s} s", final=True
                )
            exponent = _E36_EXPONENT - reading.decimals - self._tokens[address].decimals
            found.append(
                ReferencePrice(
                    source=self.name,
                    kind=SourceKind.FEED,
                    token=address,
                    unit=None,
                    rate_e36=reading.answer * 10**exponent,
                    observed_at_s=reading.updated_at_s,
                    max_age_s=most_s,
                )
            )
        return tuple(found)
