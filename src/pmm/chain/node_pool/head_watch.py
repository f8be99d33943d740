"""New heads over WebSocket, and the clock while there is none that can be believed.

It only says when to look: what the head is the node is asked over HTTP, so that a lie told here costs one look.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from pmm.chain.node_pool.head_choice import Fall, HeadChoice, HeadSource, WatchPolicy
from pmm.chain.rpc import shown_url

_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
# Its lines hold the address with the key.
_SILENT = logging.getLogger("pmm.websocket.silent")
_SILENT.disabled = True
_MOST_BYTES = 1 << 20
_HASH_BYTES = 32
# How soon a subscription that was given up is closed, and a stop heard.
_SLICE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """The watch as metrics show it; ``reconnects`` counts attempts after the first, ``falls`` by their reason."""

    source: HeadSource
    why: str
    reconnects: int
    falls: dict[Fall, int]


class HeadWatch:
    """Waits for new heads at the first address that gives them. Start it, or use it as a context manager.

    Without addresses it is a clock. Tell it every head that is read (:meth:`seen`): without that no WebSocket is
    believed.
    """

    def __init__(
        self,
        urls: Sequence[str],
        policy: WatchPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = tuple(urls)
        self._policy = policy or WatchPolicy()
        self._clock = clock
        self._choice = HeadChoice(self._policy, clock)
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._woke_s = float("-inf")
        self._attempts = 0
        # Apart from keys and money: that many clients of a node do not come back in the same moment.
        self._random = random.Random()  # noqa: S311

    @property
    def live(self) -> bool:
        """Whether heads come from the WebSocket."""
        return self._choice.source is HeadSource.WEBSOCKET

    @property
    def trouble(self) -> str:
        """Why they do not; empty while they do, and before the first attempt ended."""
        return self._choice.why

    @property
    def longest_pause_s(self) -> float:
        """How long :meth:`wait` may wait."""
        return max(self._policy.poll_s, self._policy.check_s) if self._urls else self._policy.poll_s

    @property
    def state(self) -> HeadState:
        """Everything as it stands."""
        return HeadState(
            source=self._choice.source,
            why=self._choice.why,
            reconnects=max(self._attempts - 1, 0),
            falls=dict(self._choice.falls),
        )

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
        if self._thread is not None:
            self._thread.join(timeout=self._policy.open_s + 1)
            self._thread = None

    def seen(self, block: bytes) -> None:
        """Take the hash of the head that was read over HTTP."""
        if self._urls:
            self._choice.seen(block)

    def wait(self, stop: threading.Event | None = None) -> None:
        """Return at a new head, when it is time to look anyway, or soon after ``stop`` is set."""
        stop = stop or self._stopped
        if not self._urls:
            stop.wait(self._policy.poll_s)
            return
        until_s = self._clock() + self._choice.pause_s
        while not stop.is_set() and not self._stopped.is_set() and (left_s := until_s - self._clock()) > 0:
            if self._news.wait(min(left_s, _SLICE_S)):
                # A head that came while this turn ran is due; one that follows at once waits a moment.
                stop.wait(max(self._woke_s + self._policy.least_s - self._clock(), 0.0))
                break
        self._woke_s = self._clock()
        self._news.clear()
        self._choice.judge()

    def __enter__(self) -> HeadWatch:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---------------------------------------------------------------------------------------------- its thread

    def _run(self) -> None:
        pause_s = self._policy.retry_s
        while not self._stopped.is_set():
            url = self._urls[self._attempts % len(self._urls)]
            self._attempts += 1
            if self._listen(url):
                pause_s = self._policy.retry_s
            # Whoever waits for a head goes over to polling now.
            self._news.set()
            self._stopped.wait(pause_s * self._random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, self._policy.most_retry_s)

    def _listen(self, url: str) -> bool:
        """Pass on heads until the subscription ends; return whether it had stood for long."""
        steady = False
        try:
            with connect(
                url,
                open_timeout=self._policy.open_s,
                close_timeout=1,
                max_size=_MOST_BYTES,
                logger=_SILENT,
                proxy=None,
            ) as connection:
                self._subscribe(connection)
                while self._choice.standing and not self._stopped.is_set():
                    self._pass_on(connection)
                    steady = steady or self._choice.steady
        except (WebSocketException, OSError, ValueError, EOFError, RecursionError) as error:
            # Not the error's own words: they may repeat the address.
            self._choice.ended(f"expected new heads from {shown_url(url)}, found {type(error).__name__}")
        return steady

    def _subscribe(self, connection: Connection) -> None:
        connection.send(_SUBSCRIBE)
        confirmed = json.loads(connection.recv(timeout=self._policy.open_s))
        if not isinstance(confirmed, dict) or "result" not in confirmed:
            raise ValueError("refused")
        self._choice.subscribed()

    def _pass_on(self, connection: Connection) -> None:
        try:
            said = json.loads(connection.recv(timeout=_SLICE_S))
        except TimeoutError:
            # Nothing was said: for how long it may be so the choice knows.
            self._choice.judge()
            return
        told = isinstance(said, dict) and said.get("method") == "eth_subscription"
        if told and self._choice.told(_hash_of(said)):
            self._news.set()
        self._choice.judge()


def _hash_of(said: dict[str, Any]) -> bytes:
    """Return the hash of a head; raises ValueError for what is none."""
    try:
        found = bytes.fromhex(said["params"]["result"]["hash"].removeprefix("0x"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no head") from error
    if len(found) != _HASH_BYTES:
        raise ValueError("no hash of a block")
    return found
