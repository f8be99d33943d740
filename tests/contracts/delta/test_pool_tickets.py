"""The ticket of a swap, against code that lies where the pool stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest
from eth_abi.abi import decode

from pmm.localnet.addresses import UNISWAP_V3_FACTORY, USDC, WETH
from tests.contracts.delta.positions import MARGIN_USDC, MORPHO_LOAN, TEN_WETH, plan
from tests.contracts.lending.desk_fixtures import ONE_WETH

HONEST, NO_CALLBACK, CALLBACK_TWICE, OTHER_DATA, OTHER_CALLER = range(5)
SOURCES = (1, MORPHO_LOAN)


@pytest.fixture
def lying_pool(builder: Any, owner: Any, rpc: Any, deal: Any, move: Any, desk: Any) -> Callable[[int], Any]:
    """Put the mock's code where the 0.05 % pool stands, with plenty to pay out, and move a margin."""

    def _put(trick: int) -> Any:
        pool = builder.read(
            UNISWAP_V3_FACTORY, "getPool(address,address,uint24)", USDC, WETH, 500, returns=("address",)
        )
        mock = owner.deploy(
            ape.project.MockSwapPool, trick, USDC, desk.fairTakingAmount(WETH, USDC, ONE_WETH)
        )
        rpc.call("anvil_setCode", pool, rpc.call("eth_getCode", mock.address, "latest"))
        deal(USDC, pool, 10**12)
        move(USDC, MARGIN_USDC)
        return ape.project.MockSwapPool.at(pool)

    return _put


@pytest.mark.parametrize("source", SOURCES)
def test_swap__honest_pool__opens(
    source: int, lying_pool: Any, delta: Any, operator: Any, account: Any, balance_of: Any
) -> None:
    pool = lying_pool(HONEST)
    before = balance_of(WETH, pool)
    delta.openShort(WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(source), sender=operator)
    assert account.position(1, WETH)[1] >= TEN_WETH
    assert balance_of(WETH, pool) == before + TEN_WETH


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("trick", "error"),
    [
        (NO_CALLBACK, "CallbackMissing"),
        (CALLBACK_TWICE, "UnexpectedCallback"),
        (OTHER_DATA, "UnexpectedCallback"),
    ],
    ids=["no-callback", "twice", "data"],
)
def test_swap__pool_that_lies__reverts(
    trick: int, error: str, source: int, lying_pool: Any, delta: Any, operator: Any, refusal_of: Any
) -> None:
    pool = lying_pool(trick)
    arguments = (WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(source))
    refusal = refusal_of(delta.openShort, *arguments, sender=operator)
    if error == "CallbackMissing":
        assert refusal == (error, pool.address.lower())
    else:
        assert refusal == (error, pool.address.lower(), USDC.lower(), TEN_WETH)


@pytest.mark.parametrize("source", SOURCES)
def test_swap__callback_by_somebody_else_while_the_ticket_is_open__is_refused(
    source: int, lying_pool: Any, delta: Any, operator: Any, account: Any, error_types: Any
) -> None:
    pool = lying_pool(OTHER_CALLER)
    delta.openShort(WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(source), sender=operator)
    accomplice = ape.project.MockCaller.at(pool.ACCOMPLICE())
    assert accomplice.called()
    assert not accomplice.succeeded()
    name, types = error_types[bytes(accomplice.answer())[:4]]
    assert name == "UnexpectedCallback"
    assert decode(types, bytes(accomplice.answer())[4:]) == (
        accomplice.address.lower(),
        USDC.lower(),
        TEN_WETH,
    )
    assert account.position(1, WETH)[1] >= TEN_WETH
