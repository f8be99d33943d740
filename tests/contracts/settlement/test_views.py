"""The views of the settlement: raw words, lists, and whether a fill is running."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from tests.contracts.settlement.conftest import LANES
from tests.contracts.settlement.desk import HORIZON_S, Desk, Oddity, args_of, args_traits, word

AUTHORISED = 1 << 255
FRESH = AUTHORISED | 0b11111000 << 240 | HORIZON_S << 224


def test_lane_word__fresh_lane__is_authorised_under_the_policy(desk: Desk) -> None:
    for lane in range(LANES):
        assert desk.settlement.laneWord(desk.key.address, lane) == FRESH
    assert desk.settlement.policyWord() == FRESH ^ AUTHORISED


def test_lane_word__every_field__stands_where_documented(desk: Desk, owner: Any) -> None:
    desk.fill(desk.order(nonce=200))
    desk.settlement.cancelLane(desk.key.address, 0, sender=owner)
    desk.settlement.setGuards(3, sender=owner)
    desk.settlement.setMaxExpiry(60, sender=owner)
    desk.settlement.unregisterToken(desk.base, sender=owner)
    desk.settlement.pauseSigner(desk.key.address, sender=owner)
    expected = (
        AUTHORISED | 1 << 254 | 3 << 248 | 0b11111001 << 240 | 60 << 224 | 1 << 192 | 41 << 160 | 1 << 159
    )
    assert desk.settlement.laneWord(desk.key.address, 0) == expected


@pytest.mark.parametrize("lane", [LANES, 64, 2**40 - 1, 2**40, 2**40 + 1, 2**64 - 1])
def test_lane_word__lane_that_was_never_initialised__is_zero(desk: Desk, lane: int) -> None:
    """Beyond 40 bits it must not wrap into the words of another signer."""
    assert desk.settlement.laneWord(desk.key.address, lane) == 0


def test_lane_word__unknown_signer__is_zero(desk: Desk, attacker: Any) -> None:
    assert desk.settlement.laneWord(attacker, 0) == 0
    assert desk.settlement.numberOfLanes(attacker) == 0


def test_number_of_lanes__revoked_signer__keeps_them(desk: Desk, owner: Any) -> None:
    assert desk.settlement.numberOfLanes(desk.key.address) == LANES
    assert desk.settlement.signerList() == [desk.key.address]
    desk.settlement.revokeSigner(desk.key.address, sender=owner)
    assert desk.settlement.numberOfLanes(desk.key.address) == LANES
    assert desk.settlement.signerList() == []


def test_cap_and_price_word__never_set__are_zero(desk: Desk, attacker: Any) -> None:
    for token in (desk.weth, attacker):
        assert desk.settlement.capWord(token) == 0
        assert desk.settlement.priceWord(token) == 0


def test_core_tokens__as_constructed__also_when_one_is_unregistered(desk: Desk, owner: Any) -> None:
    desk.settlement.unregisterToken(desk.quote, sender=owner)
    assert desk.settlement.coreTokens() == [desk.base, desk.quote, WETH]
    assert [desk.settlement.isRegistered(token) for token in desk.settlement.coreTokens()] == [
        True,
        False,
        True,
    ]
    assert (word(desk.settlement.weth()), word(desk.settlement.oneInchRouter())) == (
        word(WETH),
        word(ONEINCH_ROUTER),
    )


# ---------------------------------------------------------------- isLocked


def test_is_locked__outside_a_fill__is_false_before_and_after(desk: Desk) -> None:
    assert not desk.settlement.isLocked()
    desk.fill(desk.order(), args=b"")
    assert not desk.settlement.isLocked()


def test_is_locked__from_an_interaction__is_true(desk: Desk, mock_taker: Any, owner: Any) -> None:
    mock_taker.setReaction(desk.settlement, desk.settlement.isLocked.encode_input(), sender=owner)
    interaction = bytes.fromhex(mock_taker.address[2:])
    desk.fill(
        desk.order(), taker_traits=args_traits(interaction=interaction), args=args_of(interaction=interaction)
    )
    assert int.from_bytes(mock_taker.answer(), "big") == 1


@pytest.mark.parametrize(("args", "locked"), [(None, 0), (b"", 1)])
def test_is_locked__from_a_token__is_true_but_in_a_plain_fill(
    desk: Desk, owner: Any, args: bytes | None, locked: int
) -> None:
    view = desk.settlement.isLocked.encode_input()
    desk.quote.setOddity(Oddity.CALLS_OUT, desk.settlement, view, sender=owner)
    desk.fill(desk.order(), args=args)
    assert int.from_bytes(desk.quote.answer(), "big") == locked


def test_is_locked__after_a_fill_that_reverted__is_false(desk: Desk, attacker: Any) -> None:
    method, values = desk.call_of(desk.order(), args=b"")
    assert method(*values, sender=attacker, gas=1_000_000, raise_on_revert=False).failed
    assert not desk.settlement.isLocked()
