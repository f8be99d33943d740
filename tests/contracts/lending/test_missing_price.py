"""Where Compound's oracle has no price, no health is told and nothing leaves."""

from __future__ import annotations

from typing import Any

from pmm.localnet.addresses import COMPOUND_COMPTROLLER, USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, COMPOUND, ONE_WETH

PRICE_ERROR = 13
ANSWERS_ZERO = "0x60206000f3"


def test_health__no_price_on_compound__reverts_with_its_code(
    account: Any, supplied: Any, operator: Any, move: Any, builder: Any, rpc: Any, refusal_of: Any
) -> None:
    supplied(COMPOUND, USDC, 30_000 * 10**6)
    account.borrow(COMPOUND, WETH, ONE_WETH, sender=operator)
    move(USDC, 10)
    oracle = builder.read(COMPOUND_COMPTROLLER, "oracle()", returns=("address",))
    rpc.call("anvil_setCode", oracle, ANSWERS_ZERO)

    refused = ("CompoundRefused", COMPOUND_COMPTROLLER.lower(), PRICE_ERROR)
    assert refusal_of(account.health, COMPOUND, sender=operator) == refused
    assert refusal_of(account.sweep, USDC, sender=operator) == refused


def test_repay__no_price_on_compound__is_possible(
    account: Any, supplied: Any, operator: Any, move: Any, guardian: Any, builder: Any, rpc: Any
) -> None:
    supplied(COMPOUND, USDC, 30_000 * 10**6)
    account.borrow(COMPOUND, WETH, ONE_WETH, sender=operator)
    move(WETH, ONE_WETH // 2)
    rpc.call(
        "anvil_setCode",
        builder.read(COMPOUND_COMPTROLLER, "oracle()", returns=("address",)),
        ANSWERS_ZERO,
    )
    account.repay(COMPOUND, WETH, ONE_WETH // 2, sender=guardian)
    assert account.position(COMPOUND, WETH)[1] < ONE_WETH
    assert account.health(AAVE) == 2**256 - 1
