"""An offer comes back from the journal as it went in."""

from typing import Any

import pytest

from pmm.domain import USDC, WETH, FundingPlan, FundingSource, QuoteRequest
from pmm.errors import InvalidInput
from pmm.journal.decoding import offer_from_json
from pmm.journal.encoding import offer_json
from pmm.pricing import FairValue, FundingPolicy, Offer, PairPolicy, fair_value, flash_offers
from tests.helpers.quoting import TAKER, market


def _funded() -> Offer:
    pair = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH, funding=FundingPolicy())
    fair = fair_value(market(), maker_asset=USDC, taker_asset=WETH, rules=pair.fair)
    assert isinstance(fair, FairValue)
    request = QuoteRequest(
        request_id="r", chain_id=1, maker_asset=USDC, taker_asset=WETH, taker=TAKER, taking_amount=10**18
    )
    return flash_offers(market(), request, pair, fair)[0][0]


def _row(offer: Offer, *, also_set: int = 0) -> dict[str, Any]:
    assert offer.plan is not None
    row = offer_json(offer)
    return {**row, "plan": {**row["plan"], "word": hex(offer.plan.encode() | also_set)}}


def test_offer_from_json__funded_offer__has_its_plan_and_profit() -> None:
    offer = _funded()
    read = offer_from_json(offer_json(offer))
    assert (read.plan, read.expected_profit) == (offer.plan, offer.expected_profit)
    assert isinstance(read.plan, FundingPlan)
    assert read.plan.source is FundingSource.UNISWAP_V3_SWAP


def test_offer_from_json__plan_that_was_signed_with_the_sweep_bit__is_read_without_it() -> None:
    offer = _funded()
    assert offer_from_json(_row(offer, also_set=1 << 166)).plan == offer.plan


def test_offer_from_json__plan_with_another_bit_that_must_be_zero__raises() -> None:
    with pytest.raises(InvalidInput, match="bits 128-166"):
        offer_from_json(_row(_funded(), also_set=1 << 165))
