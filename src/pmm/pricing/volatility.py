"""Volatility of a price from irregular observations: basis points per square root of a second."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

from pmm.errors import InvalidInput

SECONDS_PER_DAY = 86_400
_BPS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityPolicy:
    """Time constants of the two averages, and how long each must have watched before it counts (seconds)."""

    now_s: float = 60.0
    baseline_s: float = 86_400.0
    now_warm_up_s: float = 30.0
    baseline_warm_up_s: float = 3_600.0

    def __post_init__(self) -> None:
        if min(self.now_s, self.baseline_s) <= 0 or min(self.now_warm_up_s, self.baseline_warm_up_s) < 0:
            raise InvalidInput("volatility: expected positive time constants and warm-ups of at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayedVariance:
    """Squared log returns over elapsed time, both fading with one time constant.

    A ratio of sums: one return over a very short time cannot blow it up, as the mean of ``r**2 / dt`` would,
    and a gap in the observations weighs as long as it lasted.
    """

    squares: float = 0.0
    elapsed_s: float = 0.0

    def after(self, log_return: float, dt_s: float, time_constant_s: float) -> DecayedVariance:
        """Return the sums after a return over ``dt_s`` seconds."""
        kept = exp(-dt_s / time_constant_s)
        return DecayedVariance(
            squares=self.squares * kept + log_return * log_return, elapsed_s=self.elapsed_s * kept + dt_s
        )

    @property
    def sigma_bps(self) -> float:
        """Volatility in basis points per square root of a second; 0 before the first return."""
        return sqrt(self.squares / self.elapsed_s) * _BPS if self.elapsed_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityState:
    """The 1-minute and the 24-hour average and the last observation; times are unix milliseconds."""

    first_ms: int | None = None
    last_ms: int = 0
    last_price: float = 0.0
    now: DecayedVariance = DecayedVariance()
    baseline: DecayedVariance = DecayedVariance()

    def sigma_now_bps(self, policy: VolatilityPolicy) -> float | None:
        """Return volatility now, bps per sqrt second; None before its warm-up is over."""
        return self.now.sigma_bps if self._watched_s() >= max(policy.now_warm_up_s, 1e-3) else None

    def sigma_base_bps(self, policy: VolatilityPolicy) -> float | None:
        """Return the baseline, bps per sqrt second; None before its warm-up is over."""
        return self.baseline.sigma_bps if self._watched_s() >= max(policy.baseline_warm_up_s, 1e-3) else None

    def _watched_s(self) -> float:
        return 0.0 if self.first_ms is None else (self.last_ms - self.first_ms) / 1_000


def observe_price(
    state: VolatilityState, price: float, at_ms: int, policy: VolatilityPolicy
) -> VolatilityState:
    """Return the state after a price in any unit; one not later than the last is left out.

    Raises InvalidInput for a price that is not positive and finite.
    """
    if not isfinite(price) or price <= 0:
        raise InvalidInput(f"price: expected a positive finite number, found {price}")
    if state.first_ms is None:
        return VolatilityState(first_ms=at_ms, last_ms=at_ms, last_price=price)
    if at_ms <= state.last_ms:
        return state
    dt_s = (at_ms - state.last_ms) / 1_000
    log_return = log(price / state.last_price)
    return VolatilityState(
        first_ms=state.first_ms,
        last_ms=at_ms,
        last_price=price,
        now=state.now.after(log_return, dt_s, policy.now_s),
        baseline=state.baseline.after(log_return, dt_s, policy.baseline_s),
    )


def per_sqrt_day(sigma_bps_per_sqrt_s: float) -> float:
    """Return a volatility per square root of a second as one per square root of a day."""
    return sigma_bps_per_sqrt_s * sqrt(SECONDS_PER_DAY)
