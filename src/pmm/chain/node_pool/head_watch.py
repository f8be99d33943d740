"""New heads over WebSocket, and the clock while there is no WebSocket.

It only says when to look: what the head is the node is asked over HTTP, so that a lie told here costs one look.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from pmm.chain.rpc import shown_url

_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
# Its lines hold the address with the key.
_SILENT = logging.getLogger("pmm.websocket.silent")
_SILENT.disabled = True
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """Times in seconds.

    Attributes:
        poll_s: how often to look without a WebSocket.
        quiet_s: how long a subscription may say nothing before it counts as dead; mainnet has a block each 12 s.
        open_s: longest wait for a connection.
        retry_s: pause before a connection is tried again; it doubles up to ``most_retry_s``.
    """

    poll_s: float = 1.0
    quiet_s: float = 40.0
    open_s: float = 5.0
    retry_s: float = 1.0
    most_retry_s: float = 30.0


class HeadWatch:
    """Waits for new heads at the first address that gives them. Start it, or use it as a context manager.

    Without addresses it is a poll. ``live`` says whether a subscription stands, ``trouble`` why not.
    """

    def __init__(self, urls: Sequence[str], policy: WatchPolicy | None = None) -> None:
        self._urls = tuple(urls)
        self._policy = policy or WatchPolicy()
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self.live = False
        self.trouble = ""
        self.deaths = 0
        """How often a subscription that stood died."""

    def start(self) -> HeadWatch:
        """Begin to listen, in a thread of its own."""
        if self._urls and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="heads", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread and wake whoever waits."""
        self._stopped.set()
        self._news.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread is not None:
            self._thread.join(timeout=self._policy.open_s + 1)
            self._thread = None

    def wait(self) -> None:
        """Return at a new head; after ``poll_s`` while there is no subscription, after ``quiet_s`` with one."""
        self._news.wait(self._policy.quiet_s if self.live else self._policy.poll_s)
        if not self._stopped.is_set():
            self._news.clear()

    def __enter__(self) -> HeadWatch:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        pause_s = self._policy.retry_s
        at = 0
        while not self._stopped.is_set():
            url = self._urls[at % len(self._urls)]
            began_s = time.monotonic()
            self._listen(url)
            if self.live:
                self.deaths += 1
                self.live = False
                # Whoever waits for a head goes over to polling now.
                self._news.set()
                pause_s = self._policy.retry_s
            at += 1
            if at % len(self._urls) == 0 and time.monotonic() - began_s < self._policy.quiet_s:
                self._stopped.wait(pause_s)
                pause_s = min(pause_s * 2, self._policy.most_retry_s)

    def _listen(self, url: str) -> None:
        """Pass on heads until the connection ends."""
        policy = self._policy
        try:
            with connect(
                url,
                open_timeout=policy.open_s,
                close_timeout=1,
                max_size=_MOST_BYTES,
                logger=_SILENT,
                proxy=None,
            ) as connection:
                self._connection = connection
                connection.send(_SUBSCRIBE)
                self._pass_on(connection.recv)
        except (WebSocketException, OSError, ValueError, EOFError, RecursionError) as error:
            # Not the error's own words: they may repeat the address.
            self.trouble = f"expected new heads from {shown_url(url)}, found {type(error).__name__}"
        finally:
            self._connection = None

    def _pass_on(self, receive: Callable[..., Any]) -> None:
        confirmed = json.loads(receive(timeout=self._policy.open_s))
        if not isinstance(confirmed, dict) or "result" not in confirmed:
            raise ValueError("refused")
        self.live, self.trouble = True, ""
        # What came between the last poll and the subscription.
        self._news.set()
        while not self._stopped.is_set():
            said = json.loads(receive(timeout=self._policy.quiet_s))
            if isinstance(said, dict) and said.get("method") == "eth_subscription":
                self._news.set()
