"""Answers of feeds and names of assets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.localnet.addresses import ETH_USD_FEED
from pmm.localnet.feeds import feed_address, to_answer
from pmm.localnet.prices import asset_named


def test_to_answer__price_with_cents__has_eight_decimals() -> None:
    assert to_answer(Decimal("3150.25")) == 315_025_000_000


@given(st.integers(1, 10**17 - 1))
def test_to_answer__any_answer__round_trips(answer: int) -> None:
    assert to_answer(Decimal(answer).scaleb(-8)) == answer


@pytest.mark.parametrize(
    "text", ["0", "-1", "NaN", "Infinity", "-Infinity", "1e9", "0.000000001", "1.123456789"]
)
def test_to_answer__not_a_price__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected a price"):
        to_answer(Decimal(text))


@pytest.mark.parametrize("name", ["ETH", "eth", "WETH", "weth"])
def test_asset_named__ether_in_any_form__is_eth(name: str) -> None:
    assert asset_named(name) == "ETH"
    assert feed_address(asset_named(name)) == ETH_USD_FEED


@pytest.mark.parametrize("name", ["DOGE", "", "USD"])
def test_asset_named__no_feed__is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="expected an asset with a feed"):
        asset_named(name)
