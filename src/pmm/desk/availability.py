"""Whether the quote server would answer a taker now, and how fast it does: asked from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import httpx
import structlog

from pmm.desk.response_times import BadPage, ResponseTimes
from pmm.risk.events import AvailabilitySeen, RequestAnswered, RiskEvent

_EVERY_S: Final = 5.0
"""Three looks within the 15 s after which unwatched counts as down."""
_TIMEOUT_S: Final = 2.0
_PAGE_S: Final = 4.0
"""For the whole of a page, however slowly it drips; each part of it has the timeout of its own."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""A hundred times what a server of many relayers says."""
_MOST_KEPT: Final = 1_000
_REFUSING: Final = 503
_LOG = structlog.get_logger()


class QuoteServerWatch:
    """Asks ``GET /healthz`` every five seconds, and ``GET /metrics`` with a key, from :meth:`start` to :meth:`close`.

    Args:
        url: the quote server's.
        clock_ms: wall time.
        client: for tests.
        key: of an operator, who may read the metrics; empty: nobody asks for them.
    """

    def __init__(
        self,
        url: str,
        *,
        clock_ms: Callable[[], int],
        client: httpx.Client | None = None,
        key: str = "",
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._metrics_url = url.rstrip("/") + "/healthz", url.rstrip("/") + "/metrics"
        self._key, self._times, self._silent = key, ResponseTimes(), ""
        self._clock_ms, self._monotonic_s = clock_ms, monotonic_s
        self._client = client or httpx.Client(timeout=_TIMEOUT_S)
        self._seen: deque[tuple[int, int]] = deque(maxlen=_MOST_KEPT)
        self._answered: deque[RequestAnswered] = deque(maxlen=_MOST_KEPT)
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

    def drain(self, *, stopped_by_us: bool) -> list[RiskEvent]:
        """Return what was seen since the last call.

        ``stopped_by_us``: the desk itself stops quotes; a server that refuses for that is up
        (``pmm.risk.catalogue``).
        """
        up = {httpx.codes.OK, _REFUSING} if stopped_by_us else {httpx.codes.OK}
        seen = [self._seen.popleft() for _ in range(len(self._seen))]
        answered = [self._answered.popleft() for _ in range(len(self._answered))]
        return [*(AvailabilitySeen(at_ms, status in up) for at_ms, status in seen), *answered]

    def look(self) -> None:
        """Ask once."""
        try:
            # Of the page itself nothing is read: it may have no end.
            with self._client.stream("GET", self._url) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = 0
        self._seen.append((self._clock_ms(), status))
        if self._key:
            self._measure()

    def _measure(self) -> None:
        """Ask how fast it answered; where it does not say, nothing is known, and why is said once."""
        why = ""
        try:
            found = self._times.look(self._page(), self._clock_ms())
            self._answered.extend([found] if found else [])
        except BadPage as error:
            why = f"expected the metrics of {self._metrics_url}, found {error}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"expected the metrics of {self._metrics_url}, found {type(error).__name__}"
        if why and why != self._silent:
            _LOG.warning("response_times_unknown", why=why)
        self._silent = why

    def _page(self) -> str:
        """Return the page; raise BadPage where there is none, or none that ends in time and in bounds."""
        deadline_s, text = self._monotonic_s() + _PAGE_S, bytearray()
        with self._client.stream("GET", self._metrics_url, headers={"X-API-Key": self._key}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise BadPage(f"status {answer.status_code}")
            for part in answer.iter_bytes():
                text += part
                if len(text) > _MOST_BYTES:
                    raise BadPage(f"more than {_MOST_BYTES:,} bytes")
                if self._monotonic_s() > deadline_s:
                    raise BadPage(f"a page that did not end in {_PAGE_S:.0f} s")
        return text.decode(errors="replace")

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(_EVERY_S):
            self.look()
