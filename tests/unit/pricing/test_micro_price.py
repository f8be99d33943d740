"""Micro-price: cross weighting, Stoikov's chain, and the filter that pauses on a jump."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36
from pmm.pricing.jump_filter import JumpFilterPolicy, JumpFilterState, observe_divergence
from pmm.pricing.micro_price import TopOfBook, divergence_e36, micro_price_e36
from pmm.pricing.micro_price_chain import MicroPriceChain

_PRICE = st.integers(min_value=10**24, max_value=10**48)
_SIZE = st.integers(min_value=1, max_value=10**24)


def _book(bid: str, ask: str, bid_size: int, ask_size: int) -> TopOfBook:
    return TopOfBook(
        bid_e36=int(Fraction(bid) * E36),
        ask_e36=int(Fraction(ask) * E36),
        bid_size=bid_size,
        ask_size=ask_size,
    )


def test_micro_price__golden_book__weights_crosswise() -> None:
    # The usual mistake, each price with its own size, gives 100.001.
    assert micro_price_e36(_book("100", "100.01", 900, 100)) == Fraction("100.009") * E36


@given(_PRICE, _PRICE, _SIZE, _SIZE)
def test_micro_price__any_book__lies_in_the_spread_on_the_thin_side(
    first: int, second: int, bid_size: int, ask_size: int
) -> None:
    bid, ask = sorted((first, second))
    book = TopOfBook(bid_e36=bid, ask_e36=ask, bid_size=bid_size, ask_size=ask_size)
    micro = micro_price_e36(book)
    assert bid <= micro <= ask
    if bid_size >= ask_size:
        assert micro >= book.mid_e36
    else:
        assert micro <= book.mid_e36 + 1


@pytest.mark.parametrize(
    ("bid", "ask", "bid_size", "ask_size"), [(2, 1, 1, 1), (0, 1, 1, 1), (1, 2, 0, 1), (1, 2, 1, -1)]
)
def test_top_of_book__crossed_or_empty__is_refused(bid: int, ask: int, bid_size: int, ask_size: int) -> None:
    with pytest.raises(InvalidInput, match="bid not above the ask"):
        TopOfBook(bid_e36=bid, ask_e36=ask, bid_size=bid_size, ask_size=ask_size)


def _chain() -> MicroPriceChain:
    return MicroPriceChain(
        stays=np.array([[0.6, 0.2, 0.0], [0.2, 0.4, 0.2], [0.0, 0.2, 0.6]]),
        moves=np.array([[0.15, 0.05], [0.1, 0.1], [0.05, 0.15]]),
        jumps=np.array([-0.005, 0.005]),
        moves_to=np.array([[0.1, 0.06, 0.04], [0.05, 0.1, 0.05], [0.04, 0.06, 0.1]]),
    )


def test_micro_price_chain__hand_chain__gives_the_known_adjustments() -> None:
    chain = _chain()
    assert chain.adjustments(rounds=1) == pytest.approx([-0.00125, 0, 0.00125], abs=1e-12)
    assert chain.adjustments(rounds=6) == pytest.approx([-0.00147057148, 0, 0.00147057148], abs=1e-11)
    assert chain.next_state_eigenvalues() == pytest.approx([1, 0.15, 0.05], abs=1e-9)


def test_micro_price_chain__probabilities_that_leak__are_refused() -> None:
    chain = _chain()
    with pytest.raises(InvalidInput, match="sum to 1"):
        MicroPriceChain(
            stays=chain.stays * 0.9, moves=chain.moves, jumps=chain.jumps, moves_to=chain.moves_to
        )


def test_micro_price_chain__shapes_that_differ__are_refused() -> None:
    chain = _chain()
    with pytest.raises(InvalidInput, match="matrices of 3 states"):
        MicroPriceChain(stays=chain.stays, moves=chain.moves, jumps=np.array([1.0]), moves_to=chain.moves_to)


def test_jump_filter__divergence_above_half_a_percent__pauses_five_seconds() -> None:
    policy = JumpFilterPolicy()
    calm = observe_divergence(JumpFilterState(), 50 * SHARE_PER_BPS_E36, 1_000, policy)
    assert not calm.is_paused(1_000)
    jumped = observe_divergence(calm, 50 * SHARE_PER_BPS_E36 + 1, 1_000, policy)
    assert jumped.is_paused(5_999)
    assert not jumped.is_paused(6_000)


def test_jump_filter__another_jump__starts_the_pause_anew() -> None:
    policy = JumpFilterPolicy(max_divergence_bps=10, pause_ms=100)
    state = observe_divergence(JumpFilterState(), E36, 0, policy)
    state = observe_divergence(state, E36, 60, policy)
    state = observe_divergence(state, 0, 70, policy)
    assert state.paused_until_ms == 160


def test_divergence__lopsided_wide_book__is_seen() -> None:
    # Spread of 2 %, all of the size on the bid: the micro-price is almost 1 % above the mid.
    assert divergence_e36(_book("99", "101", 999, 1)) == 99_800_000_000_000_000_000_000_000_000_000_000 // 10
