"""Monte-Carlo value at risk and expected shortfall, 99 %, one day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.payoffs import Payoff
from pmm.risk.returns import ReturnModel
from pmm.risk.tail import CONFIDENCE, Floats, TailRisk, tail_risk

SCENARIOS: Final = 1_000_000
_CHUNK: Final = 8_192
"""Scenarios at a time: numbers of ten assets then stay in the processor's cache."""
_PIECE: Final = 2_048
_SINGLE = np.float32


def linear_var(
    dollars: Floats,
    model: ReturnModel,
    *,
    seed: int,
    scenarios: int = SCENARIOS,
    confidence: float = CONFIDENCE,
) -> TailRisk:
    """Simulate a linear book in one dimension: ``sqrt(w' C w)`` times one standard variable.

    Exact in the sense of ``pmm.risk.linear_var``: equal in distribution to simulating every asset.
    """
    if scenarios < 1 or dollars.shape != (len(model.assets),):
        raise InvalidInput(
            f"book: expected {len(model.assets)} positions and scenarios, found {dollars.shape}"
        )
    deviation = math.sqrt(max(float(dollars @ model.covariance @ dollars), 0.0))
    random = np.random.Generator(np.random.SFC64(seed))
    draws = random.standard_normal(scenarios, dtype=_SINGLE)
    if model.tail_index:
        draws *= _mixing(random, model.tail_index, scenarios)
    unit = tail_risk(draws, confidence)
    return TailRisk(
        value_at_risk_usd=deviation * unit.value_at_risk_usd,
        expected_shortfall_usd=deviation * unit.expected_shortfall_usd,
        standard_error_usd=deviation * unit.standard_error_usd,
    )


def full_var(
    payoffs: Sequence[Payoff],
    model: ReturnModel,
    *,
    seed: int,
    scenarios: int = SCENARIOS,
    confidence: float = CONFIDENCE,
) -> TailRisk:
    """Revalue every payoff in every scenario; the model's returns are logarithmic here, so no price goes below zero.

    Single precision: 24 bits of a loss are far more than a million scenarios can tell apart.
    """
    return tail_risk(full_losses(payoffs, model, seed=seed, scenarios=scenarios), confidence)


def full_losses(
    payoffs: Sequence[Payoff], model: ReturnModel, *, seed: int, scenarios: int = SCENARIOS
) -> Floats:
    """Return the loss of each scenario."""
    if scenarios < 1 or not payoffs:
        raise InvalidInput(f"book: expected payoffs and scenarios, found {len(payoffs)} and {scenarios}")
    random = np.random.Generator(np.random.SFC64(seed))
    factor = model.factor().astype(_SINGLE)
    size = len(model.assets)
    losses = np.zeros(scenarios, dtype=_SINGLE)
    draws = np.empty((size, _CHUNK), dtype=_SINGLE)
    for start in range(0, scenarios, _CHUNK):
        profit = losses[start : start + _CHUNK]
        width = len(profit)
        if width < _CHUNK:
            draws = np.empty((size, width), dtype=_SINGLE)
        random.standard_normal(out=draws, dtype=_SINGLE)
        returns = _joint(factor, draws)
        if model.tail_index:
            returns *= _mixing(random, model.tail_index, width)
        np.expm1(returns, out=returns)
        for payoff in payoffs:
            payoff.add_to(profit, returns)
    np.negative(losses, out=losses)
    return losses


def _joint(factor: Floats, draws: Floats) -> Floats:
    """Return ``factor @ draws``, in pieces so small that the linear algebra library does not call its threads.

    Their waiting for each other costs more than the product as soon as the machine does anything else.
    """
    joint = np.empty_like(draws)
    for start in range(0, draws.shape[1], _PIECE):
        piece = slice(start, start + _PIECE)
        np.matmul(factor, draws[:, piece], out=joint[:, piece])
    return joint


def _mixing(random: np.random.Generator, tail_index: float, count: int) -> Floats:
    """Return what makes Student's t of normals: ``sqrt((n - 2) / chi2(n))``, so that the variance stays."""
    chi2 = 2 * random.standard_gamma(tail_index / 2, count, dtype=_SINGLE)
    mixed: Floats = np.sqrt(_SINGLE(tail_index - 2) / chi2)
    return mixed
