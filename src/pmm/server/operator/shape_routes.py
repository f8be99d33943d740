"""Wider, smaller, shifted quotes and sources left out, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pmm.domain.words import excerpt
from pmm.errors import InvalidInput, SetupError
from pmm.execution import AdmissionDesk
from pmm.execution.quote_shaping import (
    EVERY_PAIR,
    NEUTRAL,
    Setter,
    ShapeKey,
    ShapeKind,
    ShapeState,
    parse_shape,
)
from pmm.server.access.roles import Principal, Role
from pmm.server.operator.models import ErrorAnswer
from pmm.server.operator.refused import needs, refuse
from pmm.server.operator.shape_models import PairShape, ShapeAnswer, ShapeAuditLine, ShapeList, ShapeRequest
from pmm.server.shape_board import ShapeBoard, StaleShape

_ERRORS: dict[int | str, dict[str, Any]] = {
    403: {"model": ErrorAnswer, "description": "The role may not, or the key is not of that setter."},
    409: {"model": ErrorAnswer, "description": "Somebody else changed the value first; nothing changed."},
    422: {"model": ErrorAnswer, "description": "No such value, or the body is none."},
    503: {
        "model": ErrorAnswer,
        "description": "The file could not be written. What widens or cuts counts all the same.",
    },
}


def shape_routes(board: ShapeBoard, admission: AdmissionDesk, sources: Sequence[str]) -> APIRouter:
    """Return the routes; ``sources`` are the names of those outside the chain that this server asks."""
    router = APIRouter(prefix="/shape", tags=["shape"])

    @router.get("", summary="Every value that was ever set, and what each pair is quoted with now.")
    def shape(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> ShapeList:
        return ShapeList(
            values=[_answer(key, state) for key, state in board.shaping.items()],
            pairs=shape_of_pairs(board, admission),
            sources_off=sorted(board.shaping.sources_off),
            fault=board.fault,
        )

    @router.get("/audit", summary="Who changed what, when and why; newest first.")
    def audit(
        _: Annotated[Principal, Depends(needs(Role.VIEWER))],
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[ShapeAuditLine]:
        return [ShapeAuditLine(**line) for line in board.audit(limit)]

    @router.put(
        "",
        summary="Widen spreads, cut sizes, skew a token or leave a source out, from the next quote on.",
        responses=_ERRORS,
    )
    def put(request: ShapeRequest, who: Annotated[Principal, Depends(needs(Role.RISK))]) -> ShapeAnswer:
        setter = _setter(request, who)
        try:
            key, value = parse_shape(request.what, request.name, setter, request.value)
            if value != NEUTRAL[key.kind]:
                # What once was quoted can still be cleared.
                _check_quoted(key, admission, sources)
            state = board.set(
                key,
                value,
                version=request.version,
                who=f"{who.name} ({who.key_id})",
                why=request.reason,
                expires_in_s=request.expires_in_s,
            )
        except InvalidInput as error:
            raise refuse(
                422, "no_such_value", str(error), "GET /v1/operator/shape lists those in use"
            ) from error
        except StaleShape as error:
            raise refuse(
                409, "stale_version", str(error), "read the value again and send its version"
            ) from error
        except SetupError as error:
            raise refuse(
                503, "not_written", str(error), "free space; what widens or cuts counts until the restart"
            ) from error
        return _answer(key, state)

    return router


def _setter(request: ShapeRequest, who: Principal) -> Setter:
    """Return whose value a key sets; refuse a body that says another."""
    setter = Setter.DESK if who.role is Role.DESK else Setter.PERSON
    if request.setter not in (None, setter):
        raise refuse(
            403,
            "wrong_setter",
            f"expected the setter of the key, {setter.value}, found {request.setter}",
            "leave setter out; pmm desk needs a key of its own: pmm keys create NAME --role desk",
        )
    return setter


def _check_quoted(key: ShapeKey, admission: AdmissionDesk, sources: Sequence[str]) -> None:
    """Raise InvalidInput for what is not quoted or not asked: its value would be taken and do nothing."""
    pairs = [(pair.base.symbol, pair.quote.symbol) for pair in admission.policy.pairs.policies]
    if key.kind is ShapeKind.SKEW:
        names = sorted({symbol for pair in pairs for symbol in pair})
    elif key.kind is ShapeKind.SOURCE:
        if key.name not in sources:
            raise InvalidInput(
                f"source: expected one of {', '.join(sources) or 'none'}, found {excerpt(key.name)}; no other "
                "outside the chain is asked"
            )
        return
    else:
        names = [EVERY_PAIR, *("/".join(pair) for pair in pairs)]
    if key.name not in names:
        raise InvalidInput(
            f"{key.kind.value}: expected one of {', '.join(names)}, found {excerpt(key.name)}; nothing else is quoted"
        )


def shape_of_pairs(board: ShapeBoard, admission: AdmissionDesk) -> dict[str, PairShape]:
    """Return what each pair is quoted with now."""
    found: dict[str, PairShape] = {}
    for pair in admission.policy.pairs.policies:
        shape = board.shaping.of(pair)
        found[f"{pair.base.symbol}/{pair.quote.symbol}"] = PairShape(
            spread_bps=format(shape.spread_bps, "f"),
            size_bps=shape.size_bps,
            base_skew_bps=format(shape.base_skew_bps, "f"),
        )
    return found


def _answer(key: ShapeKey, state: ShapeState) -> ShapeAnswer:
    return ShapeAnswer(
        what=key.kind,
        name=key.name,
        setter=key.setter,
        version=state.version,
        value=format(state.value, "f"),
        who=state.who,
        reason=state.reason,
        expires_at_ms=state.expires_at_ms,
    )
