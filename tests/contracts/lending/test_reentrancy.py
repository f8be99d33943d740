"""A token that calls back while it is swept finds every function shut, views of funds and settings too."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.localnet.addresses import AAVE_POOL, COMPOUND_CETH, COMPOUND_COMPTROLLER, COMPOUND_CUSDC, USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, COMPOUND, ONE_WETH

ZERO = "0x0000000000000000000000000000000000000000"
CALL_ON_TRANSFER = 4
SHUT: dict[str, tuple[Any, ...]] = {
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
    "position": (AAVE, USDC),
    "health": (AAVE,),
    "compoundMarkets": (),
    "settings": (),
}
OPEN = {"debtOf": (COMPOUND, WETH)}


@pytest.fixture(scope="session")
def trick(owner: Any) -> Any:
    """A token that holds every role."""
    return owner.deploy(ape.project.MockTrickToken)


@pytest.fixture(scope="session")
def lone_account(owner: Any, trick: Any) -> Any:
    """A lending account with a position on Aave, whose every role the token holds."""
    desk = owner.deploy(ape.project.MockDesk, trick, trick, trick, trick)
    account = owner.deploy(
        ape.project.LendingAccount,
        *(desk, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, 11_000),
    )
    for method, arguments in (
        (account.listAaveToken, (WETH,)),
        (account.listCompoundMarket, (WETH, COMPOUND_CETH)),
        (account.setDebtCap, (AAVE, 10**6)),
    ):
        trick.call(account, method.encode_input(*arguments), sender=owner)
        assert trick.succeeded()
    return account


@pytest.fixture
def inside(lone_account: Any, trick: Any, owner: Any, deal: Any, rpc: Any) -> Any:
    """Call a function from inside of the sweep of the token; returns (succeeded, answer)."""

    def _inside(name: str, arguments: tuple[Any, ...]) -> tuple[bool, bytes]:
        trick.mint(lone_account, 5, sender=owner)
        deal(USDC, lone_account, 1_000 * 10**6)
        data = getattr(lone_account, name).encode_input(*arguments)
        trick.setTrick(CALL_ON_TRANSFER, lone_account, data, sender=owner)
        rpc.call("anvil_setBalance", trick.address, hex(ONE_WETH))
        rpc.call("anvil_impersonateAccount", trick.address)
        request = {
            "from": trick.address,
            "to": lone_account.address,
            "data": lone_account.sweep.encode_input(trick).to_0x_hex(),
            "gas": hex(5_000_000),
        }
        assert rpc.call("eth_sendTransactionSync", request)["status"] == "0x1"
        assert trick.called()
        return trick.succeeded(), bytes(trick.answer())

    return _inside


def test_functions__of_the_account__are_all_shut_or_open_on_purpose(lone_account: Any) -> None:
    # Addresses set once at deployment hold no funds and are read through.
    found = {abi.name for abi in lone_account.contract_type.methods if not abi.name.isupper()}
    assert found - {"SETTLEMENT"} == set(SHUT) | set(OPEN)


@pytest.mark.parametrize("name", SHUT)
def test_function__called_from_inside_a_sweep__is_shut_before_anything_else(name: str, inside: Any) -> None:
    # Without a word: any check of a role or an argument would name its error.
    assert inside(name, SHUT[name]) == (False, b"")


def test_debt_of__called_from_inside_a_sweep__answers(inside: Any) -> None:
    succeeded, answer = inside("debtOf", OPEN["debtOf"])
    assert succeeded
    assert int.from_bytes(answer, "big") == 0
