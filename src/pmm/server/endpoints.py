"""The quote endpoints, free of any web framework: bytes in, status and bytes out. One engine for every relayer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from pmm.domain import Decision
from pmm.domain.value_class import value_class
from pmm.execution import NO_STAGES, Clock, QuoteDesk, Stage, StageWatch
from pmm.relayers.codec import RelayerCall, RelayerCodec, RelayerProfile, Route, RouteKind
from pmm.relayers.oneinch import object_body
from pmm.relayers.refusals import WireRefusal, deadline_passed, wire_refusal
from pmm.server.clock import SystemClock
from pmm.server.deadline import time_left_s

_LOG = structlog.get_logger()
Headers = Iterable[tuple[bytes, bytes]]
_NO_QUERY: Mapping[str, str] = {}


@value_class(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Status, JSON body and extra headers of an answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class QuoteEndpoints:
    """One relayer's routes over one desk and its codec.

    An answer that is not ready at 80 % of the relayer's time becomes an explicit refusal. What was reserved for it is
    free again, because nothing is signed before the journal has the record, and nothing waits behind the signature.
    """

    def __init__(
        self,
        *,
        desk: QuoteDesk,
        codec: RelayerCodec,
        new_id: Callable[[], str],
        clock: Clock | None = None,
        stages: StageWatch = NO_STAGES,
    ) -> None:
        self._desk = desk
        self._codec = codec
        self._profile = codec.profile
        self._new_id = new_id
        self._clock = clock or SystemClock()
        self._stages = stages
        self._last_ladders: dict[Route, bytes] = {}
        self._lost = 0
        self.late = 0

    @property
    def codec(self) -> RelayerCodec:
        """The relayer's codec."""
        return self._codec

    @property
    def profile(self) -> RelayerProfile:
        """The relayer."""
        return self._profile

    @property
    def clock(self) -> Clock:
        """Time of this server."""
        return self._clock

    @property
    def desk(self) -> QuoteDesk:
        """The desk that answers."""
        return self._desk

    async def serve(
        self,
        route: Route,
        *,
        body: bytes = b"",
        query: Mapping[str, str] = _NO_QUERY,
        headers: Headers = (),
        waited_s: float = 0.0,
    ) -> HttpAnswer:
        """Answer a request; ``waited_s`` of its time went by while it was read."""
        profile = self._profile
        left_s = time_left_s(headers, budget_ms=profile.time_budget_ms, now_ms=self._clock.wall_ms())
        if isinstance(left_s, WireRefusal):
            return self.refusal(route, left_s)
        call = RelayerCall(route=route, request_id=self._new_id(), body=body, query=query)
        answer = self._levels if route.kind is RouteKind.LEVELS else self._firm
        if left_s is None:
            return await answer(call)
        try:
            async with asyncio.timeout(left_s - waited_s):
                return await answer(call)
        except TimeoutError:
            self.late += 1
            _LOG.warning("answer_late", relayer=profile.name, path=route.path, request_id=call.request_id)
            return self.refusal(
                route, deadline_passed("expected an answer in the time of the request, found it not ready")
            )

    async def _firm(self, call: RelayerCall) -> HttpAnswer:
        """Answer a request for a firm quote: 200 with a signed order, else a refusal."""
        stages = self._stages
        started_ns = stages.now_ns()
        request = self._codec.decode(call)
        stages.took(Stage.DECODE, started_ns)
        if isinstance(request, WireRefusal):
            recorded = await self._desk.unreadable(
                quote_id=call.request_id,
                relayer=self.profile.name,
                body=call.body,
                code=request.code,
                detail=request.message,
            )
            return self.refusal(call.route, request if recorded.accepted else wire_refusal(recorded))
        answered = await self._desk.firm_quote(request)
        if isinstance(answered, Decision):
            return self.refusal(call.route, wire_refusal(answered))
        started_ns = stages.now_ns()
        body = self._codec.encode_quote(call.route, answered)
        stages.took(Stage.ENCODE, started_ns)
        return HttpAnswer(status=200, body=body)

    async def _levels(self, call: RelayerCall) -> HttpAnswer:
        """Answer a request for the ladder: 200 with every direction that is quoted, else a refusal."""
        refused = self._codec.check_levels(call)
        if refused is not None:
            return self.refusal(call.route, refused)
        found = await self._desk.ladders()
        if isinstance(found, Decision):
            return self.refusal(call.route, wire_refusal(found))
        view, ladders = found
        body = self._codec.encode_levels(call.route, ladders)
        # A relayer polls every second; the journal needs a ladder once for as long as it stands.
        lost = self._desk.ladders_lost(self.profile.name)
        if lost != self._lost:
            self._last_ladders.clear()
            self._lost = lost
        if body != self._last_ladders.get(call.route):
            recorded = await self._desk.record_ladder(view, relayer=self.profile.name, body=body)
            if not recorded.accepted:
                return self.refusal(call.route, wire_refusal(recorded))
            self._last_ladders[call.route] = body
        return HttpAnswer(status=200, body=body)

    def refusal(self, route: Route, refusal: WireRefusal) -> HttpAnswer:
        """Return a refusal in the relayer's form."""
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if refusal.retry_after_s is not None:
            headers = ((b"retry-after", str(refusal.retry_after_s).encode()),)
        answer = self._codec.encode_refusal(route, refusal)
        return HttpAnswer(status=answer.status, body=answer.body, headers=headers)


def own_refusal(refusal: WireRefusal) -> HttpAnswer:
    """Return a refusal of a request that reached no relayer's route, in the form of our own API."""
    return HttpAnswer(status=refusal.status, body=object_body(refusal))
