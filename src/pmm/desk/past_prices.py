"""A price history at work in the desk: it stands in for prices not seen yet, and judges value at risk by its days."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Final

import structlog

from pmm.desk.var_days import VarDays
from pmm.risk.price_history import PriceHistory
from pmm.risk.price_record import DAY_MS, PriceRecord
from pmm.risk.valuation import Snapshot
from pmm.risk.var_record import VarDay
from pmm.risk.var_replay import replay

_OLD_MS: Final = 7 * DAY_MS
"""A history that ends before it says nothing of tomorrow."""
_LOG = structlog.get_logger()


class PastPrices:
    """One thread. Without a history it does nothing."""

    def __init__(self, history: PriceHistory | None) -> None:
        self._history = history
        self._judging: Future[tuple[VarDay, ...]] | None = None

    def begin(self, record: PriceRecord, *, until_ms: int, now_ms: int) -> None:
        """Let a record begin with the newest month, up to where the desk's own prices begin."""
        history = self._history
        if history is None:
            return
        age_ms = now_ms - history.until_ms
        if age_ms > _OLD_MS:
            _LOG.warning("price_history_is_old", days=age_ms // DAY_MS, most=_OLD_MS // DAY_MS)
            return
        for at_ms, prices in history.month():
            if at_ms < until_ms:
                record.see(at_ms, prices)

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
