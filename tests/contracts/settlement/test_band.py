"""The oracle band: what the maker must get at least, at Chainlink's answers, in both directions of a pair."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.contracts.settlement.compact import compact
from tests.contracts.settlement.conftest import FORTUNE, UNLIMITED
from tests.contracts.settlement.desk import MAKER_AMOUNT, MAKING, TAKING, Desk, RawOrder, lower, moved, word
from tests.contracts.settlement.feeds import (
    BAND_ON,
    BASE_PRICE,
    HEARTBEAT_S,
    QUOTE_PRICE,
    Feeds,
    floor_of,
)

UNITS = 20  # 1 %
FLOOR = floor_of(MAKING, maker_price=BASE_PRICE, taker_price=QUOTE_PRICE, units=UNITS)


@pytest.fixture
def banded(desk: Desk, feeds: Feeds, owner: Any) -> Desk:
    """The band is on, 1 % for base and quote; both feeds have just answered."""
    desk.settlement.setBand(desk.base, desk.quote, UNITS, sender=owner)
    desk.settlement.setGuards(BAND_ON, sender=owner)
    return desk


def _back(desk: Desk, making: int, taking: int) -> RawOrder:
    """The other direction: quote is sold for base."""
    return desk.order(
        maker_asset=word(desk.quote),
        taker_asset=word(desk.base),
        making_amount=making,
        taking_amount=taking,
    )


# ---------------------------------------------------------------- the bound


def test_band__taking_amount_at_the_bound__fills_and_one_unit_less_does_not(banded: Desk) -> None:
    assert FLOOR == TAKING * 99 // 100
    order = banded.order(taking_amount=FLOOR)
    before = banded.balances(banded.settlement, banded.taker)
    banded.fill(order)
    after = banded.balances(banded.settlement, banded.taker)
    assert moved(before, after) == [(-MAKING, FLOOR), (MAKING, -FLOOR)]
    refusal = banded.fill_refusal(banded.order(nonce=1, taking_amount=FLOOR - 1))
    assert refusal == ("OutsideBand", word(banded.base), word(banded.quote), FLOOR - 1, FLOOR)


def test_band__other_direction_of_the_pair__has_the_same_width(banded: Desk) -> None:
    floor = floor_of(TAKING, maker_price=QUOTE_PRICE, taker_price=BASE_PRICE, units=UNITS)
    assert floor == MAKING * 99 // 100
    assert banded.simulate(_back(banded, TAKING, floor))[:2] == (TAKING, floor)
    refusal = banded.fill_refusal(_back(banded, TAKING, floor - 1))
    assert refusal == ("OutsideBand", word(banded.quote), word(banded.base), floor - 1, floor)


def test_band__more_than_fair__is_never_refused(banded: Desk) -> None:
    """The band protects the maker alone."""
    assert banded.simulate(banded.order(taking_amount=5 * TAKING))[1] == 5 * TAKING


def test_band__bound_between_two_units__is_rounded_up(banded: Desk, feeds: Feeds) -> None:
    feeds.answer(feeds.base, BASE_PRICE + 1)
    floor = floor_of(7, maker_price=BASE_PRICE + 1, taker_price=QUOTE_PRICE, units=UNITS)
    assert floor == 1
    making = 3 * 10**6 + 1
    floor = floor_of(making, maker_price=BASE_PRICE + 1, taker_price=QUOTE_PRICE, units=UNITS)
    assert floor * 2_000 * QUOTE_PRICE > making * (BASE_PRICE + 1) * (2_000 - UNITS)
    assert banded.simulate(banded.order(making_amount=making, taking_amount=floor))[1] == floor
    refusal = banded.fill_refusal(banded.order(making_amount=making, taking_amount=floor - 1))
    assert refusal[3:] == (floor - 1, floor)


# Every example sets both answers and the band anew.
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    making=st.integers(1, 10**24),
    base_price=st.integers(1, 2**40) | st.just(2**112),
    quote_price=st.integers(10**6, 2**44),
    units=st.integers(1, 254),
)
@example(making=1, base_price=1, quote_price=2**44, units=254)
def test_band__any_prices_and_width__the_floor_is_exact(
    banded: Desk, feeds: Feeds, making: int, base_price: int, quote_price: int, units: int
) -> None:
    feeds.answer(feeds.base, base_price)
    feeds.answer(feeds.quote, quote_price)
    banded.settlement.setBand(banded.base, banded.quote, units, sender=banded.owner)
    floor = floor_of(making, maker_price=base_price, taker_price=quote_price, units=units)
    if floor > 1:
        refusal = banded.fill_refusal(banded.order(making_amount=making, taking_amount=floor - 1))
        assert refusal[0] == "OutsideBand"
        assert refusal[4] == floor
    if floor <= FORTUNE // 2:
        assert banded.simulate(banded.order(making_amount=making, taking_amount=floor))[1] == floor


@pytest.mark.parametrize("units", [1, 254])
def test_band__narrowest_and_widest__are_of_five_bps_a_unit(banded: Desk, owner: Any, units: int) -> None:
    banded.settlement.setBand(banded.quote, banded.base, units, sender=owner)
    floor = TAKING * (2_000 - units) // 2_000
    assert banded.simulate(banded.order(taking_amount=floor))[1] == floor
    assert banded.fill_refusal(banded.order(taking_amount=floor - 1))[3:] == (floor - 1, floor)


def test_band__every_way_to_fill__is_held_to_it(banded: Desk) -> None:
    short = FLOOR - 1
    refusal = ("OutsideBand", word(banded.base), word(banded.quote), short, FLOOR)
    assert banded.fill_refusal(banded.order(taking_amount=short), args=b"") == refusal
    values = compact(banded, taking=short).values(banded)
    method = banded.settlement.fillOrderCompact
    assert banded.refusal(method, *values, sender=banded.taker) == refusal
    values = compact(banded, taking=FLOOR).values(banded)
    assert banded.ask(method, *values, sender=banded.taker)[1] == FLOOR


def test_band__part_of_an_order__is_judged_by_its_own_amounts(banded: Desk) -> None:
    """A unit of base costs a unit of quote by rounding up: far more than the band asks."""
    order = banded.order(taking_amount=FLOOR - 1)
    assert banded.simulate(order, amount=1, taker_traits=MAKER_AMOUNT)[:2] == (1, 1)
    assert banded.fill_refusal(order, amount=(FLOOR - 1) // 2)[0] == "OutsideBand"


def test_band__contract_signature__is_held_to_it_as_a_whole(banded: Desk) -> None:
    ask = banded.settlement.isValidSignature

    def _values(order: RawOrder) -> tuple[bytes, bytes]:
        digest = order.digest(banded.router_domain)
        return digest, order.packed_with(banded.key.sign(digest))

    assert bytes(ask(*_values(banded.order(taking_amount=FLOOR)))).hex() == "1626ba7e"
    refusal = banded.refusal(ask, *_values(banded.order(taking_amount=FLOOR - 1)), sender=banded.taker)
    assert refusal == ("OutsideBand", word(banded.base), word(banded.quote), FLOOR - 1, FLOOR)


# ---------------------------------------------------------------- no band, no limit


def test_band__of_255_units__has_no_limit_and_asks_no_feed(banded: Desk, feeds: Feeds, owner: Any) -> None:
    banded.settlement.setBand(banded.base, banded.quote, 255, sender=owner)
    feeds.answer(feeds.base, 0)
    feeds.answer(feeds.quote, -1)
    assert banded.simulate(banded.order(taking_amount=1))[:2] == (MAKING, 1)


def test_band__of_zero_or_none__refuses_both_directions(banded: Desk, owner: Any) -> None:
    banded.settlement.setBand(banded.base, banded.quote, 0, sender=owner)
    pair = (word(banded.base), word(banded.quote))
    assert banded.fill_refusal(banded.order(taking_amount=9 * TAKING)) == ("NoBand", *pair)
    assert banded.fill_refusal(_back(banded, 1, FORTUNE // 2)) == ("NoBand", pair[1], pair[0])
    never_set = banded.order(taker_asset=word(banded.weth))
    assert banded.fill_refusal(never_set) == ("NoBand", pair[0], word(banded.weth))


def test_band__switched_off__asks_nothing(banded: Desk, feeds: Feeds, owner: Any) -> None:
    banded.settlement.setGuards(0, sender=owner)
    feeds.answer(feeds.base, 0)
    assert banded.simulate(banded.order(taking_amount=1))[1] == 1


# ---------------------------------------------------------------- setBand


def test_set_band__pair__is_announced_and_stored_with_both_tokens(
    desk: Desk, feeds: Feeds, owner: Any
) -> None:
    before = [int(desk.settlement.priceWord(token)) for token in (desk.base, desk.quote)]
    receipt = desk.settlement.setBand(desk.base, desk.quote, 7, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.BandSet)
    assert (event.tokenA, event.tokenB, event.units) == (desk.base, desk.quote, 7)
    # Base is core token 0, quote core token 1.
    assert int(desk.settlement.priceWord(desk.base)) == before[0] | 7 << 200
    assert int(desk.settlement.priceWord(desk.quote)) == before[1] | 7 << 192


def test_set_band__pair_with_a_registered_token__needs_one_core_token(
    banded: Desk, feeds: Feeds, owner: Any
) -> None:
    late = owner.deploy(ape.project.MockMoodyToken, 6)
    other = owner.deploy(ape.project.MockMoodyToken, 6)
    banded.settlement.registerToken(late, sender=owner)
    refusal = banded.refusal(banded.settlement.setBand, late, other, 1, sender=owner)
    assert refusal == ("BadPair", lower(late), lower(other))
    refusal = banded.refusal(banded.settlement.setBand, late, late, 1, sender=owner)
    assert refusal == ("BadPair", lower(late), lower(late))
    refusal = banded.refusal(banded.settlement.setBand, banded.base, banded.base, 1, sender=owner)
    assert refusal == ("BadPair", lower(banded.base), lower(banded.base))

    banded.settlement.setFeed(late, feeds.quote, HEARTBEAT_S, sender=owner)
    banded.settlement.setBand(late, banded.base, UNITS, sender=owner)
    for holder in (banded.settlement, banded.taker):
        late.setBalance(holder, 10**12, sender=owner)
    late.approve(banded.settlement, UNLIMITED, sender=banded.taker)
    # Six decimals: 2,000 base are worth 10**6 of it.
    floor = 990_000
    sold = banded.order(taker_asset=word(late), taking_amount=floor)
    assert banded.simulate(sold)[:2] == (MAKING, floor)
    short = banded.order(taker_asset=word(late), taking_amount=floor - 1)
    assert banded.fill_refusal(short)[3:] == (floor - 1, floor)
    bought = {"maker_asset": word(late), "taker_asset": word(banded.base), "making_amount": 10**6}
    least = MAKING * 99 // 100
    assert banded.simulate(banded.order(taking_amount=least, **bought))[:2] == (10**6, least)
    assert banded.fill_refusal(banded.order(taking_amount=least - 1, **bought))[3:] == (least - 1, least)


@pytest.mark.parametrize(("units", "allowed"), [(0, True), (19, True), (20, True), (21, False), (255, False)])
def test_set_band__by_the_guardian__may_only_lower_it(
    banded: Desk, guardian: Any, units: int, allowed: bool
) -> None:
    method = banded.settlement.setBand
    for pair in ((banded.base, banded.quote), (banded.quote, banded.base)):
        if not allowed:
            refusal = banded.refusal(method, *pair, units, sender=guardian)
            assert refusal == ("Unauthorised", lower(guardian))
    if allowed:
        method(banded.base, banded.quote, units, sender=guardian)
        assert int(banded.settlement.priceWord(banded.base)) >> 200 & 0xFF == units


def test_set_band__by_the_guardian_from_none__may_not(banded: Desk, guardian: Any) -> None:
    method = banded.settlement.setBand
    refusal = banded.refusal(method, banded.base, banded.weth, 1, sender=guardian)
    assert refusal == ("Unauthorised", lower(guardian))
    method(banded.base, banded.weth, 0, sender=guardian)
