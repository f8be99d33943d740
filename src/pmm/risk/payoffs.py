"""What positions are worth in a scenario, for many scenarios at once.

A payoff takes a (assets, scenarios) array of simple returns over the horizon and adds its profit, in dollars, to one
number per scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pmm.risk.tail import Floats


class Payoff(Protocol):
    """One part of the book."""

    def add_to(self, profit: Floats, returns: Floats) -> None:
        """Add the profit of each scenario."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearBook:
    """Dollars of each asset, net: ``dollars @ returns``."""

    dollars: Floats

    def add_to(self, profit: Floats, returns: Floats) -> None:
        """Add the profit of each scenario."""
        # Not @: of this size it would wake the threads of the linear algebra library (see pmm.risk.var).
        profit += np.einsum("i,ij->j", self.dollars.astype(returns.dtype), returns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingAccount:
    """Collateral in one asset, debt in another; what liquidation costs on top of the moves.

    The moves themselves are in the linear book. When ``collateral x threshold < debt`` a liquidator repays
    ``close_factor`` of the debt and takes collateral worth that and ``bonus`` more: the bonus is lost to us.

    Attributes:
        collateral: place of the collateral's asset among the returns.
        debt: place of the debt's asset; None for dollars.
        collateral_usd: value now.
        debt_usd: value now.
        threshold: liquidation threshold, a share.
        bonus: liquidation bonus, a share.
        close_factor: share of the debt that is repaid.
    """

    collateral: int
    debt: int | None
    collateral_usd: float
    debt_usd: float
    threshold: float
    bonus: float
    close_factor: float = 0.5

    def add_to(self, profit: Floats, returns: Floats) -> None:
        """Add the profit of each scenario: zero, or the bonus lost."""
        worth = self.collateral_usd * (1 + returns[self.collateral])
        owed: Floats | float = self.debt_usd
        if self.debt is not None:
            owed = self.debt_usd * (1 + returns[self.debt])
        lost = self.close_factor * self.bonus * owed
        # Nobody can take more than there is.
        taken = np.minimum(lost, np.maximum(worth - self.close_factor * owed, 0))
        profit -= np.where(worth * self.threshold < owed, taken, np.zeros((), dtype=profit.dtype))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuote:
    """A signed quote: the taker's option, which we have written, until it expires.

    We give ``gives_usd`` of one asset for ``takes_usd`` of another, at values of now. The taker fills when that is
    worth more to them than what it costs. Over the quote's short life the move is ``share`` of the horizon's:
    ``sqrt(life / horizon)``.
    """

    gives: int | None
    takes: int | None
    gives_usd: float
    takes_usd: float
    share: float

    def add_to(self, profit: Floats, returns: Floats) -> None:
        """Add the profit of each scenario: what the taker gains by the move we lose; zero when they let it expire."""
        given = self._worth(self.gives_usd, self.gives, returns)
        taken = self._worth(self.takes_usd, self.takes, returns)
        profit += np.minimum(taken - given, 0)

    def _worth(self, usd: float, place: int | None, returns: Floats) -> Floats | float:
        return usd if place is None else usd * (1 + self.share * returns[place])
