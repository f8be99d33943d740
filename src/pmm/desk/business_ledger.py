"""Rows of what business told risk, and of fills that wait, in the desk's ledger (``pmm.ledger.schemas.business``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from pmm.desk.settled_fills import SettledFill
from pmm.execution.ledger import DeskLedger, LedgerTransaction
from pmm.risk.events import (
    EdgeRealised,
    FlashLoanTaken,
    InventoryHeld,
    QuoteExecuted,
    Rebalanced,
    RiskEvent,
    SettlementEnded,
    TransactionIncluded,
    VenueTradeDone,
)

_KINDS: Final = {
    kind.__name__: kind
    for kind in (
        EdgeRealised,
        FlashLoanTaken,
        InventoryHeld,
        QuoteExecuted,
        Rebalanced,
        SettlementEnded,
        TransactionIncluded,
        VenueTradeDone,
    )
}
_PLACE: Final = "fill_key, event_key, order_hash, block_hash, transaction_hash, at_ms"
_FILL: Final = f"{_PLACE}, value_usd_e6, edge_usd_e6, expected_usd_e6"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFill:
    """A fill whose quote or whose hedge is still looked for.

    Attributes:
        event_key: its transaction, ``pmm.desk.profit.event_key``.
        value_usd_e6: what was given, at the prices of when the desk saw it.
        edge_usd_e6: what its transaction changed the value of our holdings by.
        expected_usd_e6: what pricing expected to earn; None until its quote is found.
    """

    fill_key: str
    event_key: str
    order_hash: bytes
    block_hash: bytes
    transaction_hash: bytes
    at_ms: int
    value_usd_e6: int
    edge_usd_e6: int
    expected_usd_e6: int | None = None


class BusinessLedger:
    """Reads; writes are made with the caller's transaction. Raises SetupError while the ledger is down."""

    def __init__(self, ledger: DeskLedger) -> None:
        self._ledger = ledger

    def events_since(self, at_ms: int) -> list[RiskEvent]:
        """Return what was told from a time on, oldest first."""
        rows = self._ledger.read(
            "SELECT kind, body FROM business_events WHERE at_ms >= ? ORDER BY at_ms, event_key", (at_ms,)
        )
        return [_KINDS[kind](**json.loads(body)) for kind, body in rows]

    def waiting(self) -> list[WaitingFill]:
        """Return the fills that wait, oldest first."""
        rows = self._ledger.read(f"SELECT {_FILL} FROM business_fills ORDER BY at_ms, fill_key")  # noqa: S608
        return [
            WaitingFill(
                fill_key=row[0],
                event_key=row[1],
                order_hash=bytes(row[2]),
                block_hash=bytes(row[3]),
                transaction_hash=bytes(row[4]),
                at_ms=row[5],
                value_usd_e6=int(row[6]),
                edge_usd_e6=int(row[7]),
                expected_usd_e6=None if row[8] is None else int(row[8]),
            )
            for row in rows
        ]

    def submissions(self) -> dict[str, int]:
        """Return decision to submission, microseconds, of transactions that are not known to be in a block."""
        rows = self._ledger.read("SELECT intent_key, submission_us FROM business_submissions")
        return {row[0]: row[1] for row in rows}

    def looked_through(self) -> int | None:
        """Return the last block that was looked through for fills that failed, None before the first."""
        rows = self._ledger.read("SELECT block_number FROM business_looked")
        return rows[0][0] if rows else None


def put_looked(transaction: LedgerTransaction, block_number: int) -> None:
    """Write the last block that was looked through."""
    transaction.execute(
        "INSERT INTO business_looked (name, block_number) VALUES ('blocks', ?) "
        "ON CONFLICT (name) DO UPDATE SET block_number = excluded.block_number",
        (block_number,),
    )


def put_event(transaction: LedgerTransaction, key: str, event: RiskEvent, cause: str = "") -> bool:
    """Write an event under a key that it has for ever; return False where it is there. ``cause`` takes it back."""
    if transaction.query("SELECT 1 FROM business_events WHERE event_key = ?", (key,)):
        return False
    transaction.execute(
        "INSERT INTO business_events (event_key, cause_key, at_ms, kind, body) VALUES (?, ?, ?, ?, ?)",
        (key, cause, event.at_ms, type(event).__name__, json.dumps(asdict(event))),
    )
    return True


def put_settled(transaction: LedgerTransaction, one: SettledFill, at_ms: int) -> list[RiskEvent]:
    """Write what a fill is at once: a settlement, and a flash loan where one paid; return what is new of it."""
    found: dict[str, RiskEvent] = {f"settled:{one.key}": SettlementEnded(at_ms, True, one.value_usd_e6)}
    if one.funded_usd_e6:
        found[f"flash:{one.key}"] = FlashLoanTaken(at_ms, one.funded_usd_e6)
    return [event for key, event in found.items() if put_event(transaction, key, event, one.event_key)]


def waiting_of(one: SettledFill, at_ms: int) -> WaitingFill:
    """Return what waits of a fill: its quote, and the end of its hedge."""
    place = one.fill.place
    return WaitingFill(
        fill_key=one.key,
        event_key=one.event_key,
        order_hash=one.fill.order_hash,
        block_hash=place.block.hash,
        transaction_hash=place.transaction_hash,
        at_ms=at_ms,
        value_usd_e6=one.value_usd_e6,
        edge_usd_e6=one.edge_usd_e6,
    )


def put_fill(transaction: LedgerTransaction, one: WaitingFill) -> None:
    """Write a fill that waits, or what was found of it meanwhile."""
    expected = None if one.expected_usd_e6 is None else str(one.expected_usd_e6)
    transaction.execute(
        f"INSERT INTO business_fills ({_FILL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - constants
        "ON CONFLICT (fill_key) DO UPDATE SET expected_usd_e6 = excluded.expected_usd_e6",
        (
            one.fill_key,
            one.event_key,
            one.order_hash,
            one.block_hash,
            one.transaction_hash,
            one.at_ms,
            str(one.value_usd_e6),
            str(one.edge_usd_e6),
            expected,
        ),
    )


def drop_fill(transaction: LedgerTransaction, fill_key: str) -> None:
    """It waits no more."""
    transaction.execute("DELETE FROM business_fills WHERE fill_key = ?", (fill_key,))


def put_submission(transaction: LedgerTransaction, key: str, at_ms: int, submission_us: int) -> None:
    """Write how long a transaction took to its submission."""
    transaction.execute(
        "INSERT INTO business_submissions (intent_key, at_ms, submission_us) VALUES (?, ?, ?) "
        "ON CONFLICT (intent_key) DO NOTHING",
        (key, at_ms, submission_us),
    )


def drop_submission(transaction: LedgerTransaction, key: str) -> None:
    """Its transaction is in a block."""
    transaction.execute("DELETE FROM business_submissions WHERE intent_key = ?", (key,))


def take_back(transaction: LedgerTransaction, event_keys: Iterable[str]) -> list[RiskEvent]:
    """Delete what stands on transactions that are gone; return the opposite events, at the times of the first."""
    found: list[RiskEvent] = []
    for key in event_keys:
        rows = transaction.query("SELECT kind, body FROM business_events WHERE cause_key = ?", (key,))
        found += [_opposite(_KINDS[kind](**json.loads(body))) for kind, body in rows]
        transaction.execute("DELETE FROM business_events WHERE cause_key = ?", (key,))
        transaction.execute("DELETE FROM business_fills WHERE event_key = ?", (key,))
    return found


def forget(transaction: LedgerTransaction, before_ms: int) -> None:
    """Delete what is older."""
    for table in ("business_events", "business_fills", "business_submissions"):
        transaction.execute(f"DELETE FROM {table} WHERE at_ms < ?", (before_ms,))  # noqa: S608 - constants


def _opposite(event: RiskEvent) -> RiskEvent:
    if isinstance(event, SettlementEnded | QuoteExecuted):
        return replace(event, value_usd_e6=-event.value_usd_e6, count=-event.count)
    if isinstance(event, FlashLoanTaken):
        return replace(event, value_usd_e6=-event.value_usd_e6)
    assert isinstance(event, EdgeRealised), f"nothing on chain takes back {event}"
    return replace(event, expected_usd_e6=-event.expected_usd_e6, realised_usd_e6=-event.realised_usd_e6)
