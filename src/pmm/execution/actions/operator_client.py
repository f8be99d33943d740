"""One quote server's operator API as the desk asks it."""

from __future__ import annotations

from typing import Any, Final

import httpx

from pmm.errors import SetupError

_TIMEOUT_S: Final = 2.0


class OperatorClient:
    """Asks with one key. ``repr`` shows no key."""

    def __init__(self, url: str, key: str, *, client: httpx.Client | None = None) -> None:
        self.url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __repr__(self) -> str:
        return f"OperatorClient({self.url})"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Return what the server answers below ``/v1/operator``; raises SetupError where it does not."""
        try:
            return self._client.request(
                method, f"{self.url}/v1/operator{path}", json=body, headers=self._headers
            )
        except httpx.HTTPError as error:
            raise SetupError(
                f"expected the quote server at {self.url} to answer, found: {type(error).__name__}; start it or "
                "correct its address"
            ) from error
