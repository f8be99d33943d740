"""The hooks with the settlement contract itself as maker on 1inch: what is signed, registered and counted."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.domain import ZERO_ADDRESS, Address
from pmm.domain.hook_payloads import PostHook, PreHook
from tests.contracts.hooks.conftest import ROUTER_HOOKS
from tests.contracts.hooks.router_fills import BAD_SIGNATURE, POST, PRE, RouterDesk
from tests.contracts.settlement.desk import HAS_EXTENSION, lower, moved

ANYONE = PreHook()
CAPS = 2
WINDOW_S = 3_600


def _filled(desk: RouterDesk, making: int, taking: int) -> list[tuple[int, int]]:
    return [(-making, taking), (making, -taking)]


@pytest.mark.parametrize("pre", [None, ANYONE])
@pytest.mark.parametrize("post", [None, PostHook()])
def test_fill__hooks_signed__moves_exactly_both_amounts(
    desk: RouterDesk, pre: PreHook | None, post: PostHook | None
) -> None:
    before = desk.holdings()
    desk.fill(desk.order(pre=pre, post=post))
    assert moved(before, desk.holdings()) == _filled(desk, desk.making, desk.taking)


def test_fill__private_order__is_for_its_taker_alone(desk: RouterDesk, attacker: Any) -> None:
    hooked = desk.order(pre=PreHook(private_taker=Address(str(desk.taker.address))))
    assert desk.fill_refusal(hooked, sender=attacker) == ("PrivateOrder", lower(attacker))
    desk.fill(hooked)


@pytest.mark.parametrize("ratio", [1, 200, 255])
def test_fill__ratio__needs_the_hook_and_is_exact_with_it(desk: RouterDesk, ratio: int) -> None:
    assert desk.fill_refusal(desk.order(ratio=ratio)) == BAD_SIGNATURE
    assert desk.fill_refusal(desk.order(ratio=ratio, post=PostHook())) == BAD_SIGNATURE
    hooked = desk.order(ratio=ratio, pre=ANYONE)
    minimum = -(-desk.making * ratio // 255)
    assert desk.fill_refusal(hooked, making=minimum - 1) == ("FillTooSmall", minimum - 1, minimum)
    desk.fill(hooked, making=minimum)


# ---------------------------------------------------------------------- who is named


def test_fill__hooks_of_somebody_else__are_refused(desk: RouterDesk, owner: Any) -> None:
    other = owner.deploy(ape.project.RouterHooks, desk.maker)
    for hooks in ({"pre": ANYONE}, {"post": PostHook()}, {"pre": ANYONE, "post": PostHook()}):
        assert desk.fill_refusal(desk.order(listener=other, **hooks)) == BAD_SIGNATURE


def test_fill__flag_and_payload_disagree__is_refused(desk: RouterDesk) -> None:
    """A hook that 1inch would not call, or call with nothing to go by, protects nobody."""
    both = desk.order(pre=ANYONE, post=PostHook())
    for dropped in (PRE, POST, PRE | POST, HAS_EXTENSION):
        flags = both.order.maker_traits & ~dropped
        hooked = desk.order(pre=ANYONE, post=PostHook(), maker_traits=flags)
        assert desk.fill_refusal(hooked) == BAD_SIGNATURE
    desk.fill(both)


def test_fill__extension_is_not_the_signed_one__is_refused(desk: RouterDesk) -> None:
    """The taker passes the extension to 1inch and, in the contract signature, to us."""
    hooked = desk.order(pre=PreHook(private_taker=Address(str(desk.hooks.address))))
    forged = desk.order(pre=PreHook(private_taker=Address(str(desk.taker.address))))
    values = desk.arguments(hooked)
    for extension, signature in (
        (forged.extension, values[1]),
        (forged.extension, values[1][:232] + forged.extension),
    ):
        refusal = desk.refusal(
            desk.router.fillContractOrderArgs,
            values[0],
            signature,
            *values[2:4],
            extension,
            sender=desk.taker,
        )
        assert refusal in (("0xdc11ee6b",), BAD_SIGNATURE)  # InvalidExtensionHash
    assert desk.fill_refusal(hooked) == ("PrivateOrder", lower(desk.taker))


def test_consume_cap_and_moves__unregistered_hooks__are_refused(desk: RouterDesk, owner: Any) -> None:
    """Hooks that the settlement does not know can do nothing there."""
    other = owner.deploy(ape.project.RouterHooks, desk.maker)
    for name, values in (
        ("consumeCap", (desk.base, 1)),
        ("moveToLending", (desk.base, 1)),
        ("swapInventory", (desk.base, desk.quote, 1, 1, 0, b"")),
    ):
        refusal = desk.refusal(getattr(desk.maker, name), *values, sender=other)
        assert refusal == ("Unauthorised", lower(other))


def test_set_module__hooks_of_another_settlement_or_twice__are_refused(
    desk: RouterDesk, mock_desk: RouterDesk, owner: Any
) -> None:
    fresh = owner.deploy(ape.project.RfqSettlement, owner, desk.quote, desk.router, ZERO_ADDRESS, [desk.base])
    refusal = desk.refusal(fresh.setModule, ROUTER_HOOKS, mock_desk.hooks, sender=owner)
    assert refusal == ("ForeignModule", lower(mock_desk.hooks), lower(mock_desk.maker))
    again = owner.deploy(ape.project.RouterHooks, desk.maker)
    refusal = desk.refusal(desk.maker.setModule, ROUTER_HOOKS, again, sender=owner)
    assert refusal == ("ModuleAlreadySet", ROUTER_HOOKS, lower(desk.hooks))


def test_hooks__called_by_the_settlement_or_its_keys__are_refused(
    desk: RouterDesk, owner: Any, operator: Any, guardian: Any
) -> None:
    values = desk.hook_call(desk.order(pre=ANYONE), ANYONE.encode())
    for sender in (desk.maker, owner, operator, guardian):
        assert desk.refusal(desk.hooks.preInteraction, *values, sender=sender) == ("NotRouter", lower(sender))


# ---------------------------------------------------------------------- caps


def test_fill__caps_are_on__needs_the_hook_and_counts_in_it(desk: RouterDesk, owner: Any) -> None:
    desk.maker.setGuards(CAPS, sender=owner)
    desk.maker.setCap(desk.base, desk.making, 2 * desk.making, WINDOW_S, sender=owner)
    assert desk.fill_refusal(desk.order()) == BAD_SIGNATURE
    assert desk.fill_refusal(desk.order(post=PostHook())) == BAD_SIGNATURE
    over = desk.order(pre=ANYONE, making_amount=desk.making + 1)
    asset = int(lower(desk.base), 16)
    assert desk.fill_refusal(over) == ("BlockCapExceeded", asset, desk.making + 1, desk.making)
    for nonce in (0, 1):
        desk.fill(desk.order(pre=ANYONE, nonce=nonce))
    ape.chain.mine()  # a simulated call runs in the newest block, whose cap is used up
    third = desk.order(pre=ANYONE, nonce=2)
    assert desk.fill_refusal(third, making=10**6) == ("WindowCapExceeded", asset, 10**6, 2 * desk.making)


def test_fill__caps_are_on_and_none_is_set__is_refused(desk: RouterDesk, owner: Any) -> None:
    desk.maker.setGuards(CAPS, sender=owner)
    assert desk.fill_refusal(desk.order(pre=ANYONE)) == ("NoCap", int(lower(desk.base), 16))


# ---------------------------------------------------------------------- stopping


def test_fill__signer_is_paused__hooks_are_never_reached(desk: RouterDesk, guardian: Any) -> None:
    desk.maker.pauseSigners(sender=guardian)
    assert desk.fill_refusal(desk.order(pre=ANYONE, post=PostHook())) == BAD_SIGNATURE
