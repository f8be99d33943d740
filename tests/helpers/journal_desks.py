"""Requests, and desks over an open journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pmm.domain import USDC, WETH, Address, Decision, QuoteRequest, RefusalReason
from pmm.execution import AnsweredQuote, FirmQuoteRequest, QuoteRecord, Settlement
from pmm.journal import Journal, SqliteJournal
from pmm.risk import QuoteLimits
from tests.helpers.journal_places import Place
from tests.helpers.quoting import MAKER, TAKER, Desk, market, open_test_desk

Result = TypeVar("Result")


def refusal(number: int = 1, **changes: object) -> QuoteRecord:
    record = QuoteRecord(
        quote_id=f"q{number}",
        received_at_ms=1,
        relayer="1inch",
        body=b"{}",
        decision=Decision.refuse(RefusalReason.PAUSED, "paused"),
        market=market(),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def request(
    number: int,
    settlement: Settlement = Settlement.PMM,
    *,
    key: str | None = None,
    body: bytes = b'{"amount":"1"}',
    amount: int = 10**16,
    taker: Address = TAKER,
) -> FirmQuoteRequest:
    quote = QuoteRequest(
        request_id=f"q{number}",
        chain_id=1,
        maker_asset=USDC,
        taker_asset=WETH,
        taking_amount=amount,
        taker=taker,
    )
    return FirmQuoteRequest(quote=quote, settlement=settlement, body=body, idempotency_key=key)


def with_journal(place: Place, body: Callable[[Journal], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        journal = place.open()
        try:
            return await body(journal)
        finally:
            journal.close()

    return asyncio.run(run())


async def leased_desk(
    journal: Journal, *, lanes: tuple[int, ...] = (0, 1), limits: QuoteLimits | None = None
) -> Desk:
    """Return a desk that takes over what the journal holds, and issues from leased lanes."""
    desk = open_test_desk(journal=journal, resume=journal.recover(), lanes=(), limits=limits)  # type: ignore[arg-type]
    leases = journal.lease_lanes(desk.signer.address, lanes, most=len(lanes)).result()
    journal.adopt(desk.signer.address, leases)
    for lease in leases:
        assert lease.next_nonce is not None
        desk.admission._lane_nonces.grant(lease.lane, lease.next_nonce, live=lease.live)
    return desk


async def quoted(desk: Desk, asked: FirmQuoteRequest) -> AnsweredQuote:
    found = await desk.desk.firm_quote(asked)
    assert isinstance(found, AnsweredQuote), found
    return found


def run_journal(path: Path, body: Callable[[Journal], Awaitable[None]]) -> None:
    """Let ``body`` use a journal in a loop of its own, and close it."""

    async def run() -> None:
        journal = SqliteJournal(path, chain_id=1, maker=MAKER)
        try:
            await body(journal)
        finally:
            journal.close()

    asyncio.run(run())
