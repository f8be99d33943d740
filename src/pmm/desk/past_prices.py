"""A price history at work in the desk: it stands in for prices not seen yet, and judges value at risk by its days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Final

import structlog

from pmm.desk.var_days import VarDays
from pmm.risk.price_history import PriceHistory
from pmm.risk.price_record import DAY_MS, HOUR_MS
from pmm.risk.valuation import Snapshot
from pmm.risk.var_record import VarDay
from pmm.risk.var_replay import replay

_OLD_MS: Final = 7 * DAY_MS
"""A history that ends before it says nothing of tomorrow."""
_LOG = structlog.get_logger()

Row = tuple[int, Mapping[str, float]]
"""Time in milliseconds and US dollars per whole token, by symbol."""


class PastPrices:
    """One thread. Without a history it does nothing."""

    def __init__(self, history: PriceHistory | None) -> None:
        self._history = history
        self._judging: Future[tuple[VarDay, ...]] | None = None

    def around(self, own: Sequence[Row], now_ms: int) -> list[Row]:
        """Return the desk's own prices in their order, with the history's newest month in hours that they lack."""
        history = self._history
        if history is None:
            return list(own)
        age_ms = now_ms - history.until_ms
        if age_ms > _OLD_MS:
            _LOG.warning("price_history_is_old", days=age_ms // DAY_MS, most=_OLD_MS // DAY_MS)
            return list(own)
        # Two sources within an hour would be told apart by moves that never were.
        seen = {at_ms // HOUR_MS for at_ms, _ in own}
        past = [one for one in history.month() if one[0] // HOUR_MS not in seen]
        return sorted((*past, *own), key=lambda one: one[0])

    def judge(self, snapshot: Snapshot, aside: Executor) -> None:
        """Replay the history's days with the book of a snapshot: once, the first time that a position is in it."""
        if self._history is None or not snapshot.book.positions:
            return
        _LOG.info("replaying_price_history", hours=len(self._history.times_ms))
        self._judging = aside.submit(replay, snapshot, self._history)
        self._history = None

    def keep(self, days: VarDays) -> None:
        """Write what came out; raises SetupError while the ledger is down, and writes it later."""
        if self._judging is None or not self._judging.done():
            return
        error = self._judging.exception()
        if error is not None:
            _LOG.error("price_history_not_replayed", error=f"{type(error).__name__}: {error}")
        else:
            days.replayed(self._judging.result())
            _LOG.info("price_history_replayed", days=len(self._judging.result()))
        self._judging = None
