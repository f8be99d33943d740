"""The hedge ratio of least variance, measured from the prices that the desk keeps."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.execution.hedging import minimum_variance_ratio, ratio_wad
from pmm.risk.price_record import PriceRecord

_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The part of a delta to hedge, x 10**18; ``unknown`` says why it could not be measured: the whole then."""

    wad: int
    unknown: str = ""


class MeasuredRatio:
    """What of an asset's delta is to be traded for its quote: h = Cov(dS, dF) / Var(dF), between 0 and 1.

    S is the asset in US dollars, F what the trade moves by: the asset less the quote, both in returns. With a quote
    that stands still the ratio is 1; with WBTC hedged for WETH it is what WBTC moves by itself. From 100 hours on the
    month's hours count, as for value at risk; before that the day's prices.
    """

    def __init__(self, prices: PriceRecord, asset: str, quote: str) -> None:
        self._prices, self._asset, self._quote = prices, asset, quote

    def __call__(self) -> Ratio:
        """Return the ratio now."""
        missing = self._prices.missing
        if missing:
            return Ratio(wad=_WAD, unknown=f"unknown, needs {missing} more prices")
        hours = self._prices.hour_returns()
        moves = self._prices.day_returns() if hours is None else hours
        spot = moves[:, self._prices.assets.index(self._asset)]
        hedge = spot - moves[:, self._prices.assets.index(self._quote)]
        try:
            found = minimum_variance_ratio(spot.tolist(), hedge.tolist())
        except InvalidInput as error:
            return Ratio(wad=_WAD, unknown=f"unknown, {error}")
        return Ratio(wad=ratio_wad(found))
