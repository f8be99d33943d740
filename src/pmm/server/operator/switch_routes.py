"""Kill switches over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query

from pmm.domain import Address
from pmm.errors import ChainError, InvalidInput, SetupError
from pmm.execution import SwitchKey, SwitchState
from pmm.execution.kill_switches import parse_switch
from pmm.server.access.roles import Principal, Role
from pmm.server.operator.models import (
    AuditLine,
    ErrorAnswer,
    PauseRequest,
    SwitchAnswer,
    SwitchList,
    SwitchRequest,
)
from pmm.server.operator.refused import Refused, needs, refuse
from pmm.server.switch_board import StaleVersion, SwitchBoard


class OnChainStop(Protocol):
    """Stops the signer in the settlement contract, beside refusing to sign."""

    def stop(self, signer: Address, how: str) -> str:
        """Pause the signer's lanes (``pause``) or void its orders (``cancel``); return the transaction's hash."""
        ...


_ERRORS: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "Somebody else changed the switch first; nothing changed."},
    422: {"model": ErrorAnswer, "description": "No such switch, or the body is none."},
    503: {"model": ErrorAnswer, "description": "The file could not be written. A pause counts all the same."},
}


def switch_routes(board: SwitchBoard, signer: Address, on_chain: OnChainStop | None) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/switches", tags=["switches"])

    @router.get("", summary="Every switch that was ever touched.")
    def switches(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> SwitchList:
        listed = [_answer(key, state) for key, state in board.switches.items()]
        return SwitchList(switches=listed, fault=board.fault)

    @router.get("/audit", summary="Who changed what, when and why; newest first.")
    def audit(
        _: Annotated[Principal, Depends(needs(Role.VIEWER))],
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[AuditLine]:
        return [AuditLine(**line) for line in board.audit(limit)]

    @router.post(
        "/pause", summary="Stop quoting what the switch covers, until a person resumes.", responses=_ERRORS
    )
    def pause(request: PauseRequest, who: Annotated[Principal, Depends(needs(Role.TRADER))]) -> SwitchAnswer:
        key = _key(request)
        if request.on_chain != "no":
            _check_on_chain(who, on_chain)
        state = _changed(lambda: board.pause(key, version=request.version, who=_who(who), why=request.reason))
        transaction = None
        if request.on_chain != "no" and on_chain is not None:
            transaction = _on_chain(on_chain, signer, request.on_chain)
        return _answer(key, state, transaction)

    @router.post("/resume", summary="Lift the manual latch; automatic causes stand.", responses=_ERRORS)
    def resume(request: SwitchRequest, who: Annotated[Principal, Depends(needs(Role.RISK))]) -> SwitchAnswer:
        key = _key(request)
        state = _changed(
            lambda: board.resume(key, version=request.version, who=_who(who), why=request.reason)
        )
        return _answer(key, state)

    return router


def _key(request: SwitchRequest) -> SwitchKey:
    try:
        return parse_switch(request.level, request.name)
    except InvalidInput as error:
        raise refuse(
            422, "no_such_switch", str(error), "GET /v1/operator/switches lists those in use"
        ) from error


def _who(principal: Principal) -> str:
    return f"{principal.name} ({principal.key_id})"


def _changed(change: Any) -> SwitchState:
    try:
        state: SwitchState = change()
    except StaleVersion as error:
        raise refuse(
            409, "stale_version", str(error), "read the switch again and send its version"
        ) from error
    except SetupError as error:
        raise refuse(
            503, "not_written", str(error), "free space; a pause counts until the restart"
        ) from error
    return state


def _check_on_chain(who: Principal, on_chain: OnChainStop | None) -> None:
    if not who.role.may(Role.RISK):
        raise refuse(
            403, "wrong_role", f"onChain: expected the role risk, found {who.role}", "pause without onChain"
        )
    if on_chain is None:
        raise refuse(
            422,
            "no_guardian",
            "onChain: expected a guardian key, found none configured",
            "pause without onChain",
        )


def _on_chain(on_chain: OnChainStop, signer: Address, how: str) -> str:
    try:
        return on_chain.stop(signer, how)
    except ChainError as error:
        # The switch is latched: only the chain's half is missing.
        raise Refused(
            refuse(503, "chain_failed", f"paused here, but not on chain: {error}", "send it by hand").refusal
        ) from error


def _answer(key: SwitchKey, state: SwitchState, transaction: str | None = None) -> SwitchAnswer:
    return SwitchAnswer(
        level=key.level,
        name=key.name,
        version=state.version,
        paused=state.is_paused,
        latched_by=state.latched_by,
        reason=state.reason,
        causes=dict(state.causes),
        transaction=transaction,
    )
