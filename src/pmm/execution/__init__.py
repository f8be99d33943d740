"""From request to reserved, journaled and signed quote; the ports that chain, journal and server implement."""

from pmm.execution.account_market import AccountMarket
from pmm.execution.admission import Admission, AdmissionDesk
from pmm.execution.chain_view import (
    CONTRACT_VENUES,
    ChainView,
    LaneState,
    MakerAccount,
    NodeIdentity,
    NonceKey,
    Settlement,
)
from pmm.execution.choice import Choice, choose
from pmm.execution.desk import AnsweredQuote, QuoteDesk
from pmm.execution.desk_policy import DeskPolicy, FillHedges, PairBook
from pmm.execution.kill_switches import (
    EVERYTHING,
    KillSwitches,
    MakerSide,
    SwitchKey,
    SwitchLevel,
    SwitchState,
)
from pmm.execution.ladders import PublishedLadder
from pmm.execution.live_index import NonceWord, NonceWords, nonces_of
from pmm.execution.market_conditions import MarketConditions
from pmm.execution.nonce_keeper import NonceKeeper
from pmm.execution.nonces import WINDOW, BlockNonces, LaneNonces, RouterNonces, SequentialNonces
from pmm.execution.ports import (
    NOTHING_OUTSIDE,
    BookFeed,
    BookTop,
    Clock,
    JournalUnavailable,
    JournalUncertain,
    MarketSource,
    NonceLeases,
    OrderSigner,
    Outside,
    OutsideMarket,
    PerpVenue,
    QuoteJournal,
    RemoteSigner,
    SignerUnavailable,
    SigningMode,
)
from pmm.execution.quote_inputs import QuoteInputs, policy_digest, quote_inputs
from pmm.execution.records import (
    AdmittedQuote,
    BookChanges,
    Claim,
    JournalState,
    LadderRecord,
    LaneLease,
    LiveQuote,
    OutcomeKind,
    QuoteOutcome,
    QuoteRecord,
    Receipt,
    Selection,
    StoredQuote,
)
from pmm.execution.relayer_nonces import RelayerNonces, nonce_of
from pmm.execution.requests import FirmQuoteRequest
from pmm.execution.reservations import EndedQuote, ReservationBook
from pmm.execution.signing_rules import GuardedSigner, choose_signing_mode
from pmm.execution.stages import NO_STAGES, Stage, StageWatch

__all__ = [
    "CONTRACT_VENUES",
    "EVERYTHING",
    "NOTHING_OUTSIDE",
    "NO_STAGES",
    "WINDOW",
    "AccountMarket",
    "Admission",
    "AdmissionDesk",
    "AdmittedQuote",
    "AnsweredQuote",
    "BlockNonces",
    "BookChanges",
    "BookFeed",
    "BookTop",
    "ChainView",
    "Choice",
    "Claim",
    "Clock",
    "DeskPolicy",
    "EndedQuote",
    "FillHedges",
    "FirmQuoteRequest",
    "GuardedSigner",
    "JournalState",
    "JournalUnavailable",
    "JournalUncertain",
    "KillSwitches",
    "LadderRecord",
    "LaneLease",
    "LaneNonces",
    "LaneState",
    "LiveQuote",
    "MakerAccount",
    "MakerSide",
    "MarketConditions",
    "MarketSource",
    "NodeIdentity",
    "NonceKeeper",
    "NonceKey",
    "NonceLeases",
    "NonceWord",
    "NonceWords",
    "OrderSigner",
    "OutcomeKind",
    "Outside",
    "OutsideMarket",
    "PairBook",
    "PerpVenue",
    "PublishedLadder",
    "QuoteDesk",
    "QuoteInputs",
    "QuoteJournal",
    "QuoteOutcome",
    "QuoteRecord",
    "Receipt",
    "RelayerNonces",
    "RemoteSigner",
    "ReservationBook",
    "RouterNonces",
    "Selection",
    "SequentialNonces",
    "Settlement",
    "SignerUnavailable",
    "SigningMode",
    "Stage",
    "StageWatch",
    "StoredQuote",
    "SwitchKey",
    "SwitchLevel",
    "SwitchState",
    "choose",
    "choose_signing_mode",
    "nonce_of",
    "nonces_of",
    "policy_digest",
    "quote_inputs",
]
