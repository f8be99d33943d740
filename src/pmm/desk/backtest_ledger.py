"""Rows of the backtest in the desk's ledger (``pmm.ledger.schemas.backtest`` and ``replay``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pmm.domain import Address
from pmm.execution.ledger import LedgerTransaction
from pmm.journal.store import Row
from pmm.risk.tail import TailRisk
from pmm.risk.var_record import Forecast, VarDay

DAY_MS: Final = 86_400_000
LATE_MS: Final = 3_600_000
"""How long after midnight a forecast still is the day's, and prices still are those of its end."""
_USD: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is held of one asset: longs less shorts in millionths of a dollar, at dollars per base unit x 10**36."""

    net_usd_e6: int
    usd_e36: int


class _Reads(Protocol):
    def read(self, sql: str, values: tuple[object, ...] = ()) -> list[Row]: ...


def var_days(ledger: _Reads) -> tuple[VarDay, ...]:
    """Return every day that has a forecast, oldest first; none where no desk made the tables yet.

    Days of a price history end where the desk's own begin.
    """
    own = own_days(ledger)
    begin = own[0].day if own else None
    return (*(one for one in _replayed_days(ledger) if begin is None or one.day < begin), *own)


def own_days(ledger: _Reads) -> tuple[VarDay, ...]:
    """Return the days that the desk forecast itself."""
    if not _has(ledger, "backtest"):
        return ()
    forecasts = _forecasts(ledger, "backtest_forecasts")
    return tuple(
        VarDay(
            day=day,
            capital_usd=int(capital) / _USD,
            forecasts=forecasts[day],
            realised_usd=None if realised is None else int(realised) / _USD,
            closed=closed_ms is not None,
            whole=forecast_ms - day * DAY_MS <= LATE_MS,
        )
        for day, forecast_ms, capital, closed_ms, realised in ledger.read(
            "SELECT day, forecast_ms, capital_usd_e6, closed_ms, realised_usd_e6 FROM backtest_days ORDER BY day"
        )
    )


def _replayed_days(ledger: _Reads) -> tuple[VarDay, ...]:
    if not _has(ledger, "replay"):
        return ()
    forecasts = _forecasts(ledger, "replay_forecasts")
    return tuple(
        VarDay(
            day=day,
            capital_usd=int(capital) / _USD,
            forecasts=forecasts[day],
            realised_usd=int(realised) / _USD,
            closed=True,
            whole=True,
            replayed=True,
        )
        for day, capital, realised in ledger.read(
            "SELECT day, capital_usd_e6, realised_usd_e6 FROM replay_days ORDER BY day"
        )
    )


def put_replay(transaction: LedgerTransaction, days: Iterable[VarDay]) -> None:
    """Write the days of a price history in place of those of an earlier replay; each has a realised amount."""
    transaction.execute("DELETE FROM replay_days")
    transaction.execute("DELETE FROM replay_forecasts")
    for one in days:
        transaction.execute(
            "INSERT INTO replay_days (day, capital_usd_e6, realised_usd_e6) VALUES (?, ?, ?)",
            (one.day, str(_e6(one.capital_usd)), str(_e6(one.realised_usd or 0.0))),
        )
        transaction.executemany(
            "INSERT INTO replay_forecasts (day, method, var_usd_e6, shortfall_usd_e6) VALUES (?, ?, ?, ?)",
            [
                (one.day, method, str(_e6(said.var_usd)), str(_e6(said.shortfall_usd)))
                for method, said in one.forecasts.items()
            ],
        )


def _forecasts(ledger: _Reads, table: str) -> dict[int, dict[str, Forecast]]:
    found: dict[int, dict[str, Forecast]] = {}
    rows = ledger.read(
        f"SELECT day, method, var_usd_e6, shortfall_usd_e6 FROM {table} ORDER BY day, method"  # noqa: S608 - a constant
    )
    for day, method, var, shortfall in rows:
        found.setdefault(day, {})[method] = Forecast(
            var_usd=int(var) / _USD, shortfall_usd=int(shortfall) / _USD
        )
    return found


def _has(ledger: _Reads, module: str) -> bool:
    """Tell whether a desk made the tables of a schema module."""
    return bool(ledger.read("SELECT 1 FROM ledger_meta WHERE key = ?", (f"{module}_schema",)))


def open_day(ledger: _Reads) -> tuple[int, dict[Address, Holding]] | None:
    """Return the day that waits for its end, with what was held."""
    rows = ledger.read("SELECT day FROM backtest_days WHERE closed_ms IS NULL ORDER BY day DESC LIMIT 1")
    if not rows:
        return None
    day = rows[0][0]
    held = ledger.read("SELECT asset, net_usd_e6, usd_e36 FROM backtest_positions WHERE day = ?", (day,))
    return day, {
        Address(asset): Holding(net_usd_e6=int(net), usd_e36=int(price)) for asset, net, price in held
    }


def put_day(
    transaction: LedgerTransaction,
    day: int,
    at_ms: int,
    capital_usd_e6: int,
    tails: Mapping[str, TailRisk],
    held: Mapping[Address, Holding],
) -> None:
    """Write the forecast of a day."""
    transaction.execute(
        "INSERT INTO backtest_days (day, forecast_ms, capital_usd_e6) VALUES (?, ?, ?)",
        (day, at_ms, str(capital_usd_e6)),
    )
    transaction.executemany(
        "INSERT INTO backtest_forecasts (day, method, var_usd_e6, shortfall_usd_e6) VALUES (?, ?, ?, ?)",
        [
            (day, method, str(_e6(tail.value_at_risk_usd)), str(_e6(tail.expected_shortfall_usd)))
            for method, tail in tails.items()
        ],
    )
    transaction.executemany(
        "INSERT INTO backtest_positions (day, asset, net_usd_e6, usd_e36) VALUES (?, ?, ?, ?)",
        [(day, asset, str(one.net_usd_e6), str(one.usd_e36)) for asset, one in held.items()],
    )


def put_end(transaction: LedgerTransaction, day: int, now_ms: int, realised_usd_e6: int | None) -> None:
    """Close a day; what was held is needed no more."""
    transaction.execute(
        "UPDATE backtest_days SET closed_ms = ?, realised_usd_e6 = ? WHERE day = ?",
        (now_ms, None if realised_usd_e6 is None else str(realised_usd_e6), day),
    )
    transaction.execute("DELETE FROM backtest_positions WHERE day = ?", (day,))


def _e6(usd: float) -> int:
    return round(usd * _USD)
