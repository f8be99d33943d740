"""checkOrder: the oracle band, the feeds behind it and the caps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.lens.lens_desk import (
    BAND_ON,
    CAPS_ON,
    HEARTBEAT_S,
    MAKING,
    QUOTE_PRICE,
    TAKING,
    LensDesk,
    Mood,
    assert_alone,
)
from tests.contracts.lens.reasons import Reason
from tests.contracts.settlement.desk import word

NOBODY = "0x" + "00" * 20


# ---- oracle band


def test_check_order__band_on__price_at_the_edge(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    edge = TAKING * 9_950 // 10_000
    assert desk.reasons(desk.order(taking_amount=edge)) == Reason(0)
    assert desk.outcome(desk.order(taking_amount=edge)) == ()
    assert_alone(desk, Reason.OUTSIDE_BAND, desk.order(taking_amount=edge - 1))
    desk.guards(0)
    assert desk.reasons(desk.order(taking_amount=edge - 1)) == Reason(0)


def test_check_order__band_with_a_maker_asset_of_fewer_decimals__is_exact(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    desk.quote.setBalance(desk.settlement, TAKING, sender=desk.owner)
    desk.base.setBalance(desk.taker, MAKING, sender=desk.owner)
    desk.base.approve(desk.settlement, MAKING, sender=desk.taker)
    edge = MAKING * 9_950 // 10_000
    turned: dict[str, Any] = {
        "maker_asset": word(desk.quote),
        "taker_asset": word(desk.base),
        "making_amount": TAKING,
    }
    assert desk.reasons(desk.order(**turned, taking_amount=edge)) == Reason(0)
    assert desk.outcome(desk.order(**turned, taking_amount=edge)) == ()
    assert_alone(desk, Reason.OUTSIDE_BAND, desk.order(**turned, taking_amount=edge - 1))


def test_check_order__no_band__is_named_alone(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    desk.settlement.setBand(desk.base, desk.quote, 0, sender=desk.owner)
    assert_alone(desk, Reason.NO_BAND, desk.order())


def test_check_order__band_without_limit__asks_no_feed(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    desk.settlement.setBand(desk.base, desk.quote, 255, sender=desk.owner)
    desk.base_feed.setMood(Mood.REVERTS, sender=desk.owner)
    order = desk.order(taking_amount=1)
    assert desk.reasons(order) == Reason(0)
    assert desk.outcome(order) == ()


@pytest.mark.parametrize(
    ("answer", "age_s", "mood"),
    [
        (QUOTE_PRICE, HEARTBEAT_S + 60, Mood.ANSWERS),
        (QUOTE_PRICE, -60, Mood.ANSWERS),
        (0, 0, Mood.ANSWERS),
        (-1, 0, Mood.ANSWERS),
        (2**112 + 1, 0, Mood.ANSWERS),
        (2**255 - 1, 0, Mood.ANSWERS),
        (QUOTE_PRICE, 0, Mood.REVERTS),
        (QUOTE_PRICE, 0, Mood.BURNS_GAS),
        (QUOTE_PRICE, 0, Mood.ANSWERS_ONE_BYTE),
        (QUOTE_PRICE, 0, Mood.ANSWERS_AT_LENGTH),
    ],
)
@pytest.mark.parametrize("side", ["base_feed", "quote_feed"])
def test_check_order__feed_that_is_no_use__is_a_reason(
    desk: LensDesk, answer: int, age_s: int, mood: Mood, side: str
) -> None:
    desk.guards(BAND_ON)
    feed = getattr(desk, side)
    desk.price(feed, answer, age_s)
    feed.setMood(mood, sender=desk.owner)
    assert_alone(desk, Reason.FEED, desk.order())


@pytest.mark.parametrize("answer", [1, 2**112])
def test_check_order__answers_at_their_limits__agree_with_the_fill(desk: LensDesk, answer: int) -> None:
    desk.guards(BAND_ON)
    desk.price(desk.base_feed, answer)
    outcome = desk.outcome(desk.order())
    assert desk.reasons(desk.order()) == (Reason.OUTSIDE_BAND if outcome else Reason(0))
    assert bool(outcome) == (answer > 1)


def test_check_order__feed_taken_away__is_named(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    desk.settlement.setFeed(desk.quote, NOBODY, 0, sender=desk.owner)
    assert_alone(desk, Reason.FEED, desk.order())


# ---- caps


def test_check_order__over_the_block_cap__is_named_alone(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    desk.settlement.setCap(desk.base, MAKING - 1, 2 * MAKING, 600, sender=desk.owner)
    assert_alone(desk, Reason.BLOCK_CAP, desk.order())
    assert desk.reasons(desk.order(), amount=MAKING // 2) == Reason(0)


def test_check_order__over_the_window_cap__is_named_alone(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    desk.settlement.setCap(desk.base, 2 * MAKING, MAKING - 1, 600, sender=desk.owner)
    assert_alone(desk, Reason.WINDOW_CAP, desk.order())


def test_check_order__no_cap__is_named_alone(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    desk.quote.setBalance(desk.settlement, TAKING, sender=desk.owner)
    desk.base.setBalance(desk.taker, MAKING, sender=desk.owner)
    desk.base.approve(desk.settlement, MAKING, sender=desk.taker)
    order = desk.order(
        maker_asset=word(desk.quote), taker_asset=word(desk.base), making_amount=TAKING, taking_amount=MAKING
    )
    assert_alone(desk, Reason.NO_CAP, order)


def test_check_order__window_used_up__is_named_until_two_windows_passed(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    window_s = 600
    # Caps are kept in units, rounded down: room for one fill, and not for two.
    desk.settlement.setCap(desk.base, 2 * MAKING, MAKING * 3 // 2, window_s, sender=desk.owner)
    start = (desk.now_s() // window_s + 1) * window_s
    desk.rpc.call("evm_setNextBlockTimestamp", start)
    desk.fill(desk.order(expiration_s=start + 100))
    for elapsed_s, free in (
        (window_s - 1, False),
        (window_s, False),
        (2 * window_s - 1, False),
        (2 * window_s, True),
    ):
        with desk.undone():
            desk.rpc.call("evm_setNextBlockTimestamp", start + elapsed_s)
            desk.rpc.call("evm_mine")
            order = desk.order(nonce=1)
            if free:
                assert desk.reasons(order) == Reason(0)
                assert desk.outcome(order) == ()
            else:
                assert_alone(desk, Reason.WINDOW_CAP, order)
