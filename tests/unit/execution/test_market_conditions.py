"""What the desk feeds to the pricing state, and what the journal then keeps."""

import asyncio

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, QuoteRequest, RefusalReason
from pmm.execution import AnsweredQuote, FirmQuoteRequest, MarketConditions, Settlement
from pmm.journal.encoding import offer_json
from pmm.pricing import (
    ComponentName,
    DirectionTerms,
    ExchangePrice,
    PairPolicy,
    PricingState,
    SpreadModel,
    SpreadPolicy,
    StateTracker,
    inventory_terms,
    price_request,
)
from pmm.pricing.latency_gate import LatencyChange
from pmm.pricing.markouts import Flow
from pmm.pricing.micro_price import TopOfBook
from tests.helpers.quoting import ETH_USD, TAKER, Desk, chain_view, market, open_test_desk

_PAIR = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH, spread=SpreadPolicy(model=SpreadModel.GLFT))
_RATE_E36 = ETH_USD * 10**16


def _request(amount: int = 10**18) -> FirmQuoteRequest:
    quote = QuoteRequest(
        request_id="r", chain_id=1, maker_asset=USDC, taker_asset=WETH, taker=TAKER, taking_amount=amount
    )
    return FirmQuoteRequest(quote=quote, settlement=Settlement.PMM)


def _open_desk(pair: PairPolicy = _PAIR) -> tuple[Desk, MarketConditions]:
    desk = open_test_desk(pair=pair)
    conditions = MarketConditions(clock=desk.clock, pairs=(pair,))
    desk.admission.conditions = conditions
    return desk, conditions


def _watch(desk: Desk, seconds: int, *, swing: int = 3) -> None:
    """Let views come every second, ETH going up and down by some cents."""
    for second in range(seconds):
        desk.clock.now_s += 1
        view = chain_view(market(eth_usd=ETH_USD + second % 2 * swing * 10**7))
        asyncio.run(desk.settle(view))


def _quote(desk: Desk) -> AnsweredQuote:
    found = asyncio.run(desk.desk.firm_quote(_request()))
    assert isinstance(found, AnsweredQuote)
    return found


def test_conditions__views_for_the_warm_up__make_volatility_known() -> None:
    desk, conditions = _open_desk()
    _watch(desk, 30)
    assert conditions.state(_PAIR).sigma_now_bps is None
    _watch(desk, 2)
    # 0.30 USD of 3,000 each second is 1 bp.
    assert conditions.state(_PAIR).sigma_now_bps == pytest.approx(1.0, rel=0.1)


def test_conditions__model_without_volatility__quotes_fixed_and_says_so() -> None:
    desk, _ = _open_desk()
    basis = _quote(desk).admitted.offer.basis
    assert basis is not None
    assert (basis.model, basis.model_reason.value) == (SpreadModel.FIXED, "volatility_unknown")


def test_conditions__journaled_basis__replays_the_price_exactly() -> None:
    desk, _ = _open_desk()
    _watch(desk, 40)
    offer = _quote(desk).admitted.offer
    basis = offer_json(offer)["basis"]
    assert basis["model"] == "glft"
    assert basis["quotationReason"] == "by_policy"
    view = desk.market.answer
    assert not isinstance(view, Decision)
    desk.book.remove(next(iter(desk.book)).order_hash)
    inventories = {
        token.address: desk.admission.inventory(view, token, Settlement.PMM) for token in (WETH, USDC)
    }
    terms = inventory_terms(
        view.market,
        inventories,
        _PAIR,
        maker_asset=USDC,
        taker_asset=WETH,
        state=PricingState.from_dict(basis["state"]),
    )
    assert isinstance(terms, DirectionTerms)
    assert price_request(terms, _request().quote) == offer.priced


def test_conditions__fill_seen_on_chain__becomes_a_markout_and_toxic_flow() -> None:
    desk, conditions = _open_desk()
    asyncio.run(desk.settle(chain_view()))
    quotes = [_quote(desk) for _ in range(6)]
    assert conditions.open_quotes == 6
    spent = frozenset(quote.admitted.nonce for quote in quotes)
    asyncio.run(desk.settle(chain_view(spent=spent)))
    assert conditions.open_quotes == 0
    assert conditions.state(_PAIR).toxic_flow
    desk.clock.now_s += 5
    # We bought at 3,000 less costs; ETH falls by 1 %.
    asyncio.run(desk.settle(chain_view(market(eth_usd=ETH_USD * 99 // 100))))
    toxic = conditions.state(_PAIR, Flow(source="1inch", taker=TAKER)).toxicity_e36
    assert toxic > 10 * 10**32
    # The ladder to anybody holds none of it, and a firm quote to this taker all of it.
    assert conditions.state(_PAIR).toxicity_e36 == 0
    parts = {part.name: part.share_e36 for part in _quote(desk).admitted.offer.priced.breakdown.components}
    assert parts[ComponentName.TOXICITY] == toxic


def test_conditions__quote_that_expires__is_forgotten_and_no_fill() -> None:
    desk, conditions = _open_desk()
    asyncio.run(desk.settle(chain_view()))
    _quote(desk)
    asyncio.run(desk.settle(chain_view(expiry_clock_s=chain_view().expiry_clock_s + 1_000)))
    assert conditions.open_quotes == 0
    assert not conditions.state(_PAIR).toxic_flow


def test_conditions__quote_that_the_journal_refused__is_forgotten() -> None:
    desk, conditions = _open_desk()
    desk.journal.fails = "full disk"
    assert isinstance(asyncio.run(desk.desk.firm_quote(_request())), Decision)
    assert conditions.open_quotes == 0


def test_conditions__slow_feed__stops_all_quoting_until_it_is_fast_again() -> None:
    desk, conditions = _open_desk()
    asyncio.run(desk.settle(chain_view()))
    assert conditions.observe_round_trip(600_000) is LatencyChange.CANCEL_OUTSTANDING
    refused = asyncio.run(desk.desk.firm_quote(_request()))
    assert isinstance(refused, Decision)
    assert refused.reason is RefusalReason.PAUSED
    assert isinstance(asyncio.run(desk.desk.ladders()), Decision)
    changes = {conditions.observe_round_trip(10_000) for _ in range(30)}
    assert changes == {LatencyChange.NONE, LatencyChange.RESUME}
    _quote(desk)


def test_conditions__jump_of_the_book__pauses_the_pair_for_five_seconds() -> None:
    desk, conditions = _open_desk()
    asyncio.run(desk.settle(chain_view()))
    book = TopOfBook(
        bid_e36=_RATE_E36 * 98 // 100, ask_e36=_RATE_E36 * 102 // 100, bid_size=1_000, ask_size=1
    )
    conditions.observe_book(_PAIR, "venue", book)
    refused = asyncio.run(desk.desk.firm_quote(_request()))
    assert isinstance(refused, Decision)
    assert "50 bps" in refused.detail
    desk.clock.now_s += 5
    _quote(desk)


def test_conditions__pair_without_a_market__is_left_out() -> None:
    desk, _ = _open_desk()
    conditions = MarketConditions(clock=desk.clock, pairs=(_PAIR,), tracker=StateTracker())
    conditions.observe(chain_view(market(pools={})))
    conditions.observe(chain_view(market(feeds={})))
    assert conditions.state(_PAIR) == PricingState()


_SIGMA = st.none() | st.floats(min_value=0, max_value=1e4)


@given(
    st.builds(
        PricingState,
        sigma_now_bps=_SIGMA,
        sigma_base_bps=_SIGMA,
        toxic_flow=st.booleans(),
        toxicity_e36=st.integers(min_value=0, max_value=50 * 10**32),
        feed_latency_us=st.none() | st.integers(min_value=0, max_value=10**7),
        exchange=st.none()
        | st.builds(
            ExchangePrice,
            venue=st.text(max_size=9),
            rate_e36=st.integers(min_value=1, max_value=10**60),
            age_ms=st.integers(min_value=0, max_value=10**6),
        ),
        halted=st.none() | st.text(min_size=1, max_size=9),
    )
)
def test_pricing_state__any_value__comes_back_from_the_journals_json(state: PricingState) -> None:
    assert PricingState.from_dict(orjson.loads(orjson.dumps(state.to_dict()))) == state


def test_pricing_state__neutral__takes_no_room() -> None:
    assert PricingState().to_dict() == {}
