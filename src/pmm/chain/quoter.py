"""Uniswap V3 through its factory, pools and QuoterV2: which pools a pair has, their price, their depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmm.chain.abi import encode_call
from pmm.chain.addresses import UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V3_QUOTER_V2
from pmm.chain.web3_node import Call, Web3Node
from pmm.domain import ZERO_ADDRESS, Address, Token, address_from_bytes
from pmm.errors import ChainError, InvalidInput
from pmm.pricing import DepthCurve, PoolKind, PoolReading
from pmm.pricing.fixed_point import E36
from pmm.pricing.tick_map import V2_FEE_PIPS, PairReserves

FEE_TIERS = (100, 500, 3_000, 10_000)
_QUOTE = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
_RESERVES = encode_call("getReserves()")
# A quote runs a swap inside the call: too many at once pass the gas that a node gives to one eth_call.
_QUOTES_PER_CALL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool of two tokens, ``token0`` having the lower address."""

    address: Address
    token0: Token
    token1: Token
    fee_pips: int
    kind: PoolKind = PoolKind.UNISWAP_V3


def find_pairs(node: Web3Node, pairs: Sequence[tuple[Token, Token]]) -> tuple[Pool, ...]:
    """Return the Uniswap V2 pairs of these pairs of tokens, as far as there are any."""
    wanted = [tuple(sorted(pair, key=lambda token: token.address.lower())) for pair in pairs]
    calls = [
        (UNISWAP_V2_FACTORY, encode_call("getPair(address,address)", token0.address, token1.address))
        for token0, token1 in wanted
    ]
    found: list[Pool] = []
    for (token0, token1), answer in zip(wanted, node.multicall(calls, block="latest"), strict=True):
        address = address_from_bytes(answer[12:32]) if answer else ZERO_ADDRESS
        if address != ZERO_ADDRESS:
            found.append(
                Pool(
                    address=address,
                    token0=token0,
                    token1=token1,
                    fee_pips=V2_FEE_PIPS,
                    kind=PoolKind.UNISWAP_V2,
                )
            )
    return tuple(found)


def find_pools(
    node: Web3Node, pairs: Sequence[tuple[Token, Token]], *, fee_tiers: Sequence[int] = FEE_TIERS
) -> tuple[Pool, ...]:
    """Return the pools that the factory knows for these pairs."""
    wanted: list[tuple[Token, Token, int]] = []
    for pair in pairs:
        token0, token1 = sorted(pair, key=lambda token: token.address.lower())
        wanted += [(token0, token1, fee) for fee in fee_tiers]
    calls = [
        (
            UNISWAP_V3_FACTORY,
            encode_call("getPool(address,address,uint24)", token0.address, token1.address, fee),
        )
        for token0, token1, fee in wanted
    ]
    pools: list[Pool] = []
    for (token0, token1, fee), answer in zip(wanted, node.multicall(calls, block="latest"), strict=True):
        if answer is None:
            raise ChainError(
                f"expected the Uniswap V3 factory at {UNISWAP_V3_FACTORY}, it does not answer; "
                "check that the node is a mainnet node"
            )
        address = address_from_bytes(answer[12:32])
        if address != ZERO_ADDRESS:
            pools.append(Pool(address=address, token0=token0, token1=token1, fee_pips=fee))
    return tuple(pools)


def reserves_call(pool: Pool) -> Call:
    """Return the call of a Uniswap V2 pair's reserves."""
    return pool.address, _RESERVES


def pair_reserves(answer: bytes | None) -> tuple[PairReserves, PairReserves] | None:
    """Return a pair seen from token0 and from token1; None for a pair that holds nothing."""
    if answer is None or len(answer) < 64:
        return None
    reserve0, reserve1 = int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:64], "big")
    if reserve0 == 0 or reserve1 == 0:
        return None
    return (
        PairReserves(reserve_in=reserve0, reserve_out=reserve1),
        PairReserves(reserve_in=reserve1, reserve_out=reserve0),
    )


def spot_rates_e36(answer: bytes | None) -> tuple[int, int] | None:
    """Return the mid price token0 to token1 and back, scaled by 10**36; None for a pool without price."""
    if answer is None or len(answer) < 32:
        return None
    sqrt_x96 = int.from_bytes(answer[:32], "big")
    if sqrt_x96 == 0:
        return None
    square = sqrt_x96 * sqrt_x96
    return square * E36 >> 192, (E36 << 192) // square


def depth_calls(pool: Pool, *, taker_asset: Token, amounts: Sequence[int]) -> list[Call]:
    """Return the quotes of paying growing amounts of ``taker_asset`` into a pool."""
    maker_asset = pool.token1 if taker_asset.address == pool.token0.address else pool.token0
    return [
        (
            UNISWAP_V3_QUOTER_V2,
            encode_call(_QUOTE, (taker_asset.address, maker_asset.address, amount, pool.fee_pips, 0)),
        )
        for amount in amounts
    ]


def read_quotes(node: Web3Node, calls: Sequence[Call], *, block: int) -> list[bytes | None]:
    """Run quotes in as many round trips as their gas needs."""
    answers: list[bytes | None] = []
    for start in range(0, len(calls), _QUOTES_PER_CALL):
        answers += node.multicall(calls[start : start + _QUOTES_PER_CALL], block=block)
    return answers


def pool_reading(
    pool: Pool, *, spot_rate_e36: int, amounts: Sequence[int], answers: Sequence[bytes | None]
) -> PoolReading | None:
    """Return the reading of one direction of a pool, as deep as it answered; None when it is empty."""
    knots: list[tuple[int, int]] = []
    for amount, answer in zip(amounts, answers, strict=True):
        out = int.from_bytes(answer[:32], "big") if answer else 0
        if out <= (knots[-1][1] if knots else 0):
            break
        knots.append((amount, out))
    if not knots or spot_rate_e36 == 0:
        return None
    try:
        depth = DepthCurve(knots=tuple(knots))
    except InvalidInput as error:
        raise ChainError(f"pool {pool.address}: its quotes make no depth: {error}") from error
    return PoolReading(pool=pool.address, fee_pips=pool.fee_pips, spot_rate_e36=spot_rate_e36, depth=depth)
