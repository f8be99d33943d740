"""From request to reserved, journaled and signed quote; the ports that chain, journal and server implement."""

from pmm.execution.admission import Admission, AdmissionDesk
from pmm.execution.chain_view import ChainView, LaneState, NodeIdentity, NonceKey, Settlement
from pmm.execution.choice import Choice, choose
from pmm.execution.desk import AnsweredQuote, PublishedLadder, QuoteDesk
from pmm.execution.desk_policy import DeskPolicy, PairBook
from pmm.execution.nonces import WINDOW, LaneNonces, SequentialNonces
from pmm.execution.ports import (
    NOTHING_OUTSIDE,
    BookFeed,
    BookTop,
    Clock,
    JournalUnavailable,
    MarketSource,
    OrderSigner,
    Outside,
    OutsideMarket,
    PerpVenue,
    QuoteJournal,
    SigningMode,
)
from pmm.execution.quote_inputs import QuoteInputs, policy_digest, quote_inputs
from pmm.execution.records import (
    AdmittedQuote,
    JournalState,
    LadderRecord,
    LiveQuote,
    OutcomeKind,
    QuoteOutcome,
    QuoteRecord,
)
from pmm.execution.requests import FirmQuoteRequest
from pmm.execution.reservations import EndedQuote, ReservationBook
from pmm.execution.signing_rules import GuardedSigner, choose_signing_mode

__all__ = [
    "NOTHING_OUTSIDE",
    "WINDOW",
    "Admission",
    "AdmissionDesk",
    "AdmittedQuote",
    "AnsweredQuote",
    "BookFeed",
    "BookTop",
    "ChainView",
    "Choice",
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
    "MarketSource",
    "NodeIdentity",
    "NonceKey",
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
    "ReservationBook",
    "SequentialNonces",
    "Settlement",
    "SigningMode",
    "choose",
    "choose_signing_mode",
    "policy_digest",
    "quote_inputs",
]
