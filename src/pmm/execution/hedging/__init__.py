"""From fills to hedges, each exactly once.

How it is joined, by the composition root:

1. ``open_ledger(...)`` makes the tables; ``HedgeLedger(ledger)`` reads and writes them.
2. ``LegDesk(sender, perps)``: the sender is the desk's transaction sender behind the ``TransactionSender`` Protocol.
3. ``Hedger(ledger=..., routes=..., desk=..., policy=...)``; routes are those of ``pmm.venues``.
4. Every ``ChainChange`` of the indexer goes to ``Hedger.take_in`` in order, whole transactions at a time, with
   ``acknowledge=lambda t: feed.acknowledge(t, "hedger", delivery)``: place and books move together. ``cursor`` says
   how far the books are. ``on_change`` hedges in the same turn, for one to whom no other change waits.
5. ``Hedger.step`` behind them, at least once a block: it asks about what is under way, repairs, unwinds, decides.
6. What it returns are notices for monitoring. ``hedge_now`` is the risk engine's "hedge now".
Everything is synchronous and belongs to one thread.
"""

from pmm.execution.hedging.hedge_ledger import HedgeLedger
from pmm.execution.hedging.hedger import Hedger
from pmm.execution.hedging.minimum_variance import minimum_variance_ratio, ratio_of, ratio_wad
from pmm.execution.hedging.no_trade_band import Band, BandInputs, cost_rate_usd, no_trade_band
from pmm.execution.hedging.notices import HedgeNotice, NoticeKind
from pmm.execution.hedging.policy import HedgedAsset, HedgerPolicy
from pmm.execution.hedging.ports import (
    ChargeKind,
    LegDesk,
    PerpAccount,
    PerpCharge,
    PerpCharges,
    PerpPosition,
    Report,
    ReportState,
    TransactionSender,
)
from pmm.execution.hedging.records import (
    ContractCall,
    Entry,
    EntryKind,
    Intent,
    IntentState,
    Leg,
    LegCall,
    LegState,
    PerpOrder,
)
from pmm.execution.hedging.routes import (
    HedgeLimits,
    HedgeMarket,
    HedgeOrder,
    HedgePool,
    HedgeRoute,
    PlannedLeg,
    RouteCost,
    RoutePlan,
    RouteRefused,
    rank,
)
from pmm.execution.hedging.strategies import (
    BandHedge,
    BatchHedge,
    HedgeDecision,
    HedgeStrategy,
    Immediate,
    NoHedge,
    OpenDelta,
    RatioHedge,
)

__all__ = [
    "Band",
    "BandHedge",
    "BandInputs",
    "BatchHedge",
    "ChargeKind",
    "ContractCall",
    "Entry",
    "EntryKind",
    "HedgeDecision",
    "HedgeLedger",
    "HedgeLimits",
    "HedgeMarket",
    "HedgeNotice",
    "HedgeOrder",
    "HedgePool",
    "HedgeRoute",
    "HedgeStrategy",
    "HedgedAsset",
    "Hedger",
    "HedgerPolicy",
    "Immediate",
    "Intent",
    "IntentState",
    "Leg",
    "LegCall",
    "LegDesk",
    "LegState",
    "NoHedge",
    "NoticeKind",
    "OpenDelta",
    "PerpAccount",
    "PerpCharge",
    "PerpCharges",
    "PerpOrder",
    "PerpPosition",
    "PlannedLeg",
    "RatioHedge",
    "Report",
    "ReportState",
    "RouteCost",
    "RoutePlan",
    "RouteRefused",
    "TransactionSender",
    "cost_rate_usd",
    "minimum_variance_ratio",
    "no_trade_band",
    "rank",
    "ratio_of",
    "ratio_wad",
]
