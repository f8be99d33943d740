"""Flash swaps on one Uniswap V3 pool, done by the settlement contract itself: the hedger has no part in them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.chain.abi import encode_call
from pmm.domain import USDC, WETH, keccak256
from pmm.localnet.addresses import ONEINCH_ROUTER, UNISWAP_V3_FACTORY
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    FundedFill,
    TokenTrick,
    decode_error,
    fill_call,
    moved,
    sign_fill,
)
from tests.contracts.hedger.hedges import FLASH_SWAP, SWAP_FEE_PIPS
from tests.contracts.hedger.mock_fixtures import TRICK_POOL_FEE_PIPS
from tests.contracts.hedger_place import NO_HEDGER

pytestmark = pytest.mark.usefixtures("stocked")
_FILLED = "OrderFilled"
_INIT_CODE_HASH = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")

# TickMath.MAX_SQRT_RATIO - 1 and, where the first token is sold, MIN_SQRT_RATIO + 1.
_PRICE_LIMITS = (1461446703485210103287273052203988822378723970342 - 1, 4295128739 + 1)


def pool_address(one: str, other: str, fee_pips: int) -> str:
    """Where the factory's pool stands or would stand, written down from Uniswap's own PoolAddress library."""
    first, second = sorted((one, other), key=lambda token: int(token, 16))
    salt = keccak256(encode(["address", "address", "uint24"], [first, second, fee_pips]))
    parts = (b"\xff", bytes.fromhex(UNISWAP_V3_FACTORY[2:]), salt, _INIT_CODE_HASH)
    return "0x" + keccak256(b"".join(parts))[12:].hex()


@pytest.fixture
def trick_fill(settlement: Any, owner: Any, taker: Any, trick_token: Any, trick_market: str) -> FundedFill:
    """One trick token for WETH, closed on a genuine pool of the two."""
    settlement.registerToken(trick_token, sender=owner)
    return FundedFill(
        taker=taker.address,
        receiver=taker.address,
        maker_asset=trick_token.address,
        taker_asset=WETH.address,
        making_amount=ONE_WETH,
        taking_amount=2 * ONE_WETH,
        plan=1 << 248 | TRICK_POOL_FEE_PIPS << 224,
        cost=0,
    )


def test_pool_fill__settlement_with_an_empty_inventory__earns_the_profit_in_one_payment_of_the_taker(
    sell: Any, signed: Any, settlement: Any, taker: Any, receiver: Any, owner: Any, tokens: Any, balances: Any
) -> None:
    for token in tokens.values():
        settlement.withdraw(token, owner, token.balanceOf(settlement), sender=owner)
    for sold, paid in (("WETH", "USDC"), ("USDC", "WETH")):
        fill = sell[sold](FLASH_SWAP)
        before = balances()

        receipt = settlement.fillOrderFunded(*fill_call(signed(fill), target=receiver.address), sender=taker)

        assert moved(before, balances()) == {
            (sold, "receiver"): fill.making_amount,
            (paid, "taker"): -fill.taking_amount,
            (paid, "settlement"): fill.profit,
        }
        (filled,) = (log for log in receipt.events if log.event_name == _FILLED)
        assert (filled.makingAmount, filled.takingAmount) == (fill.making_amount, fill.taking_amount)


@pytest.mark.parametrize("sold", ["WETH", "USDC"])
def test_pool_fill__either_direction__asks_the_pool_at_any_price(
    sell: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    receiver: Any,
    rpc: Any,
    usdc_weth_pool: str,
    sold: str,
) -> None:
    """To the byte: what is left of the price limit would be whatever the memory held."""
    fill = sell[sold](FLASH_SWAP)
    zero_for_one = int(fill.taker_asset, 16) < int(fill.maker_asset, 16)
    terms = (receiver.address, zero_for_one, -fill.making_amount, _PRICE_LIMITS[zero_for_one], b"")

    receipt = settlement.fillOrderFunded(*fill_call(signed(fill), target=receiver.address), sender=taker)

    trace = rpc.call("debug_traceTransaction", receipt.txn_hash, {"tracer": "callTracer"})
    (asked,) = (call["input"] for call in trace["calls"] if call["to"] == usdc_weth_pool.lower())
    assert asked == "0x" + encode_call("swap(address,bool,int256,uint160,bytes)", *terms).hex()


def test_pool_fill__settlement_built_without_a_hedger__fills(
    sell_weth: Any, signer_key: Any, owner: Any, taker: Any, tokens: Any, balance_of: Any
) -> None:
    core = [USDC.address, WETH.address]
    bare = owner.deploy(ape.project.RfqSettlement, owner, WETH.address, ONEINCH_ROUTER, NO_HEDGER, core)
    bare.initLanes(signer_key.address, 1, sender=owner)
    tokens[USDC.address].approve(bare, 2**255, sender=taker)
    fill = sell_weth(FLASH_SWAP)

    bare.fillOrderFunded(*fill_call(sign_fill(bare, signer_key, fill, 1)), sender=taker)

    assert balance_of(USDC.address, bare) == fill.profit


@pytest.mark.parametrize("fee_pips", [0, 501, 2**24 - 1])
def test_pool_fill__no_pool_of_that_fee__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any, fee_pips: int
) -> None:
    fill = sell_weth(FLASH_SWAP)
    other = replace(fill, plan=fill.plan & ~(2**24 - 1 << 224) | fee_pips << 224)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(other)), sender=taker)

    place = pool_address(USDC.address, WETH.address, fee_pips)
    assert refusal == ("NoCode", place)


def test_pool_fill__route_behind_the_plan__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any
) -> None:
    fill = replace(sell_weth(FLASH_SWAP), route=bytes(26))

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal == ("InvalidRoute", 0, 26)


def test_pool_fill__every_tier_that_exists__is_found_where_the_factory_says(costs: Any) -> None:
    for fee_pips in (SWAP_FEE_PIPS, 3_000):
        found = costs.v3_pool(USDC.address, WETH.address, fee_pips)
        assert found.lower() == pool_address(USDC.address, WETH.address, fee_pips)


def test_pool_fill__minimum_profit__holds_to_the_unit(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any, balances: Any
) -> None:
    fill = sell_weth(FLASH_SWAP)
    asking = fill.asking(fill.profit + 1)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(asking)), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, fill.profit + 1)
    before = balances()
    settlement.fillOrderFunded(*fill_call(signed(fill.asking(fill.profit))), sender=taker)
    assert moved(before, balances())["USDC", "settlement"] == fill.profit


def test_pool_fill__cost_above_what_the_taker_pays__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(FLASH_SWAP, profit=-1, min_profit=0)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, 0)


def test_pool_fill__cost_of_all_that_the_taker_pays__fills_where_no_profit_is_signed(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any
) -> None:
    fill = sell_weth(FLASH_SWAP, profit=0, min_profit=0)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    change = moved(before, balances())
    assert change["USDC", "taker"] == -fill.cost == -fill.taking_amount
    assert ("USDC", "settlement") not in change


def test_pool_fill__taker_who_did_not_approve__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, tokens: Any, refusal_of: Any
) -> None:
    tokens[USDC.address].approve(settlement, 0, sender=taker)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(sell_weth(FLASH_SWAP))), sender=taker)

    assert refusal[:2] == ("TokenCallFailed", USDC.address.lower())


def test_pool_fill__pool_too_shallow__is_refused(
    trick_fill: FundedFill, signed: Any, settlement: Any, taker: Any, tokens: Any, refusal_of: Any
) -> None:
    tokens[WETH.address].approve(settlement, 2**255, sender=taker)
    wanted = 1_000 * ONE_WETH
    fill = replace(trick_fill, making_amount=wanted, taking_amount=wanted)

    name, expected, found = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert (name, expected) == ("WrongDelivery", wanted)
    assert 99 * ONE_WETH < found < 105 * ONE_WETH


@pytest.mark.parametrize("amount", [2**255 - 1, 2**255, 2**256 - 1])
def test_pool_fill__amount_beyond_the_signed_range__is_refused(
    trick_fill: FundedFill, signed: Any, settlement: Any, taker: Any, refusal_of: Any, amount: int
) -> None:
    """As a negative number it would be an exact input."""
    fill = replace(trick_fill, making_amount=amount, taking_amount=1)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal[0] in ("", "ProfitTooLow", "WrongDelivery", "AmountOverflow"), refusal


def test_pool_fill__receiver_is_settlement_or_pool__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, usdc_weth_pool: str, refusal_of: Any
) -> None:
    order = signed(sell_weth(FLASH_SWAP))
    for target in (settlement.address, usdc_weth_pool):
        refusal = refusal_of(settlement.fillOrderFunded, *fill_call(order, target=target), sender=taker)

        assert refusal == ("BadTarget", target.lower())


# ---------------------------------------------------------------- the callback


@pytest.mark.parametrize("deltas", [(1, -1), (-1, 1), (0, 0), (2**255 - 1, -(2**255))])
def test_callback__outside_a_fill__is_refused_to_anyone(
    settlement: Any, hedger: Any, attacker: Any, usdc_weth_pool: str, refusal_of: Any, deltas: tuple[int, int]
) -> None:
    for caller in (
        attacker,
        SimpleNamespace(address=usdc_weth_pool),
        SimpleNamespace(address=hedger.address),
    ):
        refusal = refusal_of(settlement.uniswapV3SwapCallback, *deltas, b"", sender=caller)

        assert refusal == ("Unauthorised", caller.address.lower())


def test_callback__after_a_fill_in_the_same_transaction__is_refused(
    sell_weth: Any, signed: Any, settlement: Any, contract_taker: Any, owner: Any, refusal_of: Any
) -> None:
    fill = sell_weth(FLASH_SWAP, receiver=contract_taker)
    calls = [
        settlement.fillOrderFunded.encode_input(*fill_call(signed(fill))),
        settlement.uniswapV3SwapCallback.encode_input(1, -1, b""),
    ]

    refusal = refusal_of(contract_taker.executeAll, [settlement.address] * 2, calls, sender=owner)

    assert refusal == ("Unauthorised", contract_taker.address.lower())


@pytest.mark.parametrize("call", ["uniswapV3SwapCallback", "collect", "fillOrderFunded", "withdraw"])
@pytest.mark.parametrize("side", ["maker asset", "taker asset"])
def test_pool_fill__token_that_calls_back_while_it_moves__is_refused_and_the_fill_goes_on(
    trick_fill: FundedFill,
    signed: Any,
    settlement: Any,
    trick_token: Any,
    taker: Any,
    tokens: Any,
    balance_of: Any,
    error_types: Any,
    call: str,
    side: str,
) -> None:
    fill = trick_fill
    if side == "taker asset":
        fill = replace(fill, maker_asset=WETH.address, taker_asset=trick_token.address)
    for token in (trick_token, tokens[WETH.address]):
        token.approve(settlement, 2**255, sender=taker)
    data = {
        "uniswapV3SwapCallback": settlement.uniswapV3SwapCallback.encode_input(1, -ONE_WETH, b""),
        "collect": settlement.collect.encode_input(trick_token, 1),
        "fillOrderFunded": settlement.fillOrderFunded.encode_input(*fill_call(signed(fill))),
        "withdraw": settlement.withdraw.encode_input(WETH.address, trick_token, 1),
    }[call]
    trick_token.setTrick(TokenTrick.CALL_ON_TRANSFER, settlement, data, sender=taker)
    before = balance_of(fill.taker_asset, settlement)

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert trick_token.called()
    assert not trick_token.succeeded()
    expected = ("Reentered",) if call == "fillOrderFunded" else ("Unauthorised", trick_token.address.lower())
    assert decode_error(error_types, bytes(trick_token.answer())) == expected
    assert balance_of(fill.taker_asset, settlement) > before + ONE_WETH // 2


def test_pool_fill__taker_asset_that_burns_a_unit_on_the_way__costs_the_inventory_that_unit(
    trick_fill: FundedFill, signed: Any, settlement: Any, trick_token: Any, taker: Any, cost_of: Any
) -> None:
    """As in a plain fill: a token like this must not be registered."""
    fill = replace(trick_fill, maker_asset=WETH.address, taker_asset=trick_token.address)
    trick_token.approve(settlement, 2**255, sender=taker)
    trick_token.setTrick(TokenTrick.BURN_ONE_UNIT_ON_TRANSFER_FROM, trick_token, b"", sender=taker)

    cost = cost_of(trick_token.address, WETH.address, ONE_WETH, TRICK_POOL_FEE_PIPS)

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert trick_token.balanceOf(settlement) == fill.taking_amount - cost - 1
