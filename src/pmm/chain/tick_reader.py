"""Tick maps of Uniswap V3 pools around their price: three multicalls for any number of pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.quoter import Pool
from pmm.chain.web3_node import Call, Web3Node
from pmm.errors import ChainError, InvalidInput
from pmm.pricing.tick_map import TickMap
from pmm.pricing.tick_math import MAX_TICK, MIN_TICK

TICK_SPACINGS: Final = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
"""Tick spacing that the factory gives each fee tier."""

_SLOT0 = encode_call("slot0()")
_LIQUIDITY = encode_call("liquidity()")
_WORD_BITS = 8
_WORD_SIZE = 256


def state_calls(pool: Pool) -> tuple[Call, Call]:
    """Return the calls of price and liquidity."""
    return (pool.address, _SLOT0), (pool.address, _LIQUIDITY)


def read_tick_maps(
    node: Web3Node, pools: Sequence[Pool], *, block: int | str, words: int, most_ticks: int
) -> list[TickMap | None]:
    """Return each pool's tick map as far as ``words`` bitmap words either side of its price; None without price.

    Of the initialised ticks there the ``most_ticks`` nearest to the price are read; the map says how far it knows.
    Raises ChainError for answers that cannot be right.
    """
    calls = [call for pool in pools for call in state_calls(pool)]
    answers = node.multicall(calls, block=block)
    states = [_state(pool, answers[2 * index], answers[2 * index + 1]) for index, pool in enumerate(pools)]
    return read_ticks(node, pools, states, block=block, words=words, most_ticks=most_ticks)


def pool_state(pool: Pool, slot0: bytes | None, liquidity: bytes | None) -> TickMap | None:
    """Return a map without ticks from a pool's price and liquidity, None for a pool without price."""
    return _state(pool, slot0, liquidity)


def read_ticks(
    node: Web3Node,
    pools: Sequence[Pool],
    states: Sequence[TickMap | None],
    *,
    block: int | str,
    words: int,
    most_ticks: int,
) -> list[TickMap | None]:
    """Return the states with the ticks around their price; see :func:`read_tick_maps`."""
    spans = [_span(state, words) if state else range(0) for state in states]
    calls = [
        (pool.address, encode_call("tickBitmap(int16)", index))
        for pool, span in zip(pools, spans, strict=True)
        for index in span
    ]
    answers = iter(node.multicall(calls, block=block))
    found = [
        _initialised(pool, state, span, [next(answers) for _ in span], most_ticks) if state else None
        for pool, state, span in zip(pools, states, spans, strict=True)
    ]
    tick_calls = [
        (pool.address, encode_call("ticks(int24)", tick))
        for pool, entry in zip(pools, found, strict=True)
        if entry
        for tick in entry[0]
    ]
    nets = iter(node.multicall(tick_calls, block=block))
    maps: list[TickMap | None] = []
    for pool, state, entry in zip(pools, states, found, strict=True):
        if state is None or entry is None:
            maps.append(None)
            continue
        ticks, lowest, highest = entry
        maps.append(_with_ticks(pool, state, ticks, [_net(pool, next(nets)) for _ in ticks], lowest, highest))
    return maps


def _state(pool: Pool, slot0: bytes | None, liquidity: bytes | None) -> TickMap | None:
    if slot0 is None or liquidity is None or len(slot0) < 64:
        return None
    sqrt_x96, tick = int.from_bytes(slot0[:32], "big"), int.from_bytes(slot0[32:64], "big", signed=True)
    if sqrt_x96 == 0:
        return None
    spacing = TICK_SPACINGS.get(pool.fee_pips)
    if spacing is None or not MIN_TICK <= tick <= MAX_TICK:
        raise ChainError(f"pool {pool.address}: expected a fee tier and a tick of Uniswap V3, found {tick}")
    return TickMap(
        sqrt_x96=sqrt_x96,
        tick=tick,
        liquidity=int.from_bytes(liquidity[:32], "big"),
        fee_pips=pool.fee_pips,
        tick_spacing=spacing,
        ticks=(),
        net_liquidity=(),
    )


def _span(state: TickMap, words: int) -> range:
    middle = state.tick // state.tick_spacing >> _WORD_BITS
    lowest = MIN_TICK // state.tick_spacing >> _WORD_BITS
    highest = MAX_TICK // state.tick_spacing >> _WORD_BITS
    return range(max(middle - words, lowest), min(middle + words, highest) + 1)


def _initialised(
    pool: Pool, state: TickMap, span: range, answers: Sequence[bytes | None], most_ticks: int
) -> tuple[list[int], int, int]:
    ticks: list[int] = []
    for index, answer in zip(span, answers, strict=True):
        if answer is None:
            raise ChainError(f"pool {pool.address}: expected word {index} of its tick bitmap, found none")
        bits = int.from_bytes(answer[:32], "big")
        ticks += [
            ((index << _WORD_BITS) + bit) * state.tick_spacing for bit in range(_WORD_SIZE) if bits >> bit & 1
        ]
    lowest = max((span.start << _WORD_BITS) * state.tick_spacing, MIN_TICK)
    highest = min(((span.stop << _WORD_BITS) - 1) * state.tick_spacing, MAX_TICK)
    near = sorted(ticks, key=lambda tick: abs(tick - state.tick))
    if len(near) > most_ticks:
        # Everything nearer than the first tick left out is known, on both sides.
        known = abs(near[most_ticks] - state.tick) - 1
        lowest, highest = max(lowest, state.tick - known), min(highest, state.tick + known)
    return sorted(tick for tick in near[:most_ticks] if lowest <= tick <= highest), lowest, highest


def _net(pool: Pool, answer: bytes | None) -> int:
    if answer is None or len(answer) < 64:
        raise ChainError(f"pool {pool.address}: expected the liquidity of a tick, found none")
    try:
        (net,) = decode_result(("int128",), answer[32:64])
    except DecodingError as error:
        raise ChainError(f"pool {pool.address}: its tick has a liquidity of more than 128 bits") from error
    return int(net)


def _with_ticks(
    pool: Pool, state: TickMap, ticks: Sequence[int], nets: Sequence[int], lowest: int, highest: int
) -> TickMap:
    try:
        return TickMap(
            sqrt_x96=state.sqrt_x96,
            tick=state.tick,
            liquidity=state.liquidity,
            fee_pips=state.fee_pips,
            tick_spacing=state.tick_spacing,
            ticks=tuple(ticks),
            net_liquidity=tuple(nets),
            lowest_tick=lowest,
            highest_tick=highest,
        )
    except InvalidInput as error:
        raise ChainError(f"pool {pool.address}: its ticks make no map: {error}") from error
