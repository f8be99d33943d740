"""Reservation price and spread of Avellaneda and Stoikov with a rolling horizon.

Source: M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008),
equations 3.17 and 3.18. Their fixed end of the day has no meaning in a market that never closes: ``horizon`` is
the time for which a position is expected to be held, always the same.

Units: price unit P, time unit T, lots L: ``sigma`` P per sqrt T, ``gamma`` 1/(P L), ``k`` 1/P, ``horizon`` T.
"""

from __future__ import annotations

from math import log1p


def reservation_price(mid: float, lots: float, *, gamma: float, sigma: float, horizon: float) -> float:
    """Return ``mid - lots * gamma * sigma**2 * horizon``: where we are indifferent between more and less."""
    return mid - lots * gamma * sigma * sigma * horizon


def base_spread(*, gamma: float, k: float) -> float:
    """Return ``(2 / gamma) * ln(1 + gamma / k)``: the whole spread without the risk of holding."""
    return 2 / gamma * log1p(gamma / k)


def spread(*, gamma: float, sigma: float, k: float, horizon: float) -> float:
    """Return the whole spread, bid to ask, around the reservation price."""
    return gamma * sigma * sigma * horizon + base_spread(gamma=gamma, k=k)
