"""How much we dislike inventory: more when the market moves more than usual, and when flow is toxic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.errors import InvalidInput


class VolatilityRatio(StrEnum):
    """What stood in for ``sigma_now / sigma_base``; the journal keeps the value."""

    MEASURED = "measured"
    UNKNOWN = "unknown"
    ZERO_BASELINE = "zero_baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAversionPolicy:
    """``cap``: most that volatility multiplies gamma by; ``toxic_factor``: what toxic flow multiplies it by then."""

    cap: float = 3.0
    toxic_factor: float = 1.5

    def __post_init__(self) -> None:
        if not self.cap >= 1 or not self.toxic_factor >= 1:
            raise InvalidInput(f"risk aversion: expected factors of at least 1, found {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAversion:
    """Gamma (unit of its base) and how the volatility ratio was come by."""

    gamma: float
    ratio: VolatilityRatio


def risk_aversion(
    base: float,
    *,
    sigma_now: float | None,
    sigma_base: float | None,
    toxic_flow: bool = False,
    policy: RiskAversionPolicy | None = None,
) -> RiskAversion:
    """Return ``base * (1 + sigma_now / sigma_base)``, at most ``cap * base``, times the toxic factor if toxic.

    Where either volatility is unknown the market counts as usual (ratio 1). Over a baseline of zero any
    movement counts as unusual without bound, hence the cap, and none as usual.
    """
    policy = policy or RiskAversionPolicy()
    if sigma_now is None or sigma_base is None:
        factor, ratio = 2.0, VolatilityRatio.UNKNOWN
    elif sigma_base <= 0:
        factor, ratio = (policy.cap if sigma_now > 0 else 2.0), VolatilityRatio.ZERO_BASELINE
    else:
        factor, ratio = 1 + sigma_now / sigma_base, VolatilityRatio.MEASURED
    factor = min(factor, policy.cap) * (policy.toxic_factor if toxic_flow else 1.0)
    return RiskAversion(gamma=base * factor, ratio=ratio)
