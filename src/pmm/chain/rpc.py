"""A small synchronous JSON-RPC client: a timeout on every call, errors that say what to do."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx

from pmm.errors import ChainError

DEFAULT_TIMEOUT_S = 20.0
# Shorter parts of a path are words such as "v3".
_SHORTEST_KEY = 6
_SHOWN_LENGTH = 200


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


def key_parts(url: str) -> tuple[str, ...]:
    """Return the parts of a node's address that may be a key, longest first."""
    parts = urlsplit(url)
    pieces = {*parts.path.split("/"), parts.query, *re.split("[=&]", parts.query)}
    pieces |= {parts.username or "", parts.password or ""}
    return tuple(sorted((piece for piece in pieces if len(piece) >= _SHORTEST_KEY), key=len, reverse=True))


class JsonRpc:
    """JSON-RPC over HTTP. Close it, or use it as a context manager. No log and no error shows the address's key."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url = url
        self.shown_url = shown_url(url)
        self._secrets = key_parts(url)
        # Without httpx's client, which writes the address of every request to its log.
        self._transport = httpx.HTTPTransport(trust_env=False)
        self._limits = httpx.Timeout(timeout_s).as_dict()
        self._ids = count(1)

    def __enter__(self) -> JsonRpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

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
                f"expected {len(requests)} answers from {self.shown_url}, found {self._shown(answers)}"
            )
        by_id = {
            answer["id"]: answer
            for answer in answers
            if isinstance(answer, dict) and isinstance(answer.get("id"), int)
        }
        return [self._result(str(request["method"]), by_id.get(request["id"], {})) for request in requests]

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, body: Any, what: str) -> Any:
        try:
            response = self._transport.handle_request(self._http_request(body))
            try:
                response.read()
            finally:
                response.close()
            return response.json()
        except httpx.HTTPError as error:
            # Not chained: the request hangs on the error, and with it the key.
            raise NodeUnreachable(
                f"expected an answer to {what} from {self.shown_url}, found {type(error).__name__}; "
                "check that the node runs and that the address is right"
            ) from None
        except ValueError:
            raise ChainError(
                f"expected JSON from {self.shown_url} for {what}, found something else"
            ) from None

    def _http_request(self, body: Any) -> httpx.Request:
        address = httpx.URL(self.url)
        headers = {"accept-encoding": "gzip"}
        if address.userinfo:
            headers["authorization"] = f"Basic {b64encode(address.userinfo).decode()}"
        return httpx.Request(
            "POST",
            address.copy_with(userinfo=b""),
            json=body,
            headers=headers,
            extensions={"timeout": self._limits},
        )

    def _result(self, method: str, answer: Any) -> Any:
        if isinstance(answer, dict):
            if "error" in answer:
                raise RpcError(method, self._refusal(answer["error"]))
            if "result" in answer:
                return answer["result"]
        raise ChainError(f"expected a JSON-RPC answer to {method}, found {self._shown(answer)}")

    def _refusal(self, error: Any) -> dict[str, Any]:
        fields = error if isinstance(error, dict) else {"message": error}
        return {**fields, "message": self._without_key(str(fields.get("message")))}

    def _shown(self, answer: Any) -> str:
        return self._without_key(repr(answer))[:_SHOWN_LENGTH]

    def _without_key(self, text: str) -> str:
        # The node's words may repeat its address.
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text
