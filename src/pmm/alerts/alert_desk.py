"""Raises, resolves, deliver: what people are told, and when again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from pmm.alerts.alert import Alert, Severity
from pmm.alerts.channel import Channel, DeliveryFailed, DeliveryRefused
from pmm.alerts.outbox import Delivery, Outbox, deliveries
from pmm.alerts.routing import Routes
from pmm.alerts.silences import Silences
from pmm.errors import InvalidInput
from pmm.ledger import Ledger, LedgerDown, Transaction

_LOG = structlog.get_logger()
_FIRST_PAUSE_MS: Final = 2_000
_LONGEST_PAUSE_MS: Final = 600_000
_READ = "SELECT severity, worst, since_ms, sent_ms, seen FROM alerts_standing WHERE key = ?"
_WRITE = (
    "INSERT INTO alerts_standing (key, severity, worst, since_ms, sent_ms, seen) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET severity = excluded.severity, worst = excluded.worst, "
    "sent_ms = excluded.sent_ms, seen = excluded.seen"
)
_LOGGED = "INSERT INTO alerts_log (at_ms, key, severity, title, text, fate) VALUES (?, ?, ?, ?, ?, ?)"
_FIRING = "SELECT severity, count(*) FROM alerts_standing GROUP BY severity"


class AlertWatch(Protocol):
    """Who counts; ``pmm.monitoring.desk.AlertEvents`` does."""

    def alert_raised(self, *, key: str, severity: str, fate: str) -> None:
        """An alert came."""

    def alerts_firing(self, *, severity: str, count: int) -> None:
        """So many stand."""

    def alert_delivered(self, *, channel: str, key: str, tries: int) -> None:
        """A channel took one."""

    def delivery_failed(self, *, channel: str, key: str, outcome: str, detail: str) -> None:
        """A channel did not."""

    def outbox(self, *, channel: str, waiting: int) -> None:
        """So many wait."""


@dataclass(frozen=True, slots=True)
class _Standing:
    severity: Severity
    worst: Severity
    since_ms: int
    sent_ms: int
    seen: int


class AlertDesk:
    """One for the desk. Raising never waits for a channel; times are unix milliseconds.

    Args:
        repeat_ms: a trouble that stands is told again after so long.
        keep_trying_ms: age at which a delivery is given up.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: Sequence[Channel],
        routes: Routes,
        *,
        watch: AlertWatch,
        repeat_ms: int = 3_600_000,
        keep_trying_ms: int = 86_400_000,
    ) -> None:
        self._ledger = ledger
        self._channels = {channel.name: channel for channel in channels}
        self._routes = routes
        self._watch = watch
        self._repeat_ms, self._keep_trying_ms = repeat_ms, keep_trying_ms
        self._outbox = Outbox(ledger)
        self._unwritten: dict[str, _Standing] = {}
        self.silences = Silences(ledger)
        # Said at the start and not in the night.
        unknown = set(routes.least) - set(self._channels)
        if unknown:
            raise InvalidInput(f"alert routes: expected channels that are set up, found {min(unknown)!r}")

    def raise_alert(self, alert: Alert, now_ms: int) -> str:
        """Take an alert and return its fate: ``sent``, ``duplicate`` or ``silenced``.

        A ledger that cannot be written does not keep it from being told.
        """
        if alert.resolved:
            raise InvalidInput(f"alert {alert.key}: expected one that stands; use resolve")
        try:
            with self._ledger.transaction() as transaction:
                standing = self._standing(transaction, alert.key)
                fate, after = self._judge(alert, standing, now_ms)
                _write_standing(transaction, alert.key, after)
                if fate != "duplicate":
                    transaction.execute(
                        _LOGGED, (now_ms, alert.key, alert.severity.shown, alert.title, alert.text, fate)
                    )
                if fate == "sent":
                    self._outbox.add(transaction, self._addressed(alert, alert.severity, now_ms))
            self._unwritten.pop(alert.key, None)
        except LedgerDown as error:
            _LOG.error("alert_not_kept", key=alert.key, error=str(error))
            fate, after = self._judge(alert, self._unwritten.get(alert.key), now_ms)
            self._unwritten[alert.key] = after
            if fate == "sent":
                self._outbox.keep(self._addressed(alert, alert.severity, now_ms))
        self._watch.alert_raised(key=alert.key, severity=alert.severity.shown, fate=fate)
        self._show()
        return fate

    def resolve(self, key: str, now_ms: int, text: str = "") -> bool:
        """End a trouble, telling whoever was told of it; return False when there is none. Raises LedgerDown."""
        with self._ledger.transaction() as transaction:
            standing = self._standing(transaction, key)
            if standing is None:
                return False
            rows = transaction.query(
                "SELECT title FROM alerts_log WHERE key = ? ORDER BY seq DESC LIMIT 1", (key,)
            )
            title = rows[0][0] if rows else key
            alert = Alert(key=key, severity=standing.severity, title=title, text=text, resolved=True)
            transaction.execute("DELETE FROM alerts_standing WHERE key = ?", (key,))
            transaction.execute(_LOGGED, (now_ms, key, standing.worst.shown, title, text, "resolved"))
            if standing.sent_ms:
                self._outbox.add(transaction, self._addressed(alert, standing.worst, now_ms))
        self._unwritten.pop(key, None)
        self._watch.alert_raised(key=key, severity=standing.worst.shown, fate="resolved")
        self._show()
        return True

    def standing(self) -> dict[str, Severity]:
        """Return every trouble that stands, by key; raises LedgerDown."""
        rows = self._ledger.read("SELECT key, severity FROM alerts_standing ORDER BY key")
        found = {row[0]: Severity[row[1].upper()] for row in rows}
        return found | {key: one.severity for key, one in self._unwritten.items()}

    def deliver_due(self, now_ms: int) -> int:
        """Try what is due, each channel until its first failure; return how many were delivered."""
        delivered = 0
        resting: set[str] = set()
        for delivery in self._outbox.due(now_ms):
            if delivery.channel in resting:
                continue
            if self._deliver(delivery, now_ms):
                delivered += 1
            else:
                resting.add(delivery.channel)
        self._show()
        return delivered

    def _deliver(self, delivery: Delivery, now_ms: int) -> bool:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            self._settle(delivery, "given_up", "the channel is not set up any more")
            return False
        try:
            channel.deliver(delivery.alert, delivery_id=delivery.delivery_id)
        except DeliveryRefused as error:
            self._settle(delivery, "refused", str(error))
            return False
        except DeliveryFailed as error:
            self._failed(delivery, error, now_ms)
            return False
        self._outbox.settle(delivery, "delivered", "")
        self._watch.alert_delivered(
            channel=delivery.channel, key=delivery.alert.key, tries=delivery.tries + 1
        )
        return True

    def _failed(self, delivery: Delivery, error: DeliveryFailed, now_ms: int) -> None:
        pause_ms = min(_FIRST_PAUSE_MS << min(delivery.tries, 16), _LONGEST_PAUSE_MS)
        next_ms = now_ms + max(pause_ms, int((error.retry_after_s or 0) * 1_000))
        if next_ms - delivery.made_ms > self._keep_trying_ms:
            self._settle(delivery, "given_up", str(error))
            return
        self._outbox.settle(delivery, "waiting", str(error), next_ms=next_ms)
        self._watch.delivery_failed(
            channel=delivery.channel, key=delivery.alert.key, outcome="retried", detail=str(error)
        )

    def _settle(self, delivery: Delivery, state: str, detail: str) -> None:
        self._outbox.settle(delivery, state, detail)
        self._watch.delivery_failed(
            channel=delivery.channel, key=delivery.alert.key, outcome=state, detail=detail
        )

    def _standing(self, transaction: Transaction, key: str) -> _Standing | None:
        rows = transaction.query(_READ, (key,))
        if not rows:
            # Told while the ledger was away.
            return self._unwritten.get(key)
        severity, worst, since_ms, sent_ms, seen = rows[0]
        return _Standing(Severity[severity.upper()], Severity[worst.upper()], since_ms, sent_ms, seen)

    def _judge(self, alert: Alert, standing: _Standing | None, now_ms: int) -> tuple[str, _Standing]:
        before = standing or _Standing(alert.severity, alert.severity, now_ms, 0, 0)
        after = replace(
            before,
            severity=alert.severity,
            worst=max(before.worst, alert.severity),
            seen=before.seen + 1,
        )
        told = before.sent_ms > 0
        if told and alert.severity <= before.severity and now_ms - before.sent_ms < self._repeat_ms:
            return "duplicate", after
        if self.silences.covers(alert.key, now_ms):
            return ("silenced" if standing is None else "duplicate"), after
        return "sent", replace(after, sent_ms=now_ms)

    def _addressed(self, alert: Alert, severity: Severity, now_ms: int) -> list[Delivery]:
        return deliveries(alert, self._routes.channels(severity, tuple(self._channels)), now_ms)

    def _show(self) -> None:
        try:
            firing = {row[0]: row[1] for row in self._ledger.read(_FIRING)}
            waiting = self._outbox.waiting()
        except LedgerDown:
            return
        for severity in Severity:
            self._watch.alerts_firing(severity=severity.shown, count=firing.get(severity.shown, 0))
        for name in self._channels:
            self._watch.outbox(channel=name, waiting=waiting.get(name, 0))


def _write_standing(transaction: Transaction, key: str, standing: _Standing) -> None:
    transaction.execute(
        _WRITE,
        (
            key,
            standing.severity.shown,
            standing.worst.shown,
            standing.since_ms,
            standing.sent_ms,
            standing.seen,
        ),
    )
