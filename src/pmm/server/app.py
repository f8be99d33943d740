"""The web application: FastAPI for health and documentation, the quote routes in front of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from pmm import __version__
from pmm.relayers.conformance import as_text
from pmm.relayers.refusals import WireRefusal
from pmm.server.access.front_door import principal_of
from pmm.server.access.refusals import refusal_body
from pmm.server.access.roles import Role
from pmm.server.api_schema import document_relayers, maker_status_responses
from pmm.server.docs_page import docs_page
from pmm.server.endpoints import HttpAnswer, QuoteEndpoints, own_refusal
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from pmm.server.maker_status import MakerStatus
from pmm.server.operator.refused import Refused
from pmm.server.relayer_routes import RelayerRoutes, Served

_DESCRIPTION = (
    "Signed quotes for 1inch's router and for our own settlement contract. Amounts are base units as decimal "
    "strings. Every answer is in the journal before it leaves."
)


def build_app(
    *,
    endpoints: QuoteEndpoints | RelayerRoutes,
    health: Health,
    max_body: int,
    body_timeout_s: float,
    operator: APIRouter | None = None,
    public_health: bool = True,
) -> QuoteRoutes:
    """Return the ASGI application over one relayer or the routes of several.

    Without ``public_health`` strangers learn from /healthz only whether it quotes, and by which block.
    """
    relayers = endpoints if isinstance(endpoints, RelayerRoutes) else RelayerRoutes((endpoints,))
    status = MakerStatus(relayers)
    app = FastAPI(
        title="pmm quote server",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    _add_relayer_routes(app, relayers)
    _add_maker_status(app, status)

    @app.get(
        "/healthz", summary="State of the server: 200 when it quotes, 503 when it refuses, with reasons."
    )
    async def healthz(request: Request) -> JSONResponse:
        quoting, body = await health.report()
        principal = principal_of(request.scope)
        if not public_health and (principal is None or not principal.role.may(Role.VIEWER)):
            # The block is everybody's: by it a relayer waits for a transaction of its own to be seen.
            chain = {name: value for name, value in body["chain"].items() if name == "block"}
            body = {"state": body["state"], "chain": chain}
        return JSONResponse(body, status_code=200 if quoting else 503)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        refusal = WireRefusal(
            status=error.status_code,
            code="method_not_allowed" if error.status_code == 405 else "not_found",
            message=f"expected a page of this server, found {request.method} {request.url.path[:100]}",
            remedy="GET /docs lists what there is",
        )
        answer = _response(own_refusal(refusal))
        answer.headers.update(error.headers or {})
        return answer

    if operator is not None:
        _add_operator(app, operator)
    document = _openapi(app, relayers)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(document))

    routes = QuoteRoutes(app, relayers, max_body=max_body, body_timeout_s=body_timeout_s)
    status.attach(routes)
    return routes


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


def _add_relayer_routes(app: FastAPI, relayers: RelayerRoutes) -> None:
    # QuoteRoutes answers these paths first; they stand here so that the framework alone answers the same.
    for served in relayers:
        app.add_route(served.path, _framework_route(served), [served.route.method], include_in_schema=False)


def _framework_route(served: Served) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        query = dict(request.query_params)
        body = await request.body()
        found = await served.endpoints.serve(
            served.route, body=body, query=query, headers=request.headers.raw
        )
        return _response(found)

    return answer


def _add_maker_status(app: FastAPI, status: MakerStatus) -> None:
    @app.get(
        "/maker-status",
        summary="What a relayer would see of this server: every rule of its, checked now.",
        responses=maker_status_responses(),
        response_model=None,
    )
    async def maker_status(request: Request, relayer: str = "") -> Response:
        found = await status.report(relayer)
        if found is None:
            return _response(own_refusal(_unknown_relayer(relayer, status.names)))
        if "text/plain" in request.headers.get("accept", ""):
            return PlainTextResponse(as_text(found))
        return Response(msgspec.json.encode(found), media_type="application/json")


def _unknown_relayer(found: str, names: tuple[str, ...]) -> WireRefusal:
    known = ", ".join(names)
    return WireRefusal(
        status=404,
        code="unknown_relayer",
        message=f"relayer: expected one of {known}, found {found[:40]!r}",
        remedy="ask with relayer= and one of these names",
    )


def _response(answer: HttpAnswer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _openapi(app: FastAPI, relayers: RelayerRoutes) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    # FastAPI's guess of a refusal that this application never gives.
    document["paths"]["/maker-status"]["get"]["responses"].pop("422", None)
    document["paths"]["/healthz"]["get"]["responses"]["503"] = {
        "description": "Refusing, with reasons.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    document_relayers(document, relayers)
    return document
