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
from pmm.execution.desk import AnsweredQuote, PublishedLadder, QuoteDesk
from pmm.execution.desk_policy import DeskPolicy, PairBook
from pmm.execution.nonces import WINDOW, LaneNonces, SequentialNonces
from pmm.execution.ports import (
    Clock,
    JournalUnavailable,
    MarketSource,
    OrderSigner,
    QuoteJournal,
    SigningMode,
)
from pmm.execution.records import (
    AdmittedQuote,
    JournalState,
    LadderRecord,
    LiveQuote,
    OutcomeKind,
    QuoteOutcome,
    QuoteRecord,
)
from pmm.execution.relayer_nonces import RelayerNonces, nonce_of
from pmm.execution.requests import FirmQuoteRequest
from pmm.execution.reservations import EndedQuote, ReservationBook
from pmm.execution.signing_rules import GuardedSigner, choose_signing_mode

__all__ = [
    "CONTRACT_VENUES",
    "WINDOW",
    "AccountMarket",
    "Admission",
    "AdmissionDesk",
    "AdmittedQuote",
    "AnsweredQuote",
    "ChainView",
    "Clock",
    "DeskPolicy",
    "EndedQuote",
    "FirmQuoteRequest",
    "GuardedSigner",
    "JournalState",
    "JournalUnavailable",
    "LadderRecord",
    "LaneNonces",
    "LaneState",
    "LiveQuote",
    "MakerAccount",
    "MarketSource",
    "NodeIdentity",
    "NonceKey",
    "OrderSigner",
    "OutcomeKind",
    "PairBook",
    "PublishedLadder",
    "QuoteDesk",
    "QuoteJournal",
    "QuoteOutcome",
    "QuoteRecord",
    "RelayerNonces",
    "ReservationBook",
    "SequentialNonces",
    "Settlement",
    "SigningMode",
    "choose_signing_mode",
    "nonce_of",
]
