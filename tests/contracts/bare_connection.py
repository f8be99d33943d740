"""JSON-RPC to the fork over one bare connection.

A session asks its own node tens of thousands of times; with a full HTTP client most of that time is the client's.
"""

from __future__ import annotations

import json
import os
import select
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from pmm.chain.rpc import DEFAULT_TIMEOUT_S, JsonRpc, NodeUnreachable

_HEADERS = {"Content-Type": "application/json"}


class BareConnection:
    """Posts to one local address and keeps the connection; for one thread."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._owner = os.getpid()
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        self._connection.close()

    def post(self, body: bytes) -> bytes:
        """Return the answer's body.

        Raises:
            OSError: no connection, or no answer in time.
            HTTPException: the answer is not HTTP, or not a success.
        """
        if self._owner != os.getpid():
            # analysis/mutation/vehicle.py forks; neither process may read the other's answers.
            self.close()
            self._owner = os.getpid()
        socket = self._connection.sock
        if socket is not None and select.select([socket], [], [], 0)[0]:
            self.close()  # With nothing asked, all there is to read is that the node hung up.
        try:
            self._connection.request("POST", self._path, body, _HEADERS)
            answer = self._connection.getresponse()
            content = answer.read()
        except BaseException:
            self.close()  # A late answer must not be taken for the next one.
            raise
        if answer.status != 200:
            raise HTTPException(f"expected status 200 from the node, found {answer.status}")
        return content


class ForkRpc(JsonRpc):
    """The client of the fork; the same calls and errors over a bare connection."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._bare = BareConnection(url, timeout_s=timeout_s)

    def close(self) -> None:
        self._bare.close()
        super().close()

    def _post(self, body: Any, what: str) -> Any:
        try:
            return json.loads(self._bare.post(json.dumps(body).encode()))
        except (OSError, HTTPException) as error:
            raise NodeUnreachable(
                f"expected an answer to {what} from {self.shown_url}, found {type(error).__name__}"
            ) from error
