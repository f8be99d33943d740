"""Chainlink USD feeds of mainnet: which feed prices which token, and how its answer is read.

Addresses and heartbeats are those that Chainlink publishes for Ethereum mainnet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.web3_node import Call
from pmm.domain import DAI, USDC, USDT, WBTC, WETH, Address, Token
from pmm.errors import ChainError
from pmm.pricing import FeedReading

DECIMALS = 8
_ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
_LATEST = encode_call("latestRoundData()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed proxy; ``heartbeat_s`` is the longest silence its operators promise."""

    name: str
    proxy: str
    heartbeat_s: int


# WBTC is priced as BTC and WETH as ETH: both are redeemable one for one.
FEEDS: dict[Address, Feed] = {
    WETH.address: Feed(
        name="ETH / USD", proxy="0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419", heartbeat_s=3_600
    ),
    WBTC.address: Feed(
        name="BTC / USD", proxy="0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c", heartbeat_s=3_600
    ),
    USDC.address: Feed(
        name="USDC / USD", proxy="0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6", heartbeat_s=86_400
    ),
    USDT.address: Feed(
        name="USDT / USD", proxy="0x3E7d1eAB13ad0104d2750B8863b489D65364e32D", heartbeat_s=86_400
    ),
    DAI.address: Feed(
        name="DAI / USD", proxy="0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9", heartbeat_s=3_600
    ),
}


def feeds_of(tokens: Iterable[Token]) -> dict[Address, Feed]:
    """Return the feeds of those tokens that have one."""
    return {token.address: FEEDS[token.address] for token in tokens if token.address in FEEDS}


def feed_call(feed: Feed) -> Call:
    """Return the call of a feed's last round."""
    return feed.proxy, _LATEST


def feed_reading(feed: Feed, answer: bytes | None) -> FeedReading:
    """Read a last round; raises ChainError when the feed did not answer. Age and sign are not judged here."""
    if answer is None:
        raise ChainError(
            f"expected feed {feed.name} at {feed.proxy} to answer, it failed; check that the node is mainnet"
        )
    try:
        _, value, _, updated_at_s, _ = decode_result(_ROUND, answer)
    except DecodingError as error:
        raise ChainError(f"expected a Chainlink round from {feed.name} at {feed.proxy}") from error
    return FeedReading(
        name=feed.name,
        answer=value,
        decimals=DECIMALS,
        updated_at_s=updated_at_s,
        heartbeat_s=feed.heartbeat_s,
    )
