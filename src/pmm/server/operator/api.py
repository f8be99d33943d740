"""``/v1/operator`` and ``/metrics``: roles on every route, everything in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from pmm.domain import Decision
from pmm.errors import InvalidInput, PmmError
from pmm.execution import AdmissionDesk, MarketSource
from pmm.execution.otc import OtcDesk
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.monitoring.metrics import Metrics
from pmm.server.access.keys import KeyRecord
from pmm.server.access.roles import Principal, Role
from pmm.server.health import Health
from pmm.server.operator.models import (
    ErrorAnswer,
    KeyAnswer,
    ReloadAnswer,
    SandboxAnswer,
    SandboxRequest,
)
from pmm.server.operator.otc_routes import otc_routes
from pmm.server.operator.pre_trade_routes import pre_trade_routes
from pmm.server.operator.refused import needs, refuse
from pmm.server.operator.sandbox import sandbox
from pmm.server.operator.shape_routes import shape_of_pairs, shape_routes
from pmm.server.operator.signer_routes import RotationDesk, signer_routes
from pmm.server.operator.switch_routes import OnChainStop, switch_routes
from pmm.server.reloader import Reloader
from pmm.server.shape_board import ShapeBoard
from pmm.server.switch_board import SwitchBoard

PREFIX = "/v1/operator"
_DENIED: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in (
        (401, "No credentials, or wrong ones."),
        (403, "The key's role may not do this."),
        (408, "The body did not come in time."),
        (413, "The body is too large."),
        (429, "Too many requests; Retry-After says when to come back."),
    )
}
_INVALID: dict[int | str, dict[str, Any]] = {
    422: {"model": ErrorAnswer, "description": "The body is no request."}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorParts:
    """What the API speaks of."""

    health: Health
    admission: AdmissionDesk
    market: MarketSource
    board: SwitchBoard
    shape: ShapeBoard
    pre_trade: PreTradeGate
    reloader: Reloader
    list_keys: Callable[[], tuple[KeyRecord, ...]]
    metrics: Metrics | None
    rotation: RotationDesk
    on_chain: OnChainStop | None = None
    otc: OtcDesk | None = None
    sources: tuple[str, ...] = ()


def operator_api(parts: OperatorParts) -> APIRouter:
    """Return the routes."""
    api = APIRouter(responses=_DENIED)
    operator = APIRouter(prefix=PREFIX)
    _state_routes(operator, parts)
    _desk_routes(operator, parts)
    operator.include_router(switch_routes(parts.board, parts.admission.signer.address, parts.on_chain))
    operator.include_router(shape_routes(parts.shape, parts.admission, parts.sources))
    operator.include_router(pre_trade_routes(parts.pre_trade))
    operator.include_router(signer_routes(parts.rotation))
    if parts.otc is not None:
        operator.include_router(otc_routes(parts.otc))
    api.include_router(operator)

    @api.get("/metrics", tags=["state"], summary="Prometheus metrics.", response_class=Response)
    def metrics(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> Response:
        return metrics_answer(parts.metrics)

    return api


def metrics_answer(metrics: Metrics | None) -> Response:
    """Return the exposition, or 404 when nothing is measured."""
    if metrics is None:
        raise refuse(
            404, "not_measured", "expected metrics, found them off", "set PMM_MONITORING_METRICS=true"
        )
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _state_routes(router: APIRouter, parts: OperatorParts) -> None:
    @router.get("/status", tags=["state"], summary="Everything that /healthz knows, with paused switches.")
    async def status(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> dict[str, Any]:
        quoting, body = await parts.health.report()
        paused = {str(key): state.explain() for key, state in parts.board.switches.paused.items()}
        shape = {
            name: one.model_dump(by_alias=True)
            for name, one in shape_of_pairs(parts.shape, parts.admission).items()
        }
        return {
            "quoting": quoting,
            **body,
            "paused": paused,
            "switchFault": parts.board.fault,
            "shape": shape,
            "sourcesOff": sorted(parts.shape.shaping.sources_off),
            "shapeFault": parts.shape.fault,
        }

    @router.get("/keys", tags=["state"], summary="Keys that are not revoked, without their secrets.")
    def keys(_: Annotated[Principal, Depends(needs(Role.ADMIN))]) -> list[KeyAnswer]:
        return [
            KeyAnswer(
                key_id=key.key_id,
                kind=key.kind.value,
                role=key.role.value,
                name=key.name,
                created_at_s=key.created_at_s,
                rate_per_s=key.rate_per_s,
                burst=key.burst,
            )
            for key in parts.list_keys()
        ]

    @router.post(
        "/reload",
        tags=["settings"],
        summary="Read the settings again; all of the change or none of it.",
        responses=_INVALID,
    )
    async def reload(who: Annotated[Principal, Depends(needs(Role.ADMIN))]) -> ReloadAnswer:
        try:
            return ReloadAnswer(changed=await parts.reloader.reload_beside(f"{who.name} ({who.key_id})"))
        except PmmError as error:
            raise refuse(
                422, "reload_refused", str(error), "correct the file; nothing has changed"
            ) from error


def _desk_routes(router: APIRouter, parts: OperatorParts) -> None:
    @router.post(
        "/sandbox",
        tags=["desk"],
        summary="What would I quote? Priced by the same code; nothing is reserved, journaled or signed.",
        responses={**_INVALID, 503: {"model": ErrorAnswer, "description": "No market now."}},
    )
    async def sandbox_route(
        asked: SandboxRequest, _: Annotated[Principal, Depends(needs(Role.TRADER))]
    ) -> SandboxAnswer:
        view = await parts.market.current()
        if isinstance(view, Decision):
            raise refuse(503, str(view.reason), view.detail, "ask again later")
        try:
            return sandbox(parts.admission, view, asked)
        except InvalidInput as error:
            raise refuse(422, "invalid_request", str(error), "correct the request") from error
