"""OpenAPI of the relayers' routes, derived from the structs that read and describe them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pmm.relayers.codec import Route, RouteSchema
from pmm.relayers.conformance import Report
from pmm.relayers.oneinch_wire import OrderAnswer, Refusal
from pmm.server.deadline import HEADERS
from pmm.server.relayer_routes import Served

__all__ = ["OrderAnswer", "document_relayers", "maker_status_responses"]

_REF = "#/components/schemas/{name}"
# Refused before a relayer's codec sees the request: always our own object. Bodies also by the codec's route.
_AT_THE_DOOR = (401, 403, 429)
_AT_EITHER = (408, 413)
_TEXTS = {
    400: "The request is none: malformed JSON, a missing or wrong field.",
    401: "No credentials, or wrong ones.",
    403: "The path is another relayer's than the one that asks, or the key is an operator's.",
    404: "No such relayer.",
    405: "Wrong method.",
    408: "The body did not come in time.",
    409: "The request contradicts an earlier one with the same id.",
    413: "The body is too large.",
    429: "Too many requests; Retry-After says when to come back.",
    422: "No quote for this request; another one may be quoted.",
    503: "No quote now; Retry-After says when to ask again.",
}


def document_relayers(document: dict[str, Any], served: Iterable[Served]) -> None:
    """Put every route of every relayer into an OpenAPI document, with its schemas."""
    entries = [(entry, entry.endpoints.codec.schemas(entry.route)) for entry in served]
    types = [Refusal, Report]
    for _, schema in entries:
        types += [kind for kind in (schema.body, *schema.answer, schema.refusal) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    # Types that are no structs have no component of their own: they stand where they are used.
    inline = {_key(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths = document.setdefault("paths", {})
    for entry, schema in entries:
        paths.setdefault(entry.path, {})[entry.route.method.lower()] = _operation(entry, schema, inline)
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(entry: Served, schema: RouteSchema, inline: dict[str, Any]) -> dict[str, Any]:
    route, name = entry.route, entry.endpoints.profile.name
    refusal = inline[_key(schema.refusal)]
    statuses: tuple[int, ...] = (405, *schema.refusal_statuses)
    if route.method == "POST":
        statuses += (408, 413)
    if 400 in statuses or not schema.refusal_statuses:
        late: tuple[int, ...] = ()
    else:
        # A deadline header that is no number.
        late = (400,)
    responses = {"200": _json(_any_of([inline[_key(kind)] for kind in schema.answer]), schema.answer_text)}
    own = inline[_key(Refusal)]
    for status in sorted({*statuses, *late, 503, *_AT_THE_DOOR}):
        if status in _AT_THE_DOOR:
            body = own
        elif status in _AT_EITHER and refusal != own:
            body = _any_of([refusal, own])
        else:
            body = refusal
        responses[str(status)] = _json(body, _TEXTS[status])
    operation: dict[str, Any] = {
        "summary": schema.summary,
        "operationId": f"{name}{entry.path.replace('/', '_')}",
        "tags": [name],
        "parameters": _parameters(route, schema),
        "responses": responses,
    }
    if schema.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": inline[_key(schema.body)]}},
        }
    return operation


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _parameters(route: Route, schema: RouteSchema) -> list[dict[str, Any]]:
    query = [
        {"name": name, "in": "query", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in schema.query.items()
    ]
    headers = [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
        }
        for name, text in HEADERS.items()
    ]
    return [*query, *headers]


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def maker_status_responses() -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says about ``GET /maker-status``."""
    report = {"$ref": _REF.format(name="Report")}
    refusal = {"$ref": _REF.format(name="Refusal")}
    found = {
        "description": "The checks, each with what was expected and found.",
        "content": {
            "application/json": {"schema": report},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
    answers: dict[int | str, dict[str, Any]] = {200: found}
    return answers | {status: _json(refusal, _TEXTS[status]) for status in (401, 404, 429)}
