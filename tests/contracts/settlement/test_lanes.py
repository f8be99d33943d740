"""Signers and lanes: who may sign, from when, until when."""

from __future__ import annotations

import secrets
from typing import Any

import ape
import pytest

from pmm.domain import SigningKey
from tests.contracts.settlement.desk import HORIZON_S, MAKING, Desk, lower

ALL_CANCELS = ("cancelAllLanes", "cancelLane", "cancelNonce", "cancelWindow")


@pytest.fixture
def second_key() -> SigningKey:
    return SigningKey(secrets.token_bytes(32))


def _simulate(desk: Desk, key: SigningKey, **changes: Any) -> int:
    order = desk.order(**changes)
    return desk.simulate(order, signature=desk.sign(order, key))[0]


def _refusal(desk: Desk, key: SigningKey, **changes: Any) -> tuple[Any, ...]:
    order = desk.order(**changes)
    return desk.fill_refusal(order, signature=desk.sign(order, key))


# ---------------------------------------------------------------- initLanes


def test_init_lanes__new_signer__may_sign_on_those_lanes_only(
    desk: Desk, owner: Any, second_key: SigningKey
) -> None:
    receipt = desk.settlement.initLanes(second_key.address, 2, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.LanesInitialised)
    assert (event.signer, event.lanes) == (second_key.address, 2)
    assert _simulate(desk, second_key, lane=1) == MAKING
    assert _refusal(desk, second_key, lane=2) == ("UnknownSigner", second_key.address.lower(), 2)
    assert desk.settlement.numberOfLanes(second_key.address) == 2
    assert desk.settlement.signerList() == [desk.key.address, second_key.address]
    lane = desk.lane(1, second_key.address)
    assert (lane.authorised, lane.paused, lane.epoch, lane.base, lane.window) == (True, False, 0, 0, 0)
    assert (lane.max_expiry, lane.blocked_tokens) == (HORIZON_S, 0b11111000)


def test_init_lanes__sixty_four__is_the_most(desk: Desk, owner: Any, second_key: SigningKey) -> None:
    desk.settlement.initLanes(second_key.address, 64, sender=owner)
    assert _simulate(desk, second_key, lane=63) == MAKING
    assert _refusal(desk, second_key, lane=64)[0] == "UnknownSigner"
    refusal = desk.refusal(desk.settlement.initLanes, second_key.address, 65, sender=owner)
    assert refusal == ("BadLaneCount", 65, 64)


def test_init_lanes__more_later__keeps_nonces_and_takes_over_epoch_and_pause(desk: Desk, owner: Any) -> None:
    desk.fill(desk.order(nonce=5))
    desk.settlement.cancelAllLanes(desk.key.address, sender=owner)
    desk.settlement.pauseSigner(desk.key.address, sender=owner)
    desk.settlement.initLanes(desk.key.address, 6, sender=owner)
    old, new = desk.lane(0), desk.lane(5)
    assert (old.epoch, old.paused, old.window) == (1, True, 1 << 5)
    assert (new.epoch, new.paused, new.window) == (1, True, 0)
    assert desk.settlement.signerList() == [desk.key.address]


@pytest.mark.parametrize("count", [0, 3, 65, 2**256 - 1])
def test_init_lanes__none_fewer_or_too_many__are_refused(desk: Desk, owner: Any, count: int) -> None:
    refusal = desk.refusal(desk.settlement.initLanes, desk.key.address, count, sender=owner)
    assert refusal == ("BadLaneCount", count, 4)


def test_init_lanes__zero_signer__is_refused(desk: Desk, owner: Any) -> None:
    zero = "0x" + "00" * 20
    assert desk.refusal(desk.settlement.initLanes, zero, 1, sender=owner) == ("ZeroAddress",)


def test_init_lanes__seventeenth_signer__is_refused_until_one_is_revoked(desk: Desk, owner: Any) -> None:
    signers = [SigningKey(secrets.token_bytes(32)).address for _ in range(16)]
    for signer in signers[:15]:
        desk.settlement.initLanes(signer, 1, sender=owner)
    assert desk.refusal(desk.settlement.initLanes, signers[15], 1, sender=owner) == ("TooManySigners", 16)
    desk.settlement.revokeSigner(signers[3], sender=owner)
    desk.settlement.initLanes(signers[15], 1, sender=owner)
    remaining = set(signers) - {signers[3]} | {desk.key.address}
    assert set(desk.settlement.signerList()) == remaining


# ---------------------------------------------------------------- pause


@pytest.mark.parametrize("role", ["owner", "guardian"])
def test_pause_signer__every_lane__stops_and_resumes(desk: Desk, owner: Any, role: str, request: Any) -> None:
    receipt = desk.settlement.pauseSigner(desk.key.address, sender=request.getfixturevalue(role))
    (event,) = receipt.decode_logs(desk.settlement.SignerPaused)
    assert event.signer == desk.key.address
    for lane in range(4):
        refusal = desk.fill_refusal(desk.order(lane=lane))
        assert refusal == ("SignerIsPaused", desk.key.address.lower(), lane)

    receipt = desk.settlement.resumeSigner(desk.key.address, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.SignerResumed)
    assert event.signer == desk.key.address
    for lane in range(4):
        assert desk.simulate(desk.order(lane=lane))[0] == MAKING


def test_pause_signer__another_signer__goes_on(desk: Desk, owner: Any, second_key: SigningKey) -> None:
    desk.settlement.initLanes(second_key.address, 1, sender=owner)
    desk.settlement.pauseSigner(desk.key.address, sender=owner)
    assert _simulate(desk, second_key) == MAKING


def test_pause_signers__all_of_them__stop(
    desk: Desk, owner: Any, guardian: Any, second_key: SigningKey
) -> None:
    desk.settlement.initLanes(second_key.address, 2, sender=owner)
    receipt = desk.settlement.pauseSigners(sender=guardian)
    events = receipt.decode_logs(desk.settlement.SignerPaused)
    assert [event.signer for event in events] == [desk.key.address, second_key.address]
    for key in (desk.key, second_key):
        assert _refusal(desk, key, lane=1) == ("SignerIsPaused", key.address.lower(), 1)


@pytest.mark.parametrize("function", ["pauseSigner", "resumeSigner", "revokeSigner", "cancelAllLanes"])
def test_signer_calls__unknown_signer__are_refused(
    desk: Desk, owner: Any, attacker: Any, function: str
) -> None:
    refusal = desk.refusal(getattr(desk.settlement, function), attacker, sender=owner)
    assert refusal == ("UnknownLane", lower(attacker), 0)


# ---------------------------------------------------------------- revoke


def test_revoke_signer__every_lane__loses_authorisation(desk: Desk, guardian: Any) -> None:
    receipt = desk.settlement.revokeSigner(desk.key.address, sender=guardian)
    (event,) = receipt.decode_logs(desk.settlement.SignerRevoked)
    assert event.signer == desk.key.address
    for lane in range(4):
        assert desk.fill_refusal(desk.order(lane=lane))[0] == "UnknownSigner"
    assert desk.settlement.signerList() == []


def test_revoke_signer__first_and_then_last__leaves_the_others(desk: Desk, owner: Any) -> None:
    added = [SigningKey(secrets.token_bytes(32)).address for _ in range(3)]
    for signer in added:
        desk.settlement.initLanes(signer, 1, sender=owner)
    before = {lower(signer) for signer in desk.settlement.signerList()}
    desk.settlement.revokeSigner(added[0], sender=owner)
    desk.settlement.revokeSigner(added[2], sender=owner)
    left = {lower(signer) for signer in desk.settlement.signerList()}
    assert left == before - {lower(added[0]), lower(added[2])}
    desk.settlement.revokeSigner(added[1], sender=owner)


def test_revoke_signer__brought_back__revives_nothing_signed_before(desk: Desk, owner: Any) -> None:
    old = desk.order()
    desk.settlement.revokeSigner(desk.key.address, sender=owner)
    desk.settlement.initLanes(desk.key.address, 4, sender=owner)
    assert desk.fill_refusal(old) == ("WrongEpoch", 0, 1)
    assert desk.simulate(desk.order(epoch=1))[0] == MAKING


def test_revoke_signer__while_the_policy_changes__comes_back_under_the_new_one(
    desk: Desk, owner: Any
) -> None:
    desk.settlement.revokeSigner(desk.key.address, sender=owner)
    desk.settlement.setMaxExpiry(50, sender=owner)
    desk.settlement.unregisterToken(desk.base, sender=owner)
    desk.settlement.initLanes(desk.key.address, 4, sender=owner)
    lane = desk.lane(3)
    assert (lane.max_expiry, lane.blocked_tokens) == (50, 0b11111001)


def test_revoke_signer__twice__only_raises_the_epoch_again(
    desk: Desk, owner: Any, second_key: SigningKey
) -> None:
    desk.settlement.initLanes(second_key.address, 1, sender=owner)
    for _ in range(2):
        desk.settlement.revokeSigner(desk.key.address, sender=owner)
    assert desk.epoch(0) == 2
    assert desk.settlement.signerList() == [second_key.address]


# ---------------------------------------------------------------- epochs


@pytest.fixture(params=["owner", "guardian", "signer"])
def canceller(request: Any, desk: Desk) -> Any:
    if request.param != "signer":
        return request.getfixturevalue(request.param)
    account = ape.accounts[desk.key.address]
    account.balance = 10**18
    return account


def test_cancel_all_lanes__every_lane__needs_the_next_epoch(desk: Desk, canceller: Any) -> None:
    receipt = desk.settlement.cancelAllLanes(desk.key.address, sender=canceller)
    (event,) = receipt.decode_logs(desk.settlement.AllLanesCancelled)
    assert event.signer == desk.key.address
    for lane in range(4):
        assert desk.fill_refusal(desk.order(lane=lane)) == ("WrongEpoch", 0, 1)
        assert desk.simulate(desk.order(lane=lane, epoch=1))[0] == MAKING
        assert desk.epoch(lane) == 1


def test_cancel_lane__that_lane_alone__needs_the_next_epoch(desk: Desk, canceller: Any) -> None:
    receipt = desk.settlement.cancelLane(desk.key.address, 2, sender=canceller)
    (event,) = receipt.decode_logs(desk.settlement.LaneCancelled)
    assert (event.signer, event.lane, event.epoch) == (desk.key.address, 2, 1)
    assert desk.fill_refusal(desk.order(lane=2)) == ("WrongEpoch", 0, 1)
    assert desk.simulate(desk.order(lane=2, epoch=1))[0] == MAKING
    assert desk.simulate(desk.order(lane=1))[0] == MAKING


def test_cancel_lane__unknown_lane__is_refused(desk: Desk, owner: Any) -> None:
    refusal = desk.refusal(desk.settlement.cancelLane, desk.key.address, 4, sender=owner)
    assert refusal == ("UnknownLane", desk.key.address.lower(), 4)


def test_cancel_all_lanes__nonces__stay_dead_in_the_new_epoch(desk: Desk, owner: Any) -> None:
    desk.fill(desk.order(nonce=9))
    desk.settlement.cancelAllLanes(desk.key.address, sender=owner)
    assert desk.fill_refusal(desk.order(nonce=9, epoch=1)) == ("NonceDead", 9, 0)


@pytest.mark.parametrize("epoch", [1, 2**15, 2**16, 2**31, 2**32 - 1])
def test_fill_order__epoch_of_the_future__is_refused(desk: Desk, epoch: int) -> None:
    assert desk.fill_refusal(desk.order(epoch=epoch)) == ("WrongEpoch", epoch, 0)


def test_fill_order__salt_above_the_epoch__is_free(desk: Desk) -> None:
    assert desk.simulate(desk.order(salt=(2**64 - 1) << 192 | 7))[0] == MAKING


def test_cancel__signer_of_other_lanes__is_refused(desk: Desk, owner: Any, second_key: SigningKey) -> None:
    """A signer voids what it signed itself, nothing else."""
    desk.settlement.initLanes(second_key.address, 1, sender=owner)
    account = ape.accounts[second_key.address]
    at = int(desk.key.address, 16) << 80
    calls = [(desk.key.address,), (desk.key.address, 0), (at,), (at, 1)]
    for function, values in zip(ALL_CANCELS, calls, strict=True):
        refusal = desk.refusal(getattr(desk.settlement, function), *values, sender=account)
        assert refusal == ("Unauthorised", second_key.address.lower())
