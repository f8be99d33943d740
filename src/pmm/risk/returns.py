"""Joint distribution of returns over the horizon, and how it is estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.tail import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReturnModel:
    """Returns of some assets over one horizon: mean zero, covariance ``covariance``, normal or Student's t.

    A mean is left out on purpose: over a day it is far smaller than its estimation error.

    Attributes:
        assets: in the order of the matrix.
        covariance: of the returns over the horizon, dimensionless.
        tail_index: degrees of freedom of Student's t, more than 2; 0 for normal returns. The covariance is the
            same for all: a smaller number means rarer and larger moves.
    """

    assets: tuple[str, ...]
    covariance: Floats
    tail_index: float = 0.0

    def __post_init__(self) -> None:
        size = len(self.assets)
        matrix = np.asarray(self.covariance, dtype=np.float64)
        if matrix.shape != (size, size) or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            raise InvalidInput(
                f"covariance: expected a finite symmetric {size} x {size} matrix for {', '.join(self.assets)}, found "
                f"shape {matrix.shape}"
            )
        if self.tail_index and self.tail_index <= 2:
            raise InvalidInput(f"tail index: expected 0 or more than 2, found {self.tail_index}")
        if size and np.linalg.eigvalsh(matrix).min() < -1e-12 * max(np.trace(matrix), 1e-300):
            raise InvalidInput("covariance: expected no negative eigenvalue; estimate it from common times")
        object.__setattr__(self, "covariance", matrix)

    def factor(self) -> Floats:
        """Return ``L`` with ``L @ L.T`` the covariance, also where some assets are combinations of others."""
        values, vectors = np.linalg.eigh(self.covariance)
        root: Floats = vectors * np.sqrt(np.clip(values, 0, None))
        return root


def ewma_covariance(returns: Floats, decay: float = 0.94, horizon: float = 1.0) -> Floats:
    """Return the exponentially weighted covariance of a (times, assets) array, newest last, mean zero.

    ``decay`` 0.94 is RiskMetrics' for days (J.P. Morgan, "RiskMetrics Technical Document", 4th ed., 1996, 5.3);
    ``horizon`` is how many of the periods the forecast spans.
    """
    if returns.ndim != 2 or not len(returns) or not 0 < decay <= 1:
        raise InvalidInput(
            f"returns: expected (times, assets) and a decay in (0, 1], found {returns.shape}, {decay}"
        )
    weights = decay ** np.arange(len(returns) - 1, -1, -1)
    scaled: Floats = (returns * weights[:, None]).T @ returns / weights.sum() * horizon
    return scaled


def log_returns(prices: Sequence[float] | Floats) -> Floats:
    """Return the logarithmic returns of positive prices."""
    found = np.asarray(prices, dtype=np.float64)
    if len(found) < 2 or not (found > 0).all():
        raise InvalidInput("prices: expected at least two positive numbers")
    moves: Floats = np.diff(np.log(found), axis=0)
    return moves
