"""What the entries refuse, and pools that are not there or hold too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.chain.addresses import UNISWAP_V4_POOL_MANAGER
from pmm.domain import DAI, USDC, WETH, ZERO_ADDRESS, FundingSource, HedgeLeg
from pmm.localnet.placement import ChainBuilder
from tests.contracts.hedger.costs import V4Pool, seed_v4_pool
from tests.contracts.hedger.funded_fills import ONE_WETH, FundedFill
from tests.contracts.hedger.hedges import (
    FLASH_SWAP,
    HEDGES,
    ONE_PER_LEG,
    ONE_PER_SOURCE,
    ONE_PER_SOURCE_AND_LEG,
    SWAP_FEE_PIPS,
    Hedge,
)


def test_entries__anybody_else_calls__reverts(
    probed: Any, sell_weth: Any, attacker: Any, owner: Any, refusal_of: Any
) -> None:
    path = next(hedge for hedge in HEDGES if hedge.leg is HedgeLeg.UNISWAP_V3_PATH)
    plan = FLASH_SWAP.plan().encode()
    calls = [sell_weth().entry(), sell_weth(FundingSource.MORPHO_BLUE_LOAN).entry(), sell_weth(path).entry()]
    calls.append(("swapExactIn", (USDC.address, WETH.address, 1, plan, b"")))
    for caller in (attacker, owner):
        for name, arguments in calls:
            refusal = refusal_of(getattr(probed, name), *arguments, sender=caller)

            assert refusal == ("NotSettlement", caller.address.lower())


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE_AND_LEG, ids=str)
def test_fund_fill__receiver_is_the_hedger__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(hedge, receiver=probed)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InvalidReceiver", probed.address.lower())


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__making_amount_out_of_range__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(hedge)
    for making_amount in (0, 2**255 - 1):
        changed = replace(fill, making_amount=making_amount)

        refusal = refusal_of(mock_settlement.fund, changed.arguments(), sender=taker)

        assert refusal == ("InvalidAmount", making_amount)


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__largest_making_amount__is_refused_by_what_cannot_give_it(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    largest = replace(sell_weth(hedge), making_amount=2**255 - 2)

    refusal = refusal_of(mock_settlement.fund, largest.arguments(), sender=taker)

    assert refusal[0] not in ("InvalidAmount", "Panic")


@pytest.mark.parametrize("hedge", [*ONE_PER_SOURCE[:6], *ONE_PER_LEG[:1]], ids=str)
def test_fund_fill__no_v3_pool_of_that_fee__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(hedge)
    for fee_pips in (0, 501, 2**24 - 1):
        plan = fill.plan & ~(2**24 - 1 << 224) | fee_pips << 224

        refusal = refusal_of(mock_settlement.fund, replace(fill, plan=plan).arguments(), sender=taker)

        assert refusal == ("PoolNotFound", USDC.address.lower(), WETH.address.lower(), fee_pips)


def test_fund_fill__no_lending_pool_of_that_fee__reverts(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(FundingSource.UNISWAP_V3_FLASH)
    for fee_pips in (0, 501, 2**24 - 1):
        plan = fill.plan & ~(2**24 - 1 << 200) | fee_pips << 200

        refusal = refusal_of(mock_settlement.fund, replace(fill, plan=plan).arguments(), sender=taker)

        assert refusal == ("PoolNotFound", WETH.address.lower(), USDC.address.lower(), fee_pips)


def test_fund_fill__pool_of_the_leg_lends_too__reverts(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(FundingSource.UNISWAP_V3_FLASH)
    same = replace(fill, plan=fill.plan & ~(2**24 - 1 << 200) | SWAP_FEE_PIPS << 200)

    # The pool locks itself while it lends.
    assert refusal_of(mock_settlement.fund, same.arguments(), sender=taker) == ("Error", "LOK")


@pytest.mark.parametrize("position", [0, 1])
def test_fund_fill__no_pool_of_a_fee_of_the_path__reverts(
    position: int, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(next(hedge for hedge in HEDGES if hedge.leg is HedgeLeg.UNISWAP_V3_PATH))
    fees = [b"\0\1\xf5", fill.route[23:]] if position == 0 else [fill.route[:3], b"\0\1\xf5"]
    between = fill.route[3:23]

    refusal = refusal_of(
        mock_settlement.fund, replace(fill, route=fees[0] + between + fees[1]).arguments(), sender=taker
    )

    ends = (
        (between.hex(), WETH.address[2:].lower())
        if position == 0
        else (USDC.address[2:].lower(), between.hex())
    )
    assert refusal == ("PoolNotFound", *("0x" + end for end in ends), 501)


@pytest.mark.parametrize("maker_asset", [USDC.address, ZERO_ADDRESS])
def test_fund_fill__assets_that_share_no_v3_pool__reverts(
    maker_asset: str, probed: Any, mock_settlement: Any, sell_weth: Any, refusal_of: Any, taker: Any
) -> None:
    _, arguments = replace(sell_weth(), maker_asset=maker_asset).entry()

    refusal = refusal_of(probed.fundFill, *arguments, sender=mock_settlement)

    assert refusal == ("PoolNotFound", USDC.address.lower(), maker_asset.lower(), SWAP_FEE_PIPS)


@pytest.mark.parametrize("source", [FundingSource.UNISWAP_V2_SWAP, FundingSource.MORPHO_BLUE_LOAN])
def test_fund_fill__assets_that_share_no_v2_pair__reverts(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    refusal_of: Any,
    deal: Any,
) -> None:
    fill = replace(
        sell_weth(Hedge(source=source, leg=v2_leg(source))), maker_asset=USDC.address, taker_asset=DAI.address
    )

    refusal = refusal_of(mock_settlement.fund, replace(fill, making_amount=10**6).arguments(), sender=taker)

    assert refusal == ("PoolNotFound", DAI.address.lower(), USDC.address.lower(), 3_000)


def v2_leg(source: FundingSource) -> HedgeLeg:
    lends = source is not FundingSource.UNISWAP_V2_SWAP
    return HedgeLeg.UNISWAP_V2_PAIR if lends else HedgeLeg.UNISWAP_V3_POOL


@pytest.mark.parametrize("source", [FundingSource.UNISWAP_V2_SWAP, FundingSource.ERC3156_LOAN])
@pytest.mark.parametrize("over", [0, 1])
def test_fund_fill__v2_pair_holds_no_more_than_is_wanted__reverts(
    source: FundingSource,
    over: int,
    probed: Any,
    mock_settlement: Any,
    mock_lender: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    costs: Any,
    refusal_of: Any,
) -> None:
    _, held = costs.v2_reserves(USDC.address, WETH.address)
    deal(WETH.address, mock_lender, held + 2)
    fill = replace(sell_weth(Hedge(source=source, leg=v2_leg(source))), making_amount=held + over)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    pair = costs.v2_pair(USDC.address, WETH.address).lower()
    assert refusal == ("PoolTooShallow", pair, held + over, held)


@pytest.mark.parametrize("source", [FundingSource.UNISWAP_V4_SWAP, FundingSource.ERC3156_LOAN])
def test_fund_fill__v4_pool_trades_less_than_is_wanted__reverts(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    mock_lender: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    rpc: Any,
    refusal_of: Any,
) -> None:
    wanted = 100 * ONE_WETH
    tiny, empty = (V4Pool(fee_pips=fee, tick_spacing=200, ether=False) for fee in (888, 889))
    with ChainBuilder(rpc) as chain:
        seed_v4_pool(chain, tiny, depth_usd=400_000, ticks=200)
        seed_v4_pool(chain, empty, depth_usd=0)
    deal(WETH.address, mock_lender, wanted + 1)
    leg = HedgeLeg.UNISWAP_V4_POOL if source is FundingSource.ERC3156_LOAN else HedgeLeg.UNISWAP_V3_POOL
    fill = sell_weth(Hedge(source=source, leg=leg))

    def refusal_by(pool: V4Pool) -> tuple[Any, ...]:
        place = pool.fee_pips << 224 | pool.tick_spacing << 168
        asked: FundedFill = replace(
            fill,
            making_amount=wanted,
            taking_amount=10**15,
            plan=fill.plan & ~(2**24 - 1 << 224 | 2**24 - 1 << 168) | place,
        )
        return tuple(refusal_of(mock_settlement.fund, asked.arguments(), sender=taker))

    name, manager, asked, received = refusal_by(tiny)
    assert (name, manager, asked) == ("PoolTooShallow", UNISWAP_V4_POOL_MANAGER.lower(), wanted)
    assert ONE_WETH < received < 3 * ONE_WETH
    assert refusal_by(empty) == ("PoolTooShallow", UNISWAP_V4_POOL_MANAGER.lower(), wanted, 0)
    missing = V4Pool(fee_pips=890, tick_spacing=200, ether=False)
    assert refusal_by(missing) == ("PoolNotInitialized",)


def test_fund_fill__tick_spacing_beyond_the_pools__reverts(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(Hedge(source=FundingSource.UNISWAP_V4_SWAP))
    spacing = 1 << 23  # negative as the pool reads it

    refusal = refusal_of(
        mock_settlement.fund, replace(fill, plan=fill.plan | spacing << 168).arguments(), sender=taker
    )

    assert refusal == ("",)


def test_fund_fill__largest_minimum_profit__reverts_with_it(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    minimum = 2**128 - 1
    fill = sell_weth(min_profit=minimum)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, minimum)
