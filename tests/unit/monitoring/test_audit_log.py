"""The audit log: whatever is done to a row shows."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import parse_address
from pmm.errors import InvalidInput
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.audit_log import AuditEntry, AuditLog, read_audit, verify
from pmm.monitoring.desk import DeskEvents

MAKER = parse_address("0x" + "11" * 20, "maker")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "l.sqlite", chain_id=1, maker=MAKER)
    yield opened
    opened.close()


@pytest.fixture
def log(ledger: Ledger) -> AuditLog:
    log = AuditLog(ledger, watch=DeskEvents().alerts)
    for number in range(1, 6):
        log.record(at_ms=number, who="risk", what="widen", body={"bps": number})
    return log


def test_audit__entries__chain_and_verify(log: AuditLog, ledger: Ledger) -> None:
    entries = read_audit(ledger)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous == bytes(32)
    assert all(a.hash == b.previous for a, b in pairwise(entries))
    verdict = log.check()
    assert (verdict.intact, verdict.number, verdict.head) == (True, 5, entries[-1].hash)


def test_audit__first_entry__has_the_hash_that_the_docstring_says(ledger: Ledger) -> None:
    entry = AuditLog(ledger, watch=DeskEvents().alerts).record(
        at_ms=7, who="a", what="b", body={"z": 1, "a": "é"}
    )
    content = r'[1,7,"a","b","{\"a\":\"\\u00e9\",\"z\":1}"]'
    assert entry.hash == hashlib.sha256(bytes(32) + content.encode()).digest()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit_entries SET body = '{\"bps\":99}' WHERE number = 3",
        "UPDATE audit_entries SET who = 'nobody' WHERE number = 3",
        "UPDATE audit_entries SET at_ms = 0 WHERE number = 3",
        "UPDATE audit_entries SET hash = zeroblob(32) WHERE number = 3",
        "DELETE FROM audit_entries WHERE number = 3",
        "DELETE FROM audit_entries WHERE number = 1",
        "UPDATE audit_entries SET number = 6 WHERE number = 5",
    ],
)
def test_audit__row_forged_in_the_file__shows(
    forgery: str, log: AuditLog, ledger: Ledger, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "l.sqlite") as thief:
        thief.execute(forgery)
    assert not log.check().intact


def test_audit__end_cut_off_or_rewritten__shows_to_a_witness_only(log: AuditLog, ledger: Ledger) -> None:
    entries = read_audit(ledger)
    witnesses = {5: entries[4].hash}
    assert verify(entries, witnesses).intact
    assert verify(entries[:4]).intact
    assert "gone" in verify(entries[:4], witnesses).detail
    other = open_ledger(Path(ledger.location).with_name("other.sqlite"), chain_id=1, maker=MAKER)
    forger = AuditLog(other, watch=DeskEvents().alerts)
    for number in range(1, 6):
        forger.record(at_ms=number, who="risk", what="widen", body={"bps": 0})
    forged = read_audit(other)
    other.close()
    assert verify(forged).intact
    assert "witness" in verify(forged, witnesses).detail


def test_verify__entry_rewritten_with_a_hash_that_fits__breaks_the_next_one() -> None:
    entries, other = _chain(), _chain(first_bps=99)
    assert verify([other[0]]).intact
    assert "entry 2 does not follow" in verify([other[0], *entries[1:]]).detail


_FIELDS = st.sampled_from(["number", "at_ms", "who", "what", "body", "previous", "hash"])


@given(index=st.integers(0, 4), field=_FIELDS, byte=st.integers(0, 31))
def test_verify__any_field_of_any_entry_changed__is_found(index: int, field: str, byte: int) -> None:
    entries = _chain()
    assert verify(entries).intact
    value: Any = getattr(entries[index], field)
    if isinstance(value, bytes):
        changed: Any = value[:byte] + bytes([value[byte] ^ 1]) + value[byte + 1 :]
    else:
        changed = value + 1 if isinstance(value, int) else value + " "
    entries[index] = replace(entries[index], **{field: changed})
    assert not verify(entries).intact


@given(order=st.permutations(range(5)))
def test_verify__entries_in_another_order__are_found(order: list[int]) -> None:
    entries = _chain()
    assert verify([entries[index] for index in order]).intact == (order == sorted(order))


def _chain(first_bps: int = 0) -> list[AuditEntry]:
    class Memory:
        def __init__(self) -> None:
            self.last: list[tuple[int, bytes]] = []

        def query(self, sql: str) -> list[tuple[int, bytes]]:
            return self.last

        def execute(self, sql: str, values: tuple[Any, ...]) -> None:
            self.last = [(values[0], values[-1])]

    memory: Any = Memory()
    return [
        AuditLog.append(memory, at_ms=number, who="risk", what="widen", body={"bps": number or first_bps})
        for number in range(5)
    ]


@pytest.mark.parametrize("body", [{"x": math.nan}, {"x": b"bytes"}, {"x": "y" * 70_000}])
def test_audit__body_that_cannot_be_kept__is_refused_and_the_chain_stands(
    body: dict[str, Any], log: AuditLog
) -> None:
    with pytest.raises(InvalidInput):
        log.record(at_ms=1, who="risk", what="widen", body=body)
    assert log.check().number == 5


def test_audit__fault_in_the_same_transaction__leaves_neither(log: AuditLog, ledger: Ledger) -> None:
    def half() -> None:
        with ledger.transaction() as transaction:
            AuditLog.append(transaction, at_ms=9, who="risk", what="repay", body={})
            raise RuntimeError("the rest failed")

    with pytest.raises(RuntimeError):
        half()
    assert log.check().number == 5
