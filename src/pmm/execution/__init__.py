"""From request to reserved, journaled and signed quote; the ports that chain, journal and server implement."""

from pmm.execution.admission import Admission, AdmissionDesk
from pmm.execution.chain_view import ChainView, LaneState, NodeIdentity, NonceKey, Settlement
from pmm.execution.desk import AnsweredQuote, PublishedLadder, QuoteDesk
from pmm.execution.desk_policy import DeskPolicy, PairBook
from pmm.execution.kill_switches import (
    EVERYTHING,
    KillSwitches,
    MakerSide,
    SwitchKey,
    SwitchLevel,
    SwitchState,
)
from pmm.execution.nonces import WINDOW, LaneNonces, SequentialNonces
from pmm.execution.ports import (
    Clock,
    JournalUnavailable,
    MarketSource,
    OrderSigner,
    QuoteJournal,
    RemoteSigner,
    SignerUnavailable,
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
from pmm.execution.requests import FirmQuoteRequest
from pmm.execution.reservations import EndedQuote, ReservationBook
from pmm.execution.signing_rules import GuardedSigner, choose_signing_mode
from pmm.execution.stages import NO_STAGES, Stage, StageWatch

__all__ = [
    "EVERYTHING",
    "NO_STAGES",
    "WINDOW",
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
    "KillSwitches",
    "LadderRecord",
    "LaneNonces",
    "LaneState",
    "LiveQuote",
    "MakerSide",
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
    "RemoteSigner",
    "ReservationBook",
    "SequentialNonces",
    "Settlement",
    "SignerUnavailable",
    "SigningMode",
    "Stage",
    "StageWatch",
    "SwitchKey",
    "SwitchLevel",
    "SwitchState",
    "choose_signing_mode",
]
