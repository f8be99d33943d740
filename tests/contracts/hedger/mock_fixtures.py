"""Counterparts of the hedger that misbehave on demand: settlement contract, lender, token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.chain.addresses import (
    AAVE_V3_POOL,
    BALANCER_V2_VAULT,
    MORPHO_BLUE,
    ONEINCH_ROUTER,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.domain import USDC, WETH
from pmm.localnet.addresses import UNISWAP_V3_POSITION_MANAGER
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    FundedFill,
    SettlementTrick,
    decode_error,
    external,
)

POOLS = (UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V4_POOL_MANAGER)
LENDERS = (MORPHO_BLUE, BALANCER_V2_VAULT, AAVE_V3_POOL)
TRICK_POOL_FEE_PIPS = 3_000


@pytest.fixture(scope="session")
def mock_settlement(owner: Any) -> Any:
    """A settlement contract that misbehaves on demand."""
    return owner.deploy(ape.project.MockSettlement, WETH.address, ONEINCH_ROUTER)


@pytest.fixture(scope="session")
def probed_hedger(owner: Any, mock_settlement: Any) -> Any:
    """A hedger that obeys the mock settlement contract and knows the genuine lenders."""
    return owner.deploy(ape.project.AtomicHedger, mock_settlement, *POOLS, *LENDERS)


@pytest.fixture(scope="session")
def mock_lender(owner: Any) -> Any:
    """All four kinds of lender in one contract that lies on demand."""
    return owner.deploy(ape.project.MockLender)


@pytest.fixture(scope="session")
def misled_hedger(owner: Any, mock_settlement: Any, mock_lender: Any) -> Any:
    """A hedger that obeys the mock settlement contract and borrows from the mock lender."""
    return owner.deploy(ape.project.AtomicHedger, mock_settlement, *POOLS, *(mock_lender,) * 3)


@pytest.fixture(scope="session")
def trick_token(owner: Any) -> Any:
    """A token that anybody may mint and set to misbehave."""
    return owner.deploy(ape.project.MockTrickToken)


@pytest.fixture(scope="session")
def stocked_mocks(deal: Any, tokens: Any, taker: Any, mock_settlement: Any, mock_lender: Any) -> Any:
    """A mock settlement contract that a taker with both assets approved, and a mock lender with both."""
    for holder in (taker, mock_lender):
        deal(USDC.address, holder, 100_000 * 10**6)
        deal(WETH.address, holder, 100 * ONE_WETH)
    for token in tokens.values():
        token.approve(mock_settlement, 2**255, sender=taker)
    return mock_settlement


@pytest.fixture
def probed(owner: Any, stocked_mocks: Any, probed_hedger: Any) -> Any:
    """The mock settlement contract joined to the hedger of the genuine lenders, with a taker who can pay."""
    stocked_mocks.setHedger(probed_hedger, sender=owner)
    return probed_hedger


@pytest.fixture
def misled(owner: Any, stocked_mocks: Any, misled_hedger: Any) -> Any:
    """The mock settlement contract joined to the hedger of the mock lender, with a taker who can pay."""
    stocked_mocks.setHedger(misled_hedger, sender=owner)
    return misled_hedger


@pytest.fixture
def attempt(mock_settlement: Any, taker: Any, error_types: Any) -> Callable[..., tuple[Any, ...]]:
    """Make a call while the mock settlement collects; the fill must go on, the refusal of the call is returned."""

    def _attempt(fill: FundedFill, target: Any, data: Any) -> tuple[Any, ...]:
        trick = SettlementTrick.CALL_DURING_COLLECT
        mock_settlement.setTrick(trick, target, data, sender=taker)

        mock_settlement.fund(fill.arguments(), sender=taker)

        assert mock_settlement.called()
        assert not mock_settlement.succeeded()
        assert mock_settlement.profit() == fill.profit
        return decode_error(error_types, bytes(mock_settlement.answer()))

    return _attempt


@pytest.fixture
def trick_market(
    trick_token: Any, owner: Any, taker: Any, deal: Any, tokens: Any, mock_settlement: Any, mock_lender: Any
) -> str:
    """A pool of the trick token and WETH, one to one, 100 of each within 5 %; a taker who can pay in both."""
    manager = external("UniswapV3PositionManager", UNISWAP_V3_POSITION_MANAGER)
    for account in (owner, taker, mock_lender):
        trick_token.mint(account, 1_000 * ONE_WETH, sender=owner)
    deal(WETH.address, owner, 1_000 * ONE_WETH)
    deal(WETH.address, taker, 1_000 * ONE_WETH)
    deal(WETH.address, mock_lender, 1_000 * ONE_WETH)
    for token in (trick_token, tokens[WETH.address]):
        token.approve(manager, 2**255, sender=owner)
        token.approve(mock_settlement, 2**255, sender=taker)
    pair = sorted((trick_token.address, WETH.address), key=lambda address: int(address, 16))
    created = manager.createAndInitializePoolIfNecessary(*pair, TRICK_POOL_FEE_PIPS, 2**96, sender=owner)
    amounts = (100 * ONE_WETH, 100 * ONE_WETH, 0, 0)
    manager.mint((*pair, TRICK_POOL_FEE_PIPS, -480, 480, *amounts, owner, 2**40), sender=owner)
    return str(created.return_value)
