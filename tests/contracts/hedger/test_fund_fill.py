"""Every source with every leg, in both directions, through the real settlement contract and genuine protocols.

What everybody holds after the fill, and when it must not happen. The one counterpart of ours is the ERC-3156 lender;
`test_flash_mint.py` has a genuine one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pmm.chain.addresses import (
    BALANCER_V2_VAULT,
    MORPHO_BLUE,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.domain import USDC, WETH, FundingSource, HedgeLeg
from pmm.localnet.funding import NATIVE
from tests.contracts.hedger.costs import Costs
from tests.contracts.hedger.funded_fills import FundedFill, fill_call, moved
from tests.contracts.hedger.hedges import (
    HEDGES,
    LENDING_FEE_PIPS,
    LOANS,
    ONE_PER_SOURCE,
    SWAP_FEE_PIPS,
    Hedge,
)
from tests.contracts.hedger.second_orders import OrderMaker

pytestmark = pytest.mark.usefixtures("stocked")
_FEE, _TOKEN = 3, 20


@pytest.fixture(scope="session")
def lender_of(costs: Costs, mock_lender: Any) -> Callable[[Hedge, FundedFill], str]:
    """Whose balance of the maker asset a loan comes out of."""

    def _lender(hedge: Hedge, fill: FundedFill) -> str:
        if hedge.source is FundingSource.UNISWAP_V3_FLASH:
            return costs.v3_pool(USDC.address, WETH.address, LENDING_FEE_PIPS)
        if hedge.source is FundingSource.AAVE_V3_LOAN:
            return costs.a_token(fill.maker_asset)
        known = {
            FundingSource.MORPHO_BLUE_LOAN: MORPHO_BLUE,
            FundingSource.BALANCER_V2_LOAN: BALANCER_V2_VAULT,
        }
        return str(known.get(hedge.source, mock_lender.address))

    return _lender


@pytest.fixture(scope="session")
def ends_of(costs: Costs, order_maker: OrderMaker) -> Callable[[Hedge, FundedFill], dict[str, str]]:
    """Who supplies what is delivered or repaid, and whom the taker's payment goes to."""

    def _ends(hedge: Hedge, fill: FundedFill) -> dict[str, str]:
        assets = (fill.maker_asset, fill.taker_asset)
        if hedge.closed_on is HedgeLeg.UNISWAP_V3_PATH:
            path = hedge.path(fill.maker_asset)
            first, last = path[_FEE : _FEE + _TOKEN], path[-_FEE - _TOKEN : -_FEE]
            fees = (int.from_bytes(path[:_FEE], "big"), int.from_bytes(path[-_FEE:], "big"))
            return {
                "supplier": costs.v3_pool(assets[0], "0x" + first.hex(), fees[0]),
                "payee": costs.v3_pool(assets[1], "0x" + last.hex(), fees[1]),
            }
        both = {
            HedgeLeg.UNISWAP_V3_POOL: costs.v3_pool(*assets, SWAP_FEE_PIPS),
            HedgeLeg.UNISWAP_V2_PAIR: costs.v2_pair(*assets),
            HedgeLeg.UNISWAP_V4_POOL: UNISWAP_V4_POOL_MANAGER,
            HedgeLeg.SIGNED_ORDER: order_maker.address,
        }[hedge.closed_on]
        return {"supplier": both, "payee": both}

    return _ends


@pytest.mark.parametrize("sold", ["WETH", "USDC"])
@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_fund_fill__any_source_and_leg__moves_exactly_the_signed_amounts(
    hedge: Hedge,
    sold: str,
    sell: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    receiver: Any,
    balances: Any,
    balance_of: Any,
    lender_of: Any,
    ends_of: Any,
    allowances_left: Any,
) -> None:
    # A receiver of its own where WETH is sold; a profit that just reaches the minimum where USDC is.
    terms = {"receiver": receiver} if sold == "WETH" else {"profit": 10**15, "min_profit": 10**15}
    fill = sell[sold](hedge, **terms)
    paid_in = "USDC" if sold == "WETH" else "WETH"
    assets = {"supplier": fill.maker_asset, "payee": fill.taker_asset}
    if hedge.ether:
        assets = {name: NATIVE if token == WETH.address else token for name, token in assets.items()}
    accounts = ends_of(hedge, fill)

    def read() -> dict[Any, int]:
        found = dict(balances())
        found |= {name: balance_of(assets[name], accounts[name]) for name in accounts}
        if hedge.source in LOANS:
            found["lender"] = balance_of(fill.maker_asset, lender_of(hedge, fill))
        return found

    before, ether_before = read(), hedger.balance
    target = receiver.address if sold == "WETH" else None

    receipt = settlement.fillOrderFunded(*fill_call(signed(fill), target=target), sender=taker)

    expected = {
        (sold, "receiver" if sold == "WETH" else "taker"): fill.making_amount,
        (paid_in, "taker"): -fill.taking_amount,
        (paid_in, "settlement"): fill.profit,
        "supplier": -fill.making_amount - fill.fee,
        "payee": fill.cost,
        "lender": fill.fee,
    }
    assert moved(before, read()) == {key: amount for key, amount in expected.items() if amount}
    assert hedger.balance == ether_before == 0
    assert allowances_left(receipt, hedger) == {}
    (filled,) = (log for log in receipt.events if log.event_name == "OrderFilled")
    assert (filled.taker, filled.makerAsset, filled.takerAsset, filled.makingAmount, filled.takingAmount) == (
        taker.address, fill.maker_asset, fill.taker_asset, fill.making_amount, fill.taking_amount
    )  # fmt: skip


@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_fund_fill__profit_one_unit_below_minimum__reverts(
    hedge: Hedge, sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any, refusal_of: Any
) -> None:
    fill = sell_weth(hedge, profit=3_999_999, min_profit=4_000_000)
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, 4_000_000)
    assert moved(before, balances()) == {}


@pytest.mark.parametrize(
    "hedge", [hedge for hedge in ONE_PER_SOURCE if hedge.closed_on is HedgeLeg.UNISWAP_V3_POOL], ids=str
)
def test_fund_fill__pool_price_moved_against_the_maker__reverts(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
    refusal_of: Any,
    raise_weth_price: Any,
    cost_of: Any,
) -> None:
    fill = sell_weth(hedge)
    call = fill_call(signed(fill))
    raise_weth_price(fill.taking_amount)
    cost = cost_of(USDC.address, WETH.address, fill.making_amount + fill.fee)
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *call, sender=taker)

    assert cost > fill.taking_amount
    assert refusal == ("ProfitTooLow", fill.taking_amount, cost, 4_000_000)
    assert moved(before, balances()) == {}


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__same_order_again__reverts(
    hedge: Hedge, sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any
) -> None:
    call = fill_call(signed(sell_weth(hedge)))
    settlement.fillOrderFunded(*call, sender=taker)

    assert refusal_of(settlement.fillOrderFunded, *call, sender=taker)[0] == "NonceDead"


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__taker_cannot_pay__reverts_and_nothing_is_lost(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    deal: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(hedge)
    deal(USDC.address, taker, fill.taking_amount - 1)
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal[:2] == ("TokenCallFailed", USDC.address.lower())
    assert moved(before, balances()) == {}


def test_fund_fill__part_of_the_order__needs_the_whole_minimum(
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
    refusal_of: Any,
    cost_of: Any,
) -> None:
    fill = sell_weth()
    half, order = fill.making_amount // 2, signed(fill)
    taking, cost = -(-fill.taking_amount // 2), cost_of(USDC.address, WETH.address, half)
    too_much = taking - cost + 1

    refusal = refusal_of(
        settlement.fillOrderFunded, *fill_call(signed(fill.asking(too_much)), amount=half), sender=taker
    )

    assert refusal == ("ProfitTooLow", taking, cost, too_much)
    before = balances()

    settlement.fillOrderFunded(*fill_call(order, amount=half), sender=taker)

    assert moved(before, balances()) == {
        ("WETH", "taker"): half,
        ("USDC", "taker"): -taking,
        ("USDC", "settlement"): taking - cost,
    }


def test_fund_fill__private_order__fills_for_its_taker_alone(
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    attacker: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth()
    call = fill_call(signed(fill, private_taker=taker.address))
    before = balances()

    assert refusal_of(settlement.fillOrderFunded, *call, sender=attacker) == (
        "PrivateOrder", attacker.address.lower()
    )  # fmt: skip

    settlement.fillOrderFunded(*call, sender=taker)

    assert moved(before, balances())["WETH", "taker"] == fill.making_amount
