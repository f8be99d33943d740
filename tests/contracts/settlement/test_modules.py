"""setModule: each contract that works for the settlement, once and for ever; the hedger is fixed in the code."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.localnet.addresses import ONEINCH_ROUTER, WETH
from tests.contracts.hedger_place import HEDGER_PLACE
from tests.contracts.settlement.conftest import HEDGER, LENDING_ACCOUNT, ROUTER_HOOKS, TAKER_PORTAL
from tests.contracts.settlement.desk import Desk, args_of, args_traits, lower

ZERO = "0x" + "00" * 20
VIEWS = {
    ROUTER_HOOKS: "routerHooks",
    LENDING_ACCOUNT: "lendingAccount",
    TAKER_PORTAL: "takerPortal",
}


@pytest.fixture
def module(desk: Desk, owner: Any) -> Any:
    """A contract that serves the settlement."""
    return owner.deploy(ape.project.MockInsider, desk.settlement)


@pytest.mark.parametrize("kind", VIEWS)
def test_set_module__first_of_its_kind__is_announced_and_shown_alone(
    desk: Desk, owner: Any, module: Any, kind: int
) -> None:
    receipt = desk.settlement.setModule(kind, module, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.ModuleSet)
    assert (event.kind, event.module) == (kind, module)
    shown = {each: getattr(desk.settlement, view)() for each, view in VIEWS.items()}
    assert shown == {each: module if each == kind else ZERO for each in VIEWS}


def test_set_module__hedger__is_fixed_in_the_code(desk: Desk, owner: Any, module: Any) -> None:
    assert desk.settlement.hedger() == HEDGER_PLACE
    refusal = desk.refusal(desk.settlement.setModule, HEDGER, module, sender=owner)
    assert refusal == ("ModuleAlreadySet", HEDGER, HEDGER_PLACE.lower())


def test_set_module__hedger_of_a_settlement_built_without__is_refused_for_good(
    desk: Desk, owner: Any, base: Any
) -> None:
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO, [base])
    module = owner.deploy(ape.project.MockInsider, settlement)
    assert settlement.hedger() == ZERO
    refusal = desk.refusal(settlement.setModule, HEDGER, module, sender=owner)
    assert refusal == ("ModuleAlreadySet", HEDGER, ZERO)


def test_constructor__hedger__is_announced(desk: Desk, owner: Any, base: Any) -> None:
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, HEDGER_PLACE, [base])
    (event,) = settlement.creation_metadata.receipt.decode_logs(settlement.ModuleSet)
    assert (event.kind, event.module) == (HEDGER, HEDGER_PLACE)


def test_constructor__without_hedger__announces_none(desk: Desk, owner: Any, base: Any) -> None:
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO, [base])
    assert not settlement.creation_metadata.receipt.decode_logs(settlement.ModuleSet)


@pytest.mark.parametrize("kind", VIEWS)
def test_set_module__second_of_its_kind__is_refused(desk: Desk, owner: Any, module: Any, kind: int) -> None:
    desk.settlement.setModule(kind, module, sender=owner)
    second = owner.deploy(ape.project.MockInsider, desk.settlement)
    for candidate in (second, module, ZERO):
        refusal = desk.refusal(desk.settlement.setModule, kind, candidate, sender=owner)
        assert refusal == ("ModuleAlreadySet", kind, lower(module))


def test_set_module__account_without_code__is_refused(desk: Desk, owner: Any, receiver: Any) -> None:
    for kind in VIEWS:
        for account in (receiver.address, ZERO):
            refusal = desk.refusal(desk.settlement.setModule, kind, account, sender=owner)
            assert refusal == ("NoCode", account.lower())


def test_set_module__of_another_settlement__is_refused(desk: Desk, owner: Any, attacker: Any) -> None:
    foreign = owner.deploy(ape.project.MockInsider, attacker)
    for kind in VIEWS:
        refusal = desk.refusal(desk.settlement.setModule, kind, foreign, sender=owner)
        assert refusal == ("ForeignModule", lower(foreign), lower(attacker))


def test_set_module__contract_that_is_no_module__is_refused(desk: Desk, owner: Any) -> None:
    for kind in VIEWS:
        assert desk.refusal(desk.settlement.setModule, kind, desk.base, sender=owner) == ("",)


def test_set_module__kind_that_does_not_exist__is_refused(desk: Desk, owner: Any, module: Any) -> None:
    assert desk.refusal(desk.settlement.setModule, 4, module, sender=owner)[0] in ("", "Panic")


@pytest.mark.parametrize("kind", VIEWS)
def test_set_module__any_kind__is_no_target_of_an_interaction(
    desk: Desk, owner: Any, module: Any, kind: int
) -> None:
    interaction = bytes.fromhex(module.address[2:])
    how: dict[str, Any] = {
        "taker_traits": args_traits(interaction=interaction),
        "args": args_of(interaction=interaction),
    }
    before = desk.fill_refusal(desk.order(), **how)
    assert before[0] != "BadInteractionTarget"
    desk.settlement.setModule(kind, module, sender=owner)
    assert desk.fill_refusal(desk.order(), **how) == ("BadInteractionTarget", lower(module))
