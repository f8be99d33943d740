"""``fundFill`` through the real settlement contract: what everybody holds after it, and when it must not happen."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.addresses import AAVE_V3_POOL, BALANCER_V2_VAULT, MORPHO_BLUE
from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import ONE_WETH, SOURCES, fill_call, moved

pytestmark = pytest.mark.usefixtures("stocked")

LENDER_OF = {
    FundingSource.MORPHO_BLUE_LOAN: MORPHO_BLUE,
    FundingSource.BALANCER_V2_LOAN: BALANCER_V2_VAULT,
    FundingSource.AAVE_V3_LOAN: AAVE_V3_POOL,
}


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__taker_receives__moves_exactly_the_signed_amounts(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
    usdc_weth_pool: str,
    lending_fee: Any,
) -> None:
    fill = sell_weth(source)
    before = balances(pool=usdc_weth_pool)

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert moved(before, balances(pool=usdc_weth_pool)) == {
        ("WETH", "taker"): ONE_WETH,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.profit,
        ("USDC", "pool"): fill.cost,
        ("WETH", "pool"): -ONE_WETH - lending_fee(source, ONE_WETH),
    }


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__receiver_is_not_the_taker__pays_the_receiver(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    receiver: Any,
    balances: Any,
) -> None:
    fill = sell_weth(source)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill), target=receiver.address), sender=taker)

    assert moved(before, balances()) == {
        ("WETH", "receiver"): ONE_WETH,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.profit,
    }


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__succeeds__leaves_no_allowance(
    source: FundingSource, sell_weth: Any, signed: Any, settlement: Any, taker: Any, tokens: Any, hedger: Any
) -> None:
    settlement.fillOrderFunded(*fill_call(signed(sell_weth(source))), sender=taker)

    assert {
        tokens[token.address].allowance(hedger, lender)
        for token in (WETH, USDC)
        for lender in LENDER_OF.values()
    } == {0}


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__profit_equals_minimum__fills(
    source: FundingSource, sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any
) -> None:
    fill = sell_weth(source, profit=4_000_000, min_profit=4_000_000)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert moved(before, balances())["USDC", "settlement"] == 4_000_000


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__profit_one_unit_below_minimum__reverts(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, profit=3_999_999, min_profit=4_000_000)
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal == ("InsufficientProfit", fill.taking_amount, fill.cost, 4_000_000)
    assert moved(before, balances()) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__pool_price_moved_against_the_maker__reverts(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
    refusal_of: Any,
    raise_weth_price: Any,
    cost_of: Any,
    lending_fee: Any,
) -> None:
    fill = sell_weth(source)
    call = fill_call(signed(fill))
    raise_weth_price(fill.taking_amount)
    cost = cost_of(USDC.address, WETH.address, ONE_WETH + lending_fee(source, ONE_WETH))
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *call, sender=taker)

    assert cost > fill.taking_amount
    assert refusal == ("InsufficientProfit", fill.taking_amount, cost, 4_000_000)
    assert moved(before, balances()) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__same_order_again__reverts(
    source: FundingSource, sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any
) -> None:
    call = fill_call(signed(sell_weth(source)))
    settlement.fillOrderFunded(*call, sender=taker)

    assert refusal_of(settlement.fillOrderFunded, *call, sender=taker)[0] == "NonceDead"


def test_fund_fill__private_order__fills_for_its_taker(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any
) -> None:
    fill = sell_weth()
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill, private_taker=taker.address)), sender=taker)

    assert moved(before, balances())["WETH", "taker"] == ONE_WETH


def test_fund_fill__private_order_of_another_taker__reverts(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, attacker: Any, refusal_of: Any
) -> None:
    call = fill_call(signed(sell_weth(), private_taker=taker.address))

    refusal = refusal_of(settlement.fillOrderFunded, *call, sender=attacker)

    assert refusal == ("PrivateOrder", attacker.address.lower())


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__taker_asset_sorts_after_maker_asset__fills(
    source: FundingSource,
    sell_usdc: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
) -> None:
    fill = sell_usdc(source)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert moved(before, balances()) == {
        ("USDC", "taker"): fill.making_amount,
        ("WETH", "taker"): -fill.taking_amount,
        ("WETH", "settlement"): fill.profit,
    }


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__taker_cannot_pay__reverts_and_nothing_is_lost(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    deal: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source)
    deal(USDC.address, taker, fill.taking_amount - 1)
    before = balances()

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal[:2] == ("TokenCallFailed", USDC.address.lower())
    assert moved(before, balances()) == {}
