"""Uniswap V4 PoolManager with seeded pools, and the protocol's own test routers to reach it."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    BUILDER,
    LIQUIDITY_PROVIDER,
    PRICE_MOVER,
    UNISWAP_V4_LIQUIDITY_ROUTER,
    UNISWAP_V4_POOL_MANAGER,
    UNISWAP_V4_SWAP_ROUTER,
)
from pmm.localnet.artifacts import creation_code
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import NATIVE, add, allow, balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import (
    Pool,
    Version,
    amounts_for_liquidity_up,
    liquidity_of,
    pools_of,
    price_ratio,
    sqrt_price_x96,
    tick_bounds,
    v4_pool_id,
    v4_pool_key,
)
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_PACKAGE = "@uniswap/v4-core"
_KEY = "(address,address,uint24,int24,address)"
_SWAP = f"swap({_KEY},(bool,int256,uint160),(bool,bool),bytes)"
_MODIFY = f"modifyLiquidity({_KEY},(int24,int24,int256,bytes32),bytes)"
_POOLS_SLOT = 6  # of PoolManager's mapping from pool id to pool; slot0 is the first word of a pool


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the PoolManager, its test routers, and the pools (priced, empty)."""
    manager = creation_code(
        packages.path(_PACKAGE, "out/PoolManager.sol/PoolManager.json"),
        arguments=encode_arguments(("address",), BUILDER),
    )
    chain.place_in_place(UNISWAP_V4_POOL_MANAGER, manager, sender=BUILDER)
    routers = (
        ("PoolSwapTest", UNISWAP_V4_SWAP_ROUTER),
        ("PoolModifyLiquidityTest", UNISWAP_V4_LIQUIDITY_ROUTER),
    )
    for name, address in routers:
        place_router(chain, packages, name, address)
    answers = read_answers(chain)
    for pool in pools_of(Version.V4):
        price = sqrt_price_x96(price_ratio(pool, answers))
        chain.transact(
            UNISWAP_V4_POOL_MANAGER,
            f"initialize({_KEY},uint160)",
            *(v4_pool_key(pool), price),
            sender=LIQUIDITY_PROVIDER,
        )
    return [
        Placement(
            protocol="Uniswap V4",
            name=name,
            address=address,
            package=_PACKAGE,
            version=packages.version(_PACKAGE),
            evidence=Evidence.PUBLISHED,
            method=Method.IN_PLACE,
        )
        for name, address in (("PoolManager", UNISWAP_V4_POOL_MANAGER), *routers)
    ]


def place_router(chain: ChainBuilder, packages: Packages, name: str, address: str) -> None:
    """Place one of the test routers of the package at an address of ours."""
    code = creation_code(
        packages.path(_PACKAGE, f"out/{name}.sol/{name}.json"),
        arguments=encode_arguments(("address",), UNISWAP_V4_POOL_MANAGER),
    )
    chain.place_in_place(address, code, sender=BUILDER)


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Add the positions of every pool."""
    answers = read_answers(chain)
    for pool in pools_of(Version.V4):
        price, tick = _slot0(chain, pool)
        for span in pool.ranges:
            bounds = tick_bounds(pool, span, tick)
            liquidity = liquidity_of(pool, answers) * span.share_pct // 100
            _add_liquidity(chain, pool, bounds, liquidity, amounts_for_liquidity_up(liquidity, price, bounds))


def _add_liquidity(
    chain: ChainBuilder, pool: Pool, bounds: tuple[int, int], liquidity: int, amounts: tuple[int, int]
) -> None:
    """Add one position; the router sends unused ether back, tokens are taken by allowance."""
    value = 0
    for token, amount in zip(pool.tokens, amounts, strict=True):
        if token == NATIVE:
            chain.fund(LIQUIDITY_PROVIDER)
            value = amount + amount // 1_000_000 + 1  # our amount is not exact to the last wei
            chain.rpc.call("anvil_setBalance", LIQUIDITY_PROVIDER, hex(value + 10**24))
        else:
            add(chain, token, LIQUIDITY_PROVIDER, amount + amount // 1_000_000 + 1)
            allow(chain, token, LIQUIDITY_PROVIDER, UNISWAP_V4_LIQUIDITY_ROUTER, 2 * amount)
    position = (*bounds, liquidity, b"\0" * 32)
    chain.transact(
        UNISWAP_V4_LIQUIDITY_ROUTER,
        _MODIFY,
        *(v4_pool_key(pool), position, b""),
        sender=LIQUIDITY_PROVIDER,
        value=value,
    )


def pool_address(chain: ChainBuilder, pool: Pool) -> str:
    """Return the pool manager: V4 pools have no address of their own."""
    return UNISWAP_V4_POOL_MANAGER


def sqrt_price(chain: ChainBuilder, pool: Pool) -> int | None:
    """Return the pool's Q64.96 square-root price, None where the pool does not exist."""
    return _slot0(chain, pool)[0] or None


def move(chain: ChainBuilder, pool: Pool, target_sqrt_x96: int) -> None:
    """Swap as the price mover until the pool stands at the target exactly.

    Raises:
        ChainError: the mover's float did not suffice.
        SetupError: the router's package cannot be fetched (on a fork of the real chain only).
    """
    if not chain.code(UNISWAP_V4_SWAP_ROUTER):
        place_router(chain, Packages(), "PoolSwapTest", UNISWAP_V4_SWAP_ROUTER)
    zero_for_one = target_sqrt_x96 < _slot0(chain, pool)[0]
    pay = pool.tokens[0 if zero_for_one else 1]
    amount, value = balance_of(chain.rpc, pay, PRICE_MOVER), 0
    if pay == NATIVE:
        amount = value = amount * 9 // 10  # the rest pays for gas
    else:
        allow(chain, pay, PRICE_MOVER, UNISWAP_V4_SWAP_ROUTER, amount)
    swap = (zero_for_one, -amount, target_sqrt_x96)
    chain.transact(
        UNISWAP_V4_SWAP_ROUTER,
        _SWAP,
        *(v4_pool_key(pool), swap, (False, False), b""),
        sender=PRICE_MOVER,
        value=value,
    )
    if (found := _slot0(chain, pool)[0]) != target_sqrt_x96:
        raise ChainError(f"expected {pool.name} at square-root price {target_sqrt_x96}, found {found}")


def _slot0(chain: ChainBuilder, pool: Pool) -> tuple[int, int]:
    """Return (square-root price, tick) out of the manager's storage."""
    slot = keccak(v4_pool_id(pool) + _POOLS_SLOT.to_bytes(32))
    word: Any = chain.read(UNISWAP_V4_POOL_MANAGER, "extsload(bytes32)", slot, returns=("uint256",))
    tick = (word >> 160) & 0xFFFFFF
    return word & (2**160 - 1), tick - (1 << 24) if tick >> 23 else tick
