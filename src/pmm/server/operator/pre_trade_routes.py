"""The risk desk's state over HTTP. Routes of the event loop: no quote is admitted while a state changes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from pmm.errors import InvalidInput
from pmm.execution.pre_trade_gate import PreTradeGate, StaleRiskState
from pmm.server.access.roles import Principal, Role
from pmm.server.operator.models import ErrorAnswer
from pmm.server.operator.pre_trade_models import PreTradeAnswer, PreTradeRequest
from pmm.server.operator.refused import needs, refuse

_ERRORS: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "It is not newer than the one in force, or too old already."},
    422: {"model": ErrorAnswer, "description": "The body is no state, or one from the future."},
}


def pre_trade_routes(gate: PreTradeGate) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/pre-trade", tags=["pre-trade"])

    @router.get("", summary="Whether firm quotes are held against the desk's risk, and how old that is.")
    async def pre_trade(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> PreTradeAnswer:
        return _answer(gate)

    @router.put(
        "",
        summary="The risk desk's state, which every firm quote is held against until the next.",
        responses=_ERRORS,
    )
    async def put(
        request: PreTradeRequest, _: Annotated[Principal, Depends(needs(Role.RISK))]
    ) -> PreTradeAnswer:
        try:
            gate.put(request.state())
        except StaleRiskState as error:
            raise refuse(409, "stale_state", str(error), "send the state of now") from error
        except InvalidInput as error:
            raise refuse(
                422, "no_such_state", str(error), "correct the state; GET /docs describes it"
            ) from error
        return _answer(gate)

    return router


def _answer(gate: PreTradeGate) -> PreTradeAnswer:
    state = gate.state
    return PreTradeAnswer(
        required=gate.required,
        condition=gate.tick(),
        made_at_ms=None if state is None else state.made_at_ms,
        age_ms=gate.age_ms(),
        block_number=None if state is None else state.block_number,
    )
