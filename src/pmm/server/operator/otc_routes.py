"""Negotiated trades over HTTP: entered by a trader, answered with the signed order."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from pmm.domain import MAINNET_TOKENS, Decision, parse_address
from pmm.errors import InvalidInput
from pmm.execution.otc import OtcDesk, OtcTrade
from pmm.relayers.oneinch import signed_answer
from pmm.relayers.refusals import wire_refusal
from pmm.server.access.roles import Principal, Role
from pmm.server.operator.models import ErrorAnswer, OtcRequest
from pmm.server.operator.refused import Refused, needs, refuse

_ERRORS: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "The reference stands for another trade."},
    422: {
        "model": ErrorAnswer,
        "description": "No such trade, or the desk does not do it; the message says why.",
    },
    503: {"model": ErrorAnswer, "description": "Not now: no market, paused, or no journal."},
}


def otc_routes(desk: OtcDesk) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/otc", tags=["desk"])

    @router.post(
        "",
        summary="Sign a negotiated trade for its counterparty alone; it is reserved and journaled like a quote.",
        responses=_ERRORS,
    )
    async def enter(
        request: OtcRequest, _: Annotated[Principal, Depends(needs(Role.TRADER))]
    ) -> dict[str, Any]:
        try:
            trade = _trade(request)
        except InvalidInput as error:
            raise refuse(422, "invalid_request", str(error), "correct the trade") from error
        answer = await desk.enter(trade)
        if isinstance(answer, Decision):
            raise Refused(wire_refusal(answer))
        return signed_answer(answer, components=True)

    return router


def _trade(request: OtcRequest) -> OtcTrade:
    return OtcTrade(
        reference=request.reference,
        counterparty=request.counterparty,
        taker=parse_address(request.taker, "taker"),
        maker_asset=MAINNET_TOKENS.get(request.give, "give"),
        taker_asset=MAINNET_TOKENS.get(request.get, "get"),
        making_amount=int(request.give_amount),
        taking_amount=int(request.get_amount),
        life_s=request.life_s,
    )
