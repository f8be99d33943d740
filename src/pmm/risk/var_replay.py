"""Value at risk of today's book on each day of a price history, and what that day would have brought it. Pure.

The book is held as it is, dollars of each asset unchanged from day to day: the method is judged on the portfolio that
it is used for. What is replayed says how it does on these markets, not that the desk's own days were forecast well.
"""

from __future__ import annotations

from dataclasses import replace

from pmm.risk.price_history import PriceHistory
from pmm.risk.valuation import Snapshot, tails_of
from pmm.risk.var_record import DAYS_FOR_A_VERDICT, Forecast, VarDay


def replay(
    snapshot: Snapshot, history: PriceHistory, *, most: int = DAYS_FOR_A_VERDICT
) -> tuple[VarDay, ...]:
    """Return the newest days of a history as the book of ``snapshot`` would have met them, oldest first.

    Its own prices play no part; raises InvalidInput for a payoff or a covariance that is none. Takes 20 ms a day.
    """
    dollars = [snapshot.book.positions.get(asset, 0.0) for asset in history.assets]
    found: list[VarDay] = []
    for one in history.days(most=most):
        past = replace(snapshot, assets=history.assets, returns=one.hours, hours=one.hours, seed=one.day)
        tails, _ = tails_of(past)
        found.append(
            VarDay(
                day=one.day,
                capital_usd=snapshot.book.capital_usd,
                forecasts={
                    method: Forecast(var_usd=way.value_at_risk_usd, shortfall_usd=way.expected_shortfall_usd)
                    for method, way in tails.items()
                },
                realised_usd=float(one.moves @ dollars),
                closed=True,
                whole=True,
                replayed=True,
            )
        )
    return tuple(found)
