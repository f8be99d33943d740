"""Distance of bid and ask from the mid by Gueant, Lehalle and Fernandez-Tapia, far from the end of time.

Source: O. Gueant, C.-A. Lehalle, J. Fernandez-Tapia, "Dealing with the inventory risk", Mathematics and Financial
Economics 7 (2013): the asymptotic quotes from the eigenvector of the smallest eigenvalue, and their closed-form
approximation, which errs for a large inventory and a strong skew.

Units: price unit P, time unit T, lots L: ``sigma`` P per sqrt T, ``gamma`` 1/(P L), ``k`` 1/P, ``intensity`` 1/T.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor, log, log1p, sqrt

import numpy as np

from pmm.errors import InvalidInput

# A matrix of 201 rows: its eigenvalues take milliseconds, once per view.
_MOST_LOTS = 100


@dataclass(frozen=True, slots=True)
class GlftParameters:
    """Fills come at ``intensity * exp(-k * distance)``; ``max_lots`` is Q, beyond which one side stops."""

    gamma: float
    sigma: float
    k: float
    intensity: float
    max_lots: int

    def __post_init__(self) -> None:
        positive = min(self.gamma, self.k, self.intensity) > 0 and self.sigma >= 0
        if not positive or not 1 <= self.max_lots <= _MOST_LOTS:
            raise InvalidInput(
                "glft: expected positive gamma, k and intensity, sigma of at least 0 and 1 to 100 lots, "
                f"found {self}"
            )


def base_distance(*, gamma: float, k: float) -> float:
    """Return ``(1 / gamma) * ln(1 + gamma / k)``: the distance without inventory risk."""
    return log1p(gamma / k) / gamma


def closed_form_bid_distance(lots: float, parameters: GlftParameters) -> float:
    """Return the bid's distance below the mid by the closed form; the ask's is that of ``-lots``."""
    p = parameters
    slope = sqrt(p.sigma**2 * p.gamma / (2 * p.k * p.intensity) * (1 + p.gamma / p.k) ** (1 + p.k / p.gamma))
    return base_distance(gamma=p.gamma, k=p.k) + (2 * lots + 1) / 2 * slope


@lru_cache(maxsize=256)
def bid_distances(parameters: GlftParameters) -> tuple[float, ...]:
    """Return the bid's distance below the mid for ``-Q`` to ``Q - 1`` lots held, by the eigenvector.

    ``v' = M v`` with ``alpha q**2`` on the diagonal and ``-eta`` beside it; far from the end ``v`` is the
    eigenvector of M's smallest eigenvalue, and the distance ``base + ln(v_q / v_(q+1)) / k``. Ratios of
    neighbours follow from the eigenvalue, row by row from the edge: exact where the vector itself, tiny at the
    edges, would be noise.
    """
    p = parameters
    alpha = p.k * p.gamma * p.sigma**2 / 2
    eta = p.intensity * (1 + p.gamma / p.k) ** -(1 + p.k / p.gamma)
    lots = np.arange(-p.max_lots, p.max_lots + 1, dtype=np.float64)
    beside = np.full(len(lots) - 1, -eta)
    matrix = np.diag(alpha * lots**2) + np.diag(beside, 1) + np.diag(beside, -1)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    ratios: list[float] = []
    for q in range(p.max_lots, 0, -1):
        rest = alpha * q * q - smallest - (eta * ratios[-1] if ratios else 0.0)
        if not rest > 0:
            raise InvalidInput(f"glft: the parameters are out of a float's range: {p}")
        ratios.append(eta / rest)
    base = base_distance(gamma=p.gamma, k=p.k)
    # v is symmetric: the other half are the inverse ratios, in reverse.
    rising = [log(ratio) / p.k for ratio in ratios]
    return tuple(base + step for step in (*rising, *(-step for step in reversed(rising))))


def bid_distance(lots: float, parameters: GlftParameters) -> float | None:
    """Return the bid's distance below the mid while ``lots`` are held, None where no more may be bought.

    Between whole lots a straight line; below ``-Q`` lots as at ``-Q``. The ask's distance is that of ``-lots``.
    """
    distances = bid_distances(parameters)
    at = max(lots + parameters.max_lots, 0.0)
    below = floor(at)
    if at > len(distances) - 1:
        return None
    if below == at:
        return distances[below]
    return distances[below] + (at - below) * (distances[below + 1] - distances[below])
