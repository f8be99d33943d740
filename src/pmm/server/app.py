"""The web application: FastAPI for health and documentation, the quote routes in front of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from pmm import __version__
from pmm.relayers.refusals import WireRefusal
from pmm.server.api_schema import levels_operation, order_operation, quote_schemas
from pmm.server.docs_page import docs_page
from pmm.server.endpoints import HttpAnswer, QuoteEndpoints
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes

_DESCRIPTION = (
    "Signed quotes for 1inch's router and for our own settlement contract. Amounts are base units as decimal "
    "strings. Every answer is in the journal before it leaves."
)


def build_app(
    *, endpoints: QuoteEndpoints, health: Health, max_body: int, body_timeout_s: float
) -> QuoteRoutes:
    """Return the ASGI application."""
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
    async def healthz() -> JSONResponse:
        quoting, body = await health.report()
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

    document = _openapi(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(document))

    return QuoteRoutes(app, endpoints, max_body=max_body, body_timeout_s=body_timeout_s)


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
