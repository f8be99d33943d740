"""What the risk engine is told. Money is in millionths of a US dollar (``_usd_e6``), times in unix ms.

Dollars serve statistics here; no amount of a token is ever derived from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """``count`` requests were answered, whatever the answer, in the mean ``response_us`` after their receipt."""

    at_ms: int
    response_us: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class QuoteGiven:
    """A firm quote left the desk."""

    at_ms: int
    relayer: str
    pair: str
    taker: str
    value_usd_e6: int


@dataclass(frozen=True, slots=True)
class QuoteExecuted:
    """A firm quote was filled. ``count`` -1 and the value below zero: a reorganisation took that fill away."""

    at_ms: int
    relayer: str
    pair: str
    taker: str
    value_usd_e6: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class EdgeRealised:
    """What pricing expected to earn with a quote that was filled, and what was left of it after the hedge."""

    at_ms: int
    expected_usd_e6: int
    realised_usd_e6: int


@dataclass(frozen=True, slots=True)
class SettlementEnded:
    """A settlement that was attempted succeeded, and traded ``value_usd_e6``, or failed.

    ``count`` -1 and the value below zero: a reorganisation took it away.
    """

    at_ms: int
    settled: bool
    value_usd_e6: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class NodeProbed:
    """A node was looked at; both scores are 0 to 100. ``serving`` is the node in use."""

    at_ms: int
    node: str
    sync_score: float
    response_score: float
    serving: bool


@dataclass(frozen=True, slots=True)
class RoundTripSeen:
    """A round trip to a peer: ``node:NAME``, ``venue:NAME``, ``feed:NAME``."""

    at_ms: int
    peer: str
    round_trip_us: int


@dataclass(frozen=True, slots=True)
class SourceProbed:
    """An external source answered in time and in form, or did not."""

    at_ms: int
    source: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class GasPriceSeen:
    """Gas price of a block."""

    at_ms: int
    gas_price_wei: int


@dataclass(frozen=True, slots=True)
class VenueTradeDone:
    """An exchange venue completed an order ``latency_us`` after it was placed."""

    at_ms: int
    latency_us: int


@dataclass(frozen=True, slots=True)
class TransactionIncluded:
    """A transaction of ours is in a block: decision to submission, and blocks from submission to inclusion.

    ``submission_us`` is None where nobody measured it: the process that sent it is gone.
    """

    at_ms: int
    submission_us: int | None
    blocks: int


@dataclass(frozen=True, slots=True)
class AvailabilitySeen:
    """A request would be answered now, or would not. A stop of the desk's own making counts as answering."""

    at_ms: int
    answering: bool


@dataclass(frozen=True, slots=True)
class PositionValued:
    """Everything held and owed of one asset; replaces what was said of it before.

    Attributes:
        asset: its symbol.
        numeraire: profit is counted in it, so it has no delta and no concentration.
        long_usd_e6: spot, supply, longs, and signed quotes by fill probability.
        short_usd_e6: debt, shorts, and signed quotes by fill probability.
        held_usd_e6: value held, wherever; inventory is the sum over assets.
        on_chain_usd_e6: the part of it on our own contracts and wallets.
        hedge_usd_e6: the part of it that serves as a hedge or as its collateral.
        to_hedge_usd_e6: value that the strategy says must be hedged.
        hedged_usd_e6: value that is.
        target_usd_e6: inventory wanted, 0 for none in particular.
        wanted_usd_e6: longs less shorts that the desk wants, from which delta is measured; 0 for one that wants to be
            neutral, None where nobody says: the asset has no delta then.
        perp_usd_e6: the part of longs less shorts that is on perp venues: exposure, but nothing that is owned.
        pending_usd_e6: the part of it that is signed quotes.
    """

    at_ms: int
    asset: str
    numeraire: bool
    long_usd_e6: int
    short_usd_e6: int
    held_usd_e6: int
    on_chain_usd_e6: int
    hedge_usd_e6: int
    to_hedge_usd_e6: int
    hedged_usd_e6: int
    target_usd_e6: int
    wanted_usd_e6: int | None = 0
    perp_usd_e6: int = 0
    pending_usd_e6: int = 0

    @property
    def worth_usd_e6(self) -> int:
        """What is owned less what is owed."""
        return self.lasting_usd_e6 - self.perp_usd_e6

    @property
    def lasting_usd_e6(self) -> int:
        """Longs less shorts without signed quotes, which are gone in a minute, filled or not."""
        return self.long_usd_e6 - self.short_usd_e6 - self.pending_usd_e6


@dataclass(frozen=True, slots=True)
class PortfolioValued:
    """Value of everything, debt taken off."""

    at_ms: int
    value_usd_e6: int


@dataclass(frozen=True, slots=True)
class InventoryHeld:
    """The inventory was worth so much: for what an earlier process saw; positions say it of now."""

    at_ms: int
    value_usd_e6: int


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """Inventory was moved back towards its target ``count`` times; 0 says that whoever does it is alive."""

    at_ms: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class VarMeasured:
    """Value at risk and expected shortfall, 99 %, one day, as positive losses; ``capital_usd_e6`` bears them."""

    at_ms: int
    var_usd_e6: int
    shortfall_usd_e6: int
    capital_usd_e6: int


@dataclass(frozen=True, slots=True)
class VarUnknown:
    """Value at risk cannot be computed; ``needs`` more prices would do, 0 where they would not. ``why`` says it."""

    at_ms: int
    needs: int
    why: str


@dataclass(frozen=True, slots=True)
class StressMeasured:
    """The worst of the stress scenarios would cost ``worst_loss_usd_e6``; 0 where none costs anything."""

    at_ms: int
    worst_loss_usd_e6: int
    capital_usd_e6: int


@dataclass(frozen=True, slots=True)
class CollateralValued:
    """A lending or perp account: collateral, and what is required for it not to be liquidated."""

    at_ms: int
    account: str
    collateral_usd_e6: int
    required_usd_e6: int


@dataclass(frozen=True, slots=True)
class FlashLoanTaken:
    """A flash loan of ``value_usd_e6`` paid a taker; below zero: a reorganisation took it away."""

    at_ms: int
    value_usd_e6: int


class PnlComponent(StrEnum):
    """Where profit and loss come from. Spread is revenue; funding is by its sign; the rest is cost."""

    SPREAD = "spread"
    HEDGE_SLIPPAGE = "hedge_slippage"
    FEE = "fee"
    GAS = "gas"
    BORROW_INTEREST = "borrow_interest"
    FUNDING = "funding"
    FLASH_PREMIUM = "flash_premium"


@dataclass(frozen=True, slots=True)
class PnlBooked:
    """Profit (positive) or cost (negative) of one token."""

    at_ms: int
    token: str
    component: PnlComponent
    amount_usd_e6: int


@dataclass(frozen=True, slots=True)
class MarkoutTaken:
    """A fill was worth ``markout_bps_e3`` thousandths of a basis point to us some time later."""

    at_ms: int
    horizon_s: int
    markout_bps_e3: int


RiskEvent = (
    RequestAnswered
    | QuoteGiven
    | QuoteExecuted
    | EdgeRealised
    | SettlementEnded
    | NodeProbed
    | RoundTripSeen
    | SourceProbed
    | GasPriceSeen
    | VenueTradeDone
    | TransactionIncluded
    | AvailabilitySeen
    | PositionValued
    | PortfolioValued
    | InventoryHeld
    | Rebalanced
    | VarMeasured
    | VarUnknown
    | StressMeasured
    | CollateralValued
    | FlashLoanTaken
    | PnlBooked
    | MarkoutTaken
)
