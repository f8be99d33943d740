"""Uniswap V2 factory, router and seeded pairs."""

from __future__ import annotations

from math import isqrt

from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import (
    LIQUIDITY_PROVIDER,
    PRICE_MOVER,
    UNISWAP_V2_DEPLOYER,
    UNISWAP_V2_FACTORY,
    UNISWAP_V2_ROUTER,
    WETH,
)
from pmm.localnet.artifacts import creation_code
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import NATIVE, add, allow
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import Pool, Version, pools_of, sqrt_price_x96, token_decimals
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_CORE = "@uniswap/v2-core"
_PERIPHERY = "@uniswap/v2-periphery"
_FAR_FUTURE_S = 2**40


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place factory and router and create the pairs."""
    factory = creation_code(
        packages.path(_CORE, "build/UniswapV2Factory.json"),
        arguments=encode_arguments(("address",), UNISWAP_V2_DEPLOYER),
    )
    chain.place_by_nonce(UNISWAP_V2_DEPLOYER, 0, factory, expected=UNISWAP_V2_FACTORY)
    router = creation_code(
        packages.path(_PERIPHERY, "build/UniswapV2Router02.json"),
        arguments=encode_arguments(("address", "address"), UNISWAP_V2_FACTORY, WETH),
    )
    chain.place_by_nonce(UNISWAP_V2_DEPLOYER, 3, router, expected=UNISWAP_V2_ROUTER)
    placed = [
        # A pair's address holds the hash of its creation code, which is part of the factory's.
        _placement(packages, _CORE, "UniswapV2Factory", UNISWAP_V2_FACTORY, Evidence.PROVEN, Method.BY_NONCE),
        _placement(
            packages, _PERIPHERY, "UniswapV2Router02", UNISWAP_V2_ROUTER, Evidence.PUBLISHED, Method.BY_NONCE
        ),
    ]
    for pool in pools_of(Version.V2):
        chain.transact(
            UNISWAP_V2_FACTORY, "createPair(address,address)", *pool.tokens, sender=LIQUIDITY_PROVIDER
        )
        book[pool.name] = address = pool_address(chain, pool)
        placed.append(
            _placement(packages, _CORE, f"pair {pool.name}", address, Evidence.PROVEN, Method.NATURAL)
        )
    return placed


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Give every pair its reserves, in the feeds' ratio."""
    answers = read_answers(chain)
    for pool in pools_of(Version.V2):
        for token, symbol, asset in zip(pool.tokens, pool.sorted_symbols, pool.assets, strict=True):
            unit: int = 10 ** (8 + token_decimals(symbol))
            add(chain, token, book[pool.name], pool.depth_usd * unit // answers[asset])
        chain.transact(book[pool.name], "mint(address)", LIQUIDITY_PROVIDER, sender=LIQUIDITY_PROVIDER)


def pool_address(chain: ChainBuilder, pool: Pool) -> str:
    """Return the pair's address, zero where it does not exist."""
    found: str = chain.read(
        UNISWAP_V2_FACTORY, "getPair(address,address)", *pool.tokens, returns=("address",)
    )
    return found


def sqrt_price(chain: ChainBuilder, pool: Pool) -> int | None:
    """Return the square root of reserve1 / reserve0 as Q64.96, None where the pair does not exist."""
    address = pool_address(chain, pool)
    if address == NATIVE:
        return None
    reserve0, reserve1 = _reserves(chain, address)
    return sqrt_price_x96((reserve1, reserve0))


def move(chain: ChainBuilder, pool: Pool, target_sqrt_x96: int) -> None:
    """Swap as the price mover through the router by the amount that brings the reserves to the target."""
    reserve0, reserve1 = _reserves(chain, pool_address(chain, pool))
    target = (target_sqrt_x96 * target_sqrt_x96, 1 << 192)
    path, reserve_in, reserve_out = list(pool.tokens), reserve0, reserve1
    if reserve1 * target[1] <= target[0] * reserve0:  # token1 is too dear: sell it
        path, reserve_in, reserve_out, target = path[::-1], reserve1, reserve0, target[::-1]
    amount = amount_to_ratio(reserve_in, reserve_out, target)
    if amount_out(amount, reserve_in, reserve_out) == 0:
        # The router refuses a swap that buys nothing.
        return
    allow(chain, path[0], PRICE_MOVER, UNISWAP_V2_ROUTER, amount)
    chain.transact(
        UNISWAP_V2_ROUTER,
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
        *(amount, 0, path, PRICE_MOVER, _FAR_FUTURE_S),
        sender=PRICE_MOVER,
    )


def amount_out(amount: int, reserve_in: int, reserve_out: int) -> int:
    """Return what the pair pays for an input (UniswapV2Library.getAmountOut: a fee of 0.3 %, rounded down)."""
    after_fee = amount * 997
    return after_fee * reserve_out // (reserve_in * 1000 + after_fee)


def amount_to_ratio(reserve_in: int, reserve_out: int, target: tuple[int, int]) -> int:
    """Return the input that leaves ``reserve_out / reserve_in`` at ``target`` (numerator, denominator).

    The pair keeps the whole input x but pays out as for 0.997 x, so with a, b the reserves and t the target:
    1000 a b = t (a + x) (1000 a + 997 x), a quadratic in x.
    """
    numerator, denominator = target
    constant = 1000 * reserve_in * (reserve_out * denominator - numerator * reserve_in) // numerator
    if constant <= 0:
        return 0
    linear = 1997 * reserve_in
    return (isqrt(linear * linear + 4 * 997 * constant) - linear) // (2 * 997)


def _reserves(chain: ChainBuilder, address: str) -> tuple[int, int]:
    reserve0, reserve1, _ = chain.read(address, "getReserves()", returns=("uint112", "uint112", "uint32"))
    return reserve0, reserve1


def _placement(
    packages: Packages, package: str, name: str, address: str, evidence: Evidence, method: Method
) -> Placement:
    return Placement(
        protocol="Uniswap V2",
        name=name,
        address=address,
        package=package,
        version=packages.version(package),
        evidence=evidence,
        method=method,
    )
