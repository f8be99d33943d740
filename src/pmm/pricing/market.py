"""What pricing knows of the market at one block: feed answers, pool prices, hedge depth, gas price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pmm.domain import Address, Token
from pmm.errors import InvalidInput
from pmm.pricing.depth import DepthCurve
from pmm.pricing.hedge_venues import LendingReading, OtcQuote, PerpQuote
from pmm.pricing.references import ReferencePrice

_E36_PER_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """The last answer of a Chainlink USD feed.

    ``answer`` has ``decimals`` decimal places; ``updated_at_s`` is unix time of the round; ``heartbeat_s`` is
    the longest silence the feed's operators promise. The values are as read: nothing is checked here.
    """

    name: str
    answer: int
    decimals: int
    updated_at_s: int
    heartbeat_s: int

    def usd_per_unit_e36(self, token: Token) -> int:
        """Return US dollars per base unit of a token priced by this feed, scaled by 10**36, rounded down."""
        shift = 36 - self.decimals - token.decimals
        if shift < 0:
            return self.answer // int(10**-shift)
        return self.answer * int(10**shift)


class PoolKind(StrEnum):
    """Which contract a pool is; the value begins its name in the journal."""

    UNISWAP_V2 = "uniswap_v2"
    UNISWAP_V3 = "uniswap_v3"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReading:
    """A pool seen by someone who pays ``taker_asset`` in and takes ``maker_asset`` out.

    ``spot_rate_e36`` is the pool's mid price without fee: maker base units per taker base unit. ``depth`` is
    what it pays out for growing amounts, fee included.
    """

    pool: Address
    fee_pips: int
    spot_rate_e36: int
    depth: DepthCurve
    kind: PoolKind = PoolKind.UNISWAP_V3

    @property
    def source_name(self) -> str:
        """What the journal calls it as a source of prices."""
        return f"{self.kind}_{self.fee_pips}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSnapshot:
    """The market at one block.

    Attributes:
        snapshot_id: unique name under which the journal keeps it.
        block_number: block of every reading.
        block_timestamp_s: its timestamp.
        chain_time_s: the timestamp a block built now would carry; what feeds and expiries are measured by.
        gas_price_wei: base fee and tip of a transaction sent now.
        feeds: reading per token that has a feed.
        pools: readings per direction, (taker asset, maker asset).
        references: prices from outside the chain.
        lending: lending markets as our lending account stands in them.
        otc, perps: other ways to close a position.
    """

    snapshot_id: str
    block_number: int
    block_timestamp_s: int
    chain_time_s: int
    gas_price_wei: int
    feeds: Mapping[Address, FeedReading]
    pools: Mapping[tuple[Address, Address], tuple[PoolReading, ...]]
    references: tuple[ReferencePrice, ...] = ()
    lending: tuple[LendingReading, ...] = ()
    otc: tuple[OtcQuote, ...] = ()
    perps: tuple[PerpQuote, ...] = ()
    _usd: dict[Address, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    # What follows from this snapshot alone, computed once: quotes on it share it. A copy starts empty.
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    # Fair values found on this snapshot: hundreds of quotes ask for the same one.
    fair_values: dict[object, object] = field(init=False, default_factory=dict, repr=False, compare=False)

    def usd_per_unit_e36(self, token: Token) -> int:
        """Return US dollars per base unit of ``token`` by its feed; raise InvalidInput without a feed."""
        known = self._usd.get(token.address)
        if known is None:
            feed = self.feeds.get(token.address)
            if feed is None:
                raise InvalidInput(f"market: expected a USD feed for {token.symbol}, found none")
            known = self._usd[token.address] = feed.usd_per_unit_e36(token)
        return known

    def usd_wad(self, token: Token, amount: int) -> int:
        """Return the value of an amount in US dollars scaled by 10**18, rounded down."""
        unit_e36 = self._usd.get(token.address)
        if unit_e36 is None:
            unit_e36 = self.usd_per_unit_e36(token)
        return amount * unit_e36 // _E36_PER_WAD
