"""Leads an intent's legs to an end: the next one, a repair, or back to where it began."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pmm.execution.hedging.books import HedgeBooks
from pmm.execution.hedging.notices import HedgeNotice, NoticeKind
from pmm.execution.hedging.ports import Report, ReportState
from pmm.execution.hedging.records import (
    IN_FLIGHT,
    ContractCall,
    HedgeBatch,
    Intent,
    IntentState,
    Leg,
    LegState,
)
from pmm.execution.hedging.routes import PlannedLeg, RoutePlan

Replan = Callable[[int], Sequence[RoutePlan]]
"""Ways to trade an amount now, the cheapest first."""

_BROUGHT = (LegState.SETTLED, LegState.FINAL)
_COMMANDED = "a command was not done and is tried again: "
# Legs that take others back are numbered behind them.
_FIRST_UNDO = 100


class IntentWork:
    """Works on the books; hands nothing over itself."""

    def __init__(self, books: HedgeBooks, *, max_attempts: int) -> None:
        self._books = books
        self._max_attempts = max_attempts

    @staticmethod
    def planned(intent: Intent, legs: Sequence[PlannedLeg], *, first: int, attempt: int) -> tuple[Leg, ...]:
        """Return the legs of a plan, numbered from ``first``."""
        return tuple(
            Leg(
                key=f"{intent.intent_id}:{number}:{attempt}",
                intent_id=intent.intent_id,
                number=number,
                attempt=attempt,
                call=one.call,
                undo=one.undo,
            )
            for number, one in enumerate(legs, start=first)
        )

    def take(self, leg: Leg, report: Report) -> list[HedgeNotice]:
        """Take in what is known of a leg."""
        references = tuple(dict.fromkeys((*leg.references, *report.references)))
        state, got, detail = leg.state, 0, report.detail
        notices: list[HedgeNotice] = []
        if isinstance(leg.call, ContractCall) and self._books.accounts.seen(references) is not None:
            # Its events are on the chain as we follow it, whatever the sender says: they settle it.
            state = LegState.SUBMITTED
        elif report.state is ReportState.ABSENT and leg.references:
            state, detail = (
                LegState.UNKNOWN,
                "denied by whom it was handed to, after it had named a transaction",
            )
            notices.append(_notice(NoticeKind.CONTRADICTION, leg, detail))
        elif report.state is ReportState.ABSENT:
            state = LegState.PLANNED
        elif report.state in (ReportState.REFUSED, ReportState.FAILED):
            state = LegState.FAILED
        elif report.state is ReportState.UNKNOWN:
            state = LegState.UNKNOWN
            if detail and detail != leg.detail:
                notices.append(_notice(NoticeKind.NO_ANSWER, leg, detail))
        elif report.state is ReportState.DONE and not isinstance(leg.call, ContractCall):
            state, got = LegState.FINAL, report.filled
        else:
            # A transaction is settled by its events, which say what it brought.
            state = LegState.SUBMITTED
        moved = replace(leg, state=state, references=references, got=got, detail=detail)
        if moved != leg:
            self._books.note(HedgeBatch(legs=(moved,)))
        return notices

    def lost(self, leg: Leg, why: str) -> None:
        """Note that the answer about a leg was lost."""
        self._books.note(HedgeBatch(legs=(replace(leg, state=LegState.UNKNOWN, detail=why),)))

    def settle(self) -> None:
        """Settle every leg whose transaction is part of the chain."""
        accounts = self._books.accounts
        for leg in accounts.legs(IN_FLIGHT):
            seen = accounts.seen(leg.references)
            if seen is not None:
                self._books.note(accounts.settled(leg, seen))

    def take_ready(self) -> tuple[Leg, ...]:
        """Return the legs to hand over now, noted as being sent: the first planned one of each live intent."""
        ready: list[Leg] = []
        for intent in self._books.accounts.live_intents():
            legs = self._books.accounts.legs_of(intent.intent_id)
            if any(leg.state in IN_FLIGHT for leg in legs):
                continue
            undoing = intent.state is IntentState.UNWINDING
            waiting = [
                leg for leg in legs if leg.state is LegState.PLANNED and (leg.undoes is not None) is undoing
            ]
            if waiting:
                first = min(waiting, key=lambda leg: leg.number)
                ready.append(replace(first, state=LegState.SENDING))
        self._books.note(HedgeBatch(legs=tuple(ready)))
        return tuple(ready)

    def advance(self, intent: Intent, *, now_ms: int, replan: Replan | None) -> list[HedgeNotice]:
        """Take an intent as far as it goes without handing anything over; without ``replan`` nothing is repaired."""
        legs = self._books.accounts.legs_of(intent.intent_id)
        if any(leg.state in IN_FLIGHT for leg in legs):
            return []
        if intent.state is IntentState.UNWINDING:
            return self._unwind_on(intent, legs, now_ms)
        forward = [leg for leg in legs if leg.undoes is None]
        newest = max(leg.attempt for leg in forward)
        failed = [leg for leg in forward if leg.attempt == newest and leg.state is LegState.FAILED]
        if failed:
            if replan is None:
                return []
            return self._repair(intent, forward, failed[0], replan, now_ms)
        if any(leg.state is LegState.PLANNED for leg in forward):
            return []
        return self._close(intent, IntentState.DONE, now_ms, intent.detail)

    def _repair(
        self, intent: Intent, legs: Sequence[Leg], failed: Leg, replan: Replan, now_ms: int
    ) -> list[HedgeNotice]:
        done = [leg for leg in legs if leg.state in _BROUGHT]
        stale = tuple(
            replace(leg, state=LegState.FAILED, detail="superseded")
            for leg in legs
            if leg.state is LegState.PLANNED
        )
        self._books.note(HedgeBatch(legs=stale))
        attempt = failed.attempt + 1
        if attempt < self._max_attempts:
            plans = replan(intent.trade - self._books.accounts.got(intent.intent_id))
            # Once a leg is done only the route that it belongs to can go on.
            usable = [one for one in plans if not done or one.route == intent.route]
            first = len(done)
            if usable and len(usable[0].legs) > first:
                plan = usable[0]
                again = replace(intent, route=plan.route, cost_usd_wad=plan.cost.total_usd_wad)
                legs_again = self.planned(again, plan.legs[first:], first=first, attempt=attempt)
                self._books.note(HedgeBatch(intents=(again,), legs=legs_again))
                return [_notice(NoticeKind.REPAIRED, failed, f"{failed.detail}; again by {plan.route}")]
        return self._unwind(intent, done, failed, now_ms)

    def _unwind(self, intent: Intent, done: Sequence[Leg], failed: Leg, now_ms: int) -> list[HedgeNotice]:
        undo = [(leg, call) for leg in reversed(done) for call in leg.undo]
        if not undo:
            return self._close(intent, IntentState.FAILED, now_ms, failed.detail)
        legs = tuple(
            Leg(
                key=f"{intent.intent_id}:{number}:0",
                intent_id=intent.intent_id,
                number=number,
                attempt=0,
                call=call,
                undoes=leg.number,
            )
            for number, (leg, call) in enumerate(undo, start=_FIRST_UNDO)
        )
        moved = intent.moved(IntentState.UNWINDING, failed.detail)
        self._books.note(HedgeBatch(intents=(moved,), legs=legs))
        return [_notice(NoticeKind.UNWINDING, failed, failed.detail)]

    def _unwind_on(self, intent: Intent, legs: Sequence[Leg], now_ms: int) -> list[HedgeNotice]:
        newest: dict[int, Leg] = {}
        for leg in legs:
            if leg.undoes is not None and (
                leg.number not in newest or newest[leg.number].attempt < leg.attempt
            ):
                newest[leg.number] = leg
        failed = [leg for leg in newest.values() if leg.state is LegState.FAILED]
        if failed and failed[0].attempt + 1 < self._max_attempts:
            attempt = failed[0].attempt + 1
            again = replace(
                failed[0],
                key=f"{intent.intent_id}:{failed[0].number}:{attempt}",
                attempt=attempt,
                state=LegState.PLANNED,
                references=(),
                detail="",
            )
            self._books.note(HedgeBatch(legs=(again,)))
            return []
        if failed:
            return self._close(intent, IntentState.STUCK, now_ms, failed[0].detail)
        if any(leg.state is LegState.PLANNED for leg in newest.values()):
            return []
        return self._close(intent, IntentState.FAILED, now_ms, intent.detail)

    def _close(self, intent: Intent, state: IntentState, now_ms: int, detail: str) -> list[HedgeNotice]:
        if state is IntentState.FAILED and self._books.accounts.commanded(intent.intent_id):
            detail = f"{_COMMANDED}{detail.removeprefix(_COMMANDED)}"
        self._books.note(self._books.accounts.closed(intent, state, at_ms=now_ms, detail=detail))
        kind = NoticeKind(state.value)
        return [HedgeNotice(kind=kind, intent_id=intent.intent_id, detail=detail or intent.reason)]


def _notice(kind: NoticeKind, leg: Leg, detail: str) -> HedgeNotice:
    return HedgeNotice(kind=kind, intent_id=leg.intent_id, detail=f"leg {leg.key}: {detail}")
