"""A signature is made while the disk is at work, and leaves only when the record is durable."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pmm.domain import Decision, RefusalReason
from pmm.execution import (
    AnsweredQuote,
    GuardedSigner,
    JournalUnavailable,
    JournalUncertain,
    QuoteDesk,
    Receipt,
    SigningMode,
)
from pmm.execution.records import QuoteRecord
from tests.helpers.journal_desks import request
from tests.helpers.quoting import ANVIL, Desk, MemoryJournal, open_test_desk, signing_key


class SlowJournal(MemoryJournal):
    """A journal that confirms when it is told to."""

    def __init__(self, *, error: Exception | None = None, refusal: Decision | None = None) -> None:
        super().__init__()
        self.handed = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error = error
        self.refusal = refusal

    async def admit(self, record: QuoteRecord) -> Receipt:
        self.handed.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return Receipt(decision=self.refusal or record.decision)


def _counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    signed: list[bytes] = []
    sign = desk.signer.sign

    def counting(digest: bytes) -> Any:
        signed.append(digest)
        return sign(digest)

    monkeypatch.setattr(desk.signer, "sign", counting)
    return signed


def test_firm_quote__journal_is_at_work__is_signed_and_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        journal = SlowJournal()
        desk = open_test_desk(journal=journal)
        signed = _counted(desk, monkeypatch)
        asked = asyncio.ensure_future(desk.desk.firm_quote(request(1)))
        await journal.handed.wait()
        await asyncio.sleep(0.01)
        assert (len(signed), asked.done()) == (1, False)
        journal.go_on.set()
        answer = await asked
        assert isinstance(answer, AnsweredQuote)
        # The one that was made meanwhile; it is not made twice.
        assert signed == [answer.admitted.order_hash]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("journal", "reason", "reserved"),
    [
        (
            lambda: SlowJournal(error=JournalUnavailable("disk full")),
            RefusalReason.JOURNAL_UNAVAILABLE,
            0,
        ),
        (
            lambda: SlowJournal(error=JournalUncertain("sync failed")),
            RefusalReason.JOURNAL_UNAVAILABLE,
            1,
        ),
        (
            lambda: SlowJournal(refusal=Decision.refuse(RefusalReason.LIMIT_REACHED, "another replica")),
            RefusalReason.LIMIT_REACHED,
            0,
        ),
    ],
)
def test_firm_quote__record_is_not_durable__signature_is_forgotten(
    journal: Any, reason: RefusalReason, reserved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        slow = journal()
        desk = open_test_desk(journal=slow)
        signed = _counted(desk, monkeypatch)
        slow.go_on.set()
        found = await desk.desk.firm_quote(request(1))
        assert isinstance(found, Decision)
        assert found.reason is reason
        assert len(signed) == 1
        assert not desk.desk.ends._signatures
        # What may be on the disk stays reserved: only the chain ends it.
        assert len(desk.book) == reserved

    asyncio.run(run())


def test_firm_quote__given_up_and_then_uncertain__stays_reserved() -> None:
    async def run() -> None:
        journal = SlowJournal(error=JournalUncertain("sync failed"))
        desk = open_test_desk(journal=journal)
        asked = asyncio.ensure_future(desk.desk.firm_quote(request(1)))
        await journal.handed.wait()
        asked.cancel()
        await asyncio.sleep(0)
        journal.go_on.set()
        await asyncio.sleep(0.01)
        assert len(desk.book) == 1

    asyncio.run(run())


def test_firm_quote__signer_breaks_down__reservation_is_free_when_the_journal_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        journal = SlowJournal(error=JournalUnavailable("disk full"))
        desk = open_test_desk(journal=journal)

        def broken(_: bytes) -> None:
            raise MemoryError

        monkeypatch.setattr(desk.signer, "sign", broken)
        with pytest.raises(MemoryError):
            await desk.desk.firm_quote(request(1))
        assert len(desk.book) == 1
        journal.go_on.set()
        await asyncio.sleep(0.01)
        assert len(desk.book) == 0

    asyncio.run(run())


class _Remote:
    """A key outside this process."""

    def __init__(self) -> None:
        self.key = signing_key()
        self.address = self.key.address
        self.asked = 0

    async def sign_order(self, order: Any, domain: Any, digest: bytes) -> Any:
        self.asked += 1
        return self.key.sign(digest)


def test_firm_quote__remote_signer__is_asked_only_after_the_record() -> None:
    async def run() -> None:
        journal, remote = SlowJournal(), _Remote()
        desk = open_test_desk(journal=journal)
        signer = GuardedSigner(remote, mode=SigningMode.DEVELOPMENT, node=ANVIL)
        desk.admission.signer = signer
        quotes = QuoteDesk(market=desk.market, journal=journal, admission=desk.admission, clock=desk.clock)
        asked = asyncio.ensure_future(quotes.firm_quote(request(1)))
        await journal.handed.wait()
        await asyncio.sleep(0.01)
        assert remote.asked == 0
        journal.go_on.set()
        await asked
        assert remote.asked == 1

    asyncio.run(run())


def test_journal_uncertain__is_a_journal_that_is_unavailable() -> None:
    assert issubclass(JournalUncertain, JournalUnavailable)
