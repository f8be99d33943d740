"""The lens and the contracts agree: no reason exactly when the fill settles, and no other error than its reasons'.

Every single change is tried, with the guards off and on; combinations are drawn, `PMM_LENS_EXAMPLES` of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from tests.contracts.lens.lens_desk import LensDesk
from tests.contracts.lens.mutations import (
    EVERY_OWN,
    EVERY_ROUTER,
    Case,
    Mutation,
    own_mutations,
    router_mutations,
)
from tests.contracts.lens.reasons import ERRORS, ROUTER_ERRORS, SIGNATURE_ERRORS, Reason, errors_of

EXAMPLES = int(os.environ.get("PMM_LENS_EXAMPLES", "40"))
BOTH_GUARDS = 3
# 1inch's error of that name has the selector of ours.
BAD_SIGNATURE = "BadSignature"
LOOSE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What isValidSignature knows nothing of.
ONLY_IN_A_FILL = (
    Reason.PRIVATE
    | Reason.NONCE
    | Reason.PARTIAL
    | Reason.INVENTORY
    | Reason.ROUTER_ALLOWANCE
    | Reason.TAKER_BALANCE
    | Reason.TAKER_ALLOWANCE
    | Reason.FILL_TOO_SMALL
    | Reason.NO_CAP
    | Reason.BLOCK_CAP
    | Reason.WINDOW_CAP
)


def _agree_on_own_domain(desk: LensDesk, mutations: Sequence[Mutation]) -> None:
    case = Case()
    for mutate in mutations:
        mutate(desk, case)
    order, extension = case.order(desk)
    reasons = desk.reasons(order, extension=extension, amount=case.amount)
    outcome = desk.outcome(order, extension=extension, amount=case.amount)
    if reasons:
        assert outcome, f"expected a refusal for {reasons!r}, the fill settled"
        assert outcome[0] in errors_of(reasons, ERRORS), f"{outcome} is none of {reasons!r}"
    else:
        assert outcome == ()


def _agree_on_router(desk: LensDesk, mutations: Sequence[Mutation]) -> None:
    case = Case()
    for mutate in mutations:
        mutate(desk, case)
    order, extension = case.order(desk)
    reasons = desk.reasons(order, extension=extension, amount=case.amount, on_router=True)
    assert Reason.REFUSED not in reasons

    # 1. What isValidSignature says. Of amounts it sees the overflow of the band only, of hooks not the payload.
    refusal = desk.signature_outcome(order, extension=extension)
    told = reasons & ~ONLY_IN_A_FILL
    if refusal:
        assert refusal[0] in errors_of(told, SIGNATURE_ERRORS), f"{refusal} is none of {reasons!r}"
    else:
        assert not told & ~(Reason.AMOUNT | Reason.EXTENSION), f"accepted in spite of {reasons!r}"

    # 2. What 1inch's contract says.
    outcome = desk.outcome(order, extension=extension, amount=case.amount, on_router=True)
    if not reasons:
        assert outcome == ()
        return
    assert outcome, f"expected a refusal for {reasons!r}, the fill settled"
    if refusal and outcome[0] == BAD_SIGNATURE:
        return
    assert outcome[0] in errors_of(reasons, ROUTER_ERRORS), f"{outcome} is none of {reasons!r}"


@pytest.mark.parametrize("guards", [0, BOTH_GUARDS])
def test_check_order__every_single_change__agrees_with_the_fill(desk: LensDesk, guards: int) -> None:
    for mutate in EVERY_OWN:
        with desk.undone():
            desk.act(desk.settlement.setGuards, guards)
            _agree_on_own_domain(desk, [mutate])


@pytest.mark.parametrize("guards", [0, BOTH_GUARDS])
def test_check_router_order__every_single_change__agrees_with_1inch(desk: LensDesk, guards: int) -> None:
    for mutate in EVERY_ROUTER:
        with desk.undone():
            desk.act(desk.settlement.setGuards, guards)
            _agree_on_router(desk, [mutate])


@LOOSE
@given(mutations=own_mutations)
def test_check_order__any_changes__agree_with_the_fill(desk: LensDesk, mutations: list[Mutation]) -> None:
    with desk.undone():
        _agree_on_own_domain(desk, mutations)


@LOOSE
@given(mutations=router_mutations)
def test_check_router_order__any_changes__agree_with_1inch(desk: LensDesk, mutations: list[Mutation]) -> None:
    with desk.undone():
        _agree_on_router(desk, mutations)
