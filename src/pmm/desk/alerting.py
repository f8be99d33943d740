"""What happened in a turn, told to people through the channels that are set; nothing here stops a turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from pmm.alerts import Alert, AlertDesk, AlertPump, AlertSettings, Severity, channels_of, routes_of
from pmm.alerts.alert_desk import AlertWatch
from pmm.domain import Address
from pmm.errors import PmmError
from pmm.execution.actions import Command, Status
from pmm.execution.book import BookDifference, LendingKey, PerpKey, Reconciliation
from pmm.execution.hedging import HedgeNotice, NoticeKind
from pmm.ledger import Ledger
from pmm.monitoring.audit_log import Verdict
from pmm.risk.catalogue import BY_NAME
from pmm.risk.lines import Level
from pmm.risk.metric import Reading
from pmm.risk.plans import STANDING, ActionKind
from pmm.risk.posture import MetricKey
from pmm.risk.state_machine import Phase, PhaseState

QUIET_MS = 600_000
"""What happens and does not stand (a difference, a failed hedge) is over when it did not come again for so long."""
_AGAIN_MS = 60_000
"""What stands is raised again so often: the alert desk says whether it is told, and a silence may have ended."""
_LONG_WAIT_MS = 60_000
WAITS, ENDED, AUDIT = "desk_waits", "desk_ended", "audit_broken"
_NOTICES = {
    NoticeKind.STUCK: (Severity.CRITICAL, "A hedge is stuck between two legs"),
    NoticeKind.CONTRADICTION: (Severity.CRITICAL, "A sent hedge is denied by whom it was handed to"),
    NoticeKind.FAILED: (Severity.WARNING, "A hedge failed"),
    NoticeKind.NO_ROUTE: (Severity.WARNING, "No route for a hedge"),
    NoticeKind.NO_ANSWER: (Severity.WARNING, "A hedge's leg has no answer"),
}
"""Notices that need a person. The others are the hedger's own business."""
_LOG = structlog.get_logger()


@dataclass(slots=True)
class _Told:
    severity: Severity
    raised_ms: int
    seen_ms: int


class DeskAlerts:
    """Tells an alert desk; without one, nobody. Delivery has a thread of its own, from :meth:`start` on.

    A ledger or an alert desk that fails is logged and costs no turn.

    Args:
        desk: None where no channel is set.
        clock_ms: unix time of the deliveries.
        names: our accounts, for people.
        symbols: tokens, for people.
    """

    def __init__(
        self,
        desk: AlertDesk | None,
        *,
        names: Mapping[Address, str],
        symbols: Mapping[Address, str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._names, self._symbols = names, symbols
        self._pump = None if desk is None else AlertPump(desk, clock_ms)
        self._told: dict[str, _Told] = {}
        self._known: set[MetricKey] = set()
        self._waits_since_ms: int | None = None
        if desk is not None:
            # What an earlier desk told still stands; its hour goes on.
            now_ms = clock_ms()
            self._told = {key: _Told(severity, 0, now_ms) for key, severity in desk.standing().items()}

    def start(self) -> None:
        """Begin to deliver."""
        if self._pump is not None:
            self._pump.start()

    def close(self) -> None:
        """Try once more what is due, and end: that the desk has ended is told by nobody after it."""
        if self._pump is not None:
            self._pump.close()

    def risk(
        self, states: Mapping[MetricKey, PhaseState], readings: Mapping[MetricKey, Reading], now_ms: int
    ) -> None:
        """Tell the phases: critical; a warning that is known bad or was known; and when it is over.

        What nobody told the desk since its start is a warning too, but no news.
        """
        for key, state in states.items():
            reading = readings.get(key)
            if reading is None:
                continue
            if state.known:
                self._known.add(key)
            name, at = ":".join(key).rstrip(":"), f"{reading.name} {{}} {reading.shown}"
            if state.phase is Phase.NORMAL:
                self._over(name, now_ms)
            elif state.phase is Phase.CRITICAL:
                self._stands(name, Severity.CRITICAL, at.format("is critical at"), "", now_ms)
            elif (
                state.phase is Phase.WARNING
                and key in self._known
                and reading.assessment.level is not Level.GOOD
            ):
                self._stands(name, Severity.WARNING, at.format("warns at"), "", now_ms)

        for told in list(self._told):
            metric, _, subject = told.partition(":")
            if metric in BY_NAME and (metric, subject) not in states:
                # Forgotten: nothing measures it any more.
                self._over(told, now_ms)

    def differences(self, found: Reconciliation, now_ms: int) -> None:
        """Tell where book and chain differ, each place once while it goes on."""
        for one in found.differences:
            place = f"{self._symbols.get(one.key.token, one.key.token)} {self._place(one)} {one.side.value}"
            text = (
                f"booked {one.booked}, found {one.found} base units at block {one.block.number}, cause "
                f"{one.cause.value}. {one.detail}".strip()
            )
            title = f"Book and chain differ by {one.difference} base units: {place}"
            self._stands(f"reconciliation:{place}", Severity.CRITICAL, title, text, now_ms)

    def notices(self, notices: Iterable[HedgeNotice], now_ms: int) -> None:
        """Tell what the hedger cannot put right by itself."""
        for one in notices:
            if one.kind in _NOTICES:
                severity, title = _NOTICES[one.kind]
                key = f"hedger:{one.kind.value}:{one.intent_id}".rstrip(":")
                self._stands(key, severity, title, f"{one.intent_id} {one.detail}".strip(), now_ms)

    def command(self, command: Command, now_ms: int) -> None:
        """Tell a command that waits for a person, and one that was not done; the record has the others.

        Of what shapes quotes only a stop is told: one that does not reach the quote server is critical.
        """
        kind, key = command.kind, f"action:{command.kind.value}:{command.subject}"
        text = f"{command.command_id}: {command.reason}. {command.detail}"
        if command.status is Status.ASKED:
            self._stands(key, Severity.WARNING, f"{kind.value} waits for a person", text, now_ms)
        elif command.status in (Status.FAILED, Status.GAVE_UP) and (
            kind is ActionKind.STOP_QUOTING or kind not in STANDING
        ):
            severity = Severity.CRITICAL if kind is ActionKind.STOP_QUOTING else Severity.WARNING
            self._stands(key, severity, f"{kind.value} was not done", text, now_ms)
        elif command.status in (Status.DONE, Status.DECLINED, Status.SUPERSEDED):
            self._over(key, now_ms)

    def audited(self, found: Verdict, now_ms: int) -> None:
        """Tell that the audit log was changed; it stays so."""
        if not found.intact:
            self._stands(AUDIT, Severity.CRITICAL, "The audit log was changed", found.detail, now_ms)

    def waits(self, why: str, now_ms: int) -> None:
        """Tell that a turn failed and is tried again; that it does so for long is worse."""
        if self._waits_since_ms is None:
            self._waits_since_ms = now_ms
        long = now_ms - self._waits_since_ms >= _LONG_WAIT_MS
        severity = Severity.CRITICAL if long else Severity.WARNING
        self._stands(WAITS, severity, "The desk waits and does not hedge", why, now_ms)

    def ended(self, why: str, now_ms: int) -> None:
        """Tell that the desk ends because a person must act."""
        self._stands(ENDED, Severity.CRITICAL, "The desk has ended: a person must act", why, now_ms)

    def goes_on(self, now_ms: int) -> None:
        """Tell that a turn was done, and end what did not come again."""
        self._waits_since_ms = None
        self._over(WAITS, now_ms)
        self._over(ENDED, now_ms)
        for key, told in list(self._told.items()):
            if _passes(key) and now_ms - told.seen_ms >= QUIET_MS:
                self._over(key, now_ms)

    # ---------------------------------------------------------------------------------------------- internal

    def _stands(self, key: str, severity: Severity, title: str, text: str, now_ms: int) -> None:
        if self._desk is None:
            return
        before = self._told.get(key)
        if before is not None and before.severity is severity and now_ms - before.raised_ms < _AGAIN_MS:
            before.seen_ms = now_ms
            return
        self._told[key] = _Told(severity, now_ms, now_ms)
        try:
            self._desk.raise_alert(Alert(key=key, severity=severity, title=title, text=text), now_ms)
        except PmmError as error:
            _LOG.error("alert_not_raised", key=key, error=str(error))

    def _over(self, key: str, now_ms: int) -> None:
        if self._desk is None or key not in self._told:
            return
        try:
            self._desk.resolve(key, now_ms)
        except PmmError as error:
            # It is over at a later turn, too.
            _LOG.error("alert_not_resolved", key=key, error=str(error))
            return
        del self._told[key]

    def _place(self, one: BookDifference) -> str:
        if isinstance(one.key, LendingKey):
            return one.key.market.value
        if isinstance(one.key, PerpKey):
            return one.key.venue
        return self._names.get(one.key.account, one.key.account)


def desk_alerts(
    settings: AlertSettings,
    ledger: Ledger,
    *,
    watch: AlertWatch,
    names: Mapping[Address, str],
    symbols: Mapping[Address, str],
    clock_ms: Callable[[], int],
) -> DeskAlerts:
    """Make them from the settings; raises InvalidInput for an address that is no channel's."""
    channels = channels_of(settings)
    desk: AlertDesk | None = None
    if channels:
        desk = AlertDesk(
            ledger,
            channels,
            routes_of(settings),
            watch=watch,
            repeat_ms=settings.repeat_s * 1_000,
            keep_trying_ms=settings.keep_trying_s * 1_000,
        )
    return DeskAlerts(desk, names=names, symbols=symbols, clock_ms=clock_ms)


def _passes(key: str) -> bool:
    return key.startswith(("reconciliation:", "hedger:", "action:")) and not key.startswith(
        f"hedger:{NoticeKind.STUCK}"
    )
