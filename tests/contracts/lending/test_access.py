"""Who may call what: every function by every role."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.localnet.addresses import COMPOUND_CUSDC, USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, COMPOUND, ONE_WETH

ZERO = "0x0000000000000000000000000000000000000000"
ROLES = ("owner", "guardian", "operator", "hooks", "delta", "desk", "stranger")
# What each role may call; every other pair is refused.
ALLOWED = {
    "supply": {"operator", "hooks"},
    "repay": {"operator", "hooks", "guardian"},
    "withdraw": {"operator"},
    "borrow": {"operator"},
    "provide": {"operator", "hooks"},
    "sweep": {"operator"},
    "enlarge": {"delta"},
    "reduce": {"delta"},
    "setHealthFloor": {"owner"},
    "setDebtCap": {"owner"},
    "listAaveToken": {"owner"},
    "listCompoundMarket": {"owner"},
    "pauseBorrowing": {"owner", "guardian"},
    "resumeBorrowing": {"owner"},
    "setDeltaHedger": {"owner", "guardian"},
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "supply": (AAVE, USDC, 10),
    "repay": (AAVE, WETH, 10),
    "withdraw": (AAVE, USDC, 10),
    "borrow": (AAVE, WETH, 10),
    "provide": (1, USDC, 10),
    "sweep": (USDC,),
    "enlarge": (AAVE, USDC, 10, WETH, 10, ZERO, 0),
    "reduce": (AAVE, WETH, 10, USDC, 10, ZERO, 10, 0),
    "setHealthFloor": (AAVE, 12_000),
    "setDebtCap": (AAVE, 1),
    "listAaveToken": (USDC,),
    "listCompoundMarket": (USDC, COMPOUND_CUSDC),
    "pauseBorrowing": (),
    "resumeBorrowing": (),
    "setDeltaHedger": (ZERO,),
}
HARMLESS = {"debtOf"}


class Caller:
    """An address that the fork impersonates."""

    def __init__(self, address: str) -> None:
        self.address = address


def test_functions__that_change_state__are_all_in_the_table(account: Any) -> None:
    found = {abi.name for abi in account.contract_type.mutable_methods}
    assert found == set(ALLOWED) | HARMLESS


@pytest.mark.parametrize("name", ALLOWED)
def test_function__called_without_its_role__is_refused(
    name: str,
    account: Any,
    refusal_of: Any,
    rpc: Any,
    owner: Any,
    guardian: Any,
    operator: Any,
    hooks: Any,
    delta: Any,
    desk: Any,
    stranger: Any,
) -> None:
    holders = dict(zip(ROLES, (owner, guardian, operator, hooks, delta, desk, stranger), strict=True))
    for role in set(ROLES) - ALLOWED[name]:
        caller = Caller(str(holders[role].address))
        rpc.call("anvil_setBalance", caller.address, hex(10**20))
        rpc.call("anvil_impersonateAccount", caller.address)
        assert refusal_of(getattr(account, name), *ARGUMENTS[name], sender=caller) == (
            "Unauthorised",
            caller.address.lower(),
        ), (name, role)


def test_set_delta_hedger__guardian__may_only_remove_it(
    account: Any, delta: Any, guardian: Any, owner: Any, refusal_of: Any
) -> None:
    assert refusal_of(account.setDeltaHedger, delta, sender=guardian)[0] == "Unauthorised"
    account.setDeltaHedger(ZERO, sender=guardian)
    assert account.settings()[0] == ZERO
    account.setDeltaHedger(delta, sender=owner)
    assert account.settings()[0] == delta.address


def test_set_delta_hedger__foreign_or_codeless__reverts(
    account: Any, delta: Any, owner: Any, stranger: Any, hooks: Any, refusal_of: Any
) -> None:
    assert refusal_of(account.setDeltaHedger, stranger, sender=owner) == (
        "NotAContract",
        stranger.address.lower(),
    )
    other_desk = owner.deploy(ape.project.MockDesk, owner, owner, owner, owner)
    constructor = ape.project.LendingAccount
    arguments = (
        account.AAVE_V3_POOL(),
        account.COMPOUND_COMPTROLLER(),
        account.COMPOUND_CETH(),
        account.WETH(),
    )
    other = owner.deploy(constructor, other_desk, *arguments, 11_000)
    assert refusal_of(other.setDeltaHedger, delta, sender=owner) == ("ForeignHedger", delta.address.lower())
    same_desk = owner.deploy(constructor, account.SETTLEMENT(), *arguments, 11_000)
    assert refusal_of(same_desk.setDeltaHedger, delta, sender=owner) == (
        "ForeignHedger",
        delta.address.lower(),
    )


@pytest.mark.parametrize("market", [AAVE, COMPOUND])
def test_pause_borrowing__by_the_guardian__stops_debt_and_nothing_else(
    market: int,
    account: Any,
    supplied: Any,
    move: Any,
    guardian: Any,
    operator: Any,
    owner: Any,
    refusal_of: Any,
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, ONE_WETH, sender=operator)
    account.pauseBorrowing(sender=guardian)

    assert refusal_of(account.borrow, market, WETH, ONE_WETH, sender=operator) == ("BorrowingPaused",)
    assert refusal_of(account.provide, 2 * market, WETH, ONE_WETH, sender=operator) == ("BorrowingPaused",)
    move(WETH, ONE_WETH // 2)
    account.repay(market, WETH, ONE_WETH // 2, sender=guardian)
    account.withdraw(market, USDC, 10**6, sender=operator)
    account.resumeBorrowing(sender=owner)
    account.borrow(market, WETH, ONE_WETH // 4, sender=operator)


def test_settings__each_setter__changes_its_own_field_only(account: Any, delta: Any, owner: Any) -> None:
    account.setHealthFloor(AAVE, 65_535, sender=owner)
    account.setHealthFloor(COMPOUND, 10_001, sender=owner)
    account.setDebtCap(AAVE, 2**31 - 1, sender=owner)
    account.setDebtCap(COMPOUND, 0, sender=owner)
    account.pauseBorrowing(sender=owner)
    assert tuple(account.settings()) == (delta.address, 65_535, 10_001, 2**31 - 1, 0, True)
    account.resumeBorrowing(sender=owner)
    account.setDebtCap(AAVE, 0, sender=owner)
    account.setDebtCap(COMPOUND, 2**31 - 1, sender=owner)
    assert tuple(account.settings()) == (delta.address, 65_535, 10_001, 0, 2**31 - 1, False)


def test_settings__values_out_of_range__revert(account: Any, owner: Any, refusal_of: Any) -> None:
    for floor in (0, 10_000, 65_536):
        assert refusal_of(account.setHealthFloor, AAVE, floor, sender=owner) == ("InvalidFloor", floor)
    assert refusal_of(account.setDebtCap, AAVE, 2**31, sender=owner) == ("InvalidCap", 2**31)
    assert refusal_of(account.setDebtCap, 3, 1, sender=owner) == ("UnknownMarket", 3)
    assert refusal_of(account.setHealthFloor, 3, 11_000, sender=owner) == ("UnknownMarket", 3)


def test_list__wrong_or_repeated_markets__revert(
    account: Any, owner: Any, refusal_of: Any, stranger: Any, desk: Any
) -> None:
    assert refusal_of(account.listCompoundMarket, USDC, COMPOUND_CUSDC, sender=owner)[0] == "UnlistedMarket"
    wbtc = "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599"
    assert refusal_of(account.listCompoundMarket, wbtc, COMPOUND_CUSDC, sender=owner)[0] == "UnlistedMarket"
    assert refusal_of(account.listCompoundMarket, wbtc, stranger, sender=owner)[0] == "UnlistedMarket"
    assert refusal_of(account.listAaveToken, desk, sender=owner)[0] == "UnlistedMarket"


def test_ether__from_a_stranger__is_refused(account: Any, stranger: Any, rpc: Any) -> None:
    request = {"from": stranger.address, "to": account.address, "value": hex(10**18), "gas": hex(100_000)}
    receipt = rpc.call("eth_sendTransactionSync", request)
    assert receipt["status"] == "0x0"
    assert account.balance == 0
