"""Sales of inventory through the hedger: by the operator through the real settlement contract, and refused ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pmm.domain import USDC, USDT, WBTC, WETH, FundingSource, HedgeLeg
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from tests.contracts.hedger.costs import Costs
from tests.contracts.hedger.funded_fills import ONE_WETH, moved
from tests.contracts.hedger.hedges import FLASH_SWAP, HEDGES, LOANS, Hedge
from tests.contracts.hedger.mock_fixtures import TRICK_POOL_FEE_PIPS

SALES = tuple(hedge for hedge in HEDGES if hedge.source not in (*LOANS, FundingSource.SIGNED_ORDER))
HEARTBEAT_S = 90_000
BAND_UNITS = 20  # of 5 bps
AMOUNTS: dict[str, int] = {WETH.address: ONE_WETH, USDC.address: 2_000 * 10**6}
DIRECTIONS = [(WETH.address, USDC.address), (USDC.address, WETH.address)]


@pytest.fixture
def banded(stocked: None, settlement: Any, owner: Any, deal: Any) -> None:
    """A settlement contract with something to sell, feeds, and a band of 1 %."""
    settlement.setFeed(WETH.address, ETH_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, BAND_UNITS, sender=owner)
    deal(USDC.address, settlement, 10_000 * 10**6)
    deal(WETH.address, settlement, 10 * ONE_WETH)


@pytest.fixture
def bought(costs: Costs, v4_pools: Any) -> Callable[[Hedge, str, str, int], int]:
    """What the place that a hedge names pays for an exact input."""

    def _bought(hedge: Hedge, token_in: str, token_out: str, amount_in: int) -> int:
        sale = (token_in, token_out, amount_in)
        if hedge.closed_on is HedgeLeg.UNISWAP_V3_PATH:
            return costs.bought_on_path(*sale, hedge.path(token_out))
        if hedge.closed_on is HedgeLeg.UNISWAP_V2_PAIR:
            return costs.bought_on_v2(*sale)
        if hedge.closed_on is HedgeLeg.UNISWAP_V4_POOL:
            return costs.on_v4(token_in, token_out, -amount_in, v4_pools[hedge.ether])
        return costs.bought_on_v3(*sale, hedge.swap_fee_pips)

    return _bought


def terms_of(hedge: Hedge, token_in: str, token_out: str) -> tuple[Any, ...]:
    """The arguments of a sale but for its minimum, in two halves."""
    route = hedge.path(token_out) if hedge.leg is HedgeLeg.UNISWAP_V3_PATH else b""
    return (token_in, token_out, AMOUNTS[token_in]), (hedge.plan().encode(), route)


@pytest.mark.parametrize("donated", [0, 7])
@pytest.mark.parametrize(("token_in", "token_out"), DIRECTIONS, ids=["WETH", "USDC"])
@pytest.mark.parametrize("hedge", SALES, ids=str)
def test_swap_exact_in__operator_sells_inventory__brings_exactly_what_the_pool_pays(
    hedge: Hedge,
    token_in: str,
    token_out: str,
    donated: int,
    banded: None,
    settlement: Any,
    hedger: Any,
    operator: Any,
    bought: Any,
    deal: Any,
    balances: Any,
    balance_of: Any,
    allowances_left: Any,
) -> None:
    for token in (WETH, USDC, USDT, WBTC):
        deal(token.address, hedger, donated)
    sold, where = terms_of(hedge, token_in, token_out)
    brings = bought(hedge, *sold)
    before = balances()

    receipt = settlement.swapInventory(*sold, brings, *where, sender=operator)

    names: dict[str, str] = {WETH.address: "WETH", USDC.address: "USDC"}
    change = {
        (names[token_in], "settlement"): donated - sold[2],
        (names[token_out], "settlement"): brings + donated,
    }
    change |= {(name, "hedger"): -donated for name in names.values() if donated}
    assert moved(before, balances()) == change
    assert [balance_of(token.address, hedger) for token in (USDT, WBTC)] == [donated, donated]
    assert hedger.balance == 0
    assert allowances_left(receipt, hedger) == {}
    (swapped,) = (log for log in receipt.events if log.event_name == "InventorySwapped")
    assert (swapped.tokenIn, swapped.tokenOut, swapped.amountIn, swapped.amountOut) == (*sold, brings)


@pytest.mark.parametrize(("token_in", "token_out"), DIRECTIONS, ids=["WETH", "USDC"])
@pytest.mark.parametrize("hedge", SALES, ids=str)
def test_swap_exact_in__pool_pays_one_unit_less_than_the_minimum__reverts(
    hedge: Hedge,
    token_in: str,
    token_out: str,
    banded: None,
    settlement: Any,
    operator: Any,
    bought: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    sold, where = terms_of(hedge, token_in, token_out)
    brings = bought(hedge, *sold)
    before = balances()

    refusal = refusal_of(settlement.swapInventory, *sold, brings + 1, *where, sender=operator)

    assert refusal == ("BoughtTooLittle", token_out.lower(), brings, brings + 1)
    assert moved(before, balances()) == {}


def test_swap_exact_in__plan_of_a_fill__reverts(
    banded: None, settlement: Any, operator: Any, refusal_of: Any
) -> None:
    sold = (WETH.address, USDC.address, ONE_WETH, 1)
    loan, minimum = Hedge(source=FundingSource.MORPHO_BLUE_LOAN).plan(), FLASH_SWAP.plan(min_profit=1)
    for plan in (loan.encode(), minimum.encode(), FLASH_SWAP.plan().encode() | 1 << 128):
        refusal = refusal_of(settlement.swapInventory, *sold, plan, b"", sender=operator)

        assert refusal == ("InvalidPlan", plan)


@pytest.mark.parametrize("amount", [0, 2**255 - 1])
def test_swap_exact_in__amount_out_of_range__reverts(
    amount: int, probed: Any, mock_settlement: Any, refusal_of: Any
) -> None:
    terms = (WETH.address, USDC.address, amount, FLASH_SWAP.plan().encode(), b"")

    assert refusal_of(probed.swapExactIn, *terms, sender=mock_settlement) == ("InvalidAmount", amount)


def test_swap_exact_in__no_such_pool__reverts(probed: Any, mock_settlement: Any, refusal_of: Any) -> None:
    usdc, weth, usdt = (token.address for token in (USDC, WETH, USDT))
    pair = Hedge(source=FundingSource.UNISWAP_V2_SWAP).plan().encode()

    v3 = refusal_of(probed.swapExactIn, weth, usdc, 1, 1 << 248 | 501 << 224, b"", sender=mock_settlement)
    v2 = refusal_of(probed.swapExactIn, usdt, usdc, 1, pair, b"", sender=mock_settlement)

    assert v3 == ("PoolNotFound", weth.lower(), usdc.lower(), 501)
    assert v2 == ("PoolNotFound", usdt.lower(), usdc.lower(), 3_000)


def test_swap_exact_in__more_than_the_v3_pool_takes__reverts(
    misled: Any, mock_settlement: Any, owner: Any, trick_token: Any, trick_market: str, refusal_of: Any
) -> None:
    amount = 1_000 * ONE_WETH
    trick_token.mint(mock_settlement, amount, sender=owner)
    sale = (trick_token, WETH.address, amount, 1, 1 << 248 | TRICK_POOL_FEE_PIPS << 224, b"")

    name, pool, wanted, traded = refusal_of(mock_settlement.swapInventory, sale, sender=owner)

    assert (name, pool, wanted) == ("PoolTooShallow", trick_market.lower(), amount)
    assert 99 * ONE_WETH < traded < 105 * ONE_WETH


def test_swap_exact_in__nothing_was_sent__reverts(probed: Any, mock_settlement: Any, refusal_of: Any) -> None:
    for hedge in SALES:
        route = hedge.path(USDC.address) if hedge.leg is HedgeLeg.UNISWAP_V3_PATH else b""
        terms = (WETH.address, USDC.address, ONE_WETH, hedge.plan().encode(), route)

        # WETH9 reverts without a reason.
        assert refusal_of(probed.swapExactIn, *terms, sender=mock_settlement) == ("",)
