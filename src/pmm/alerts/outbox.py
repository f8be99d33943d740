"""Deliveries that must not be lost: rows of the ledger, or in memory while the ledger cannot be written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from pmm.alerts.alert import Alert
from pmm.ledger import Ledger, LedgerDown, Transaction

_COLUMNS = "delivery_id, channel, alert, made_ms, tries, next_ms"
_INSERT = (
    f"INSERT INTO alerts_deliveries ({_COLUMNS}, state, detail) VALUES (?, ?, ?, ?, ?, ?, 'waiting', '')"  # noqa: S608
)
_DUE = (
    f"SELECT {_COLUMNS} FROM alerts_deliveries WHERE state = 'waiting' AND next_ms <= ? "  # noqa: S608
    "ORDER BY made_ms, delivery_id LIMIT ?"
)
_SETTLE = (
    "UPDATE alerts_deliveries SET tries = ?, next_ms = ?, state = ?, detail = ? "
    "WHERE delivery_id = ? AND state = 'waiting'"
)
_WAITING = "SELECT channel, count(*) FROM alerts_deliveries WHERE state = 'waiting' GROUP BY channel"
_MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert for one channel; ``next_ms`` is when it is tried next."""

    delivery_id: str
    channel: str
    alert: Alert
    made_ms: int
    tries: int = 0
    next_ms: int = 0


def deliveries(alert: Alert, channels: tuple[str, ...], now_ms: int) -> list[Delivery]:
    """Return one for each channel, due at once."""
    return [
        Delivery(delivery_id=uuid.uuid4().hex, channel=channel, alert=alert, made_ms=now_ms, next_ms=now_ms)
        for channel in channels
    ]


class Outbox:
    """What waits. One thread delivers; any may add."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._unwritten: dict[str, Delivery] = {}
        # Settled, but the ledger did not take it: never sent again by this process.
        self._settled: dict[str, tuple[Delivery, str, str]] = {}

    @staticmethod
    def add(transaction: Transaction, new: list[Delivery]) -> None:
        """Add within the transaction that records the alert: both or neither."""
        transaction.executemany(
            _INSERT,
            [
                (one.delivery_id, one.channel, one.alert.to_json(), one.made_ms, one.tries, one.next_ms)
                for one in new
            ],
        )

    def keep(self, new: list[Delivery]) -> None:
        """Hold them in memory: better told and forgotten than neither."""
        self._unwritten |= {one.delivery_id: one for one in new}

    def due(self, now_ms: int) -> list[Delivery]:
        """Return what is to be tried, oldest first."""
        self._write_settled()
        found = [one for one in self._unwritten.values() if one.next_ms <= now_ms]
        try:
            rows = self._ledger.read(_DUE, (now_ms, _MOST_AT_ONCE))
        except LedgerDown:
            return found
        stored = [
            Delivery(
                delivery_id=row[0],
                channel=row[1],
                alert=Alert.from_json(row[2]),
                made_ms=row[3],
                tries=row[4],
                next_ms=row[5],
            )
            for row in rows
            if row[0] not in self._settled
        ]
        return sorted(found + stored, key=lambda one: one.made_ms)

    def settle(self, delivery: Delivery, state: str, detail: str, *, next_ms: int = 0) -> None:
        """Record a try: ``delivered``, ``refused``, ``given_up``, or ``waiting`` for the next."""
        tried = replace(delivery, tries=delivery.tries + 1, next_ms=next_ms)
        if delivery.delivery_id in self._unwritten:
            if state == "waiting":
                self._unwritten[delivery.delivery_id] = tried
            else:
                del self._unwritten[delivery.delivery_id]
            return
        try:
            self._write(tried, state, detail)
        except LedgerDown:
            if state != "waiting":
                self._settled[delivery.delivery_id] = (tried, state, detail)

    def waiting(self) -> dict[str, int]:
        """Return how many wait, by channel; raises LedgerDown."""
        found: dict[str, int] = {row[0]: row[1] for row in self._ledger.read(_WAITING)}
        for one in tuple(self._unwritten.values()):
            found[one.channel] = found.get(one.channel, 0) + 1
        return found

    def _write_settled(self) -> None:
        for delivery_id, (delivery, state, detail) in tuple(self._settled.items()):
            try:
                self._write(delivery, state, detail)
            except LedgerDown:
                return
            del self._settled[delivery_id]

    def _write(self, delivery: Delivery, state: str, detail: str) -> None:
        with self._ledger.transaction() as transaction:
            transaction.execute(
                _SETTLE, (delivery.tries, delivery.next_ms, state, detail, delivery.delivery_id)
            )
