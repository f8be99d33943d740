"""Commands from requests, and their execution: recorded before, during and after, the most urgent first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pmm.errors import InvalidInput, PmmError, SetupError
from pmm.execution.actions.command import AUTOMATIC, Command, Status
from pmm.execution.actions.executors import ActionRefused, ActionUnderWay, Executor
from pmm.execution.actions.record import ActionRecord
from pmm.execution.ports import Clock
from pmm.risk.plans import STANDING, ActionKind
from pmm.risk.requests import ActionRequest

_URGENCY: Final = {kind: place for place, kind in enumerate(ActionKind)}
_LONGEST_WAIT_MS: Final = 60_000
_REMEMBERED: Final = 10_000
_QUOTING: Final = (ActionKind.STOP_QUOTING, ActionKind.RESUME_STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a failed command is tried again.

    Attributes:
        wait_ms: before the second attempt; doubles with each, up to a minute.
        attempts: of a single action, after which it gives up; the next repetition of its request is a new command.
            A standing one is tried until it is done or superseded.
        max_age_ms: a single action that a crash left open for longer is not done unasked: the world has moved on.
            One that has begun here and has no end by then is given up.
    """

    wait_ms: int = 1_000
    attempts: int = 5
    max_age_ms: int = 600_000


class ActionRunner:
    """Carries out what risk asks for. ``submit`` belongs to one thread; ``run_due`` blocks while executors do."""

    def __init__(
        self,
        record: ActionRecord,
        executors: Mapping[ActionKind, Executor],
        *,
        clock: Clock,
        ask: Iterable[str] = (),
        retry: Retry | None = None,
        ask_expires_ms: int | None = None,
        on_change: Callable[[Command], None] = lambda _: None,
    ) -> None:
        unknown = sorted(set(ask) - set(ActionKind))
        if unknown:
            raise InvalidInput(
                f"ask: expected any of {', '.join(ActionKind)}, found {', '.join(unknown)}; correct the setting"
            )
        self._record = record
        self._executors = executors
        self._clock = clock
        self._ask = frozenset(ActionKind(one) for one in ask)
        self._retry = retry or Retry()
        self._ask_expires_ms = ask_expires_ms
        self._on_change = on_change
        self._unwritten: list[ActionRequest] = []
        # Begun by this process, with an end that is not known yet.
        self._under_way: set[str] = set()
        # Requests that stand are made anew every second: spare the ledger the question.
        self._written: OrderedDict[str, None] = OrderedDict()
        self.fault: str | None = None
        """Why the record cannot be written, None while it can."""

    def submit(self, requests: Iterable[ActionRequest]) -> list[Command]:
        """Write down what is new among the requests; what is known already changes nothing.

        While the ledger is down requests are kept for the next call, ``fault`` says so, and a stop is carried out all
        the same: a full disk can stop quotes, never start them.
        """
        planned: list[Command] = []
        waiting, self._unwritten = [*self._unwritten, *requests], []
        for request in waiting:
            try:
                command = self._plan(request)
            except SetupError as error:
                self.fault = str(error)
                self._keep(request)
                continue
            if command is not None:
                self._on_change(command)
                planned.append(command)
        if not self._unwritten:
            self.fault = None
        return planned

    def run_due(self, kinds: Container[ActionKind] = frozenset(ActionKind)) -> list[Command]:
        """Do every command of these kinds that is due; return those that changed. A failure holds up no other.

        What trades takes its time: so that a stop never waits for it, one thread calls it with ``STANDING``, another
        with ``SINGLE``. No two threads may share a kind.
        """
        now_ms = self._clock.wall_ms()
        changed: list[Command] = []
        try:
            mine = [one for one in self._record.open_commands() if one.kind in kinds]
            changed += self._expire(mine, now_ms)
            due = [one for one in mine if self._is_due(one, now_ms)]
            for one in sorted(due, key=lambda one: (_URGENCY[one.kind], one.at_ms)):
                done = self._run(one)
                if done is not None:
                    changed.append(done)
        except SetupError as error:
            self.fault = str(error)
        return changed

    def waiting(self) -> list[Command]:
        """Return the commands that ask for a person."""
        return [one for one in self._record.open_commands() if one.status is Status.ASKED]

    def approve(self, command_id: str, *, who: str, why: str = "") -> Command:
        """Let a command that asks be done; raises InvalidInput when none of this id asks, or for too long."""
        now_ms = self._clock.wall_ms()
        if any(one.command_id == command_id and self._is_old(one, now_ms) for one in self.waiting()):
            raise InvalidInput(f"command {command_id}: expected an answer in time, the world has moved on")
        return self._decided(command_id, Status.PLANNED, who, why)

    def decline(self, command_id: str, *, who: str, why: str) -> Command:
        """Drop a command that asks; raises as above."""
        return self._decided(command_id, Status.DECLINED, who, why)

    def _plan(self, request: ActionRequest) -> Command | None:
        if request.request_id in self._written:
            return None
        status = Status.ASKED if request.kind in self._ask else Status.PLANNED
        command = self._record.plan(request, status, self._clock.wall_ms())
        self._written[request.request_id] = None
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
        return command

    def _keep(self, request: ActionRequest) -> None:
        """Hold a request that could not be written. Of two settings of one thing the newer is kept."""
        if request.kind in _QUOTING:
            self._unwritten = [one for one in self._unwritten if one.kind not in _QUOTING]
        if all(one.request_id != request.request_id for one in self._unwritten):
            self._unwritten.append(request)
        stop = self._executors.get(request.kind)
        if request.kind is ActionKind.STOP_QUOTING and stop is not None and request.kind not in self._ask:
            try:
                stop(_unwritten_command(request))
            except PmmError as error:
                self.fault = f"{self.fault}; and quoting did not stop: {error}"

    def _decided(self, command_id: str, status: Status, who: str, why: str) -> Command:
        command = self._record.decide(command_id, status, self._clock.wall_ms(), who, why)
        if command is None:
            raise InvalidInput(
                f"command {command_id}: expected one that asks, found none; it was decided, superseded or never there"
            )
        self._on_change(command)
        return command

    def _expire(self, commands: Iterable[Command], now_ms: int) -> list[Command]:
        """Drop what nobody answered in time. What sets a state stays asked: the next setting takes its place."""
        expired: list[Command] = []
        for one in commands:
            if one.status is Status.ASKED and self._is_old(one, now_ms):
                done = self._record.decide(
                    one.command_id, Status.DECLINED, now_ms, AUTOMATIC, "nobody answered in time"
                )
                if self._told(done) is not None and done is not None:
                    expired.append(done)
        return expired

    def _is_old(self, command: Command, now_ms: int) -> bool:
        if self._ask_expires_ms is None or command.kind in STANDING:
            return False
        return now_ms - command.changed_at_ms >= self._ask_expires_ms

    def _is_due(self, command: Command, now_ms: int) -> bool:
        if command.status in (Status.PLANNED, Status.STARTED):
            return True
        if command.status is not Status.FAILED:
            return False
        wait_ms = min(self._retry.wait_ms << min(command.attempts - 1, 20), _LONGEST_WAIT_MS)
        return command.changed_at_ms + wait_ms <= now_ms

    def _run(self, command: Command) -> Command | None:
        if command.command_id in self._under_way and command.status is Status.STARTED:
            return self._execute(command, begun=True)
        now_ms = self._clock.wall_ms()
        single = command.kind not in STANDING
        if single and command.status is Status.STARTED and now_ms - command.at_ms > self._retry.max_age_ms:
            why = "a crash left it open for too long to be done unasked"
            return self._told(self._record.ask(command.command_id, now_ms, why))
        try:
            started = self._record.start(command.command_id, now_ms, AUTOMATIC)
        except SetupError:
            stop = self._executors.get(command.kind)
            if command.kind is ActionKind.STOP_QUOTING and stop is not None:
                stop(command)
            raise
        if started is None:
            return None  # superseded by one before it in this round
        return self._execute(started, begun=False)

    def _execute(self, command: Command, *, begun: bool) -> Command | None:
        """Do a command that was started, or ask for the end of one that has ``begun``; None where it has none yet."""
        executor = self._executors.get(command.kind)
        if executor is None:
            return self._ended(command, Status.GAVE_UP, "this desk has nothing that could do it")
        single = command.kind not in STANDING
        try:
            done = executor(command)
        except ActionUnderWay as error:
            if single and self._clock.wall_ms() - command.changed_at_ms > self._retry.max_age_ms:
                return self._ended(command, Status.GAVE_UP, f"it has no end yet: {error}")
            self._under_way.add(command.command_id)
            return None if begun else command
        except ActionRefused as error:
            return self._ended(command, Status.GAVE_UP, str(error))
        except PmmError as error:
            tired = single and command.attempts >= self._retry.attempts
            return self._ended(command, Status.GAVE_UP if tired else Status.FAILED, str(error))
        return self._ended(command, Status.DONE, done)

    def _ended(self, command: Command, status: Status, detail: str) -> Command | None:
        self._under_way.discard(command.command_id)
        return self._told(self._record.end(command.command_id, status, self._clock.wall_ms(), detail))

    def _told(self, command: Command | None) -> Command | None:
        if command is not None:
            self._on_change(command)
        return command


def _unwritten_command(request: ActionRequest) -> Command:
    return Command(
        command_id=request.request_id,
        kind=request.kind,
        subject=request.subject,
        value=request.value,
        reason=request.reason,
        at_ms=request.at_ms,
        status=Status.STARTED,
        attempts=1,
        changed_at_ms=request.at_ms,
        detail="",
    )
