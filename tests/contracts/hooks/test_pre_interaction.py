"""preInteraction through 1inch's own contract: who takes, how much, and what is fetched for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest
from eth_abi.abi import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import Address
from pmm.domain.hook_payloads import InventorySource, PreHook
from tests.contracts.hooks.router_fills import FILLED, HookedOrder, RouterDesk
from tests.contracts.settlement.desk import MAKING, ONE, lower, moved, word

ANYONE = PreHook()


def _for(account: Any) -> PreHook:
    return PreHook(private_taker=Address(str(account.address)))


def test_pre_interaction__no_terms__fills_and_counts_the_cap(mock_desk: RouterDesk) -> None:
    before = mock_desk.holdings()
    mock_desk.fill(mock_desk.order(pre=ANYONE))
    assert moved(before, mock_desk.holdings()) == FILLED
    counted = decode(["address", "uint256"], mock_desk.maker.counted())
    assert counted == (lower(mock_desk.base), MAKING)


def test_pre_interaction__private_order__fills_for_its_taker_alone(
    mock_desk: RouterDesk, attacker: Any
) -> None:
    hooked = mock_desk.order(pre=_for(mock_desk.taker))
    assert mock_desk.fill_refusal(hooked, sender=attacker) == ("PrivateOrder", lower(attacker))
    before = mock_desk.holdings()
    mock_desk.fill(hooked)
    assert moved(before, mock_desk.holdings()) == FILLED


@pytest.mark.parametrize("bit", [0, 79, 80, 159])
def test_pre_interaction__taker_differs_in_one_bit__is_refused(mock_desk: RouterDesk, bit: int) -> None:
    """1inch's own 80 bits would not see the upper two."""
    other = (word(mock_desk.taker) ^ 1 << bit).to_bytes(20, "big")
    hooked = mock_desk.order(pre=b"\x01\x00" + other)
    assert mock_desk.fill_refusal(hooked) == ("PrivateOrder", lower(mock_desk.taker))


@pytest.mark.parametrize("ratio", [1, 128, 254, 255])
def test_pre_interaction__minimum_fill_ratio__is_exact(mock_desk: RouterDesk, ratio: int) -> None:
    minimum = -(-MAKING * ratio // 255)
    hooked = mock_desk.order(pre=ANYONE, ratio=ratio)
    assert mock_desk.fill_refusal(hooked, making=minimum - 1) == ("FillTooSmall", minimum - 1, minimum)
    mock_desk.fill(hooked, making=minimum)
    assert mock_desk.base.balanceOf(mock_desk.maker) == MAKING - minimum


def test_pre_interaction__no_ratio__fills_one_unit(mock_desk: RouterDesk) -> None:
    mock_desk.fill(mock_desk.order(pre=ANYONE), making=1)
    assert mock_desk.base.balanceOf(mock_desk.maker) == MAKING - 1


@settings(max_examples=20, deadline=None)
@given(order_making=st.integers(2, 2**256 - 1), ratio=st.integers(1, 255))
def test_pre_interaction__any_ratio__is_the_ceiling_without_overflow(
    mock_desk: RouterDesk, order_making: int, ratio: int
) -> None:
    """Called as 1inch would, since no token has that many units."""
    minimum = -(-order_making * ratio // 255)
    hooked = mock_desk.order(pre=ANYONE, ratio=ratio, making_amount=order_making)
    payload = ANYONE.encode()
    pre = mock_desk.hooks.preInteraction
    short = mock_desk.hook_call(hooked, payload, making=minimum - 1)
    assert mock_desk.refusal(pre, *short, sender=mock_desk.router) == ("FillTooSmall", minimum - 1, minimum)
    enough = mock_desk.hook_call(hooked, payload, making=minimum)
    pre.call(*enough, sender=mock_desk.router.address)


# ---------------------------------------------------------------------- who calls


def test_pre_interaction__called_by_anyone_else__is_refused(
    mock_desk: RouterDesk, attacker: Any, owner: Any
) -> None:
    values = mock_desk.hook_call(mock_desk.order(pre=ANYONE), ANYONE.encode())
    for sender in (attacker, owner, mock_desk.taker, mock_desk.maker, mock_desk.hooks):
        for method in (mock_desk.hooks.preInteraction, mock_desk.hooks.postInteraction):
            assert mock_desk.refusal(method, *values, sender=sender) == ("NotRouter", lower(sender))


def test_hooks__order_of_another_maker__are_refused(mock_desk: RouterDesk, owner: Any) -> None:
    """Another maker may name our hooks in its own order; 1inch then calls us."""
    other = owner.deploy(ape.project.MockHookedSettlement, mock_desk.router)
    mock_desk.base.mint(other, MAKING, sender=owner)
    other.approve(mock_desk.base, MAKING, sender=owner)
    for hooks in ({"pre": ANYONE}, {"post": bytes(6)}):
        hooked = mock_desk.order(maker=word(other), **hooks)
        assert mock_desk.fill_refusal(hooked) == ("ForeignMaker", word(other))


@pytest.mark.parametrize("name", ["preInteraction", "postInteraction"])
def test_hooks__maker_word_with_dirty_upper_bits__are_refused(mock_desk: RouterDesk, name: str) -> None:
    hooked = mock_desk.order(pre=ANYONE)
    dirty = hooked.order.maker | 1 << 160
    hooked = HookedOrder(order=replace(hooked.order, maker=dirty), extension=hooked.extension)
    values = mock_desk.hook_call(hooked, ANYONE.encode())
    refusal = mock_desk.refusal(getattr(mock_desk.hooks, name), *values, sender=mock_desk.router)
    assert refusal == ("ForeignMaker", dirty)


def test_constructor__settlement__is_taken_with_its_router(
    mock_desk: RouterDesk, owner: Any, attacker: Any
) -> None:
    assert mock_desk.hooks.SETTLEMENT() == mock_desk.maker
    assert mock_desk.hooks.router() == mock_desk.router
    with pytest.raises(ape.exceptions.ContractLogicError):
        owner.deploy(ape.project.RouterHooks, attacker)


# ---------------------------------------------------------------------- just-in-time inventory


@pytest.mark.parametrize("source", [s for s in InventorySource if s])
@pytest.mark.parametrize("shortfall", [1, ONE])
def test_pre_interaction__inventory_is_short__provides_exactly_that(
    mock_desk: RouterDesk, mock_lending: Any, source: InventorySource, shortfall: int
) -> None:
    hooked = mock_desk.order(pre=PreHook(source=source), making_amount=2 * MAKING)
    mock_desk.fill(hooked, making=MAKING + shortfall)
    seen = decode(["string", "uint256", "address", "uint256"], mock_lending.seen())
    assert seen == ("provide", source, lower(mock_desk.base), shortfall)
    assert mock_desk.base.balanceOf(mock_desk.maker) == 0


def test_pre_interaction__inventory_suffices__asks_for_nothing(
    mock_desk: RouterDesk, mock_lending: Any
) -> None:
    hooked = mock_desk.order(pre=PreHook(source=InventorySource.AAVE_BORROW))
    mock_desk.fill(hooked)
    assert mock_lending.seen() == b""


def test_pre_interaction__no_source_and_short__fails_as_the_token_fails(
    mock_desk: RouterDesk, mock_lending: Any
) -> None:
    hooked = mock_desk.order(pre=ANYONE, making_amount=MAKING + 1)
    assert mock_desk.fill_refusal(hooked) == ("0x70a03f48",)  # TransferFromMakerToTakerFailed
    assert mock_lending.seen() == b""


def test_pre_interaction__no_lending_account__is_refused(mock_desk: RouterDesk) -> None:
    hooked = mock_desk.order(pre=PreHook(source=InventorySource.AAVE_WITHDRAW), making_amount=MAKING + 1)
    assert mock_desk.fill_refusal(hooked) == ("NoLendingAccount",)
