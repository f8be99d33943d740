"""What risk asks for, done by the desk: single commands in its own turn, standing ones in a thread of theirs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import structlog

from pmm.desk.alerting import DeskAlerts
from pmm.execution.actions import ActionRecord, ActionRunner, Command, Status
from pmm.execution.actions.executors import Executor
from pmm.monitoring.desk import RiskEvents
from pmm.risk.monitor import RiskMonitor
from pmm.risk.plans import SINGLE, STANDING, ActionKind

_LOG = structlog.get_logger()
_TOLD = {
    Status.ASKED: "asked",
    Status.DONE: "done",
    Status.FAILED: "failed",
    Status.GAVE_UP: "refused",
    Status.DECLINED: "declined",
    Status.SUPERSEDED: "superseded",
}
_INTERVAL_S = 1.0


class WallClock:
    """The desk's clock as the runner takes it."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Return unix time in milliseconds."""
        return self._clock_ms()


class DeskActions:
    """Hands the monitor's requests to a runner.

    A quote server that does not answer holds up its thread and no hedge; ``start`` begins that thread. Whatever
    becomes of a command is told to metrics and people in the desk's own turn.
    """

    def __init__(
        self,
        record: ActionRecord,
        monitor: RiskMonitor,
        executors: Mapping[ActionKind, Executor],
        *,
        clock_ms: Callable[[], int],
        events: RiskEvents,
        alerts: DeskAlerts,
    ) -> None:
        self._monitor = monitor
        self._events, self._alerts = events, alerts
        self._changed: deque[Command] = deque()
        self.runner = ActionRunner(
            record,
            executors,
            clock=WallClock(clock_ms),
            ask=monitor.settings.ask,
            ask_expires_ms=int(monitor.settings.ask_expires_s * 1_000),
            on_change=self._changed.append,
        )
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._stand, name="standing-actions", daemon=True)

    def start(self) -> None:
        """Begin to carry out standing commands."""
        self._thread.start()

    def close(self, *, wait_s: float = 10.0) -> None:
        """End the thread after the command that is under way."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(wait_s)

    def approve(self, command_id: str, *, who: str, why: str) -> Command:
        """Let a command that asks be done, at once or at the next turn; raises as the runner's."""
        done = self.runner.approve(command_id, who=who, why=why)
        self._wake.set()
        return done

    def refuse(self, command_id: str, *, who: str, why: str) -> Command:
        """Drop a command that asks; raises as the runner's."""
        return self.runner.decline(command_id, who=who, why=why)

    def act(self, now_ms: int) -> bool:
        """Write down what is asked for, do the single commands; return whether any of these was begun.

        A failure is the command's own and costs no turn.
        """
        if self.runner.submit(self._monitor.requests(now_ms)):
            self._wake.set()
        done = self.runner.run_due(SINGLE)
        if self.runner.fault:
            _LOG.error("actions_not_recorded", why=self.runner.fault)
        while self._changed:
            self._tell(self._changed.popleft(), now_ms)
        return bool(done)

    def _stand(self) -> None:
        while not self._stop.is_set():
            try:
                self.runner.run_due(STANDING)
            except Exception as error:  # noqa: BLE001 - a server may answer anything; the next stop must leave
                _LOG.error("standing_actions_failed", error=type(error).__name__)
            self._wake.wait(_INTERVAL_S)
            self._wake.clear()

    def _tell(self, command: Command, now_ms: int) -> None:
        if command.status not in _TOLD:
            return
        self._events.action_taken(
            action=command.kind.value,
            outcome=_TOLD[command.status],
            cause=command.reason,
            command_id=command.command_id,
        )
        self._alerts.command(command, now_ms)
