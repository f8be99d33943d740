"""``GET /docs``: the OpenAPI document as a page that loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}code,th,td{font-size:.9em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #8886;padding:.3rem .5rem;text-align:left;vertical-align:top}"
    "h2{margin-top:2.5rem}"
)


def docs_page(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width">',
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info.get('description', ''))}</p>",
        '<p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(method.upper(), path, operation))
    parts.append("<h1>Schemas</h1>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(_schema(name, schema))
    return "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    head = f"<h2><code>{method} {escape(path)}</code></h2><p>{escape(operation.get('summary', ''))}</p>"
    text = f"<p>{escape(operation.get('description', ''))}</p>"
    body = operation.get("requestBody")
    asked = f"<p>Body: {_content(body)}</p>" if body else ""
    rows = "".join(
        f"<tr><td>{escape(status)}<td>{escape(answer.get('description', ''))}<td>{_content(answer)}"
        for status, answer in operation.get("responses", {}).items()
    )
    return f"{head}{text}{asked}<table><tr><th>status<th>when<th>body{rows}</table>"


def _content(holder: dict[str, Any]) -> str:
    schemas = [media.get("schema", {}) for media in holder.get("content", {}).values()]
    return ", ".join(_type(schema) for schema in schemas)


def _schema(name: str, schema: dict[str, Any]) -> str:
    head = f'<h2 id="{escape(name)}"><code>{escape(name)}</code></h2>'
    text = f"<p>{escape(schema.get('description', ''))}</p>"
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}<td>{_type(of)}"
        f"<td>{escape(of.get('description', ''))}"
        for field, of in schema.get("properties", {}).items()
    )
    values = ", ".join(escape(str(value)) for value in schema.get("enum", []))
    table = f"<table><tr><th>field (* required)<th>type<th>meaning{rows}</table>" if rows else ""
    return f"{head}{text}{table}{f'<p>One of: {values}</p>' if values else ''}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if "anyOf" in schema:
        return " or ".join(_type(entry) for entry in schema["anyOf"])
    return f"<code>{escape(str(schema.get('type', 'any')))}</code>"
