"""Toxic flow, markouts and the add-on that they become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.markouts import (
    FillObservation,
    Flow,
    Markout,
    MarkoutPolicy,
    MarkoutTaker,
    ToxicityBook,
    markout_bps,
)
from pmm.pricing.toxic_flow import TakerSide, ToxicFlowPolicy, ToxicFlowState, observe_fill

_POLICY = ToxicFlowPolicy()
_BUYS, _SELLS = TakerSide.BUYS, TakerSide.SELLS


def _fold(fills: list[tuple[int, TakerSide]], policy: ToxicFlowPolicy = _POLICY) -> ToxicFlowState:
    state = ToxicFlowState()
    for at_ms, side in fills:
        state = observe_fill(state, side, at_ms, policy)
    return state


def test_toxic_flow__three_fills_of_one_side_within_ten_seconds__is_toxic_for_five_minutes() -> None:
    state = _fold([(0, _BUYS), (4_000, _SELLS), (5_000, _BUYS), (10_000, _BUYS)])
    assert state.is_toxic(10_000)
    assert state.is_toxic(309_999)
    assert not state.is_toxic(310_000)


@pytest.mark.parametrize(
    "fills",
    [
        [(0, _BUYS), (5_000, _BUYS)],
        [(0, _BUYS), (1, _SELLS), (2, _BUYS), (3, _SELLS)],
        [(0, _BUYS), (5_000, _BUYS), (10_001, _BUYS)],
    ],
)
def test_toxic_flow__too_few_or_too_slow_or_both_sides__is_not_toxic(
    fills: list[tuple[int, TakerSide]],
) -> None:
    assert not _fold(fills).is_toxic(fills[-1][0])


def test_toxic_flow__fills_found_out_of_order__count_all_the_same() -> None:
    state = _fold([(9_000, _SELLS), (0, _SELLS), (5_000, _SELLS)])
    assert state.is_toxic(308_999)
    assert not state.is_toxic(309_000)


def test_toxic_flow_policy__no_fills__is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1 fill"):
        ToxicFlowPolicy(fills=0)


def _fill(
    at_ms: int = 0, side: TakerSide = _SELLS, price: float = 100.0, flow: Flow | None = None
) -> FillObservation:
    return FillObservation(at_ms=at_ms, side=side, price=price, flow=flow or Flow(source="1inch"))


def test_markout__price_falls_after_we_bought__is_our_loss() -> None:
    assert markout_bps(_fill(side=_SELLS), 99.0) == pytest.approx(-100)
    assert markout_bps(_fill(side=_BUYS), 99.0) == pytest.approx(100)
    assert markout_bps(_fill(side=_BUYS), 101.0) == pytest.approx(-100)


def test_markout_taker__prices_at_the_horizons__are_the_first_at_or_after_them() -> None:
    taker = MarkoutTaker(MarkoutPolicy())
    taker.observe_fill(_fill(at_ms=1_000))
    found: list[Markout] = []
    for at_ms in range(1_500, 310_000, 500):
        found += taker.observe_price(100.0 + at_ms / 1e6, at_ms)
    assert [markout.horizon_s for markout in found] == [1, 5, 30, 60, 300]
    assert [markout.at_ms for markout in found] == [2_000, 6_000, 31_000, 61_000, 301_000]
    assert found[0].bps == pytest.approx(0.2)
    assert len(taker) == 0


def test_markout_taker__no_price_in_time__leaves_the_horizon_out() -> None:
    taker = MarkoutTaker(MarkoutPolicy())
    taker.observe_fill(_fill())
    assert [markout.horizon_s for markout in taker.observe_price(101.0, 32_000)] == [30]
    assert taker.observe_price(101.0, 400_000) == []
    assert len(taker) == 0


def test_markout_taker__price_of_zero__is_refused() -> None:
    with pytest.raises(InvalidInput, match="positive price"):
        MarkoutTaker(MarkoutPolicy()).observe_fill(_fill(price=0.0))


_FLOW = Flow(source="1inch", taker="0xt", origin="0xo")


def _book(
    markouts: list[tuple[Flow, float]], policy: MarkoutPolicy | None = None, *, horizon_s: int = 30
) -> ToxicityBook:
    book = ToxicityBook(policy or MarkoutPolicy())
    for flow, bps in markouts:
        book.add(Markout(flow=flow, horizon_s=horizon_s, at_ms=0, bps=bps))
    return book


def test_toxicity__known_losses__are_shrunk_towards_the_group_above() -> None:
    book = _book([(_FLOW, -10.0)] * 10 + [(Flow(source="1inch", taker="0xother"), -1.0)] * 10)
    source = (10 * 10 + 10 * 1) / (20 + 20)
    taker = (10 * 10 + 20 * source) / (10 + 20)
    origin = (10 * 10 + 20 * taker) / (10 + 20)
    assert book.addon_bps(Flow(source="1inch"), 0) == pytest.approx(source)
    assert book.addon_bps(Flow(source="1inch", taker="0xt"), 0) == pytest.approx(taker)
    assert book.addon_bps(_FLOW, 0) == pytest.approx(origin)
    assert book.addon_bps(Flow(source="1inch", taker="0xnew"), 0) == pytest.approx(source)
    assert book.addon_bps(Flow(source="okx"), 0) == 0


def test_toxicity__good_taker_of_a_bad_source__pays_what_the_ladder_of_the_source_holds() -> None:
    good = Flow(source="1inch", taker="0xgood")
    book = _book([(_FLOW, -10.0)] * 40 + [(good, 20.0)] * 10)
    source = (40 * 10 - 10 * 20) / (50 + 20)
    assert book.addon_bps(good, 0) == pytest.approx(source)
    assert book.addon_bps(_FLOW, 0) > source


def test_toxicity__few_fills_or_gains__add_nothing() -> None:
    assert _book([(_FLOW, -50.0)] * 4).addon_bps(_FLOW, 0) == 0
    assert _book([(_FLOW, 50.0)] * 100).addon_bps(_FLOW, 0) == 0


def test_toxicity__time__fades_it_and_a_limit_caps_it() -> None:
    policy = MarkoutPolicy(max_addon_bps=7.0)
    book = _book([(Flow(), -10.0)] * 40)
    assert book.addon_bps(Flow(), 0) == pytest.approx(400 / 60)
    assert book.addon_bps(Flow(), 86_400_000) == pytest.approx(200 / 40)
    assert book.addon_bps(Flow(), 86_400_000 * 4) == 0
    assert _book([(Flow(), -1_000.0)] * 40, policy).addon_bps(Flow(), 0) == 7.0


def test_toxicity__many_takers__forgets_the_longest_silent() -> None:
    book = _book([(Flow(source="s", taker=str(n)), -1.0) for n in range(50)], MarkoutPolicy(max_keys=10))
    assert len(book) == 10


@given(
    st.lists(
        st.tuples(
            st.builds(
                Flow,
                source=st.sampled_from(["", "a", "b"]),
                taker=st.sampled_from(["", "t", "u"]),
                origin=st.sampled_from(["", "o", "p"]),
            ),
            st.sampled_from([1, 5, 30, 60, 300]),
            st.integers(0, 10**9),
            st.floats(-1e4, 1e4),
        ),
        max_size=60,
    ),
    st.integers(0, 10**9),
)
def test_toxicity__any_markouts__is_never_negative_and_never_below_the_source(
    markouts: list[tuple[Flow, int, int, float]], now_ms: int
) -> None:
    book = ToxicityBook(MarkoutPolicy())
    for flow, horizon_s, at_ms, bps in markouts:
        book.add(Markout(flow=flow, horizon_s=horizon_s, at_ms=at_ms, bps=bps))
    for flow in {flow for flow, *_ in markouts}:
        addon = book.addon_bps(flow, now_ms)
        assert 0 <= addon <= 50
        assert addon >= book.addon_bps(Flow(source=flow.source), now_ms)


@pytest.mark.parametrize(
    "changes", [{"horizons_s": (5, 1)}, {"horizons_s": ()}, {"prior_fills": 0.0}, {"half_life_s": -1.0}]
)
def test_markout_policy__out_of_range__is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="rising positive horizons"):
        MarkoutPolicy(**changes)  # type: ignore[arg-type]
