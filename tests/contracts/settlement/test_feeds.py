"""Feeds of the oracle band: every answer that is old, odd or missing refuses the fill."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.abi import selector
from tests.contracts.settlement.desk import MAKING, TAKING, Desk, lower, word
from tests.contracts.settlement.feeds import (
    BAND_ON,
    BASE_PRICE,
    HEARTBEAT_S,
    QUOTE_PRICE,
    FeedOddity,
    Feeds,
)

ZERO = "0x" + "00" * 20
SIDES = pytest.mark.parametrize("side", ["base", "quote"])
PRICES = {"base": BASE_PRICE, "quote": QUOTE_PRICE}


@pytest.fixture
def banded(desk: Desk, feeds: Feeds, owner: Any) -> Desk:
    """The band is on, 1 % for base and quote; both feeds have just answered."""
    desk.settlement.setBand(desk.base, desk.quote, 20, sender=owner)
    desk.settlement.setGuards(BAND_ON, sender=owner)
    return desk


# ---------------------------------------------------------------- age


@SIDES
def test_feed__answer_as_old_as_the_heartbeat__fills_and_a_second_older_does_not(
    banded: Desk, feeds: Feeds, side: str
) -> None:
    at_s = banded.now_s() + HEARTBEAT_S // 2
    feed = getattr(feeds, side)
    order = banded.order(expiration_s=at_s + 60)
    feeds.answer(feed, PRICES[side], at_s - HEARTBEAT_S)
    assert banded.simulate(order, at_s=at_s)[:2] == (MAKING, TAKING)
    assert banded.simulate(order, at_s=at_s - 1)[:2] == (MAKING, TAKING)
    refusal = banded.fill_refusal(order, at_s=at_s + 1)
    assert refusal == ("StaleAnswer", lower(feed), at_s - HEARTBEAT_S, HEARTBEAT_S)


@SIDES
def test_feed__answer_of_this_second__fills_and_one_of_the_next_does_not(
    banded: Desk, feeds: Feeds, side: str
) -> None:
    at_s = banded.now_s() + 100
    feed = getattr(feeds, side)
    order = banded.order()
    feeds.answer(feed, PRICES[side], at_s)
    assert banded.simulate(order, at_s=at_s)[0] == MAKING
    refusal = banded.fill_refusal(order, at_s=at_s - 1)
    assert refusal == ("StaleAnswer", lower(feed), at_s, HEARTBEAT_S)
    feeds.answer(feed, PRICES[side], 2**256 - 1)
    assert banded.fill_refusal(order, at_s=at_s)[0] == "StaleAnswer"
    feeds.answer(feed, PRICES[side], 0)
    assert banded.fill_refusal(order, at_s=at_s) == ("StaleAnswer", lower(feed), 0, HEARTBEAT_S)


# ---------------------------------------------------------------- answer


@SIDES
def test_feed__answer_not_positive_or_too_large__is_refused(banded: Desk, feeds: Feeds, side: str) -> None:
    feed = getattr(feeds, side)
    for value in (0, -1, -(2**255), 2**112 + 1, 2**255 - 1):
        feeds.answer(feed, value)
        assert banded.fill_refusal(banded.order()) == ("BadAnswer", lower(feed), value)


def test_feed__smallest_and_largest_answers__are_taken(banded: Desk, feeds: Feeds) -> None:
    """One unit of base for the largest price of base, and all of it for the smallest."""
    feeds.answer(feeds.base, 2**112)
    refusal = banded.fill_refusal(banded.order())
    assert refusal[0] == "OutsideBand"
    feeds.answer(feeds.base, 1)
    assert banded.simulate(banded.order(taking_amount=TAKING))[0] == MAKING
    feeds.answer(feeds.base, BASE_PRICE)
    feeds.answer(feeds.quote, 2**112)
    assert banded.simulate(banded.order(taking_amount=1))[:2] == (MAKING, 1)


@SIDES
@pytest.mark.parametrize("oddity", [FeedOddity.REVERTS, FeedOddity.ANSWERS_FOUR_WORDS])
def test_feed__reverts_or_answers_short__is_refused(
    banded: Desk, feeds: Feeds, side: str, oddity: FeedOddity
) -> None:
    feed = getattr(feeds, side)
    feeds.odd(feed, oddity)
    assert banded.fill_refusal(banded.order()) == ("FeedFailed", lower(feed))
    feeds.odd(feed, FeedOddity.NONE)
    assert banded.simulate(banded.order())[0] == MAKING


@SIDES
def test_feed__answers_a_word_more__is_taken(banded: Desk, feeds: Feeds, side: str) -> None:
    feeds.odd(getattr(feeds, side), FeedOddity.ANSWERS_SIX_WORDS)
    assert banded.simulate(banded.order())[0] == MAKING


@SIDES
def test_feed__lost_its_code__is_refused(banded: Desk, feeds: Feeds, side: str) -> None:
    feed = getattr(feeds, side)
    banded.rpc.call("anvil_setCode", feed.address, "0x")
    assert banded.fill_refusal(banded.order()) == ("FeedFailed", lower(feed))


# ---------------------------------------------------------------- setFeed


@SIDES
def test_set_feed__of_zero__leaves_no_feed_and_the_band(
    banded: Desk, feeds: Feeds, owner: Any, side: str
) -> None:
    token = getattr(banded, side)
    bands = int(banded.settlement.priceWord(token)) >> 192
    receipt = banded.settlement.setFeed(token, ZERO, 0, sender=owner)
    (event,) = receipt.decode_logs(banded.settlement.FeedSet)
    assert (event.token, event.feed, event.heartbeatSeconds) == (token, ZERO, 0)
    assert int(banded.settlement.priceWord(token)) == bands << 192
    assert banded.fill_refusal(banded.order()) == ("NoFeed", word(token))
    banded.settlement.setFeed(token, getattr(feeds, side), HEARTBEAT_S, sender=owner)
    assert banded.simulate(banded.order())[0] == MAKING


def test_set_feed__new_feed__is_announced_and_stored(banded: Desk, owner: Any) -> None:
    feed = owner.deploy(ape.project.MockOddFeed, 18)
    bands = int(banded.settlement.priceWord(banded.base)) >> 192
    receipt = banded.settlement.setFeed(banded.base, feed, 2**24 - 1, sender=owner)
    (event,) = receipt.decode_logs(banded.settlement.FeedSet)
    assert (event.token, event.feed, event.heartbeatSeconds) == (banded.base, feed, 2**24 - 1)
    expected = bands << 192 | 36 << 184 | (2**24 - 1) << 160 | word(feed)
    assert int(banded.settlement.priceWord(banded.base)) == expected


def test_set_feed__heartbeat_out_of_bounds__is_refused(banded: Desk, feeds: Feeds, owner: Any) -> None:
    for seconds in (0, 2**24, 2**40 - 1):
        refusal = banded.refusal(banded.settlement.setFeed, banded.base, feeds.base, seconds, sender=owner)
        assert refusal == ("BadHeartbeat", seconds)


def test_set_feed__decimals_of_more_than_36__are_refused(banded: Desk, owner: Any) -> None:
    feed = owner.deploy(ape.project.MockOddFeed, 19)
    refusal = banded.refusal(banded.settlement.setFeed, banded.base, feed, 60, sender=owner)
    assert refusal == ("BadDecimals", lower(banded.base), lower(feed), 37)
    feed.setDecimals(255, sender=owner)
    refusal = banded.refusal(banded.settlement.setFeed, banded.base, feed, 60, sender=owner)
    assert refusal == ("BadDecimals", lower(banded.base), lower(feed), 273)


def test_set_feed__account_that_tells_no_decimals__is_refused(
    banded: Desk, owner: Any, receiver: Any, feeds: Feeds
) -> None:
    method = banded.settlement.setFeed
    assert banded.refusal(method, banded.base, receiver, 60, sender=owner) == ("",)
    assert banded.refusal(method, receiver, feeds.base, 60, sender=owner) == ("",)


def test_set_feed__decimals__are_read_then_and_never_again(banded: Desk, feeds: Feeds, owner: Any) -> None:
    feeds.base.setDecimals(18, sender=owner)
    assert banded.simulate(banded.order())[:2] == (MAKING, TAKING)
    banded.settlement.setFeed(banded.base, feeds.base, HEARTBEAT_S, sender=owner)
    # The same answer now means a price 10**10 times lower.
    assert banded.simulate(banded.order(taking_amount=TAKING // 10**10))[0] == MAKING
    feeds.answer(feeds.base, BASE_PRICE * 10**10)
    assert banded.simulate(banded.order())[:2] == (MAKING, TAKING)
    assert banded.fill_refusal(banded.order(taking_amount=TAKING * 9 // 10))[0] == "OutsideBand"


# ---------------------------------------------------------------- fairTakingAmount


def test_fair_taking_amount__both_directions__are_rounded_down(desk: Desk, feeds: Feeds) -> None:
    fair = desk.settlement.fairTakingAmount
    assert fair(desk.base, desk.quote, MAKING) == TAKING
    assert fair(desk.quote, desk.base, TAKING) == MAKING
    assert fair(desk.base, desk.quote, 1_999) == 0
    assert fair(desk.base, desk.quote, 2_000) == 1
    feeds.answer(feeds.base, BASE_PRICE + 1)
    assert fair(desk.base, desk.quote, MAKING) == MAKING * (BASE_PRICE + 1) // QUOTE_PRICE


def test_fair_taking_amount__feeds_that_cannot_answer__are_named(
    desk: Desk, feeds: Feeds, owner: Any
) -> None:
    fair = desk.settlement.fairTakingAmount
    values = (desk.base, desk.quote, MAKING)
    at_s = feeds.answer(feeds.base, BASE_PRICE)
    refusal = desk.refusal(fair, *values, sender=owner, at_s=at_s + HEARTBEAT_S + 1)
    assert refusal == ("StaleAnswer", lower(feeds.base), at_s, HEARTBEAT_S)
    feeds.answer(feeds.quote, 0)
    assert desk.refusal(fair, *values, sender=owner) == ("BadAnswer", lower(feeds.quote), 0)
    feeds.odd(feeds.quote, FeedOddity.REVERTS)
    assert desk.refusal(fair, *values, sender=owner) == ("FeedFailed", lower(feeds.quote))
    refusal = desk.refusal(fair, desk.base, desk.weth, MAKING, sender=owner)
    assert refusal == ("NoFeed", word(desk.weth))
    refusal = desk.refusal(fair, desk.base, desk.weth, 0, sender=owner)
    assert refusal == ("NoFeed", word(desk.weth))


# ---------------------------------------------------------------- a feed that calls


@SIDES
def test_feed__calls_a_fill_while_it_is_read__gets_nothing(banded: Desk, feeds: Feeds, side: str) -> None:
    """It is asked in a static call: under the lock it hears Reentered, without it no write succeeds."""
    method, values = banded.call_of(banded.order(nonce=1))
    data = method.encode_input(*values)
    reentered = selector("Reentered()")
    feed = getattr(feeds, side)
    feeds.odd(feed, FeedOddity.CALLS_BACK, data=data, expected=reentered)
    assert banded.simulate(banded.order(), args=b"")[0] == MAKING
    feeds.odd(feed, FeedOddity.CALLS_BACK, data=data, expected=b"")
    assert banded.simulate(banded.order())[0] == MAKING
    # The mock does tell: a call that succeeds shows.
    harmless = banded.settlement.isLocked.encode_input()
    feeds.odd(feed, FeedOddity.CALLS_BACK, data=harmless, expected=reentered)
    found = banded.settlement.fairTakingAmount(banded.base, banded.quote, MAKING)
    assert found != TAKING
