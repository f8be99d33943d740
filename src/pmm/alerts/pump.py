"""Delivers from a thread of its own: a slow channel delays nothing but itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from pmm.alerts.alert_desk import AlertDesk
from pmm.errors import PmmError

_LOG = structlog.get_logger()


class AlertPump:
    """Calls ``deliver_due`` again and again. ``clock_ms`` gives unix time in milliseconds."""

    def __init__(self, alerts: AlertDesk, clock_ms: Callable[[], int], *, interval_s: float = 1.0) -> None:
        self._alerts = alerts
        self._clock_ms = clock_ms
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, *, wait_s: float = 10.0) -> None:
        """Stop after the delivery that is under way and a last look; what waits is sent by the next process."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._deliver()
            self._stop.wait(self._interval_s)
        # What was raised last says why the process ends.
        self._deliver()

    def _deliver(self) -> None:
        try:
            self._alerts.deliver_due(self._clock_ms())
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the thread lives
            what = str(error) if isinstance(error, PmmError) else type(error).__name__
            _LOG.error("alert_pump_failed", error=what)
