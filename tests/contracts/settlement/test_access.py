"""Who may call what: every function that changes anything, tried by every role."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from tests.contracts.settlement.conftest import LENDING_ACCOUNT
from tests.contracts.settlement.desk import Desk, lower, position

ZERO = "0x" + "00" * 20
OWNER_ONLY = (
    "transferOwnership",
    "setGuardian",
    "setOperator",
    "setModule",
    "setCap",
    "setFeed",
    "registerToken",
    "setMaxExpiry",
    "initLanes",
    "resumeSigner",
    "withdraw",
)
REDUCERS = (
    "setGuards",
    "setBand",
    "pauseSigner",
    "pauseSigners",
    "revokeSigner",
    "unregisterToken",
    "setRouterAllowance",
    "cancelOnRouter",
    "cancelMaskOnRouter",
    "cancelAllLanes",
    "cancelLane",
    "cancelNonce",
    "cancelWindow",
)
MOVERS = ("moveToLending", "swapInventory")
# One caller each: hedger, router hooks, taker portal, pending owner.
ONE_CALLER = ("collect", "uniswapV3SwapCallback", "consumeCap", "fillOrderFor", "acceptOwnership")
# Open to all: the order is judged.
FILLS = ("fillOrder", "fillOrderArgs", "fillOrderFunded", "fillOrderCompact")
ROLES = ("owner", "guardian", "operator", "taker", "attacker")


def _values(desk: Desk, function: str, guardian: Any) -> tuple[Any, ...]:
    signer = desk.key.address
    at = position(signer, 0, 0)
    return {
        "transferOwnership": (guardian,),
        "setGuardian": (guardian,),
        "setOperator": (guardian,),
        "setModule": (LENDING_ACCOUNT, desk.base),
        "setCap": (desk.base, 1, 1, 60),
        "setFeed": (desk.base, ZERO, 0),
        "setGuards": (3,),
        "setBand": (desk.base, desk.quote, 0),
        "moveToLending": (desk.base, 1),
        "swapInventory": (desk.base, desk.quote, 1, 0, 0, b""),
        "collect": (guardian, 0),
        "uniswapV3SwapCallback": (1, -1, b""),
        "consumeCap": (desk.base, 1),
        "fillOrderFor": (guardian, desk.order().words, bytes(32), bytes(32), 1, 0, b""),
        "acceptOwnership": (),
        "registerToken": (desk.base,),
        "unregisterToken": (desk.base,),
        "setMaxExpiry": (60,),
        "setRouterAllowance": (desk.base, 0),
        "initLanes": (signer, 5),
        "pauseSigner": (signer,),
        "pauseSigners": (),
        "resumeSigner": (signer,),
        "revokeSigner": (signer,),
        "cancelAllLanes": (signer,),
        "cancelLane": (signer, 0),
        "cancelNonce": (at,),
        "cancelWindow": (at, 1),
        "cancelOnRouter": (0, bytes(32)),
        "cancelMaskOnRouter": (0, 1),
        "withdraw": (desk.base, guardian, 1),
    }[function]


def test_access__list_of_functions__is_complete(desk: Desk) -> None:
    mutable = {method.name for method in desk.settlement.contract_type.mutable_methods}
    assert mutable == {*OWNER_ONLY, *REDUCERS, *MOVERS, *ONE_CALLER, *FILLS}


@pytest.mark.parametrize("function", [*OWNER_ONLY, *REDUCERS])
def test_access__owner__may_call(desk: Desk, owner: Any, guardian: Any, function: str) -> None:
    values = _values(desk, function, guardian)
    if function == "setModule":
        values = (
            LENDING_ACCOUNT,
            owner.deploy(ape.project.MockInsider, desk.settlement),
        )
    getattr(desk.settlement, function)(*values, sender=owner)


@pytest.mark.parametrize("function", REDUCERS)
def test_access__guardian__may_reduce(desk: Desk, guardian: Any, function: str) -> None:
    getattr(desk.settlement, function)(*_values(desk, function, guardian), sender=guardian)


def test_access__guardian__may_not_grant(desk: Desk, guardian: Any) -> None:
    for function in OWNER_ONLY:
        method = getattr(desk.settlement, function)
        refusal = desk.refusal(method, *_values(desk, function, guardian), sender=guardian)
        assert refusal == ("Unauthorised", lower(guardian)), function


@pytest.mark.parametrize("who", ["operator", "taker", "attacker"])
def test_access__anyone_else__may_not(desk: Desk, guardian: Any, who: str, request: Any) -> None:
    sender = request.getfixturevalue(who)
    for function in (*OWNER_ONLY, *REDUCERS):
        method = getattr(desk.settlement, function)
        refusal = desk.refusal(method, *_values(desk, function, guardian), sender=sender)
        assert refusal == ("Unauthorised", lower(sender)), function


@pytest.mark.parametrize("origin", ["owner", "guardian", "operator"])
def test_access__contract_called_by_a_holder_of_a_role__has_no_right_of_it(
    desk: Desk, owner: Any, guardian: Any, origin: str, request: Any
) -> None:
    """What counts is who calls, not who signed the transaction."""
    sender = request.getfixturevalue(origin)
    errand = owner.deploy(ape.project.MockInsider, desk.settlement)
    for function in (*OWNER_ONLY, *REDUCERS, *MOVERS, *ONE_CALLER):
        data = getattr(desk.settlement, function).encode_input(*_values(desk, function, guardian))
        refusal = desk.refusal(errand.execute, data, sender=sender)
        assert refusal == ("Unauthorised", lower(errand)), function


def test_set_guards__contract_that_is_the_guardian_called_by_the_owner__may_only_switch_on(
    desk: Desk, owner: Any
) -> None:
    errand = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setGuardian(errand, sender=owner)
    desk.settlement.setGuards(3, sender=owner)
    refusal = desk.refusal(errand.execute, desk.settlement.setGuards.encode_input(0), sender=owner)
    assert refusal == ("Unauthorised", lower(errand))


@pytest.mark.parametrize("who", ROLES)
def test_access__calls_of_modules_and_operator__are_closed_to_other_roles(
    desk: Desk, guardian: Any, who: str, request: Any
) -> None:
    """The owner has no way around either: it may only name who has the role."""
    sender = request.getfixturevalue(who)
    for function in (*MOVERS, *ONE_CALLER):
        method = getattr(desk.settlement, function)
        refusal = desk.refusal(method, *_values(desk, function, guardian), sender=sender)
        if function in MOVERS and who == "operator":
            assert refusal[0] == "ModuleMissing"
        else:
            assert refusal == ("Unauthorised", lower(sender)), function


# ---------------------------------------------------------------- ownership and roles


def test_transfer_ownership__until_accepted__changes_nothing(desk: Desk, owner: Any, attacker: Any) -> None:
    receipt = desk.settlement.transferOwnership(attacker, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.OwnershipTransferStarted)
    assert (event.owner, event.pendingOwner) == (owner, attacker)
    assert (desk.settlement.owner(), desk.settlement.pendingOwner()) == (owner, attacker)
    assert desk.refusal(desk.settlement.setGuardian, attacker, sender=attacker)[0] == "Unauthorised"


def test_accept_ownership__by_the_pending_owner__moves_every_right(
    desk: Desk, owner: Any, attacker: Any
) -> None:
    desk.settlement.transferOwnership(attacker, sender=owner)
    assert desk.refusal(desk.settlement.acceptOwnership, sender=owner) == ("Unauthorised", lower(owner))
    receipt = desk.settlement.acceptOwnership(sender=attacker)
    (event,) = receipt.decode_logs(desk.settlement.OwnershipTransferred)
    assert (event.previousOwner, event.newOwner) == (owner, attacker)
    assert (desk.settlement.owner(), desk.settlement.pendingOwner()) == (attacker, ZERO)
    assert desk.refusal(desk.settlement.setGuardian, owner, sender=owner) == ("Unauthorised", lower(owner))
    assert desk.refusal(desk.settlement.acceptOwnership, sender=attacker)[0] == "Unauthorised"


def test_transfer_ownership__to_zero__takes_it_back(desk: Desk, owner: Any, attacker: Any) -> None:
    desk.settlement.transferOwnership(attacker, sender=owner)
    desk.settlement.transferOwnership(ZERO, sender=owner)
    assert desk.refusal(desk.settlement.acceptOwnership, sender=attacker)[0] == "Unauthorised"


@pytest.mark.parametrize("role", ["guardian", "operator"])
def test_set_role__new_holder__is_announced_and_shown(
    desk: Desk, owner: Any, attacker: Any, role: str
) -> None:
    name = role.capitalize()
    receipt = getattr(desk.settlement, f"set{name}")(attacker, sender=owner)
    (event,) = receipt.decode_logs(getattr(desk.settlement, f"{name}Set"))
    assert getattr(event, role) == attacker
    assert getattr(desk.settlement, role)() == attacker


def test_set_guardian__dismissed__may_reduce_nothing(desk: Desk, owner: Any, guardian: Any) -> None:
    desk.settlement.setGuardian(ZERO, sender=owner)
    refusal = desk.refusal(desk.settlement.pauseSigners, sender=guardian)
    assert refusal == ("Unauthorised", lower(guardian))
