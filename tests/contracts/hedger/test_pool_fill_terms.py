"""Terms of an order in a flash swap on one pool: parts, decay, guards, several fills in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.chain.rpc import RpcError
from pmm.domain import USDC, WBTC, WETH, FundingSource, HedgeLeg, QuoteDecay
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from tests.contracts.hedger.funded_fills import ONE_WETH, decode_error, fill_call, moved
from tests.contracts.hedger.hedges import FLASH_SWAP, Hedge

pytestmark = pytest.mark.usefixtures("stocked")
_HEARTBEAT_S = 90_000
_BAND, _CAPS = 1, 2
_NO_LIMIT = 255
_ON_PATH = Hedge(source=FundingSource.UNISWAP_V3_SWAP, leg=HedgeLeg.UNISWAP_V3_PATH, pools=2)


def test_pool_fill__part_of_the_order__is_bought_and_paid_for_to_the_unit(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, cost_of: Any, balances: Any, refusal_of: Any
) -> None:
    fill = sell_weth(FLASH_SWAP, profit=200 * 10**6)
    making = fill.making_amount * 2 // 3 + 1
    taking = -(-making * fill.taking_amount // fill.making_amount)
    cost = cost_of(USDC.address, WETH.address, making)
    order = signed(fill.asking(taking - cost), min_fill_255ths=170)
    minimum = -(-fill.making_amount * 170 // 255)

    small = refusal_of(settlement.fillOrderFunded, *fill_call(order, amount=minimum - 1), sender=taker)
    assert small == ("FillTooSmall", minimum - 1, minimum)
    dear = signed(fill.asking(taking - cost + 1), min_fill_255ths=170)
    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(dear, amount=making), sender=taker)
    assert refusal == ("ProfitTooLow", taking, cost, taking - cost + 1)
    before = balances()

    settlement.fillOrderFunded(*fill_call(order, amount=making), sender=taker)

    assert moved(before, balances()) == {
        ("WETH", "taker"): making,
        ("USDC", "taker"): -taking,
        ("USDC", "settlement"): taking - cost,
    }


def test_pool_fill__decayed_order__buys_what_is_left(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, cost_of: Any, balances: Any
) -> None:
    fill = sell_weth(FLASH_SWAP)
    order = signed(fill, decay=QuoteDecay(start_s=4_000, slope_centi_bps_s=1_000, cap_tenth_bps=500))
    making = fill.making_amount * (1_000_000 - 5_000) // 1_000_000
    before = balances()

    settlement.fillOrderFunded(*fill_call(order), sender=taker)

    cost = fill.taking_amount - (balances()["USDC", "settlement"] - before["USDC", "settlement"])
    assert moved(before, balances()) == {
        ("WETH", "taker"): making,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.taking_amount - cost,
    }
    assert cost < fill.cost


def test_pool_fill__guards_on__band_and_cap_hold(
    sell_weth: Any, signed: Any, settlement: Any, owner: Any, taker: Any, refusal_of: Any
) -> None:
    settlement.setFeed(WETH.address, ETH_USD_FEED, _HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, _HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, 20, sender=owner)
    settlement.setGuards(_BAND, sender=owner)
    cheap = replace(sell_weth(FLASH_SWAP), taking_amount=10**6)
    assert refusal_of(settlement.fillOrderFunded, *fill_call(signed(cheap)), sender=taker)[0] == "OutsideBand"
    settlement.setGuards(_CAPS, sender=owner)
    settlement.setCap(WETH.address, ONE_WETH, 2 * ONE_WETH, 3_600, sender=owner)
    fill = sell_weth(FLASH_SWAP)
    big = replace(fill, making_amount=ONE_WETH + 10**12, taking_amount=2 * fill.taking_amount)
    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(big)), sender=taker)
    assert refusal[0] == "BlockCapExceeded"
    # Capacity is rounded to units of 2^n.
    part = fill_call(signed(fill), amount=ONE_WETH - 10**12)
    settlement.fillOrderFunded(*part, sender=taker)


def test_pool_fill__between_fills_of_other_kinds_in_one_transaction__each_ticket_is_its_own(
    sell_weth: Any,
    sell_usdc: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    contract_taker: Any,
    owner: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fills = [
        sell_weth(FLASH_SWAP, profit=50 * 10**6),
        sell_weth(_ON_PATH, profit=50 * 10**6),
        sell_usdc(FLASH_SWAP, profit=10**16),
        sell_weth(Hedge(source=FundingSource.MORPHO_BLUE_LOAN), profit=50 * 10**6),
        sell_usdc(_ON_PATH, profit=10**16),
        sell_weth(FLASH_SWAP, profit=50 * 10**6),
    ]
    calls = [settlement.fillOrderFunded.encode_input(*fill_call(signed(fill))) for fill in fills]
    wrong = settlement.collect.encode_input(contract_taker, 1)
    refusal = refusal_of(contract_taker.executeAll, [settlement.address] * 7, [*calls, wrong], sender=owner)
    assert refusal == ("Unauthorised", contract_taker.address.lower())
    before = balances(contract=contract_taker)

    contract_taker.executeAll([settlement.address] * 6, calls, sender=owner)

    after = moved(before, balances(contract=contract_taker))
    both = (WETH.address, USDC.address)
    sold, paid = (
        {token: sum(getattr(f, amount) for f in fills if getattr(f, asset) == token) for token in both}
        for amount, asset in (("making_amount", "maker_asset"), ("taking_amount", "taker_asset"))
    )
    assert after["WETH", "contract"] == sold[WETH.address] - paid[WETH.address]
    assert after["USDC", "contract"] == sold[USDC.address] - paid[USDC.address]
    assert after["USDC", "settlement"] >= sum(f.min_profit for f in fills if f.taker_asset == USDC.address)
    assert after["WETH", "settlement"] >= sum(f.min_profit for f in fills if f.taker_asset == WETH.address)
    assert not [key for key in after if key[1] in ("hedger", "taker")]


@pytest.mark.parametrize("fee_pips", [500, 3_000])
def test_path_fill__receiver_is_a_later_pool_of_the_path__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, costs: Any, refusal_of: Any, fee_pips: int
) -> None:
    """WETH to WBTC to WETH to USDC: the later pools hold the maker asset too."""
    three = Hedge(source=FundingSource.UNISWAP_V3_SWAP, leg=HedgeLeg.UNISWAP_V3_PATH, pools=3)
    order = signed(sell_weth(three, profit=200 * 10**6))
    pools = [costs.v3_pool(USDC.address, WETH.address, 500)]
    pools.append(costs.v3_pool(WBTC.address, WETH.address, fee_pips))
    for pool in pools:
        refusal = refusal_of(settlement.fillOrderFunded, *fill_call(order, target=pool), sender=taker)
        assert refusal[0] == "WrongDelivery", (pool, refusal)


# ---------------------------------------------------------------- findings


def test_pool_fill__receiver_is_the_hedger__costs_nobody_but_the_taker_who_asked_for_it(
    sell_weth: Any, signed: Any, settlement: Any, hedger: Any, taker: Any, attacker: Any, balances: Any
) -> None:
    fill = sell_weth(FLASH_SWAP)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill), target=hedger.address), sender=taker)
    hedger.sweep(WETH.address, sender=attacker)

    assert moved(before, balances()) == {
        ("WETH", "settlement"): fill.making_amount,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.profit,
    }


@pytest.mark.parametrize("method", ["collect", "uniswapV3SwapCallback"])
def test_ticket__asked_from_the_zero_address__moves_nothing(
    settlement: Any, rpc: Any, error_types: Any, method: str
) -> None:
    """A closed ticket names it, and nodes simulate from it by default; no transaction comes from there."""
    values = (settlement, 0) if method == "collect" else (0, 0, b"")
    data = getattr(settlement, method).encode_input(*values).to_0x_hex()
    with pytest.raises(RpcError) as refused:
        rpc.call("eth_call", {"from": "0x" + "00" * 20, "to": settlement.address, "data": data}, "latest")
    assert decode_error(error_types, refused.value.data)[:2] == ("TokenCallFailed", "0x" + "00" * 20)


@pytest.mark.parametrize("gifts", [(1, 0), (0, 1), (1, 1)])
def test_donation__before_a_fill_or_a_sale_through_the_hedger__costs_it_little_gas(
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    owner: Any,
    operator: Any,
    taker: Any,
    deal: Any,
    rpc: Any,
    gifts: tuple[int, int],
) -> None:
    """What a stranger can add to the gas that a fill, or a best-effort hedge with its signed floor, needs."""
    settlement.setFeed(WETH.address, ETH_USD_FEED, _HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, _HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, _NO_LIMIT, sender=owner)
    deal(WETH.address, settlement, 10 * ONE_WETH)
    fill = sell_weth(Hedge(source=FundingSource.MORPHO_BLUE_LOAN), profit=50 * 10**6)
    sale = (WETH.address, USDC.address, ONE_WETH, 1, FLASH_SWAP.plan().encode(), b"")
    calls = (
        (operator, settlement.swapInventory.encode_input(*sale)),
        (taker, settlement.fillOrderFunded.encode_input(*fill_call(signed(fill)))),
    )

    def needs() -> list[int]:
        requests = [
            {"from": sender.address, "to": settlement.address, "data": data.to_0x_hex()}
            for sender, data in calls
        ]
        return [int(rpc.call("eth_estimateGas", request), 16) for request in requests]

    bare = needs()
    for token, gift in zip((USDC, WETH), gifts, strict=True):
        deal(token.address, hedger, gift)

    assert all(after - before < 9_000 for before, after in zip(bare, needs(), strict=True))
