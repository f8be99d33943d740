"""The book's value at risk and stress losses at one moment, from a frozen snapshot: what a clock computes aside.

Pure and without state: it may run in another thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.historical_var import historical_var
from pmm.risk.payoffs import LendingAccount, LinearBook, Payoff
from pmm.risk.returns import ReturnModel, ewma_covariance
from pmm.risk.scenarios import SCENARIOS
from pmm.risk.settings import RiskSettings
from pmm.risk.stress import StressedAccount, StressedBook, StressResult, stress
from pmm.risk.tail import Floats, TailRisk
from pmm.risk.var import full_var, linear_var

_LINEAR_SCENARIOS: Final = 1_000_000
_FULL_SCENARIOS: Final = 100_000
METHODS: Final = frozenset({"monte_carlo", "historical"})
"""Ways to the tail that a valuation may know."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """What is valued.

    Attributes:
        at_ms: when the book was so.
        book: capital and net dollars per asset, lending accounts included.
        assets: of the returns' columns.
        returns: over one day, logarithmic, of those assets; None where there are too few prices.
        hours: the same of a month's hours, None where there are too few: they are taken before the others.
        needs: prices that are missing then.
        lacking: assets without a price, where prices are missing: no time brings them.
        still: assets held whose price never moved.
        seed: of the simulation.
    """

    at_ms: int
    book: StressedBook
    assets: tuple[str, ...]
    returns: Floats | None
    hours: Floats | None = None
    needs: int = 0
    lacking: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What came out. ``tails`` by method, ``monte_carlo`` first; empty where value at risk is unknown, as ``why``.

    ``model`` is the joint distribution of a day's returns, None then.
    """

    at_ms: int
    capital_usd: float
    tails: Mapping[str, TailRisk]
    stressed: tuple[StressResult, ...]
    needs: int = 0
    why: str = ""
    model: ReturnModel | None = None

    @property
    def worst_loss_usd(self) -> float:
        """Loss of the worst scenario, 0 where none costs anything."""
        return max((-one.worst_usd for one in self.stressed), default=0.0)


def value(snapshot: Snapshot, settings: RiskSettings) -> Valuation:
    """Compute everything; raises InvalidInput for a covariance or a payoff that is none."""
    tails: dict[str, TailRisk] = {}
    model: ReturnModel | None = None
    why = _unknown(snapshot)
    if not why:
        tails, model = tails_of(snapshot)
    return Valuation(
        at_ms=snapshot.at_ms,
        capital_usd=snapshot.book.capital_usd,
        tails=tails,
        stressed=tuple(stress(snapshot.book, one, settings) for one in SCENARIOS),
        needs=0 if snapshot.lacking else snapshot.needs,
        why=why,
        model=model,
    )


def tails_of(snapshot: Snapshot) -> tuple[dict[str, TailRisk], ReturnModel]:
    """Return the tail by each method and the model of the returns; raises InvalidInput without any."""
    returns = snapshot.returns if snapshot.hours is None else snapshot.hours
    if returns is None:
        raise InvalidInput(f"value at risk: expected returns, found none: needs {snapshot.needs} more prices")
    # Every price of the record counts the same: it is short, and its decay per minute is nobody's standard.
    model = ReturnModel(assets=snapshot.assets, covariance=ewma_covariance(returns, decay=1.0))
    return _tails(snapshot, model), model


def no_price_of(assets: Iterable[str]) -> str:
    """Return why value at risk is unknown where these have no price."""
    return f"no price of {', '.join(assets)}"


def _unknown(snapshot: Snapshot) -> str:
    if snapshot.returns is None and snapshot.lacking:
        return no_price_of(snapshot.lacking)
    if snapshot.returns is None:
        return f"needs {snapshot.needs} more prices"
    if snapshot.still:
        return f"no price of {', '.join(snapshot.still)} has moved yet"
    return ""


def _tails(snapshot: Snapshot, model: ReturnModel) -> dict[str, TailRisk]:
    book = snapshot.book
    dollars = np.array([book.positions.get(asset, 0.0) for asset in snapshot.assets])
    payoffs: list[Payoff] = [LinearBook(dollars=dollars)]
    payoffs += [_account(one, snapshot.assets) for one in book.accounts if one.debt_usd > 0]
    if len(payoffs) == 1:
        found = linear_var(dollars, model, seed=snapshot.seed, scenarios=_LINEAR_SCENARIOS)
    else:
        found = full_var(payoffs, model, seed=snapshot.seed, scenarios=_FULL_SCENARIOS)
    tails = {"monte_carlo": found}
    if snapshot.hours is not None:
        tails["historical"] = historical_var(payoffs, np.expm1(snapshot.hours))
    return tails


def _account(one: StressedAccount, assets: tuple[str, ...]) -> LendingAccount:
    return LendingAccount(
        collateral=assets.index(one.collateral),
        debt=assets.index(one.debt),
        collateral_usd=one.collateral_usd,
        debt_usd=one.debt_usd,
        threshold=one.threshold,
        bonus=one.bonus,
        close_factor=one.close_factor,
    )
