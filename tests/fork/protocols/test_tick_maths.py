"""Our tick maths against the genuine pool and quoter of Uniswap V3, to the unit."""

from __future__ import annotations

import pytest

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.quoter import Pool, find_pools
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.chain.tick_reader import read_tick_maps
from pmm.chain.web3_node import Web3Node
from pmm.domain import USDC, WETH, Token, keccak256
from pmm.localnet.addresses import UNISWAP_V3_QUOTER_V2
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from pmm.pricing.tick_map import TickMap
from tests.helpers.recorded_ticks import recorded_pool

_QUOTE_IN = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
_QUOTE_OUT = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))"
# Storage of UniswapV3Pool: slot0, liquidity, ticks, tickBitmap.
_SLOT0, _LIQUIDITY, _TICKS, _BITMAP = 0, 4, 5, 6
_UNLOCKED = 1 << 240
_UINT256 = 1 << 256


@pytest.fixture
def node(rpc: JsonRpc) -> Web3Node:
    return Web3Node(rpc.url, timeout_s=30)


def _pool(node: Web3Node, fee_pips: int) -> Pool:
    (found,) = find_pools(node, [(WETH, USDC)], fee_tiers=(fee_pips,))
    return found


def _quoted(
    rpc: JsonRpc, signature: str, taker: Token, maker: Token, amount: int, fee_pips: int
) -> int | None:
    """Return what the genuine quoter says; None where it refuses, as for more than the pool holds."""
    data = encode_call(signature, (taker.address, maker.address, amount, fee_pips, 0))
    try:
        answer = rpc.call("eth_call", {"to": UNISWAP_V3_QUOTER_V2, "data": "0x" + data.hex()}, "latest")
    except RpcError:
        return None
    return int(decode_result(("uint256",), bytes.fromhex(answer[2:66]))[0])


def _check(rpc: JsonRpc, state: TickMap, fee_pips: int, amounts: dict[str, list[int]]) -> int:
    checked = 0
    for taker, maker in ((USDC, WETH), (WETH, USDC)):
        down = int(taker.address, 16) < int(maker.address, 16)
        for amount in amounts[taker.symbol]:
            found = state.out_for_in(amount, zero_for_one=down)
            assert found == _quoted(rpc, _QUOTE_IN, taker, maker, amount, fee_pips), (taker.symbol, amount)
            checked += 1
        for amount in amounts[maker.symbol]:
            found = state.in_for_out(amount, zero_for_one=down)
            assert found == _quoted(rpc, _QUOTE_OUT, taker, maker, amount, fee_pips), (maker.symbol, amount)
            checked += 1
    return checked


_AMOUNTS = {
    "USDC": [1, 999, 10**6 + 7, 12_345_678_901, 600_000 * 10**6 + 1, 9_000_000 * 10**6 + 3],
    "WETH": [10**6, 10**15 + 1, 10**18, 47 * 10**18 + 11, 200 * 10**18 + 5, 3_000 * 10**18 + 9],
}


@pytest.mark.parametrize("fee_pips", [500, 3_000])
def test_tick_map__pool_of_the_offline_mainnet__swaps_as_the_genuine_quoter_says(
    rpc: JsonRpc, node: Web3Node, fee_pips: int
) -> None:
    pool = _pool(node, fee_pips)
    (state,) = read_tick_maps(node, [pool], block="latest", words=400, most_ticks=1_000)
    assert state is not None
    assert _check(rpc, state, fee_pips, _AMOUNTS) == 24


@pytest.mark.parametrize("fee_pips", [500, 3_000])
def test_tick_map__recorded_ticks_put_into_the_genuine_pool__swaps_as_the_genuine_quoter_says(
    chain: ChainBuilder, rpc: JsonRpc, node: Web3Node, fee_pips: int
) -> None:
    """Mainnet's tick map of 2026-01, up to 1,415 ticks, under the pool's own code."""
    recorded = recorded_pool("USDC", "WETH", fee_pips).state
    pool = _pool(node, fee_pips)
    _replace(rpc, pool, recorded)
    for token, amount in ((USDC, 10**15), (WETH, 10**24)):
        deal(rpc, token.address, pool.address, amount)
    amounts = {
        "USDC": [*_AMOUNTS["USDC"], 60_000_000 * 10**6],
        "WETH": [*_AMOUNTS["WETH"], 12_000 * 10**18],
    }
    assert _check(rpc, recorded, fee_pips, amounts) == 28
    # And what the reader makes of the same pool is the recorded map.
    (read,) = read_tick_maps(node, [pool], block="latest", words=2, most_ticks=10_000)
    assert read is not None
    known = [
        (tick, net)
        for tick, net in zip(recorded.ticks, recorded.net_liquidity, strict=True)
        if read.lowest_tick <= tick <= read.highest_tick
    ]
    assert list(zip(read.ticks, read.net_liquidity, strict=True)) == known
    assert len(known) > 50


def _replace(rpc: JsonRpc, pool: Pool, state: TickMap) -> None:
    """Give the pool the recorded price, liquidity, ticks and bitmap; its own ticks become nothing."""
    own = _own_ticks(rpc, pool)
    words: dict[int, int] = {tick // pool_spacing >> 8: 0 for tick, pool_spacing in own}
    writes: dict[bytes, int] = {}
    for tick, _ in own:
        writes[_slot(tick, _TICKS)] = 0
    for tick, net in zip(state.ticks, state.net_liquidity, strict=True):
        index = tick // state.tick_spacing
        words[index >> 8] = words.get(index >> 8, 0) | 1 << (index & 255)
        start = int.from_bytes(_slot(tick, _TICKS), "big")
        writes[start.to_bytes(32, "big")] = (net % (1 << 128)) << 128 | abs(net)
        writes[(start + 3).to_bytes(32, "big")] = 1 << 248
    for word, bits in words.items():
        writes[_slot(word, _BITMAP)] = bits
    old = int(rpc.call("eth_getStorageAt", pool.address, "0x0", "latest"), 16)
    head = old >> 184 << 184 | (state.tick % (1 << 24)) << 160 | state.sqrt_x96
    writes[_SLOT0.to_bytes(32, "big")] = head | _UNLOCKED
    writes[_LIQUIDITY.to_bytes(32, "big")] = state.liquidity
    for slot, value in writes.items():
        rpc.call("anvil_setStorageAt", pool.address, "0x" + slot.hex(), f"0x{value:064x}")


def _own_ticks(rpc: JsonRpc, pool: Pool) -> list[tuple[int, int]]:
    (state,) = read_tick_maps(
        Web3Node(rpc.url, timeout_s=30), [pool], block="latest", words=400, most_ticks=1_000
    )
    assert state is not None
    return [(tick, state.tick_spacing) for tick in state.ticks]


def _slot(key: int, mapping: int) -> bytes:
    return keccak256((key % _UINT256).to_bytes(32, "big") + mapping.to_bytes(32, "big"))


def test_read_tick_maps__few_ticks_allowed__says_how_far_it_knows(node: Web3Node) -> None:
    pool = _pool(node, 500)
    (whole,) = read_tick_maps(node, [pool], block="latest", words=400, most_ticks=1_000)
    (part,) = read_tick_maps(node, [pool], block="latest", words=400, most_ticks=2)
    assert whole is not None
    assert part is not None
    assert len(part.ticks) == 2 < len(whole.ticks)
    assert part.lowest_tick > whole.lowest_tick
    assert part.out_for_in(10**30, zero_for_one=True) is None
    assert part.out_for_in(10**9, zero_for_one=True) == whole.out_for_in(10**9, zero_for_one=True)
