"""How far delta may run before hedging it is worth what a hedge costs. Pure statistics; floats.

Delta that fills drive at random (variance ``flow_var`` per second) and that is hedged at a proportional cost ``c``
per unit and a fixed cost ``K`` per trade, against a running penalty of ``gamma * sigma**2 / 2`` per unit squared and
second. The rule that costs least in the long run lets delta run to ``outer`` and then trades it back to ``inner``:

    A = gamma * sigma**2 / flow_var
    c = A * inner * outer * (inner + outer) / 3
    K = A * (outer - inner)**3 * (inner + outer) / 12

from the Hamilton-Jacobi-Bellman equation of impulse control, V'' = (2 rho - gamma sigma**2 q**2) / flow_var, with
V' = c at both edges and V(outer) - V(inner) = c (outer - inner) + K. Its limits are the published laws: without K
the cube root of Whalley and Wilmott (Mathematical Finance 7, 1997) and Rogers (2004),
``outer**3 = 3 c / (2 A)``; without c the fourth root of Atkinson and Wilmott (1995), ``outer**4 = 12 K / A``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from pmm.errors import InvalidInput

_STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BandInputs:
    """What the band follows from; units of the asset are whole ones (1 WETH), money is US dollars.

    Attributes:
        sigma_usd: volatility of the asset's price, US dollars per square root of a second.
        flow_var: variance of delta that fills bring, units squared per second.
        gamma: aversion to variance, 1 / US dollar: the penalty is gamma / 2 times the variance of wealth.
        proportional_usd: cost of hedging one unit (fee, half spread).
        fixed_usd: cost of a hedge whatever its size (gas).
    """

    sigma_usd: float
    flow_var: float
    gamma: float
    proportional_usd: float
    fixed_usd: float

    def __post_init__(self) -> None:
        values = (self.sigma_usd, self.flow_var, self.gamma, self.proportional_usd, self.fixed_usd)
        if not all(isfinite(value) and value >= 0 for value in values) or self.sigma_usd * self.gamma == 0:
            raise InvalidInput(
                "no-trade band: expected finite values, none negative, sigma_usd and gamma above 0; found "
                f"{values}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Beyond ``outer`` delta is traded back to ``inner``, both in units of the asset."""

    inner: float
    outer: float


def no_trade_band(inputs: BandInputs) -> Band:
    """Return the cheapest band; (0, 0) without costs or without flow, where hedging at once is best."""
    if inputs.flow_var == 0 or inputs.proportional_usd == inputs.fixed_usd == 0:
        return Band(inner=0.0, outer=0.0)
    a = inputs.gamma * inputs.sigma_usd**2 / inputs.flow_var
    c, k = inputs.proportional_usd / a, inputs.fixed_usd / a

    # With s = inner + outer and d = outer - inner: d**3 = 12 k / s and s (s**2 - d**2) = 12 c, rising in s.
    def width(s: float) -> float:
        return float((12 * k / s) ** (1 / 3))

    low, high = 0.0, (12 * c) ** (1 / 3) + (12 * k) ** (1 / 4)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if middle * (middle**2 - width(middle) ** 2) < 12 * c:
            low = middle
        else:
            high = middle
    d = min(width(high), high)
    return Band(inner=(high - d) / 2, outer=(high + d) / 2)


def cost_rate_usd(inputs: BandInputs, band: Band) -> float:
    """Return what a band costs per second in the long run: penalty and trades; for comparing bands.

    Delta is a Brownian motion that jumps from +-outer to +-inner; with inner = outer it is reflected.
    """
    a, b = band.inner, band.outer
    if b <= 0:
        raise InvalidInput("no-trade band: expected an outer edge above 0, found none")
    penalty = inputs.gamma * inputs.sigma_usd**2 / 2
    if a == b:
        return penalty * b**2 / 3 + inputs.proportional_usd * inputs.flow_var / (2 * b)
    # Mean time from inner to +-outer, and the integral of q**2 along the way (optional stopping).
    cycle_s = (b**2 - a**2) / inputs.flow_var
    squares = (b**4 - a**4) / (6 * inputs.flow_var)
    return (penalty * squares + inputs.proportional_usd * (b - a) + inputs.fixed_usd) / cycle_s
