"""setGuards: band and caps are switched on by owner or guardian, off by the owner alone, on every lane at once."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from pmm.domain import SigningKey
from tests.contracts.settlement.desk import HORIZON_S, MAKING, Desk, lower, position, word
from tests.contracts.settlement.feeds import BAND_ON, CAPS_ON, Feeds

BOTH = BAND_ON | CAPS_ON


@pytest.mark.parametrize("guards", [0, BAND_ON, CAPS_ON, BOTH])
def test_set_guards__by_the_owner__is_announced_and_stamped_on_every_lane(
    desk: Desk, owner: Any, guards: int
) -> None:
    desk.fill(desk.order(nonce=5, lane=2))
    before = [desk.lane(lane) for lane in range(4)]
    receipt = desk.settlement.setGuards(guards, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.GuardsSet)
    assert event.guards == guards
    assert int(desk.settlement.policyWord()) >> 248 == guards
    for lane in range(4):
        found = desk.lane(lane)
        assert found.guards == guards
        kept = (found.authorised, found.epoch, found.base, found.window, found.max_expiry)
        assert kept == (True, 0, 0, before[lane].window, HORIZON_S)
    assert desk.lane(2).window == 1 << 5


def test_set_guards__unknown_switch__is_refused(desk: Desk, owner: Any) -> None:
    for guards in (4, 7, 2**32 - 1):
        refusal = desk.refusal(desk.settlement.setGuards, guards, sender=owner)
        assert refusal == ("BadGuards", guards)


@pytest.mark.parametrize(
    ("present", "wanted", "allowed"),
    [
        (0, BAND_ON, True),
        (0, CAPS_ON, True),
        (0, BOTH, True),
        (0, 0, True),
        (BAND_ON, BOTH, True),
        (BAND_ON, BAND_ON, True),
        (BAND_ON, 0, False),
        (BAND_ON, CAPS_ON, False),
        (BOTH, BAND_ON, False),
        (BOTH, CAPS_ON, False),
        (BOTH, BOTH, True),
    ],
)
def test_set_guards__by_the_guardian__may_only_switch_on(
    desk: Desk, owner: Any, guardian: Any, present: int, wanted: int, allowed: bool
) -> None:
    desk.settlement.setGuards(present, sender=owner)
    if allowed:
        desk.settlement.setGuards(wanted, sender=guardian)
        assert desk.lane().guards == wanted
    else:
        refusal = desk.refusal(desk.settlement.setGuards, wanted, sender=guardian)
        assert refusal == ("Unauthorised", lower(guardian))


def test_set_guards__switches__hold_at_once_and_until_switched_off(
    desk: Desk, owner: Any, feeds: Feeds
) -> None:
    assert feeds.desk is desk
    pair = (word(desk.base), word(desk.quote))
    assert desk.simulate(desk.order())[0] == MAKING
    desk.settlement.setGuards(BAND_ON, sender=owner)
    assert desk.fill_refusal(desk.order()) == ("NoBand", *pair)
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    assert desk.fill_refusal(desk.order()) == ("NoCap", pair[0])
    desk.settlement.setGuards(BOTH, sender=owner)
    # The band speaks first.
    assert desk.fill_refusal(desk.order()) == ("NoBand", *pair)
    desk.settlement.setGuards(0, sender=owner)
    assert desk.simulate(desk.order())[0] == MAKING


def test_set_guards__signers_revoked_and_added_meanwhile__come_under_the_policy_of_today(
    desk: Desk, owner: Any
) -> None:
    added = SigningKey(secrets.token_bytes(32))
    desk.settlement.revokeSigner(desk.key.address, sender=owner)
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    assert desk.lane().guards == 0
    desk.settlement.initLanes(desk.key.address, 5, sender=owner)
    desk.settlement.initLanes(added.address, 1, sender=owner)
    assert [desk.lane(lane).guards for lane in range(5)] == [CAPS_ON] * 5
    assert desk.lane(0, added.address).guards == CAPS_ON


def test_set_guards__other_settings_afterwards__keep_them(desk: Desk, owner: Any, guardian: Any) -> None:
    desk.settlement.setGuards(BOTH, sender=owner)
    desk.settlement.setMaxExpiry(60, sender=owner)
    desk.settlement.unregisterToken(desk.base, sender=guardian)
    desk.settlement.cancelNonce(position(desk.key.address, 0, 1_000), sender=guardian)
    desk.settlement.cancelAllLanes(desk.key.address, sender=guardian)
    desk.settlement.pauseSigners(sender=guardian)
    lane = desk.lane()
    assert (lane.guards, lane.paused, lane.epoch, lane.max_expiry) == (BOTH, True, 1, 60)
    assert lane.blocked_tokens == 0b11111001
