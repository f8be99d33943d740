"""The decoded views: lanes, caps, feeds, bands, the overview, names of reasons."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from ape.exceptions import ContractLogicError

from pmm.chain.abi import selector
from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import Address, SigningKey
from pmm.domain.hook_payloads import InventorySource, PreHook
from tests.contracts.hedger_place import HEDGER_PLACE, place_hedger
from tests.contracts.lens.lens_desk import (
    BAND_UNITS,
    BASE_PRICE,
    CAP_WINDOW_S,
    CAPS_ON,
    HEARTBEAT_S,
    LANES,
    MAKING,
    TAKING,
    LensDesk,
    Mood,
)
from tests.contracts.lens.reasons import Reason
from tests.contracts.settlement.desk import HORIZON_S, position, word

NOBODY = "0x" + "00" * 20
NO_LIMIT = 2**256 - 1
HEDGER = 0


def test_constructor__address_without_code__is_refused(desk: LensDesk) -> None:
    nobody = "11" * 20
    with pytest.raises(ContractLogicError, match=selector("NoCode(address)").hex() + "0" * 24 + nobody):
        desk.owner.deploy(ape.project.SettlementLens, "0x" + nobody)
    assert desk.lens.SETTLEMENT() == desk.settlement


def test_reason_names__every_bit__has_the_published_name(desk: LensDesk) -> None:
    assert desk.lens.reasonNames(0) == []
    every = [reason.name for reason in Reason]
    assert desk.lens.reasonNames(sum(Reason)) == every
    for reason in Reason:
        assert desk.lens.reasonNames(reason) == [reason.name]
    assert desk.lens.reasonNames(1 << 34 | 1 << 255 | 1) == ["MAKER", "UNNAMED", "UNNAMED"]


# ---- lanes


def test_lane__set_up__shows_what_the_word_holds(desk: LensDesk) -> None:
    key = desk.key.address
    desk.settlement.cancelLane(key, 2, sender=desk.owner)
    desk.settlement.cancelNonce(position(key, 2, 5), sender=desk.owner)
    desk.settlement.pauseSigner(key, sender=desk.owner)
    desk.settlement.unregisterToken(WETH, sender=desk.owner)
    desk.guards(CAPS_ON)
    lane = desk.lens.lane(key, 2)
    assert (lane.authorised, lane.paused, lane.bandOn, lane.capsOn) == (True, True, False, True)
    # Positions 3 to 7 hold no token and stay blocked.
    assert lane.blockedTokens == 0b11111100
    assert (lane.maxExpiry, lane.epoch, lane.base, lane.window) == (HORIZON_S, 1, 0, 1 << 5)
    desk.guards(3)
    assert desk.lens.lane(key, 0).bandOn
    assert desk.lens.lane(key, 0).epoch == 0


def test_lane__window_that_slid__shows_its_base(desk: LensDesk) -> None:
    desk.settlement.cancelNonce(position(desk.key.address, 0, 1_000), sender=desk.owner)
    lane = desk.lens.lane(desk.key.address, 0)
    assert (lane.base, lane.window) == (1_000 - 159, 1 << 159)


def test_lane__unknown__is_all_zero(desk: LensDesk) -> None:
    stranger = SigningKey(b"\x11" * 32).address
    assert not any(desk.lens.lane(stranger, 0))
    assert not any(desk.lens.lane(desk.key.address, LANES))
    assert desk.lens.laneCount(stranger) == 0
    assert desk.lens.epochs(stranger) == []


def test_epochs__after_cancels__are_those_of_every_lane(desk: LensDesk) -> None:
    key = desk.key.address
    desk.settlement.cancelLane(key, 1, sender=desk.owner)
    desk.settlement.cancelAllLanes(key, sender=desk.owner)
    assert desk.lens.laneCount(key) == LANES
    assert desk.lens.epochs(key) == [1, 2, 1, 1]


# ---- caps


def test_cap__unset__is_all_zero(desk: LensDesk) -> None:
    assert not any(desk.lens.cap(desk.quote))


def test_cap__use_counted_without_a_cap__is_still_unset(desk: LensDesk, operator: Any) -> None:
    """An inventory swap of nothing leaves a word with windows of no length."""
    place_hedger(desk.rpc, desk.owner, ape.project.MockHedger, desk.settlement)
    desk.settlement.setBand(desk.base, desk.quote, 255, sender=desk.owner)
    desk.guards(CAPS_ON)
    desk.settlement.swapInventory(desk.quote, desk.base, 0, 0, 0, b"", sender=operator)
    assert desk.settlement.capWord(desk.quote) != 0
    assert not any(desk.lens.cap(desk.quote))
    order = desk.order(maker_asset=word(desk.quote), taker_asset=word(desk.base))
    assert Reason.NO_CAP in desk.reasons(order)


@pytest.mark.parametrize("exact", [True, False])
def test_cap__set__is_rounded_down_to_units(desk: LensDesk, exact: bool) -> None:
    per_window = 2**36 - 1 if exact else 2**40 + 13
    desk.settlement.setCap(desk.base, 1_000, per_window, 77, sender=desk.owner)
    cap = desk.lens.cap(desk.base)
    unit = 1 if exact else 32
    assert (cap.isSet, cap.unit, cap.windowSeconds) == (True, unit, 77)
    assert (cap.perBlock, cap.perWindow) == (1_000 // unit * unit, per_window // unit * unit)
    assert (cap.usedInBlock, cap.usedInWindow) == (0, 0)
    assert cap.left == cap.perBlock


def test_cap__left__is_the_largest_fill_that_passes(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    desk.settlement.setCap(desk.base, 3 * MAKING, 2 * MAKING, CAP_WINDOW_S, sender=desk.owner)
    desk.fill(desk.order(), amount=MAKING + 1)
    desk.rpc.call("evm_mine")
    left = desk.lens.cap(desk.base).left
    assert MAKING - 2 * desk.lens.cap(desk.base).unit < left < MAKING
    order = desk.order(nonce=1)
    assert desk.reasons(order, amount=left) == Reason(0)
    assert desk.outcome(order, amount=left) == ()
    assert desk.reasons(order, amount=left + 1) == Reason.WINDOW_CAP
    assert desk.outcome(order, amount=left + 1)[0] == "WindowCapExceeded"


def test_cap__used__counts_this_block_and_two_windows(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    start = (desk.now_s() // CAP_WINDOW_S + 1) * CAP_WINDOW_S
    desk.rpc.call("evm_setNextBlockTimestamp", start)
    desk.fill(desk.order(expiration_s=start + 100))
    cap = desk.lens.cap(desk.base)
    used = -(-MAKING // cap.unit) * cap.unit
    assert (cap.usedInBlock, cap.usedInWindow) == (used, used)
    assert cap.left == cap.perBlock - used
    for at, in_window in ((1, used), (CAP_WINDOW_S, used), (2 * CAP_WINDOW_S, 0)):
        desk.rpc.call("evm_setNextBlockTimestamp", start + at)
        desk.rpc.call("evm_mine")
        cap = desk.lens.cap(desk.base)
        assert (cap.usedInBlock, cap.usedInWindow) == (0, in_window)


def test_cap__second_window__counts_the_first_beside_it(desk: LensDesk) -> None:
    """Only now does the word itself hold a previous window; before, the current one stands in for it."""
    desk.guards(CAPS_ON)
    desk.settlement.setCap(desk.base, 3 * MAKING, 3 * MAKING, CAP_WINDOW_S, sender=desk.owner)
    unit = desk.lens.cap(desk.base).unit
    first, second = MAKING // unit * unit, MAKING // 2 // unit * unit
    start = (desk.now_s() // CAP_WINDOW_S + 1) * CAP_WINDOW_S
    desk.rpc.call("evm_setNextBlockTimestamp", start)
    desk.fill(desk.order(expiration_s=start + 100), amount=first)
    desk.rpc.call("evm_setNextBlockTimestamp", start + CAP_WINDOW_S)
    desk.fill(desk.order(nonce=1, expiration_s=start + CAP_WINDOW_S + 100), amount=second)
    for at, in_window in (
        (CAP_WINDOW_S + 1, first + second),
        (2 * CAP_WINDOW_S, second),
        (3 * CAP_WINDOW_S, 0),
    ):
        desk.rpc.call("evm_setNextBlockTimestamp", start + at)
        desk.rpc.call("evm_mine")
        cap = desk.lens.cap(desk.base)
        assert (cap.usedInWindow, cap.left) == (in_window, cap.perWindow - in_window)
        order = desk.order(nonce=2, making_amount=4 * MAKING)
        assert desk.reasons(order, amount=cap.left) == Reason(0)
        assert desk.outcome(order, amount=cap.left) == ()
        assert Reason.WINDOW_CAP in desk.reasons(order, amount=cap.left + 1)
        assert desk.outcome(order, amount=cap.left + 1)[0] in ("WindowCapExceeded", "BlockCapExceeded")


# ---- feeds and bands


def test_feed__fresh__is_healthy(desk: LensDesk) -> None:
    desk.price(desk.base_feed, BASE_PRICE)
    feed = desk.lens.feed(desk.base)
    assert (feed.feed, feed.heartbeatSeconds, feed.exponent) == (desk.base_feed, HEARTBEAT_S, 26)
    assert (feed.answered, feed.answer, feed.healthy) == (True, BASE_PRICE, True)
    assert feed.ageSeconds == desk.lens.limits().timestamp - feed.updatedAt
    assert desk.lens.feed(desk.quote).exponent == 14


def test_feed__age_at_the_heartbeat__is_the_last_that_is_healthy(desk: LensDesk) -> None:
    answered_s = desk.now_s()
    desk.base_feed.setAnswer(BASE_PRICE, answered_s, sender=desk.owner)
    for age_s, healthy in ((HEARTBEAT_S, True), (HEARTBEAT_S + 1, False)):
        desk.rpc.call("evm_setNextBlockTimestamp", answered_s + age_s)
        desk.rpc.call("evm_mine")
        feed = desk.lens.feed(desk.base)
        assert (feed.ageSeconds, feed.healthy) == (age_s, healthy)


@pytest.mark.parametrize("mood", [Mood.REVERTS, Mood.BURNS_GAS, Mood.ANSWERS_ONE_BYTE])
def test_feed__silent__is_told_and_unhealthy(desk: LensDesk, mood: Mood) -> None:
    desk.base_feed.setMood(mood, sender=desk.owner)
    feed = desk.lens.feed(desk.base)
    assert (feed.feed, feed.answered, feed.answer, feed.healthy) == (desk.base_feed, False, 0, False)


def test_feed__none__is_all_zero(desk: LensDesk) -> None:
    feed = desk.lens.feed(WETH)
    assert (feed.feed, feed.answered, feed.healthy) == (NOBODY, False, False)


def test_band__either_way_round__is_in_bps(desk: LensDesk, owner: Any) -> None:
    coin = owner.deploy(ape.project.MockMoodyToken, 18)
    desk.settlement.setBand(coin, desk.quote, 254, sender=owner)
    desk.settlement.setBand(desk.base, WETH, 255, sender=owner)
    for a, b, bps in (
        (desk.base, desk.quote, BAND_UNITS * 5),
        (coin, desk.quote, 1_270),
        (desk.base, WETH, NO_LIMIT),
        (desk.quote, WETH, 0),
        (coin, WETH, 0),
    ):
        assert desk.lens.band(a, b) == desk.lens.band(b, a) == bps
    assert desk.lens.band(coin, owner.deploy(ape.project.MockMoodyToken, 18)) == 0


# ---- overview


def test_limits__set_up__shows_every_core_token(desk: LensDesk) -> None:
    desk.settlement.setBand(desk.base, WETH, 255, sender=desk.owner)
    desk.guards(CAPS_ON)
    found = desk.lens.limits()
    assert (found.locked, found.bandOn, found.capsOn, found.maxExpiry) == (False, False, True, HORIZON_S)
    assert (found.hedger, found.routerHooks, found.lendingAccount) == (HEDGER_PLACE, desk.hooks, NOBODY)
    assert found.blockNumber == int(desk.rpc.call("eth_blockNumber"), 16)
    assert found.timestamp == desk.now_s()
    assert [token.token for token in found.tokens] == [desk.base, desk.quote, WETH]
    assert [list(token.bandsBps) for token in found.tokens] == [
        [0, 50, NO_LIMIT],
        [50, 0, 0],
        [NO_LIMIT, 0, 0],
    ]
    base = found.tokens[0]
    assert (base.registered, base.inventory, base.routerAllowance) == (True, 100 * MAKING, 50 * MAKING)
    assert tuple(base.cap) == tuple(desk.lens.cap(desk.base))
    assert tuple(base.feed) == tuple(desk.lens.feed(desk.base))
    assert desk.base.allowance(desk.settlement, ONEINCH_ROUTER) == base.routerAllowance


def test_limits_of__token_that_does_not_answer__is_zero_not_a_revert(desk: LensDesk) -> None:
    desk.base.setMood(Mood.REVERTS, sender=desk.owner)
    desk.base_feed.setMood(Mood.BURNS_GAS, sender=desk.owner)
    desk.settlement.unregisterToken(desk.base, sender=desk.owner)
    base = desk.lens.limitsOf(desk.base)
    assert (base.registered, base.inventory, base.routerAllowance) == (False, 0, 0)
    assert not base.feed.healthy
    assert desk.lens.limits().tokens[0].token == desk.base


# ---- orders


def test_fill_amounts__overflow__reverts_as_a_fill_would(desk: LensDesk) -> None:
    assert desk.attempt(desk.lens.fillAmounts, 2**200, 2**200, 0, 2**199, sender=desk.owner) == (
        "AmountOverflow",
        2**199,
        2**200,
    )


def test_fill_amounts__part__is_rounded_against_the_taker(desk: LensDesk) -> None:
    ratio = 128 << 200
    assert desk.lens.fillAmounts(10, 7, ratio, 3) == (3, 3, 10, 6)
    assert desk.lens.fillAmounts(10, 7, ratio, 11) == (10, 7, 10, 0)


def test_read_hooks__ours__tells_taker_and_source(desk: LensDesk) -> None:
    taker = Address(str(desk.taker.address))
    hook = PreHook(private_taker=taker, source=InventorySource.AAVE_BORROW)
    order, extension = desk.hooked(pre=hook, post=bytes(6))
    assert desk.lens.readHooks(order.maker_traits, extension) == (taker, InventorySource.AAVE_BORROW)
    order, extension = desk.hooked(pre=PreHook(), listener=desk.taker, making_amount=TAKING)
    refused = desk.attempt(desk.lens.readHooks, order.maker_traits, extension, sender=desk.owner)
    assert refused == ("ForeignHook", taker.lower())
