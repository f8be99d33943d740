"""The whole way with the real settlement contract: move the margin, open, close, money back; roles that change."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.localnet.addresses import (
    AAVE_POOL,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC,
    USDC_USD_FEED,
    WETH,
)
from tests.contracts.delta.positions import MARGIN_USDC, TEN_WETH, plan
from tests.contracts.lending.desk_fixtures import (
    ALL,
    DEBT_CAP_USD,
    FLOOR_BPS,
    HEARTBEAT_S,
    MAX_COST_BPS,
    NOTIONAL_CAP,
    WINDOW_S,
)

LENDING_ACCOUNT = 2  # ModuleKind
A_USDC = "0x98C23E9d8f34FEFb1B7BD6a91B7FF122F4e16F5c"


@pytest.fixture
def lending(settlement: Any, owner: Any) -> Any:
    """The lending account of the real settlement contract."""
    instance = owner.deploy(
        ape.project.LendingAccount,
        *(settlement, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, FLOOR_BPS),
    )
    settlement.setModule(LENDING_ACCOUNT, instance, sender=owner)
    for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
        settlement.setFeed(token, feed, HEARTBEAT_S, sender=owner)
        instance.listAaveToken(token, sender=owner)
    instance.setDebtCap(1, DEBT_CAP_USD, sender=owner)
    return instance


@pytest.fixture
def hedger_of_shorts(settlement: Any, lending: Any, owner: Any) -> Any:
    """The delta hedger of the real settlement contract."""
    instance = owner.deploy(
        ape.project.DeltaHedger, settlement, lending, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC
    )
    lending.setDeltaHedger(instance, sender=owner)
    instance.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    return instance


def test_short__moved_opened_and_closed__debt_only_ever_sits_in_the_lending_account(
    settlement: Any,
    lending: Any,
    hedger_of_shorts: Any,
    operator: Any,
    deal: Any,
    balance_of: Any,
    builder: Any,
) -> None:
    def debts() -> list[int]:
        return [
            builder.read(AAVE_POOL, "getUserAccountData(address)", holder.address, returns=("uint256",) * 6)[
                1
            ]
            for holder in (settlement, hedger_of_shorts, lending)
        ]

    deal(USDC, settlement, 20_000 * 10**6)
    settlement.moveToLending(USDC, MARGIN_USDC, sender=operator)
    hedger_of_shorts.openShort(WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(), sender=operator)
    assert debts()[:2] == [0, 0]
    assert debts()[2] > 0
    assert balance_of(A_USDC, lending) > 2 * MARGIN_USDC
    assert balance_of(A_USDC, settlement) == 0

    hedger_of_shorts.closeShort(WETH, USDC, ALL, 2**128, plan(), sender=operator)
    assert debts() == [0, 0, 0]
    assert 19_000 * 10**6 < balance_of(USDC, settlement) < 20_000 * 10**6


def test_roles__changed_in_the_settlement__change_here_at_once(
    settlement: Any,
    lending: Any,
    hedger_of_shorts: Any,
    owner: Any,
    operator: Any,
    stranger: Any,
    refusal_of: Any,
) -> None:
    settlement.setOperator(stranger, sender=owner)
    refused = ("Unauthorised", operator.address.lower())
    assert refusal_of(lending.borrow, 1, WETH, 1, sender=operator) == refused
    assert refusal_of(hedger_of_shorts.openShort, WETH, USDC, 1, 1, 1, plan(), sender=operator) == refused
    assert refusal_of(lending.withdraw, 1, USDC, 0, sender=stranger) == ("ZeroAmount",)


def test_roles__never_set_in_the_settlement__let_nobody_in(
    settlement: Any, lending: Any, owner: Any, stranger: Any, refusal_of: Any
) -> None:
    # Router hooks are the zero address: nobody can call from there.
    assert settlement.routerHooks() == "0x" + 40 * "0"
    assert refusal_of(lending.supply, 1, USDC, 1, sender=stranger)[0] == "Unauthorised"
