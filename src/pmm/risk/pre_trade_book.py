"""Quotes held against the desk's newest state and against what live quotes may still do. On the hot path.

Of live quotes each side counts for itself: an asset must stay within its line if all that would bring it in are
filled and none that would take it out, and the other way round. Whatever takers choose, the line holds; and a fill
that the state knows already while its quote still counts here makes the check stricter, never looser.
"""

from __future__ import annotations

import math
from typing import Final

from pmm.domain import Address, Decision, RefusalReason
from pmm.risk.linear_var import Z_99
from pmm.risk.pre_trade import PreTradeQuote, PreTradeState

_ACCEPT: Final = Decision.accept()
_E6: Final = 1e6
# Not by how much: the desk's position is its own business.
_DELTA: Final = Decision.refuse(
    RefusalReason.LIMIT_REACHED, "expected an exposure within the desk's limits, found more"
)
_VAR: Final = Decision.refuse(
    RefusalReason.LIMIT_REACHED, "expected a value at risk within the desk's limit, found more"
)


class PreTradeBook:
    """A state and the live quotes beside it. Not thread-safe."""

    def __init__(self, state: PreTradeState) -> None:
        self._coming: dict[Address, int] = {}
        self._going: dict[Address, int] = {}
        self.renew(state)

    def renew(self, state: PreTradeState) -> None:
        """Judge by this state from now on; what live quotes add stays."""
        self.state = state
        self._in, self._out = _Side(state), _Side(state)
        limit = state.var_limit_usd
        self._variance_limit = math.inf if limit is None else (limit / Z_99) ** 2
        for token, usd_e6 in self._coming.items():
            self._in.move(token, usd_e6)
        for token, usd_e6 in self._going.items():
            self._out.move(token, -usd_e6)

    def count(self, maker_asset: Address, taker_asset: Address, usd_e6: int) -> None:
        """Count a live quote by what is likely to be filled of it; negative takes it back."""
        self._going[maker_asset] = self._going.get(maker_asset, 0) + usd_e6
        self._coming[taker_asset] = self._coming.get(taker_asset, 0) + usd_e6
        self._out.move(maker_asset, -usd_e6)
        self._in.move(taker_asset, usd_e6)

    def check(self, quote: PreTradeQuote) -> Decision:
        """Accept a quote that the desk can bear; whether it is stopped is the caller's to ask.

        One that brings the desk back passes also beyond a line: selling what it has too much of, or lowering the
        value at risk.
        """
        state, usd_e6 = self.state, quote.usd_e6
        if usd_e6 > state.max_quote_usd_e6:
            return Decision.refuse(
                RefusalReason.AMOUNT_TOO_LARGE,
                f"expected at most {state.max_quote_usd_e6 / _E6:.2f} USD at this time, found {usd_e6 / _E6:.2f} USD",
            )
        given, taken = state.assets.get(quote.maker_asset), state.assets.get(quote.taker_asset)
        for risk, token in ((given, quote.maker_asset), (taken, quote.taker_asset)):
            if risk is None and token not in state.numeraires:
                return Decision.refuse(
                    RefusalReason.RISK_UNKNOWN,
                    f"expected {token} to be watched by the desk's risk, found it is not",
                )
        if given is not None:
            least = given.delta_usd_e6 - self._going.get(quote.maker_asset, 0)
            if least - usd_e6 < -given.limit_usd_e6:
                return _DELTA
        if taken is not None:
            most = taken.delta_usd_e6 + self._coming.get(quote.taker_asset, 0)
            if most + usd_e6 > taken.limit_usd_e6:
                return _DELTA
        for side in (self._in, self._out):
            after = side.variance_with(quote)
            if after > self._variance_limit and after > side.variance:
                return _VAR
        return _ACCEPT


class _Side:
    """The book with what live quotes bring in, or with what they take out."""

    __slots__ = ("_assets", "_dollars", "variance")

    def __init__(self, state: PreTradeState) -> None:
        self._assets = state.assets
        self._dollars: dict[Address, float] = {}
        self.variance = state.variance

    def move(self, token: Address, usd_e6: int) -> None:
        """Change the book by dollars of a token."""
        risk = self._assets.get(token)
        if risk is None:
            return
        usd = usd_e6 / _E6
        self.variance += usd * (usd * risk.row.get(token, 0.0) + 2 * self._slope(token))
        self._dollars[token] = self._dollars.get(token, 0.0) + usd

    def variance_with(self, quote: PreTradeQuote) -> float:
        """Return the variance with a quote filled, ``(w + q)' C (w + q)``."""
        usd, given, taken = quote.usd_e6 / _E6, quote.maker_asset, quote.taker_asset
        out, into = self._assets.get(given), self._assets.get(taken)
        variance = self.variance
        if out is not None:
            variance += usd * (usd * out.row.get(given, 0.0) - 2 * self._slope(given))
            if into is not None:
                variance -= 2 * usd * usd * out.row.get(taken, 0.0)
        if into is not None:
            variance += usd * (usd * into.row.get(taken, 0.0) + 2 * self._slope(taken))
        return variance

    def _slope(self, token: Address) -> float:
        risk = self._assets[token]
        slope, row = risk.slope, risk.row
        for other, held in self._dollars.items():
            slope += row.get(other, 0.0) * held
        return slope
