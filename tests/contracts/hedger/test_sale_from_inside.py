"""A sale along a path whose middle token is the thief's: what comes in beside the pool's money does not count."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.abi import encode_call
from pmm.domain import USDC, WETH, Address, FundingSource, HedgeLeg, path_route
from pmm.localnet.addresses import UNISWAP_V3_POSITION_MANAGER
from tests.contracts.hedger.funded_fills import ONE_WETH, TokenTrick, external, moved
from tests.contracts.hedger.hedges import Hedge
from tests.contracts.hedger.mock_fixtures import TRICK_POOL_FEE_PIPS
from tests.contracts.hedger.test_swap_exact_in import banded

__all__ = ["banded"]

# One trick token for one USDC, where the trick token is token0 and where it is token1.
_PRICES_X96 = {True: 2**96 // 10**6, False: 2**96 * 10**6}
_WHOLE_RANGE = (-887_220, 887_220)
_ON_PATH = Hedge(source=FundingSource.UNISWAP_V3_SWAP, leg=HedgeLeg.UNISWAP_V3_PATH).plan().encode()


@pytest.fixture
def path(trick_market: str, trick_token: Any, tokens: Any, owner: Any, deal: Any) -> bytes:
    """From WETH over the trick token to USDC: a WETH brings about one USDC."""
    manager = external("UniswapV3PositionManager", UNISWAP_V3_POSITION_MANAGER)
    deal(USDC.address, owner, 500 * 10**6)
    tokens[USDC.address].approve(manager, 2**255, sender=owner)
    pair = sorted((trick_token.address, USDC.address), key=lambda address: int(address, 16))
    first = pair[0] == trick_token.address
    manager.createAndInitializePoolIfNecessary(*pair, TRICK_POOL_FEE_PIPS, _PRICES_X96[first], sender=owner)
    amounts = (500 * ONE_WETH, 500 * 10**6) if first else (500 * 10**6, 500 * ONE_WETH)
    manager.mint((*pair, TRICK_POOL_FEE_PIPS, *_WHOLE_RANGE, *amounts, 0, 0, owner, 2**40), sender=owner)
    return path_route((TRICK_POOL_FEE_PIPS,) * 2, [Address(trick_token.address)])


@pytest.mark.parametrize("paid_inside", [0, 3_000 * 10**6])
def test_swap_exact_in__settlement_is_paid_in_the_middle_of_a_path__the_last_pool_alone_counts(
    paid_inside: int,
    path: bytes,
    banded: None,
    settlement: Any,
    trick_token: Any,
    owner: Any,
    operator: Any,
    deal: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    """As a stolen operator key with code would have the lending account pay meanwhile."""
    payer = owner.deploy(ape.project.MockCaller)
    deal(USDC.address, payer, 10_000 * 10**6)
    pay = encode_call("transfer(address,uint256)", settlement.address, paid_inside)
    call = payer.call.encode_input(USDC.address, pay)
    trick_token.setTrick(TokenTrick.CALL_ON_TRANSFER, payer, call, sender=owner)
    before = balances(payer=payer)
    terms = (WETH.address, USDC.address, ONE_WETH, 1, _ON_PATH, path)

    name, token, found, minimum = refusal_of(settlement.swapInventory, *terms, sender=operator)

    assert (name, token) == ("BoughtTooLittle", USDC.address.lower())
    assert 0 < found < 2 * 10**6 < minimum
    assert moved(before, balances(payer=payer)) == {}


def test_swap_exact_in__settlement_is_paid_in_the_middle_and_no_band_holds__answers_the_pools_money(
    path: bytes,
    banded: None,
    settlement: Any,
    trick_token: Any,
    owner: Any,
    operator: Any,
    deal: Any,
    balances: Any,
) -> None:
    settlement.setBand(WETH.address, USDC.address, 255, sender=owner)
    payer = owner.deploy(ape.project.MockCaller)
    deal(USDC.address, payer, 10_000 * 10**6)
    pay = encode_call("transfer(address,uint256)", settlement.address, 7)
    trick_token.setTrick(
        TokenTrick.CALL_ON_TRANSFER, payer, payer.call.encode_input(USDC.address, pay), sender=owner
    )
    before = balances()
    terms = (WETH.address, USDC.address, ONE_WETH, 1, _ON_PATH, path)

    receipt = settlement.swapInventory(*terms, sender=operator)

    (swapped,) = (log for log in receipt.events if log.event_name == "InventorySwapped")
    # The token is transferred out of the first pool and into the second: paid twice.
    assert balances()["USDC", "settlement"] - before["USDC", "settlement"] == swapped.amountOut + 14
