"""A quote desk whose answers are counted."""

from __future__ import annotations

from typing import Any, cast

from pmm.domain import Decision, RefusalReason
from pmm.execution import AnsweredQuote, FirmQuoteRequest, QuoteDesk
from pmm.monitoring.events import Events


class _CountedDesk:
    def __init__(self, desk: QuoteDesk, events: Events) -> None:
        self._desk = desk
        self._events = events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    async def firm_quote(self, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
        answered = await self._desk.firm_quote(request)
        quote_id, relayer = request.quote.request_id, request.relayer
        if isinstance(answered, Decision):
            reason = answered.reason or RefusalReason.UNSAFE_TO_SIGN
            self._events.quote_refused(
                quote_id=quote_id, relayer=relayer, reason=reason, detail=answered.detail
            )
        else:
            funding = answered.admitted.offer.name
            self._events.quote_signed(quote_id=quote_id, relayer=relayer, funding=funding)
        return answered

    async def unreadable(
        self, *, quote_id: str, relayer: str, body: bytes, code: str, detail: str
    ) -> Decision:
        self._events.request_unreadable(quote_id=quote_id, relayer=relayer, code=code)
        return await self._desk.unreadable(
            quote_id=quote_id, relayer=relayer, body=body, code=code, detail=detail
        )

    async def ladders(self, *arguments: Any, **named: Any) -> Any:
        found = await self._desk.ladders(*arguments, **named)
        if isinstance(found, Decision):
            reason = found.reason or RefusalReason.PAUSED
            self._events.ladder_refused(reason=reason, detail=found.detail)
        else:
            self._events.ladder_published(directions=len(found[1]))
        return found


def counted(desk: QuoteDesk, events: Events) -> QuoteDesk:
    """Return the desk with its answers counted."""
    return cast(QuoteDesk, _CountedDesk(desk, events))
