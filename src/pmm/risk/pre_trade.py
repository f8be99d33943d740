"""What a quote would do to the desk's risk, asked before it is signed: the desk's state, and how it is made.

The desk makes a new :class:`PreTradeState` each turn; :mod:`pmm.risk.pre_trade_book` holds quotes against the newest.
A state that is too old stops quoting: nobody watches. Dollars that are compared are whole millionths (``_usd_e6``);
variances are statistics, in dollars squared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pmm.domain import Address
from pmm.domain.value_class import value_class
from pmm.risk.posture import Posture
from pmm.risk.settings import RiskSettings

Covariance = Mapping[Address, Mapping[Address, float]]
_WHOLE_BPS: Final = 10_000
_E6: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRisk:
    """One asset as a quote meets it.

    Attributes:
        delta_usd_e6: net, beyond what the desk wants to hold, quotes that are alive left out.
        limit_usd_e6: largest delta either way.
        slope: covariance of its return with the whole book, ``C w``, dollars (see :mod:`pmm.risk.linear_var`).
        row: token -> covariance of the returns, its own variance under its own token; empty where nobody knows.
    """

    delta_usd_e6: int
    limit_usd_e6: int
    slope: float
    row: Mapping[Address, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTradeState:
    """The desk's risk at a moment.

    Attributes:
        made_at_ms: unix ms by the desk's clock; a later state has a later one.
        valid_ms: how long it counts.
        block_number: up to which the desk knows of fills.
        stopped: the desk is critical.
        max_quote_usd_e6: largest quote, cut by the posture.
        assets: token -> its risk.
        numeraires: tokens without a line. One that is neither here nor among the assets is watched by nobody.
        variance: of the book over the horizon, dollars squared; 0 where nobody knows.
        var_limit_usd: value at risk, 99 %, that no quote may lift the book above; None where nobody knows.
    """

    made_at_ms: int
    valid_ms: int
    block_number: int
    stopped: bool
    max_quote_usd_e6: int
    assets: Mapping[Address, AssetRisk]
    numeraires: frozenset[Address]
    variance: float
    var_limit_usd: float | None


@value_class(frozen=True, slots=True, kw_only=True)
class PreTradeQuote:
    """A quote: we give ``usd_e6`` of ``maker_asset`` and take as much of ``taker_asset``; rounded up."""

    maker_asset: Address
    taker_asset: Address
    usd_e6: int


def pre_trade_state(
    *,
    now_ms: int,
    block_number: int,
    posture: Posture,
    deltas_usd_e6: Mapping[Address, int],
    numeraires: frozenset[Address],
    dollars: Mapping[Address, float],
    covariance: Covariance | None,
    inventory_usd_e6: int,
    capital_usd_e6: int,
    max_quote_usd_e6: int,
    settings: RiskSettings,
) -> PreTradeState:
    """Make the state from the book.

    ``deltas_usd_e6`` is measured from what the desk wants to hold, ``dollars`` is all of the book, net, and
    ``covariance`` that of the returns of the same assets over the horizon. An inventory or a capital of nothing
    allows nothing.
    """
    rows = covariance or {}
    slopes = {
        token: math.fsum(row.get(other, 0.0) * held for other, held in dollars.items())
        for token, row in rows.items()
    }
    limit_usd_e6 = max(inventory_usd_e6, 0) * round(settings.max_delta_pct * _E6) // (100 * _E6)
    capital_usd = max(capital_usd_e6, 0) / _E6
    return PreTradeState(
        made_at_ms=now_ms,
        valid_ms=int(settings.pre_trade_max_age_s * 1_000),
        block_number=block_number,
        stopped=posture.stopped,
        max_quote_usd_e6=max_quote_usd_e6 * posture.size_bps // _WHOLE_BPS,
        assets={
            token: AssetRisk(
                delta_usd_e6=delta,
                limit_usd_e6=limit_usd_e6,
                slope=slopes.get(token, 0.0),
                row=rows.get(token, {}),
            )
            for token, delta in deltas_usd_e6.items()
        },
        numeraires=numeraires,
        variance=max(
            math.fsum(slopes[token] * held for token, held in dollars.items() if token in slopes), 0.0
        ),
        var_limit_usd=None if covariance is None else capital_usd * settings.max_var_pct / 100,
    )
