"""The quote endpoints, free of any web framework: bytes in, status and bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pmm.domain import Decision
from pmm.execution import QuoteDesk
from pmm.relayers.oneinch import RELAYER, OneInchCodec
from pmm.relayers.refusals import WireRefusal, wire_refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Status, JSON body and extra headers of an answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class QuoteEndpoints:
    """``POST /order`` and ``GET /levels`` over one desk and one codec."""

    def __init__(self, *, desk: QuoteDesk, codec: OneInchCodec, new_id: Callable[[], str]) -> None:
        self._desk = desk
        self._codec = codec
        self._new_id = new_id
        self._last_ladder: bytes | None = None

    async def order(self, body: bytes) -> HttpAnswer:
        """Answer a request for a firm quote: 200 with a signed order, else a refusal."""
        request_id = self._new_id()
        request = self._codec.decode(body, request_id=request_id)
        if isinstance(request, WireRefusal):
            recorded = await self._desk.unreadable(
                quote_id=request_id, relayer=RELAYER, body=body, code=request.code, detail=request.message
            )
            return self.refusal(request if recorded.accepted else wire_refusal(recorded))
        answered = await self._desk.firm_quote(request)
        if isinstance(answered, Decision):
            return self.refusal(wire_refusal(answered))
        return HttpAnswer(status=200, body=self._codec.encode_quote(answered))

    async def levels(self) -> HttpAnswer:
        """Answer a request for the ladder: 200 with every direction that is quoted, else a refusal."""
        found = await self._desk.ladders()
        if isinstance(found, Decision):
            return self.refusal(wire_refusal(found))
        view, ladders = found
        body = self._codec.encode_levels(ladders)
        # A relayer polls every second; the journal needs a ladder once for as long as it stands.
        if body != self._last_ladder:
            recorded = await self._desk.record_ladder(view, relayer=RELAYER, body=body)
            if not recorded.accepted:
                return self.refusal(wire_refusal(recorded))
            self._last_ladder = body
        return HttpAnswer(status=200, body=body)

    def refusal(self, refusal: WireRefusal) -> HttpAnswer:
        """Return a refusal in the relayer's form."""
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if refusal.retry_after_s is not None:
            headers = ((b"retry-after", str(refusal.retry_after_s).encode()),)
        return HttpAnswer(status=refusal.status, body=self._codec.encode_refusal(refusal), headers=headers)
