"""Quantile and tail mean of simulated losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pmm.errors import InvalidInput

Floats = npt.NDArray[Any]
CONFIDENCE: Final = 0.99
_SAMPLE: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRisk:
    """Value at risk and expected shortfall, US dollars, as positive losses over the horizon.

    ``standard_error_usd`` is that of the value at risk, from the spread of the order statistics around it; 0 where
    nothing was simulated.
    """

    value_at_risk_usd: float
    expected_shortfall_usd: float
    standard_error_usd: float = 0.0


def tail_risk(losses: Floats, confidence: float = CONFIDENCE) -> TailRisk:
    """Return the tail of equally likely losses.

    Value at risk is the ``ceil(n * confidence)``-th smallest loss; expected shortfall the mean of it and all greater
    ones (C. Acerbi, D. Tasche, "On the coherence of expected shortfall", 2002, for a discrete sample without the
    split of the quantile's own weight). Raises InvalidInput for an empty sample or one with NaN.
    """
    size = len(losses)
    if not size or not 0 < confidence < 1:
        raise InvalidInput(f"losses: expected some and a confidence in (0, 1), found {size} and {confidence}")
    worst = size - int(np.ceil(size * confidence - 1e-9)) + 1
    tail = _largest(losses, worst)
    value = float(tail.min())
    if not np.isfinite(value):
        raise InvalidInput(
            f"losses: expected finite numbers, found {value}; look at the covariance and the payoffs"
        )
    # The k-th largest of n wanders by sqrt(n p (1-p)) places; half the distance between those is one error.
    wander = max(int(np.sqrt(size * confidence * (1 - confidence))), 1)
    around = np.sort(tail)
    above = float(around[min(wander, worst - 1)])
    return TailRisk(
        value_at_risk_usd=value,
        expected_shortfall_usd=float(tail.mean(dtype=np.float64)),
        standard_error_usd=above - value,
    )


def _largest(losses: Floats, count: int) -> Floats:
    """Return the ``count`` largest, in any order. Most of a million are never sorted: a sample says where to look."""
    size = len(losses)
    if size > 10 * _SAMPLE and count < size // 20:
        rank = int(_SAMPLE * (1 - 2 * count / size))
        floor = np.partition(losses[:_SAMPLE], rank)[rank]
        above = losses[losses >= floor]
        if len(above) >= count:
            losses = above
    return losses if count >= len(losses) else np.partition(losses, len(losses) - count)[-count:]
