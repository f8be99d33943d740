"""Value at risk from what happened: plain, and filtered by a GARCH model of the volatility."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.payoffs import Payoff
from pmm.risk.tail import CONFIDENCE, Floats, TailRisk, tail_risk

_PERCENT: Final = 100.0
_LEAST_FOR_GARCH: Final = 250
_LEAST: Final = 100


def historical_var(payoffs: Sequence[Payoff], returns: Floats, *, confidence: float = CONFIDENCE) -> TailRisk:
    """Revalue the book in every past return: a (times, assets) array of simple returns over the horizon.

    Raises InvalidInput below 100 times: a 99 % quantile of fewer is their maximum.
    """
    if returns.ndim != 2 or len(returns) < _LEAST:
        raise InvalidInput(f"returns: expected at least {_LEAST} times by assets, found {returns.shape}")
    profit = np.zeros(len(returns))
    moves = np.ascontiguousarray(returns.T)
    for payoff in payoffs:
        payoff.add_to(profit, moves)
    return tail_risk(-profit, confidence)


def filtered_historical_var(profits: Floats, *, confidence: float = CONFIDENCE) -> TailRisk:
    """Return the next period's tail of a book from its own past profits, oldest first.

    A GARCH(1,1) with normal innovations gives each day's volatility; the profits are divided by it, and the quantile
    of those standardised profits is multiplied by tomorrow's volatility. Source: G. Barone-Adesi, K. Giannopoulos,
    L. Vosper, "VaR without correlations for portfolios of derivative securities", Journal of Futures Markets 19
    (1999), here for one horizon step. Raises InvalidInput below 250 profits or when the model does not converge.
    """
    standardised, tomorrow = garch_filter(profits)
    unit = tail_risk(-standardised, confidence)
    return TailRisk(
        value_at_risk_usd=unit.value_at_risk_usd * tomorrow,
        expected_shortfall_usd=unit.expected_shortfall_usd * tomorrow,
        standard_error_usd=unit.standard_error_usd * tomorrow,
    )


def garch_filter(profits: Floats) -> tuple[Floats, float]:
    """Return standardised profits and the volatility forecast for the next period; raises as above."""
    # Three seconds of imports, which only who asks for this pays.
    from arch import arch_model

    size = float(np.std(profits)) if len(profits) else 0.0
    if len(profits) < _LEAST_FOR_GARCH or not np.isfinite(size) or size <= 0:
        raise InvalidInput(
            f"profits: expected at least {_LEAST_FOR_GARCH} finite ones that differ, found {len(profits)}; use "
            "historical_var"
        )
    # The optimiser wants numbers near one.
    model = arch_model(profits / size, mean="Zero", vol="GARCH", p=1, q=1, dist="normal", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(disp="off", show_warning=False)
    if fitted.convergence_flag != 0:
        raise InvalidInput(
            f"profits: expected a GARCH(1,1) to converge, found flag {fitted.convergence_flag}; use historical_var"
        )
    standardised: Floats = np.asarray(fitted.std_resid, dtype=np.float64)
    forecast = fitted.forecast(horizon=1, reindex=False)
    return standardised, float(np.sqrt(forecast.variance.to_numpy()[-1, 0])) * size
