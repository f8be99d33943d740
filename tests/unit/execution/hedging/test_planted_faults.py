"""The machine of ``test_hedger_machine`` sees each of these faults."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pmm.errors import InvalidInput
from pmm.execution.hedging import EntryKind, LegState
from pmm.execution.hedging.accounting import HedgeAccounts
from pmm.execution.hedging.hedge_ledger import HedgeLedger
from pmm.execution.hedging.intent_work import IntentWork
from pmm.execution.hedging.records import HedgeBatch
from tests.unit.execution.hedging.test_hedger_machine import HedgerMachine

Patch = Callable[[pytest.MonkeyPatch], None]
# The machine meets these within minutes, not seconds: `make test-machines-long` looks for them.
_RARE = pytest.mark.skipif(
    os.environ.get("PMM_PROOF_DEPTH") != "long", reason="rarely met: runs with PMM_PROOF_DEPTH=long"
)
_SETTINGS = settings(
    max_examples=8_000,
    stateful_step_count=30,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _counts_a_fill_twice(patch: pytest.MonkeyPatch) -> None:
    """A step that comes twice is entered twice: the generation is not held against fills and undos."""
    entries_of = HedgeAccounts.entries_of
    count = iter(range(10**9))

    def twice(self: Any, removed: Any, added: Any, **options: Any) -> Any:
        found = entries_of(HedgeAccounts(_nothing()), removed, added, **{**options, "known": ()})
        return tuple(replace(one, key=f"{one.key}:{next(count)}") for one in found)

    patch.setattr(HedgeAccounts, "entries_of", twice)


def _forgets_undone_fills(patch: pytest.MonkeyPatch) -> None:
    entries_of = HedgeAccounts.entries_of

    def only_fills(self: Any, removed: Any, added: Any, **options: Any) -> Any:
        return entries_of(self, (), added, **options)

    patch.setattr(HedgeAccounts, "entries_of", only_fills)


def _forgets_undone_hedges(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HedgeAccounts, "undone_legs", lambda self, removed: ())


def _drops_what_a_failed_intent_did_not_trade(patch: pytest.MonkeyPatch) -> None:
    _without(patch, EntryKind.RETURN)


def _drops_residuals(patch: pytest.MonkeyPatch) -> None:
    _without(patch, EntryKind.RESIDUAL)


def _drops_carries(patch: pytest.MonkeyPatch) -> None:
    _without(patch, EntryKind.CARRY)


def _sends_again_what_was_lost(patch: pytest.MonkeyPatch) -> None:
    """A lost answer is taken for a failure, and the leg is sent again under another key."""

    def lost(self: Any, leg: Any, why: str) -> None:
        self._books.note(HedgeBatch(legs=(replace(leg, state=LegState.FAILED, detail=why),)))

    patch.setattr(IntentWork, "lost", lost)


def _writes_after_sending(patch: pytest.MonkeyPatch) -> None:
    """What is sent is written afterwards only: a crash in between forgets it."""
    write, held = HedgeLedger.write, []

    def late(self: Any, batch: HedgeBatch, also: Any = None) -> None:
        if any(leg.state is LegState.SENDING for leg in batch.legs):
            held.append(batch)
            batch = HedgeBatch()
            write(self, batch, also)
            return
        for one in held:
            batch = one + batch
        held.clear()
        write(self, batch, also)

    patch.setattr(HedgeLedger, "write", late)


def _takes_sending_for_planned_after_a_crash(patch: pytest.MonkeyPatch) -> None:
    """What was being sent when the process died is sent again, without asking."""
    load = HedgeLedger.load

    def again(self: Any) -> Any:
        state = load(self)
        legs = tuple(
            replace(leg, state=LegState.PLANNED) if leg.state is LegState.SENDING else leg
            for leg in state.legs
        )
        return replace(state, legs=legs)

    patch.setattr(HedgeLedger, "load", again)


def _nothing() -> Any:
    from pmm.execution.hedging.records import HedgeState

    return HedgeState()


def _without(patch: pytest.MonkeyPatch, kind: EntryKind) -> None:
    apply, write = HedgeAccounts.apply, HedgeLedger.write

    def fewer(batch: HedgeBatch) -> HedgeBatch:
        return replace(batch, entries=tuple(one for one in batch.entries if one.kind is not kind))

    patch.setattr(HedgeAccounts, "apply", lambda self, batch: apply(self, fewer(batch)))
    patch.setattr(HedgeLedger, "write", lambda self, batch, also=None: write(self, fewer(batch), also))


@pytest.mark.parametrize(
    "plant",
    [
        _counts_a_fill_twice,
        _forgets_undone_fills,
        pytest.param(_forgets_undone_hedges, marks=_RARE),
        pytest.param(_drops_what_a_failed_intent_did_not_trade, marks=_RARE),
        _drops_residuals,
        _drops_carries,
        _sends_again_what_was_lost,
        _writes_after_sending,
        _takes_sending_for_planned_after_a_crash,
    ],
)
def test_machine__planted_fault__is_seen(plant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, InvalidInput, KeyError, ExceptionGroup)):
        run_state_machine_as_test(HedgerMachine, settings=_SETTINGS)
