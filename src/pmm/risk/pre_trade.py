"""What a quote would do to the desk's risk, asked before it is signed. A few comparisons: it is on the hot path.

The risk monitor makes a new :class:`PreTradeState` whenever something changed and swaps one reference; a quote is
judged by one state from end to end. A state that is too old stops quoting: nobody watches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pmm.domain import Address, Decision, RefusalReason
from pmm.risk.linear_var import Z_99
from pmm.risk.posture import Posture
from pmm.risk.settings import RiskSettings

_WHOLE: Final = 10_000
_ACCEPT: Final = Decision.accept()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRisk:
    """One asset as a quote meets it, US dollars.

    Attributes:
        delta_usd: net, with pending quotes by fill probability.
        limit_usd: largest delta either way.
        slope: covariance with the book, ``C w`` (see :mod:`pmm.risk.linear_var`).
        row: token -> covariance of the returns, its own variance under its own token.
    """

    delta_usd: float
    limit_usd: float
    slope: float
    row: Mapping[Address, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTradeState:
    """The desk's risk at a moment.

    Attributes:
        valid_until_ms: unix ms after which nobody knows.
        stopped: the desk is critical.
        max_quote_usd: largest quote, cut by the posture.
        assets: token -> its risk. A token that is not there is the numeraire.
        variance: of the book over the horizon, dollars squared.
        var_limit_usd: value at risk, 99 %, that no quote may lift the book above.
    """

    valid_until_ms: int
    stopped: bool
    max_quote_usd: float
    assets: Mapping[Address, AssetRisk]
    variance: float
    var_limit_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTradeQuote:
    """A quote: we give ``usd`` of ``maker_asset`` and take as much of ``taker_asset``."""

    maker_asset: Address
    taker_asset: Address
    usd: float
    now_ms: int


def check_pre_trade(state: PreTradeState, quote: PreTradeQuote) -> Decision:
    """Accept a quote that the desk can bear.

    A quote that makes delta and value at risk smaller passes even beyond the limits: it is what brings the desk back.
    """
    if state.stopped or quote.now_ms > state.valid_until_ms:
        return _stopped(state, quote)
    usd = quote.usd
    if usd > state.max_quote_usd:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_LARGE,
            f"expected at most {state.max_quote_usd:.2f} USD at this time, found {usd:.2f} USD",
        )
    given, taken = state.assets.get(quote.maker_asset), state.assets.get(quote.taker_asset)
    for risk, change in ((given, -usd), (taken, usd)):
        if risk is not None:
            after = abs(risk.delta_usd + change)
            if after > risk.limit_usd and after > abs(risk.delta_usd):
                # Not by how much: the desk's position is its own business.
                return Decision.refuse(
                    RefusalReason.LIMIT_REACHED, "expected an exposure within the desk's limits, found more"
                )
    variance = _variance(state, quote, usd)
    if variance > state.variance and Z_99 * math.sqrt(variance) > state.var_limit_usd:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED, "expected a value at risk within the desk's limit, found more"
        )
    return _ACCEPT


def after_quote(state: PreTradeState, quote: PreTradeQuote, fill_probability: float) -> PreTradeState:
    """Return the state as it stands with a quote signed, until the risk monitor makes a new one.

    Admission swaps it in at once, so that many quotes cannot pass on the same state.
    """
    usd = quote.usd * fill_probability
    changes = {quote.maker_asset: -usd, quote.taker_asset: usd}
    assets = {
        token: replace(
            risk,
            delta_usd=risk.delta_usd + changes.get(token, 0.0),
            slope=risk.slope + sum(change * risk.row.get(other, 0.0) for other, change in changes.items()),
        )
        for token, risk in state.assets.items()
    }
    return replace(state, assets=assets, variance=_variance(state, quote, usd))


def pre_trade_state(
    *,
    now_ms: int,
    posture: Posture,
    dollars: Mapping[Address, float],
    covariance: Mapping[Address, Mapping[Address, float]],
    inventory_usd: float,
    capital_usd: float,
    max_quote_usd: float,
    settings: RiskSettings,
) -> PreTradeState:
    """Make the state from the book: net dollars and covariances of the returns of every asset but the numeraire.

    An inventory or a capital of nothing allows nothing.
    """
    slopes = {
        token: math.fsum(row.get(other, 0.0) * held for other, held in dollars.items())
        for token, row in covariance.items()
    }
    limit_usd = max(inventory_usd, 0.0) * settings.max_delta_pct / 100
    return PreTradeState(
        valid_until_ms=now_ms + int(settings.pre_trade_max_age_s * 1_000),
        stopped=posture.stopped,
        max_quote_usd=max_quote_usd * posture.size_bps / _WHOLE,
        assets={
            token: AssetRisk(
                delta_usd=dollars.get(token, 0.0), limit_usd=limit_usd, slope=slopes[token], row=row
            )
            for token, row in covariance.items()
        },
        variance=max(math.fsum(slopes[token] * held for token, held in dollars.items()), 0.0),
        var_limit_usd=max(capital_usd, 0.0) * settings.max_var_pct / 100,
    )


def _variance(state: PreTradeState, quote: PreTradeQuote, usd: float) -> float:
    """Return the book's variance with ``usd`` of the quote's assets exchanged."""
    variance = state.variance
    given, taken = state.assets.get(quote.maker_asset), state.assets.get(quote.taker_asset)
    if given is not None:
        variance += usd * (usd * given.row.get(quote.maker_asset, 0.0) - 2 * given.slope)
        if taken is not None:
            variance -= 2 * usd * usd * given.row.get(quote.taker_asset, 0.0)
    if taken is not None:
        variance += usd * (usd * taken.row.get(quote.taker_asset, 0.0) + 2 * taken.slope)
    return max(variance, 0.0)


def _stopped(state: PreTradeState, quote: PreTradeQuote) -> Decision:
    if state.stopped:
        return Decision.refuse(RefusalReason.PAUSED, "quoting is paused by the desk's risk")
    return Decision.refuse(
        RefusalReason.PAUSED,
        f"expected a risk state of now, found one {quote.now_ms - state.valid_until_ms} ms too old",
    )
