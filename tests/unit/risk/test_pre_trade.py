"""The pre-trade check holds a quote against the desk's risk, and lets through what makes it smaller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WBTC, WETH, RefusalReason
from pmm.risk.linear_var import Z_99
from pmm.risk.posture import Posture
from pmm.risk.pre_trade import PreTradeQuote, PreTradeState, after_quote, check_pre_trade, pre_trade_state
from pmm.risk.settings import RiskSettings

_NOW_MS = 1_700_000_000_000
_COVARIANCE = np.array([[0.04**2, 0.8 * 0.04 * 0.03], [0.8 * 0.04 * 0.03, 0.03**2]])
_TOKENS = (WETH.address, WBTC.address)
_ROWS = {
    one: {two: float(_COVARIANCE[i, j]) for j, two in enumerate(_TOKENS)} for i, one in enumerate(_TOKENS)
}


def state_of(
    weth: float = 0.0, wbtc: float = 0.0, posture: Posture | None = None, capital_usd: float = 1e6
) -> PreTradeState:
    return pre_trade_state(
        now_ms=_NOW_MS,
        posture=posture or Posture(),
        dollars={WETH.address: weth, WBTC.address: wbtc},
        covariance=_ROWS,
        inventory_usd=1e6,
        capital_usd=capital_usd,
        max_quote_usd=500_000,
        settings=RiskSettings(),
    )


def quote_of(usd: float, *, sells_weth: bool = True, now_ms: int = _NOW_MS) -> PreTradeQuote:
    pair = (WETH.address, USDC.address) if sells_weth else (USDC.address, WETH.address)
    return PreTradeQuote(maker_asset=pair[0], taker_asset=pair[1], usd=usd, now_ms=now_ms)


@pytest.mark.parametrize(("usd", "accepted"), [(50_000, True), (50_001, False)])
def test_check__delta_at_its_limit__is_the_edge(usd: float, accepted: bool) -> None:
    for sells in (True, False):
        assert check_pre_trade(state_of(), quote_of(usd, sells_weth=sells)).accepted is accepted


def test_check__delta_beyond_its_limit__passes_only_what_brings_it_back() -> None:
    state = state_of(weth=80_000)
    assert check_pre_trade(state, quote_of(20_000)).accepted
    refused = check_pre_trade(state, quote_of(20, sells_weth=False))
    assert refused.reason is RefusalReason.LIMIT_REACHED
    assert "80" not in refused.detail


def test_check__value_at_risk_beyond_its_limit__passes_only_what_lowers_it() -> None:
    state = state_of(weth=30_000, wbtc=45_000, capital_usd=60_000)
    assert Z_99 * state.variance**0.5 > state.var_limit_usd
    assert check_pre_trade(state, quote_of(10_000)).accepted
    assert check_pre_trade(state, quote_of(5_000, sells_weth=False)).reason is RefusalReason.LIMIT_REACHED


def test_check__desk_is_critical__pauses() -> None:
    state = state_of(posture=Posture(stopped=True))
    assert check_pre_trade(state, quote_of(10)).reason is RefusalReason.PAUSED


def test_check__nobody_watches__pauses() -> None:
    assert check_pre_trade(state_of(), quote_of(10, now_ms=_NOW_MS + 5_000)).accepted
    assert check_pre_trade(state_of(), quote_of(10, now_ms=_NOW_MS + 5_001)).reason is RefusalReason.PAUSED


def test_check__sizes_are_cut__refuses_the_large_one() -> None:
    state = state_of(posture=Posture(size_bps=500))
    assert check_pre_trade(state, quote_of(25_000)).accepted
    assert check_pre_trade(state, quote_of(25_001)).reason is RefusalReason.AMOUNT_TOO_LARGE


def test_check__nothing_owned__allows_nothing() -> None:
    state = state_of(capital_usd=0.0)
    assert check_pre_trade(state, quote_of(10)).reason is RefusalReason.LIMIT_REACHED


def test_after_quote__same_quotes_again__add_up() -> None:
    state, passed = state_of(), 0
    while check_pre_trade(state, quote_of(10_000)).accepted:
        state = after_quote(state, quote_of(10_000), 1.0)
        passed += 1
    assert passed == 5


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1, 1e6), st.booleans())
def test_after_quote__two_risky_assets__has_the_variance_of_the_new_book(
    weth: float, wbtc: float, usd: float, turned: bool
) -> None:
    pair = _TOKENS[::-1] if turned else _TOKENS
    found = after_quote(
        state_of(weth, wbtc),
        PreTradeQuote(maker_asset=pair[0], taker_asset=pair[1], usd=usd, now_ms=_NOW_MS),
        1.0,
    )
    change = np.array([usd, -usd]) if turned else np.array([-usd, usd])
    held = np.array([weth, wbtc]) + change
    assert found.variance == pytest.approx(float(held @ _COVARIANCE @ held), rel=1e-6, abs=1e-3)
    slopes = _COVARIANCE @ held
    assert found.assets[WETH.address].slope == pytest.approx(float(slopes[0]), rel=1e-6, abs=1e-6)
    assert found.assets[WBTC.address].delta_usd == pytest.approx(float(held[1]), abs=1e-6)
