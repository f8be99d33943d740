"""Was value at risk right? Tests of the days on which the loss was greater.

``kupiec``: as many as promised (P. Kupiec, "Techniques for verifying the accuracy of risk measurement models",
Journal of Derivatives 3, 1995). ``independence``: not in clusters; ``conditional_coverage``: both (P. Christoffersen,
"Evaluating interval forecasts", International Economic Review 39, 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pmm.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """A likelihood ratio and the probability of a greater one were the model right."""

    __test__ = False  # not one of pytest's

    ratio: float
    p_value: float

    def rejects(self, level: float = 0.05) -> bool:
        """Tell whether the model is rejected at a level."""
        return self.p_value < level


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """How often a day without (0) or with (1) an exception was followed by one without or with."""

    n00: int
    n01: int
    n10: int
    n11: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """All three tests of one model."""

    days: int
    exceptions: int
    kupiec: TestResult
    independence: TestResult
    conditional_coverage: TestResult


def exceptions(losses: Sequence[float], values_at_risk: Sequence[float]) -> list[bool]:
    """Tell for each day whether the loss was greater than its value at risk, both as positive losses."""
    if len(losses) != len(values_at_risk):
        raise InvalidInput(
            f"backtest: expected a forecast for each of {len(losses)} days, found {len(values_at_risk)}"
        )
    return [loss > limit for loss, limit in zip(losses, values_at_risk, strict=True)]


def backtest(hits: Sequence[bool], probability: float = 0.01) -> Backtest:
    """Run all three tests; ``probability`` is that of an exception if the model is right."""
    moves = transitions(hits)
    coverage, alone = kupiec(sum(hits), len(hits), probability), independence(moves)
    return Backtest(
        days=len(hits),
        exceptions=sum(hits),
        kupiec=coverage,
        independence=alone,
        conditional_coverage=conditional_coverage(coverage, alone),
    )


def kupiec(count: int, days: int, probability: float) -> TestResult:
    """Test the proportion of failures: ``-2 ln(L(p) / L(count / days))``, chi-squared with 1 degree of freedom."""
    if not 0 <= count <= days or days < 1 or not 0 < probability < 1:
        raise InvalidInput(
            f"backtest: expected 0 <= exceptions <= days and a probability, found {count}, {days}, {probability}"
        )
    ratio = 2 * (_likelihood(count, days, count / days) - _likelihood(count, days, probability))
    return _chi2_1(ratio)


def transitions(hits: Sequence[bool]) -> Transitions:
    """Count what followed what."""
    pairs = list(pairwise(hits))
    return Transitions(
        n00=sum(not one and not two for one, two in pairs),
        n01=sum(not one and two for one, two in pairs),
        n10=sum(one and not two for one, two in pairs),
        n11=sum(one and two for one, two in pairs),
    )


def independence(moves: Transitions) -> TestResult:
    """Test a first-order Markov chain against independence, chi-squared with 1 degree of freedom."""
    after_none, after_hit = moves.n00 + moves.n01, moves.n10 + moves.n11
    if after_none + after_hit < 1:
        raise InvalidInput("backtest: expected at least two days, found fewer")
    followed = moves.n01 + moves.n11
    alone = _likelihood(followed, after_none + after_hit, followed / (after_none + after_hit))
    chain = _likelihood(moves.n01, after_none, moves.n01 / after_none if after_none else 0.0)
    chain += _likelihood(moves.n11, after_hit, moves.n11 / after_hit if after_hit else 0.0)
    return _chi2_1(2 * (chain - alone))


def conditional_coverage(coverage: TestResult, alone: TestResult) -> TestResult:
    """Add the two ratios: chi-squared with 2 degrees of freedom, ``exp(-x / 2)``."""
    ratio = coverage.ratio + alone.ratio
    return TestResult(ratio=ratio, p_value=math.exp(-ratio / 2))


def _likelihood(count: int, days: int, probability: float) -> float:
    """Return ``ln(p^count (1 - p)^(days - count))``; 0^0 is 1."""
    hit = count * math.log(probability) if count else 0.0
    return hit + ((days - count) * math.log1p(-probability) if days > count else 0.0)


def _chi2_1(ratio: float) -> TestResult:
    ratio = max(ratio, 0.0)
    return TestResult(ratio=ratio, p_value=math.erfc(math.sqrt(ratio / 2)))
