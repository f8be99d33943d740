"""One question over HTTP: in time, of bounded size, read as JSON with exact numbers, without its key in any log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx

from pmm.errors import InvalidInput
from pmm.sources.source import SourceUnavailable

_MOST_BYTES = 8_000_000
_LONGEST_PAUSE_S = 3_600.0
_REFUSALS = frozenset({400, 401, 402, 403, 404, 410})
_TOO_MANY = 429


class RestClient:
    """Asks one site. ``headers`` may hold a key, an address must not: the library logs addresses, never headers."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise InvalidInput(f"{name}: expected an https address, found another; correct its setting")
        self._name = name
        self._url = url.rstrip("/")
        self._timeout_s, self._clock = timeout_s, clock
        self._client = httpx.Client(
            timeout=timeout_s, trust_env=False, follow_redirects=False, headers=dict(headers or {})
        )

    def __repr__(self) -> str:
        return f"RestClient({self._name})"

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the answer's JSON; raises SourceUnavailable."""
        return self._ask("GET", path, parameters, None)

    def post(self, path: str, body: Any) -> Any:
        """Return the answer's JSON; raises SourceUnavailable."""
        return self._ask("POST", path, None, body)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, parameters: Mapping[str, Any] | None, body: Any) -> Any:
        deadline_s = self._clock() + self._timeout_s
        try:
            with self._client.stream(
                method, self._url + path, params=dict(parameters or {}), json=body
            ) as answer:
                self._judge(answer)
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    # A site that sends a byte now and then meets no timeout of the socket.
                    if self._clock() > deadline_s:
                        raise SourceUnavailable(
                            f"expected an answer within {self._timeout_s:g} s, found {len(content)} bytes of more"
                        )
                    if len(content) > _MOST_BYTES:
                        raise SourceUnavailable(
                            f"expected at most {_MOST_BYTES} bytes, found more", final=True
                        )
        except httpx.HTTPError as error:
            # Not chained: the request hangs on the error, and with it the key.
            raise SourceUnavailable(f"expected an answer, found {type(error).__name__}") from None
        try:
            # Decimal and not float: what the source said, digit by digit.
            return json.loads(bytes(content), parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise SourceUnavailable("expected JSON, found something else", final=True) from None

    @staticmethod
    def _judge(answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            return
        value = answer.headers.get("retry-after", "")
        pause_s = min(float(value), _LONGEST_PAUSE_S) if value.isascii() and value.isdigit() else None
        if status == _TOO_MANY and pause_s is None:
            pause_s = 60.0
        raise SourceUnavailable(
            f"expected status 200, found {status}",
            retry_after_s=pause_s if status in (_TOO_MANY, 503) else None,
            final=status in _REFUSALS or answer.is_redirect,
        )


def _no_number(text: str) -> Any:
    # NaN is less than no line and more than none: whoever compares it sees nothing wrong.
    raise ValueError(f"expected a number, found {text}")
