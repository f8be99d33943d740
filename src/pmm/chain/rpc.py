"""A small synchronous JSON-RPC client: a timeout on every call, errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx

from pmm.errors import ChainError

DEFAULT_TIMEOUT_S = 20.0


class RpcError(ChainError):
    """The node answered a call with an error.

    Attributes:
        method: the JSON-RPC method.
        code: the JSON-RPC error code.
        data: revert data as 0x hex, or None.
    """

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        self.method = method
        self.code = error.get("code")
        data = error.get("data")
        self.data: str | None = data if isinstance(data, str) else None
        super().__init__(
            f"node refused {method}: {error.get('message')}" + (f" ({self.data})" if self.data else "")
        )


class NodeUnreachable(ChainError):
    """The node did not answer in time or not at all."""


def shown_url(url: str) -> str:
    """Return scheme, host and port of a node's address, which is all that a message may show of it.

    Providers put the key into the user, the path or the query, and messages end up in logs and answers.
    """
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


class JsonRpc:
    """JSON-RPC over HTTP. Close it, or use it as a context manager."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url = url
        self.shown_url = shown_url(url)
        self._client = httpx.Client(timeout=timeout_s, trust_env=False)
        self._ids = count(1)

    def __enter__(self) -> JsonRpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, *params: Any) -> Any:
        """Call one method.

        Raises:
            RpcError: the node answered with an error.
            NodeUnreachable: no answer within the timeout.
            ChainError: the answer is not JSON-RPC.
        """
        return self._result(method, self._post(self._request(method, params), method))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Call several methods in one round trip; results in order, errors as :meth:`call`."""
        if not calls:
            return []
        requests = [self._request(method, params) for method, params in calls]
        answers = self._post(requests, f"batch of {len(calls)}")
        if not isinstance(answers, list) or len(answers) != len(requests):
            raise ChainError(
                f"expected {len(requests)} answers from {self.shown_url}, found {answers!r:.200}"
            )
        by_id = {answer.get("id"): answer for answer in answers}
        return [self._result(str(request["method"]), by_id.get(request["id"], {})) for request in requests]

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, body: Any, what: str) -> Any:
        try:
            return self._client.post(self.url, json=body).json()
        except httpx.HTTPError as error:
            raise NodeUnreachable(
                f"expected an answer to {what} from {self.shown_url}, found {type(error).__name__}; "
                "check that the node runs and that the address is right"
            ) from error
        except ValueError as error:
            raise ChainError(
                f"expected JSON from {self.shown_url} for {what}, found something else"
            ) from error

    @staticmethod
    def _result(method: str, answer: Any) -> Any:
        if isinstance(answer, dict):
            if "error" in answer:
                raise RpcError(method, answer["error"])
            if "result" in answer:
                return answer["result"]
        raise ChainError(f"expected a JSON-RPC answer to {method}, found {answer!r:.200}")
