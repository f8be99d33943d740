"""What became of a hedge that was commanded, from the hedger's ledger.

The command's entry is claimed by an intent, and what a failed intent did not do is entered for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.execution.hedging.hedge_ledger import HedgeLedger
from pmm.execution.hedging.records import EntryKind, IntentState


class CommandedState(StrEnum):
    """How far a commanded hedge is."""

    WAITING = "waiting"
    """Nothing was decided yet."""
    UNDER_WAY = "under_way"
    AGAIN = "again"
    """A hedge failed, and the hedger waits to try another."""
    DONE = "done"
    STUCK = "stuck"
    """A person must look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandedHedge:
    """Where it stands; ``detail`` is what the last intent said."""

    state: CommandedState
    detail: str = ""


def command_entry(key: str) -> str:
    """Return the key of the entry of a command."""
    return f"{EntryKind.COMMAND}:{key}"


def commanded_hedge(ledger: HedgeLedger, key: str) -> CommandedHedge | None:
    """Return what became of a command; None where it was never entered; raises SetupError without the ledger."""
    name, failed = command_entry(key), ""
    if not ledger.knows_entry(name):
        return None
    while True:
        intent = ledger.intent_of(name)
        if intent is None:
            state = CommandedState.AGAIN if failed else CommandedState.WAITING
            return CommandedHedge(state=state, detail=failed)
        if intent.state is IntentState.STUCK:
            return CommandedHedge(state=CommandedState.STUCK, detail=intent.detail)
        if not intent.over:
            return CommandedHedge(state=CommandedState.UNDER_WAY, detail=intent.detail)
        # What a failed intent did not do is entered again under its own name and the number of its ending.
        name, failed = f"{EntryKind.COMMAND}:{intent.intent_id}:{intent.closings - 1}", intent.detail
        if intent.state is IntentState.DONE or not ledger.knows_entry(name):
            return CommandedHedge(state=CommandedState.DONE, detail=intent.detail)
