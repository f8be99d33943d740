"""How long an exchange venue takes from an order to its completion: measured around its account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pmm.execution.hedging import PerpAccount, PerpOrder, PerpPosition, Report, ReportState
from pmm.risk.events import VenueTradeDone


class VenueTimes:
    """A ``PerpAccount`` that hands everything on. An order that failed, or of an earlier process, has no time."""

    def __init__(
        self,
        account: PerpAccount,
        *,
        clock_ms: Callable[[], int],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._account, self._clock_ms, self._clock_ns = account, clock_ms, clock_ns
        self._placed_ns: dict[str, int] = {}
        self._done: dict[str, VenueTradeDone] = {}

    @property
    def venue(self) -> str:
        """Name of the venue."""
        return self._account.venue

    def submit(self, key: str, order: PerpOrder) -> Report:
        """Place an order."""
        self._placed_ns.setdefault(key, self._clock_ns())
        return self._heard(key, self._account.submit(key, order))

    def report(self, key: str) -> Report:
        """Ask what became of an order."""
        return self._heard(key, self._account.report(key))

    def positions(self) -> tuple[PerpPosition, ...]:
        """Return the positions as last heard."""
        return self._account.positions()

    def done(self) -> dict[str, VenueTradeDone]:
        """Return the orders that completed and were not forgotten, by key."""
        return dict(self._done)

    def forget(self, keys: Iterable[str]) -> None:
        """They are durable."""
        for key in keys:
            self._done.pop(key, None)

    def _heard(self, key: str, report: Report) -> Report:
        ended = report.state in (ReportState.DONE, ReportState.FAILED, ReportState.REFUSED)
        placed_ns = self._placed_ns.pop(key, None) if ended else None
        if placed_ns is not None and report.state is ReportState.DONE:
            took_us = max(self._clock_ns() - placed_ns, 0) // 1_000
            self._done[key] = VenueTradeDone(self._clock_ms(), took_us)
        return report
