"""The web application: FastAPI for health and documentation, the quote routes in front of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from pmm import __version__
from pmm.relayers.refusals import WireRefusal
from pmm.server.access.front_door import principal_of
from pmm.server.access.refusals import refusal_body
from pmm.server.access.roles import Role
from pmm.server.api_schema import levels_operation, order_operation, quote_schemas
from pmm.server.docs_page import docs_page
from pmm.server.endpoints import HttpAnswer, QuoteEndpoints
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from pmm.server.operator.refused import Refused

_DESCRIPTION = (
    "Signed quotes for 1inch's router and for our own settlement contract. Amounts are base units as decimal "
    "strings. Every answer is in the journal before it leaves."
)


def build_app(
    *,
    endpoints: QuoteEndpoints,
    health: Health,
    max_body: int,
    body_timeout_s: float,
    operator: APIRouter | None = None,
    public_health: bool = True,
) -> QuoteRoutes:
    """Return the ASGI application; without ``public_health`` strangers learn from /healthz only whether it quotes."""
    app = FastAPI(
        title="pmm quote server",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    _add_documented_routes(app, endpoints)

    @app.get(
        "/healthz", summary="State of the server: 200 when it quotes, 503 when it refuses, with reasons."
    )
    async def healthz(request: Request) -> JSONResponse:
        quoting, body = await health.report()
        principal = principal_of(request.scope)
        if not public_health and (principal is None or not principal.role.may(Role.VIEWER)):
            body = {"state": body["state"]}
        return JSONResponse(body, status_code=200 if quoting else 503)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        refusal = WireRefusal(
            status=error.status_code,
            code="method_not_allowed" if error.status_code == 405 else "not_found",
            message=f"expected a page of this server, found {request.method} {request.url.path[:100]}",
            remedy="GET /docs lists what there is",
        )
        answer = _response(endpoints.refusal(refusal))
        answer.headers.update(error.headers or {})
        return answer

    if operator is not None:
        _add_operator(app, operator)
    document = _openapi(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(document))

    return QuoteRoutes(app, endpoints, max_body=max_body, body_timeout_s=body_timeout_s)


def _add_operator(app: FastAPI, operator: APIRouter) -> None:
    app.include_router(operator)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return _wire(error.refusal)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = (".".join(str(part) for part in problem["loc"]) for problem in error.errors())
        found = "; ".join(
            f"{place}: {problem['msg']}" for place, problem in zip(places, error.errors(), strict=True)
        )
        return _wire(
            WireRefusal(
                status=422, code="invalid_request", message=found[:500], remedy="GET /docs describes it"
            )
        )


def _wire(refusal: WireRefusal) -> Response:
    return Response(refusal_body(refusal), refusal.status, media_type="application/json")


def _add_documented_routes(app: FastAPI, endpoints: QuoteEndpoints) -> None:
    # QuoteRoutes answers these paths first; they stand here for OpenAPI, and work all the same.
    @app.post("/order", summary="Ask for a signed order.", openapi_extra=order_operation())
    async def order(request: Request) -> Response:
        return _response(await endpoints.order(await request.body()))

    @app.get("/levels", summary="The ladder of every direction quoted.", openapi_extra=levels_operation())
    async def levels() -> Response:
        return _response(await endpoints.levels())


def _response(answer: HttpAnswer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    for path in ("/order", "/levels"):
        for operation in document["paths"][path].values():
            # FastAPI's guess of a body it does not read itself.
            operation["responses"].pop("422", None) if path == "/levels" else None
    document.setdefault("components", {}).setdefault("schemas", {}).update(quote_schemas())
    return document
