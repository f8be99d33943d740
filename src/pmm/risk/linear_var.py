"""Value at risk of a linear book, kept as positions change, and what one more trade would make of it.

A linear book earns ``w . R``: ``w`` dollars of each asset times its return. Where ``R`` is elliptical with mean zero
(normal, Student's t), ``w . R`` has exactly the distribution of ``sqrt(w' C w)`` times one standard variable of the
same family. So a simulation of the one variable is equal *in distribution* to one of all assets: same quantiles, same
estimator, same sampling error; not the same scenario by scenario, and it cannot say which asset did it. It is exact
in this sense for simple returns; with logarithmic ones (``w . (exp(R) - 1)``) nothing is linear and the book must be
revalued. For the same reason no simulation is needed at all: the quantile is ``sqrt(w' C w)`` times a constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from pmm.risk.returns import ReturnModel
from pmm.risk.tail import TailRisk

Z_99: Final = 2.3263478740408408
"""99 % quantile of the standard normal distribution."""
ES_99: Final = 2.665214220345808
"""Mean of the standard normal beyond it: density(z) / 0.01."""
_REFRESH: Final = 1_000


class LinearVar:
    """Variance of a linear book, O(assets) for a change of one position and O(1) for a question."""

    def __init__(self, model: ReturnModel) -> None:
        self._place = {asset: place for place, asset in enumerate(model.assets)}
        self._covariance: list[list[float]] = model.covariance.tolist()
        self._dollars = [0.0] * len(model.assets)
        self._slopes = [0.0] * len(model.assets)
        self._changes = 0
        self.variance = 0.0
        """Of the book's profit over the horizon, dollars squared."""

    def put(self, asset: str, dollars: float) -> None:
        """Set the net dollars of an asset; one without a covariance raises KeyError."""
        place = self._place[asset]
        change = dollars - self._dollars[place]
        row = self._covariance[place]
        self.variance += change * (2 * self._slopes[place] + change * row[place])
        self._slopes = [slope + change * one for slope, one in zip(self._slopes, row, strict=True)]
        self._dollars[place] = dollars
        self._changes += 1
        if self._changes >= _REFRESH:
            self._start_anew()

    def slope(self, asset: str) -> tuple[float, float]:
        """Return ``(C w)`` and ``C`` of an asset: what :func:`variance_after` needs."""
        place = self._place[asset]
        return self._slopes[place], self._covariance[place][place]

    def risk(self) -> TailRisk:
        """Return value at risk and expected shortfall of normal returns, 99 %."""
        deviation = math.sqrt(max(self.variance, 0.0))
        return TailRisk(value_at_risk_usd=Z_99 * deviation, expected_shortfall_usd=ES_99 * deviation)

    def slopes(self) -> Mapping[str, tuple[float, float]]:
        """Return :meth:`slope` of every asset."""
        return {asset: self.slope(asset) for asset in self._place}

    def _start_anew(self) -> None:
        # Differences of floats drift; once in a while the sums are made from the positions.
        self._changes = 0
        self._slopes = [
            math.fsum(one * dollars for one, dollars in zip(row, self._dollars, strict=True))
            for row in self._covariance
        ]
        self.variance = math.fsum(
            slope * dollars for slope, dollars in zip(self._slopes, self._dollars, strict=True)
        )


def variance_after(variance: float, slope: float, own: float, dollars: float) -> float:
    """Return the variance after ``dollars`` more of one asset: ``v + 2 d (C w) + d^2 C``."""
    return variance + dollars * (2 * slope + dollars * own)
