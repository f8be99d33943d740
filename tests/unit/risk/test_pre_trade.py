"""The pre-trade check holds a quote against the desk's risk, and lets through what makes it smaller."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import DAI, USDC, WBTC, WETH, Address, Decision, RefusalReason
from pmm.risk.linear_var import Z_99
from pmm.risk.posture import Posture
from pmm.risk.pre_trade import PreTradeQuote, PreTradeState, pre_trade_state
from pmm.risk.pre_trade_book import PreTradeBook
from pmm.risk.settings import RiskSettings

_E6 = 1_000_000
_COVARIANCE = np.array([[0.04**2, 0.8 * 0.04 * 0.03], [0.8 * 0.04 * 0.03, 0.03**2]])
_TOKENS = (WETH.address, WBTC.address)
_ROWS = {
    one: {two: float(_COVARIANCE[i, j]) for j, two in enumerate(_TOKENS)} for i, one in enumerate(_TOKENS)
}
_LINE_USD = 50_000


def state_of(
    weth: float = 0.0,
    wbtc: float = 0.0,
    *,
    wanted: float = 0.0,
    posture: Posture | None = None,
    capital_usd: int = 1_000_000,
    known: bool = True,
) -> PreTradeState:
    """Return the state of a desk with a line of 50,000 dollars that wants to hold ``wanted`` dollars of WETH."""
    return pre_trade_state(
        now_ms=1,
        block_number=100,
        posture=posture or Posture(),
        deltas_usd_e6={WETH.address: int((weth - wanted) * _E6), WBTC.address: int(wbtc * _E6)},
        numeraires=frozenset({USDC.address}),
        dollars={WETH.address: weth, WBTC.address: wbtc, USDC.address: 1e6},
        covariance=_ROWS if known else None,
        inventory_usd_e6=1_000_000 * _E6,
        capital_usd_e6=capital_usd * _E6,
        max_quote_usd_e6=500_000 * _E6,
        settings=RiskSettings(),
    )


def quote_of(
    usd: float, *, sells: Address = WETH.address, buys: Address = USDC.address, turned: bool = False
) -> PreTradeQuote:
    maker, taker = (buys, sells) if turned else (sells, buys)
    return PreTradeQuote(maker_asset=maker, taker_asset=taker, usd_e6=round(usd * _E6))


def check(state: PreTradeState, quote: PreTradeQuote) -> Decision:
    return PreTradeBook(state).check(quote)


@pytest.mark.parametrize(("usd", "accepted"), [(50_000, True), (50_000.000001, False)])
def test_check__delta_at_its_limit__is_the_edge(usd: float, accepted: bool) -> None:
    for turned in (False, True):
        assert check(state_of(), quote_of(usd, turned=turned)).accepted is accepted


def test_check__delta_beyond_its_limit__passes_only_what_brings_it_back() -> None:
    state = state_of(weth=80_000)
    assert check(state, quote_of(20_000)).accepted
    refused = check(state, quote_of(20, turned=True))
    assert refused.reason is RefusalReason.LIMIT_REACHED
    assert "80" not in refused.detail
    # Not through zero and beyond the line on the other side.
    assert check(state, quote_of(130_000)).accepted
    assert not check(state, quote_of(130_001)).accepted


def test_check__working_inventory__is_no_delta() -> None:
    state = state_of(weth=400_000, wanted=400_000, capital_usd=2_000_000)
    for turned in (False, True):
        assert check(state, quote_of(40_000, turned=turned)).accepted
        assert not check(state, quote_of(50_001, turned=turned)).accepted


def test_check__value_at_risk_beyond_its_limit__passes_only_what_lowers_it() -> None:
    state = state_of(weth=30_000, wbtc=45_000, capital_usd=60_000)
    assert state.var_limit_usd is not None
    assert Z_99 * state.variance**0.5 > state.var_limit_usd
    assert check(state, quote_of(10_000)).accepted
    assert check(state, quote_of(5_000, turned=True)).reason is RefusalReason.LIMIT_REACHED


def test_check__value_at_risk_unknown__holds_delta_alone() -> None:
    state = state_of(weth=30_000, wbtc=45_000, capital_usd=60_000, known=False)
    assert check(state, quote_of(5_000, turned=True)).accepted
    assert not check(state, quote_of(20_001, turned=True)).accepted


def test_check__sizes_are_cut__refuses_the_large_one() -> None:
    state = state_of(posture=Posture(size_bps=500))
    assert check(state, quote_of(25_000)).accepted
    assert check(state, quote_of(25_001)).reason is RefusalReason.AMOUNT_TOO_LARGE


def test_check__token_that_nobody_watches__is_refused() -> None:
    for turned in (False, True):
        found = check(state_of(), quote_of(10, buys=DAI.address, turned=turned))
        assert found.reason is RefusalReason.RISK_UNKNOWN


def test_check__nothing_owned__allows_nothing() -> None:
    assert check(state_of(capital_usd=0), quote_of(10)).reason is RefusalReason.LIMIT_REACHED


def test_count__same_quotes_again__add_up_and_are_taken_back() -> None:
    book, quote, passed = PreTradeBook(state_of()), quote_of(10_000), 0
    while book.check(quote).accepted:
        book.count(quote.maker_asset, quote.taker_asset, quote.usd_e6)
        passed += 1
    assert passed == 5
    assert book.check(quote_of(50_000, turned=True)).accepted
    book.renew(state_of())
    assert not book.check(quote).accepted
    book.count(quote.maker_asset, quote.taker_asset, -quote.usd_e6)
    assert book.check(quote).accepted


def test_count__half_as_likely__counts_half() -> None:
    book, quote = PreTradeBook(state_of()), quote_of(40_000)
    book.count(quote.maker_asset, quote.taker_asset, quote.usd_e6 // 2)
    assert book.check(quote_of(30_000)).accepted
    assert not book.check(quote_of(30_001)).accepted


def test_count__opposite_quotes__do_not_make_room_for_each_other() -> None:
    book = PreTradeBook(state_of())
    for turned in (False, True) * 5:
        quote = quote_of(10_000, turned=turned)
        assert book.check(quote).accepted
        book.count(quote.maker_asset, quote.taker_asset, quote.usd_e6)
    for turned in (False, True):
        assert not book.check(quote_of(1, turned=turned)).accepted


_DOLLARS = st.integers(-120_000, 120_000)
_PAIRS = st.permutations([WETH.address, WBTC.address, USDC.address]).map(lambda one: (one[0], one[1]))
_QUOTES = st.lists(st.tuples(_PAIRS, st.integers(1, 60_000)), min_size=1, max_size=9)


def _accepted(
    book: PreTradeBook, asked: Sequence[tuple[tuple[Address, Address], int]]
) -> list[PreTradeQuote]:
    found = []
    for (maker, taker), usd in asked:
        quote = quote_of(usd, sells=maker, buys=taker)
        if book.check(quote).accepted:
            book.count(maker, taker, quote.usd_e6)
            found.append(quote)
    return found


@given(_DOLLARS, _DOLLARS, _QUOTES)
def test_check__whatever_was_accepted_and_whichever_is_filled__delta_stays_within_its_line(
    weth: int, wbtc: int, asked: list[tuple[tuple[Address, Address], int]]
) -> None:
    deltas = dict(zip(_TOKENS, (weth * _E6, wbtc * _E6), strict=True))
    accepted = _accepted(PreTradeBook(state_of(weth, wbtc)), asked)
    for filled in itertools.product((False, True), repeat=len(accepted)):
        chosen = list(itertools.compress(accepted, filled))
        for token, before in deltas.items():
            into = sum(one.usd_e6 for one in chosen if one.taker_asset == token)
            out = sum(one.usd_e6 for one in chosen if one.maker_asset == token)
            # A delta beyond its line comes back and goes no further.
            assert before + into - out <= max(_LINE_USD * _E6, before)
            assert before + into - out >= min(-_LINE_USD * _E6, before)


@given(
    st.integers(-40_000, 40_000),
    st.integers(60_000, 200_000),
    st.lists(st.tuples(st.booleans(), st.integers(5_000, 30_000)), min_size=1, max_size=9),
)
def test_check__quotes_of_one_asset_whichever_is_filled__value_at_risk_is_not_lifted_beyond_its_limit(
    weth: int, capital_usd: int, asked: list[tuple[bool, int]]
) -> None:
    state = state_of(weth, capital_usd=capital_usd)
    pair = (WETH.address, USDC.address)
    accepted = _accepted(PreTradeBook(state), [(pair[::-1] if buys else pair, usd) for buys, usd in asked])
    assert state.var_limit_usd is not None
    bound = max((state.var_limit_usd / Z_99) ** 2, state.variance) * (1 + 1e-9)
    for filled in itertools.product((False, True), repeat=len(accepted)):
        held = weth + sum(
            (one.usd_e6 if one.taker_asset == WETH.address else -one.usd_e6) / _E6
            for one in itertools.compress(accepted, filled)
        )
        assert held * held * float(_COVARIANCE[0, 0]) <= bound


@given(_DOLLARS, _DOLLARS, st.integers(1, 10**6), _PAIRS)
def test_variance__with_a_quote__is_that_of_the_new_book(
    weth: int, wbtc: int, usd: int, pair: tuple[Address, Address]
) -> None:
    book = PreTradeBook(state_of(weth, wbtc))
    found = book._in.variance_with(quote_of(usd, sells=pair[0], buys=pair[1]))
    change = [usd * ((token == pair[1]) - (token == pair[0])) for token in _TOKENS]
    held = np.array([weth, wbtc]) + np.array(change)
    assert found == pytest.approx(float(held @ _COVARIANCE @ held), rel=1e-6, abs=1e-3)
