"""Whether the quote server would answer a taker now: its health page, asked from a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import httpx

from pmm.risk.events import AvailabilitySeen

_EVERY_S: Final = 5.0
"""Three looks within the 15 s after which unwatched counts as down."""
_TIMEOUT_S: Final = 2.0
_MOST_KEPT: Final = 1_000
_REFUSING: Final = 503


class QuoteServerWatch:
    """Asks ``GET /healthz`` every five seconds, from :meth:`start` to :meth:`close`.

    Args:
        url: the quote server's.
        clock_ms: wall time.
        client: for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        clock_ms: Callable[[], int],
        client: httpx.Client | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/healthz"
        self._clock_ms = clock_ms
        self._client = client or httpx.Client(timeout=_TIMEOUT_S)
        self._seen: deque[tuple[int, int]] = deque(maxlen=_MOST_KEPT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quote-server-watch", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """Ask no more; waits for an answer under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def drain(self, *, stopped_by_us: bool) -> list[AvailabilitySeen]:
        """Return what was seen since the last call.

        ``stopped_by_us``: the desk itself stops quotes; a server that refuses for that is up
        (``pmm.risk.catalogue``).
        """
        up = {httpx.codes.OK, _REFUSING} if stopped_by_us else {httpx.codes.OK}
        seen = [self._seen.popleft() for _ in range(len(self._seen))]
        return [AvailabilitySeen(at_ms, status in up) for at_ms, status in seen]

    def look(self) -> None:
        """Ask once."""
        try:
            status = self._client.get(self._url).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = 0
        self._seen.append((self._clock_ms(), status))

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(_EVERY_S):
            self.look()
