"""Rows of profit, fills, markouts and prices in the desk's ledger (``pmm.ledger.schemas.performance``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pmm.domain import Address
from pmm.execution.ledger import DeskLedger, LedgerTransaction
from pmm.risk.events import MarkoutTaken, PnlBooked, PnlComponent
from pmm.risk.markouts import HORIZONS_S, FilledTrade, TakenMarkout
from pmm.risk.price_record import HOUR_MS

_PROFIT = (
    "INSERT INTO performance_profit (profit_key, event_key, at_ms, token, component, amount_usd_e6) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_FILL = (
    "INSERT INTO performance_fills (fill_key, event_key, at_ms, maker_asset, taker_asset, making_amount, "
    "taking_amount) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_MARKOUT = (
    "INSERT INTO performance_markouts (fill_key, horizon_s, at_ms, markout_bps_e3) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (fill_key, horizon_s) DO NOTHING"
)


class PerformanceLedger:
    """Reads; writes are made with the caller's transaction. Raises SetupError while the ledger is down."""

    def __init__(self, ledger: DeskLedger) -> None:
        self._ledger = ledger
        self._thinned_ms = -1

    def profit_since(self, at_ms: int) -> list[PnlBooked]:
        """Return what was booked from a time on, oldest first."""
        rows = self._ledger.read(
            "SELECT at_ms, token, component, amount_usd_e6 FROM performance_profit WHERE at_ms >= ? "
            "ORDER BY at_ms",
            (at_ms,),
        )
        return [PnlBooked(row[0], row[1], PnlComponent(row[2]), int(row[3])) for row in rows]

    def keys_of(self, prefix: str) -> list[str]:
        """Return the keys of what was booked that begin so."""
        rows = self._ledger.read(
            "SELECT profit_key FROM performance_profit WHERE profit_key LIKE ?", (f"{prefix}%",)
        )
        return [row[0] for row in rows]

    def markouts_since(self, at_ms: int) -> list[MarkoutTaken]:
        """Return the markouts from a time on, oldest first."""
        rows = self._ledger.read(
            "SELECT at_ms, horizon_s, markout_bps_e3 FROM performance_markouts WHERE at_ms >= ? ORDER BY at_ms",
            (at_ms,),
        )
        return [MarkoutTaken(*row) for row in rows]

    def waiting_since(self, at_ms: int) -> list[tuple[FilledTrade, frozenset[int]]]:
        """Return fills from a time on, with the horizons that were judged."""
        rows = self._ledger.read(
            "SELECT fill_key, at_ms, maker_asset, taker_asset, making_amount, taking_amount FROM performance_fills "
            "WHERE at_ms >= ? ORDER BY at_ms",
            (at_ms,),
        )
        found: list[tuple[FilledTrade, frozenset[int]]] = []
        for key, filled_ms, maker, taker, making, taking in rows:
            done = self._ledger.read("SELECT horizon_s FROM performance_markouts WHERE fill_key = ?", (key,))
            fill = FilledTrade(
                key=key,
                at_ms=filled_ms,
                maker_asset=Address(maker),
                taker_asset=Address(taker),
                making_amount=int(making),
                taking_amount=int(taking),
            )
            found.append((fill, frozenset(one[0] for one in done)))
        return found

    def prices(self, *, most: int) -> list[tuple[int, dict[Address, int]]]:
        """Return the newest looks at prices, oldest first."""
        rows = self._ledger.read(
            "SELECT at_ms, asset, usd_e36 FROM performance_prices WHERE at_ms IN (SELECT DISTINCT at_ms FROM "
            "performance_prices ORDER BY at_ms DESC LIMIT ?) ORDER BY at_ms",
            (most,),
        )
        found: dict[int, dict[Address, int]] = {}
        for at_ms, asset, price in rows:
            found.setdefault(at_ms, {})[Address(asset)] = int(price)
        return list(found.items())

    def put_prices(
        self, at_ms: int, usd_e36: Mapping[Address, int], *, thin_before_ms: int, forget_before_ms: int
    ) -> None:
        """Write one look at prices; of those before a time keep the first of each hour, of older ones none."""
        with self._ledger.transaction() as transaction:
            transaction.executemany(
                "INSERT INTO performance_prices (at_ms, asset, usd_e36) VALUES (?, ?, ?) "
                "ON CONFLICT (at_ms, asset) DO NOTHING",
                [(at_ms, asset, str(price)) for asset, price in usd_e36.items()],
            )
            # By whole hours: half of one would keep its first row, and later a second.
            whole_ms = thin_before_ms // HOUR_MS * HOUR_MS
            if whole_ms != self._thinned_ms:
                transaction.execute(
                    "DELETE FROM performance_prices WHERE at_ms < ? AND at_ms NOT IN (SELECT min(at_ms) FROM "
                    "performance_prices WHERE at_ms < ? GROUP BY at_ms / 3600000)",
                    (whole_ms, whole_ms),
                )
            transaction.execute("DELETE FROM performance_prices WHERE at_ms < ?", (forget_before_ms,))
        self._thinned_ms = whole_ms


def put_profit(transaction: LedgerTransaction, key: str, event_key: str, one: PnlBooked) -> None:
    """Write an amount; ``event_key`` is what takes it back."""
    transaction.execute(
        _PROFIT, (key, event_key, one.at_ms, one.token, one.component.value, str(one.amount_usd_e6))
    )


def put_fill(transaction: LedgerTransaction, event_key: str, one: FilledTrade) -> None:
    """Write a fill."""
    transaction.execute(
        _FILL,
        (
            one.key,
            event_key,
            one.at_ms,
            one.maker_asset,
            one.taker_asset,
            str(one.making_amount),
            str(one.taking_amount),
        ),
    )


def put_markouts(transaction: LedgerTransaction, now_ms: int, found: Sequence[TakenMarkout]) -> None:
    """Write what was judged now."""
    transaction.executemany(_MARKOUT, [(one.key, one.horizon_s, now_ms, one.markout_bps_e3) for one in found])


def take_back(
    transaction: LedgerTransaction, event_keys: Iterable[str], now_ms: int
) -> tuple[list[PnlBooked], list[str]]:
    """Delete what stands on events that are gone; return the opposite amounts and the keys of their fills."""
    booked: list[PnlBooked] = []
    fills: list[str] = []
    for key in event_keys:
        rows = transaction.query(
            "SELECT token, component, amount_usd_e6 FROM performance_profit WHERE event_key = ?", (key,)
        )
        booked += [PnlBooked(now_ms, row[0], PnlComponent(row[1]), -int(row[2])) for row in rows]
        gone = transaction.query("SELECT fill_key FROM performance_fills WHERE event_key = ?", (key,))
        fills += [row[0] for row in gone]
        transaction.execute("DELETE FROM performance_profit WHERE event_key = ?", (key,))
        transaction.execute("DELETE FROM performance_fills WHERE event_key = ?", (key,))
    transaction.executemany("DELETE FROM performance_markouts WHERE fill_key = ?", [(one,) for one in fills])
    return booked, fills


LONGEST_MS = 2 * max(HORIZONS_S) * 1_000
"""No horizon of a fill that is older is still waited for."""
