"""Recorded days through the same pricing and risk code: exact replay, and shadow quoting without a key."""

from pmm.replay.journal_days import RecordedQuote, recorded_quotes
from pmm.replay.markouts import HORIZONS_S, Markout, markouts
from pmm.replay.replay import Difference, ReplayReport, replay
from pmm.replay.shadow import ShadowDecision, shadow_decisions

__all__ = [
    "HORIZONS_S",
    "Difference",
    "Markout",
    "RecordedQuote",
    "ReplayReport",
    "ShadowDecision",
    "markouts",
    "recorded_quotes",
    "replay",
    "shadow_decisions",
]
