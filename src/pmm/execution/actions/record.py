"""The durable record of phases, transitions and commands, on the desk's ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from pmm.execution.actions.command import AUTOMATIC, OPEN, AuditLine, Command, Status
from pmm.execution.actions.trail import AuditedWrite, AuditTrail, audited
from pmm.execution.ledger import DeskLedger, LedgerRow
from pmm.risk.monitor import DESK, Transition
from pmm.risk.plans import STANDING, ActionKind
from pmm.risk.posture import MetricKey
from pmm.risk.requests import ActionRequest
from pmm.risk.state_machine import START, Phase, PhaseState

_COLUMNS: Final = "command_id, kind, subject, value, reason, at_ms, status, attempts, changed_at_ms, detail"
_OPEN: Final = ", ".join(f"'{one.value}'" for one in sorted(OPEN))
_QUOTING: Final = (ActionKind.STOP_QUOTING, ActionKind.RESUME_STEP)
"""Stop and resume set the same thing: the newer one counts, whatever became of the older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What the desk is worth and has earned since its books began, for incident reports; None is unknown."""

    portfolio_usd_e6: int | None = None
    profit_usd_e6: int | None = None


_UNKNOWN_MONEY: Final = Money()
_SAMPLE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTransition:
    """A transition with the money at its time."""

    transition: Transition
    money: Money


class ActionRecord:
    """All methods raise SetupError while the ledger is down; what a method wrote is then not written.

    ``trail`` gets each step of a command too, in the same transaction.
    """

    def __init__(self, ledger: DeskLedger, trail: AuditTrail | None = None) -> None:
        self._ledger, self._trail = ledger, trail
        self._sampled_ms = 0

    def observe(
        self,
        transitions: Sequence[Transition],
        states: Mapping[MetricKey, PhaseState],
        desk: PhaseState,
        money: Money,
        now_ms: int,
    ) -> None:
        """Write transitions, and the states of what moved, in one transaction; once a minute the money, too."""
        sampled = money != _UNKNOWN_MONEY and now_ms - self._sampled_ms >= _SAMPLE_MS
        if not transitions and not sampled:
            return
        moved = {(one.name, one.key) for one in transitions}
        with self._ledger.transaction() as write:
            for one in transitions:
                write.execute(
                    "INSERT INTO actions_transitions (at_ms, name, subject, phase_before, phase_after, step, value,"
                    " detail, portfolio_usd_e6, profit_usd_e6) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        one.at_ms,
                        one.name,
                        one.key,
                        one.before.value,
                        one.after.value,
                        one.step,
                        _text(one.value),
                        one.detail,
                        _text(money.portfolio_usd_e6),
                        _text(money.profit_usd_e6),
                    ),
                )
            if sampled:
                write.execute(
                    "INSERT INTO actions_money (at_ms, portfolio_usd_e6, profit_usd_e6) VALUES (?, ?, ?)",
                    (now_ms, _text(money.portfolio_usd_e6), _text(money.profit_usd_e6)),
                )
            for name, key in sorted(moved):
                state = desk if name == DESK else states.get((name, key))
                if state is None:
                    # Forgotten: a restart must not bring it back.
                    write.execute("DELETE FROM actions_phases WHERE name = ? AND subject = ?", (name, key))
                    continue
                write.execute(
                    "INSERT INTO actions_phases (name, subject, state) VALUES (?, ?, ?)"
                    " ON CONFLICT (name, subject) DO UPDATE SET state = excluded.state",
                    (name, key, json.dumps(asdict(state))),
                )
        if sampled:
            self._sampled_ms = now_ms

    def money(self, start_ms: int, end_ms: int) -> list[Money]:
        """Return what the desk was worth in a time: the minutes' samples and those of the transitions, in order."""
        rows = self._ledger.read(
            "SELECT at_ms, portfolio_usd_e6, profit_usd_e6 FROM actions_money WHERE at_ms BETWEEN ? AND ?"
            " UNION ALL SELECT at_ms, portfolio_usd_e6, profit_usd_e6 FROM actions_transitions"
            " WHERE at_ms BETWEEN ? AND ? ORDER BY 1",
            (start_ms, end_ms, start_ms, end_ms),
        )
        return [_money(row[1], row[2]) for row in rows]

    def phases(self) -> tuple[dict[MetricKey, PhaseState], PhaseState]:
        """Return the states of all metrics and of the desk as they were written last."""
        found: dict[MetricKey, PhaseState] = {}
        for name, key, text in self._ledger.read("SELECT name, subject, state FROM actions_phases"):
            fields = json.loads(text)
            found[name, key] = PhaseState(**{**fields, "phase": Phase(fields["phase"])})
        return found, found.pop((DESK, ""), START)

    def plan(self, request: ActionRequest, status: Status, now_ms: int) -> Command | None:
        """Write a new command; None when it is there already. A newer setting takes the place of an older one."""
        with audited(self._ledger, self._trail) as write:
            if write.query("SELECT 1 FROM actions_commands WHERE command_id = ?", (request.request_id,)):
                return None
            if request.kind in STANDING:
                self._supersede(write, request, now_ms, _OPEN)
            elif status is Status.ASKED:
                # One question, however often its reason repeats itself.
                self._supersede(write, request, now_ms, f"'{Status.ASKED.value}'")
            write.execute(
                f"INSERT INTO actions_commands ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '')",  # noqa: S608
                (
                    request.request_id,
                    request.kind.value,
                    request.subject,
                    repr(request.value),
                    request.reason,
                    request.at_ms,
                    status.value,
                    now_ms,
                ),
            )
            write.audit(request.request_id, status, now_ms, AUTOMATIC, request.reason)
            return _command(self._row(write, request.request_id))

    def start(self, command_id: str, now_ms: int, who: str = AUTOMATIC) -> Command | None:
        """Say that it is being done now; None when nothing may be done any more."""
        return self._change(command_id, OPEN, Status.STARTED, now_ms, who, "", attempts=1)

    def end(self, command_id: str, status: Status, now_ms: int, detail: str) -> Command | None:
        """Write an outcome; None when somebody else ended it."""
        return self._change(command_id, frozenset({Status.STARTED}), status, now_ms, AUTOMATIC, detail)

    def decide(self, command_id: str, status: Status, now_ms: int, who: str, why: str) -> Command | None:
        """Write what a person decided about a command that asks; None when it does not ask (any more)."""
        return self._change(command_id, frozenset({Status.ASKED}), status, now_ms, who, why)

    def ask(self, command_id: str, now_ms: int, why: str) -> Command | None:
        """Hand a command to a person."""
        return self._change(command_id, OPEN, Status.ASKED, now_ms, AUTOMATIC, why)

    def open_commands(self) -> list[Command]:
        """Return every command to which something may still happen, oldest first."""
        rows = self._ledger.read(
            f"SELECT {_COLUMNS} FROM actions_commands WHERE status IN ({_OPEN}) ORDER BY at_ms, command_id"  # noqa: S608
        )
        return [_command(row) for row in rows]

    def commands(self, start_ms: int, end_ms: int) -> list[Command]:
        """Return the commands decided in a time, oldest first."""
        rows = self._ledger.read(
            f"SELECT {_COLUMNS} FROM actions_commands WHERE at_ms BETWEEN ? AND ? ORDER BY at_ms, command_id",  # noqa: S608
            (start_ms, end_ms),
        )
        return [_command(row) for row in rows]

    def audit(self, command_ids: Iterable[str]) -> list[AuditLine]:
        """Return every step of some commands, in order."""
        lines: list[AuditLine] = []
        for command_id in command_ids:
            for row in self._ledger.read(
                "SELECT at_ms, command_id, status, who, detail FROM actions_audit WHERE command_id = ? ORDER BY seq",
                (command_id,),
            ):
                lines.append(
                    AuditLine(
                        at_ms=row[0], command_id=row[1], status=Status(row[2]), who=row[3], detail=row[4]
                    )
                )
        return lines

    def transitions(self, start_ms: int, end_ms: int) -> list[RecordedTransition]:
        """Return the transitions of a time, in order."""
        rows = self._ledger.read(
            "SELECT at_ms, name, subject, phase_before, phase_after, step, value, detail, portfolio_usd_e6,"
            " profit_usd_e6 FROM actions_transitions WHERE at_ms BETWEEN ? AND ? ORDER BY seq",
            (start_ms, end_ms),
        )
        return [_transition(row) for row in rows]

    def _supersede(self, write: AuditedWrite, request: ActionRequest, now_ms: int, which: str) -> None:
        kinds = _QUOTING if request.kind in _QUOTING else (request.kind,)
        marks = ", ".join("?" for _ in kinds)
        sql = f"SELECT command_id, subject FROM actions_commands WHERE status IN ({which}) AND kind IN ({marks})"  # noqa: S608
        for command_id, subject in write.query(sql, [kind.value for kind in kinds]):
            if request.kind in _QUOTING or subject == request.subject:
                _set(write, command_id, Status.SUPERSEDED, now_ms, request.request_id)
                write.audit(command_id, Status.SUPERSEDED, now_ms, AUTOMATIC, f"by {request.request_id}")

    def _change(
        self,
        command_id: str,
        before: frozenset[Status],
        after: Status,
        now_ms: int,
        who: str,
        detail: str,
        attempts: int = 0,
    ) -> Command | None:
        with audited(self._ledger, self._trail) as write:
            row = self._row(write, command_id)
            if not row or Status(row[6]) not in before:
                return None
            _set(write, command_id, after, now_ms, detail, attempts)
            write.audit(command_id, after, now_ms, who, detail)
            return _command(self._row(write, command_id))

    @staticmethod
    def _row(write: AuditedWrite, command_id: str) -> LedgerRow:
        rows = write.query(f"SELECT {_COLUMNS} FROM actions_commands WHERE command_id = ?", (command_id,))  # noqa: S608
        return rows[0] if rows else ()


def _set(
    write: AuditedWrite, command_id: str, status: Status, now_ms: int, detail: str, attempts: int = 0
) -> None:
    write.execute(
        "UPDATE actions_commands SET status = ?, changed_at_ms = ?, detail = ?, attempts = attempts + ?"
        " WHERE command_id = ?",
        (status.value, now_ms, detail, attempts, command_id),
    )


def _command(row: LedgerRow) -> Command:
    return Command(
        command_id=row[0],
        kind=ActionKind(row[1]),
        subject=row[2],
        value=float(row[3]),
        reason=row[4],
        at_ms=row[5],
        status=Status(row[6]),
        attempts=row[7],
        changed_at_ms=row[8],
        detail=row[9],
    )


def _transition(row: LedgerRow) -> RecordedTransition:
    return RecordedTransition(
        transition=Transition(
            at_ms=row[0],
            name=row[1],
            key=row[2],
            before=Phase(row[3]),
            after=Phase(row[4]),
            step=row[5],
            value=float(row[6]) if row[6] else None,
            detail=row[7],
        ),
        money=_money(row[8], row[9]),
    )


def _money(portfolio: str, profit: str) -> Money:
    return Money(
        portfolio_usd_e6=int(portfolio) if portfolio else None, profit_usd_e6=int(profit) if profit else None
    )


def _text(number: float | int | None) -> str:
    return "" if number is None else repr(number)
