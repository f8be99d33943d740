"""Rates and depth of lending markets, whichever way they came."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pmm.domain import Address, Token
from pmm.pricing import LendingReading

_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingRate:
    """One token in one market. Rates are per year and simple (0.05 is 5 %); ``available`` is in whole tokens.

    ``threshold`` is the part of a supplied dollar that carries debt, None where this way does not say.
    """

    market: str
    token: Address
    supply_rate: float
    borrow_rate: float
    available: float | None = None
    threshold: float | None = None


def simple_rate(compounded: float) -> float:
    """Return the simple yearly rate whose continuous compounding yields ``compounded``: contracts tell the one,
    web pages the other. Raises ValueError at -100 % and below, and for what is no finite number."""
    if not math.isfinite(compounded):
        raise ValueError(f"expected a yearly rate, found {compounded}")
    return math.log1p(compounded)


def not_negative(value: float) -> float:
    """Return a depth or a threshold as it is; raises ValueError where it is negative or no finite number."""
    if not 0 <= value < math.inf:
        raise ValueError(f"expected a number from 0 on, found {value}")
    return value


def rates_of_readings(readings: Iterable[LendingReading], tokens: Sequence[Token]) -> tuple[LendingRate, ...]:
    """Return what the contracts say, as the lending reader of ``pmm.chain`` read it."""
    decimals = {token.address: token.decimals for token in tokens}
    return tuple(
        LendingRate(
            market=one.market,
            token=one.token,
            supply_rate=one.supply_rate_wad / _WAD,
            borrow_rate=one.borrow_rate_wad / _WAD,
            available=one.liquidity / 10 ** decimals[one.token],
            threshold=one.collateral_factor_wad / _WAD,
        )
        for one in readings
        if one.token in decimals
    )


def numbers(rates: Iterable[LendingRate]) -> Mapping[tuple[str, Address, str], float]:
    """Return every rate under a name, for the cross-check."""
    return {
        (rate.market, rate.token, side): value
        for rate in rates
        for side, value in (("supply", rate.supply_rate), ("borrow", rate.borrow_rate))
    }
