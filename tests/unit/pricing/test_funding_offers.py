"""Flash-funded offers earn what they promise, or are not made."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    USDC,
    WETH,
    Decision,
    FundingSource,
    Inventory,
    QuoteRequest,
    RefusalReason,
)
from pmm.pricing import (
    ComponentName,
    FairValue,
    FundingPolicy,
    Offer,
    PairPolicy,
    RejectedOffer,
    fair_value,
    flash_offers,
    inventory_offer,
    inventory_terms,
)
from pmm.pricing.funding import expected_profit_down, min_profit_up
from tests.helpers.quoting import POOL_DEPTH_WETH, TAKER, market, pool_out

_RESERVES = (POOL_DEPTH_WETH, POOL_DEPTH_WETH * 3_000 // 10**12)


def _request(**amounts: int) -> QuoteRequest:
    return QuoteRequest(
        request_id="r", chain_id=1, maker_asset=USDC, taker_asset=WETH, taker=TAKER, **amounts
    )


def _pair(**funding: object) -> PairPolicy:
    policy = FundingPolicy(**funding)  # type: ignore[arg-type]
    return PairPolicy(base=WETH, quote=USDC, gas_asset=WETH, funding=policy)


def _offers(request: QuoteRequest, pair: PairPolicy) -> tuple[tuple[Offer, ...], tuple[RejectedOffer, ...]]:
    snapshot = market()
    fair = fair_value(snapshot, maker_asset=USDC, taker_asset=WETH, rules=pair.fair)
    assert isinstance(fair, FairValue)
    return flash_offers(snapshot, request, pair, fair)


@given(st.integers(min_value=10**16, max_value=150 * 10**18))
def test_flash_offers__any_amount__profit_is_there_after_the_real_swap(amount: int) -> None:
    offers, _ = _offers(_request(taking_amount=amount), _pair())
    best = offers[0]
    assert best.plan is not None
    assert best.expected_profit is not None
    assert best.plan.min_profit <= best.expected_profit
    # What the pool itself would ask for the making amount, by its own formula, leaves the expected profit.
    spent = amount - best.expected_profit
    assert pool_out(spent, *_RESERVES, best.plan.swap_fee_pips) >= best.priced.making_amount


@given(st.integers(min_value=10 * 10**6, max_value=400_000 * 10**6))
def test_flash_offers__exact_output__profit_is_there_too(amount: int) -> None:
    offers, _ = _offers(_request(making_amount=amount), _pair())
    best = offers[0]
    assert best.priced.making_amount == amount
    assert best.expected_profit is not None
    assert best.expected_profit >= min_profit_up(best.priced.taking_amount, policy=FundingPolicy())


@pytest.mark.parametrize("share_bps", [0, 2_500, 10_000])
def test_flash_offers__signed_minimum__is_the_share_of_the_expected_profit(share_bps: int) -> None:
    offers, _ = _offers(_request(taking_amount=50 * 10**18), _pair(signed_profit_share_bps=share_bps))
    for offer in offers:
        assert offer.plan is not None
        assert offer.expected_profit is not None
        assert offer.plan.min_profit == max(offer.expected_profit * share_bps // 10_000, 1)


def test_flash_offers__all_lenders_free__prefer_the_flash_swap_on_the_cheap_pool() -> None:
    offers, _ = _offers(_request(taking_amount=10**18), _pair())
    assert offers[0].name == "uniswap_v3_swap_500"
    assert offers[0].plan is not None
    assert offers[0].plan.source is FundingSource.UNISWAP_V3_SWAP


def test_flash_offers__lender_with_premium__the_taker_pays_it() -> None:
    sources = (FundingSource.AAVE_V3_LOAN, FundingSource.MORPHO_BLUE_LOAN)
    offers, _ = _offers(_request(taking_amount=10**18), _pair(sources=sources))
    by_name = {offer.name: offer for offer in offers}
    free, paid = by_name["morpho_blue_loan_500"], by_name["aave_v3_loan_500"]
    assert paid.priced.making_amount < free.priced.making_amount
    shares = {part.name: part.bps for part in paid.priced.breakdown.components}
    assert shares[ComponentName.FUNDING] == 5


def test_flash_offers__margin_below_the_minimum__are_refused_as_unprofitable() -> None:
    pair = _pair(half_spread_bps=Decimal(0), min_profit_bps=Decimal(50))
    offers, rejected = _offers(_request(taking_amount=10**18), pair)
    assert offers == ()
    assert {entry.decision.reason for entry in rejected} == {RefusalReason.UNPROFITABLE}


def test_flash_offers__beyond_the_depth__are_refused_as_too_large() -> None:
    offers, rejected = _offers(_request(taking_amount=10_000 * 10**18), _pair())
    assert offers == ()
    assert {entry.decision.reason for entry in rejected} == {RefusalReason.AMOUNT_TOO_LARGE}


def test_flash_offers__no_source_allowed__are_none() -> None:
    assert _offers(_request(taking_amount=10**18), _pair(sources=())) == ((), ())


def test_expected_profit_down__repayment_beyond_the_depth__is_none() -> None:
    offers, _ = _offers(_request(taking_amount=10**18), _pair())
    pool = market().pools[WETH.address, USDC.address][0]
    shallow = replace(pool.depth, knots=((10**15, 2_900_000),))
    assert expected_profit_down(shallow, offers[0].priced, premium_bps=0) is None


@pytest.mark.parametrize(
    ("spare", "accepted"), [(1, True), (0, False)], ids=["one unit stays", "none would stay"]
)
def test_inventory_offer__at_the_edge_of_inventory__leaves_one_unit(spare: int, accepted: bool) -> None:
    pair = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH)
    holdings = {WETH.address: Inventory(token=WETH, balance=0)}
    terms = inventory_terms(market(), holdings, pair, maker_asset=USDC, taker_asset=WETH)
    assert not isinstance(terms, Decision)
    inventory = Inventory(token=USDC, balance=3_000 * 10**6 + 500 + spare, reserved=500)
    found = inventory_offer(terms, _request(making_amount=3_000 * 10**6), inventory)
    assert isinstance(found, Offer) is accepted
    if isinstance(found, Decision):
        assert found.reason is RefusalReason.INSUFFICIENT_INVENTORY
