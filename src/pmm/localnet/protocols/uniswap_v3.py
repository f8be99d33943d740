"""Uniswap V3 core and periphery, SwapRouter02, and seeded pools."""

from __future__ import annotations

from pathlib import Path

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    LIQUIDITY_PROVIDER,
    PRICE_MOVER,
    UNISWAP_SWAP_ROUTER_02,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_DEPLOYER,
    UNISWAP_V3_FACTORY,
    UNISWAP_V3_NFT_DESCRIPTOR,
    UNISWAP_V3_POSITION_DESCRIPTOR,
    UNISWAP_V3_POSITION_DESCRIPTOR_PROXY,
    UNISWAP_V3_POSITION_MANAGER,
    UNISWAP_V3_QUOTER,
    UNISWAP_V3_QUOTER_V2,
    UNISWAP_V3_SWAP_ROUTER,
    UNISWAP_V3_TICK_LENS,
    WETH,
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
)
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_CORE = "@uniswap/v3-core"
_PERIPHERY = "@uniswap/v3-periphery"
_ROUTERS = "@uniswap/swap-router-contracts"
_FAR_FUTURE_S = 2**40
_EXACT_INPUT = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
_MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the factory, the periphery and the pools (created, priced, empty)."""
    placed = [_factory(chain, packages), *_periphery(chain, packages)]
    answers = read_answers(chain)
    for pool in pools_of(Version.V3):
        price = sqrt_price_x96(price_ratio(pool, answers))
        chain.transact(
            UNISWAP_V3_POSITION_MANAGER,
            "createAndInitializePoolIfNecessary(address,address,uint24,uint160)",
            *(*pool.tokens, pool.fee_pips, price),
            sender=LIQUIDITY_PROVIDER,
        )
        address = pool_address(chain, pool)
        book[pool.name] = address
        placed.append(
            _placement(packages, _CORE, f"pool {pool.name}", address, Evidence.PROVEN, Method.NATURAL)
        )
    return placed


def pool_address(chain: ChainBuilder, pool: Pool) -> str:
    """Return the pool's address, zero where it does not exist."""
    found: str = chain.read(
        UNISWAP_V3_FACTORY,
        "getPool(address,address,uint24)",
        *(*pool.tokens, pool.fee_pips),
        returns=("address",),
    )
    return found


def _factory(chain: ChainBuilder, packages: Packages) -> Placement:
    code = creation_code(
        packages.path(_CORE, "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json")
    )
    chain.place_by_nonce(UNISWAP_V3_DEPLOYER, 0, code, expected=UNISWAP_V3_FACTORY)
    # The 0.01 % tier came later, by governance.
    chain.transact(UNISWAP_V3_FACTORY, "enableFeeAmount(uint24,int24)", 100, 1, sender=UNISWAP_V3_DEPLOYER)
    return _placement(
        packages, _CORE, "UniswapV3Factory", UNISWAP_V3_FACTORY, Evidence.PROVEN, Method.BY_NONCE
    )


def _periphery(chain: ChainBuilder, packages: Packages) -> list[Placement]:
    """Create the periphery from its deployer at the genuine nonces (the number after each path)."""
    folder = packages.path(_PERIPHERY, "artifacts/contracts")
    pair = encode_arguments(("address", "address"), UNISWAP_V3_FACTORY, WETH)
    manager_arguments = encode_arguments(
        ("address",) * 3, UNISWAP_V3_FACTORY, WETH, UNISWAP_V3_POSITION_DESCRIPTOR_PROXY
    )
    router_arguments = encode_arguments(
        ("address",) * 4, UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V3_POSITION_MANAGER, WETH
    )
    router = packages.path(_ROUTERS, "artifacts/contracts/SwapRouter02.sol/SwapRouter02.json")
    rows: tuple[tuple[Path, int, bytes, str], ...] = (
        (folder / "lens/TickLens.sol/TickLens.json", 2, b"", UNISWAP_V3_TICK_LENS),
        (folder / "lens/Quoter.sol/Quoter.json", 3, pair, UNISWAP_V3_QUOTER),
        (folder / "SwapRouter.sol/SwapRouter.json", 4, pair, UNISWAP_V3_SWAP_ROUTER),
        (folder / "libraries/NFTDescriptor.sol/NFTDescriptor.json", 5, b"", UNISWAP_V3_NFT_DESCRIPTOR),
        (
            folder / "NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
            8,
            manager_arguments,
            UNISWAP_V3_POSITION_MANAGER,
        ),
        (folder / "lens/QuoterV2.sol/QuoterV2.json", 13, pair, UNISWAP_V3_QUOTER_V2),
        (router, 14, router_arguments, UNISWAP_SWAP_ROUTER_02),
    )
    placed = []
    for artifact, nonce, arguments, address in rows:
        code = creation_code(artifact, arguments=arguments)
        chain.place_by_nonce(UNISWAP_V3_DEPLOYER, nonce, code, expected=address)
        package = _ROUTERS if artifact == router else _PERIPHERY
        placed.append(
            _placement(packages, package, artifact.stem, address, Evidence.PUBLISHED, Method.BY_NONCE)
        )
    return placed + _descriptors(chain, packages, folder)


def _descriptors(chain: ChainBuilder, packages: Packages, folder: Path) -> list[Placement]:
    """Place the position descriptor at its address, and again where mainnet has a proxy to it."""
    code = creation_code(
        folder / "NonfungibleTokenPositionDescriptor.sol/NonfungibleTokenPositionDescriptor.json",
        libraries={"NFTDescriptor": UNISWAP_V3_NFT_DESCRIPTOR},
        arguments=encode_arguments(("address", "bytes32"), WETH, b"ETH".ljust(32, b"\0")),
    )
    name = "NonfungibleTokenPositionDescriptor"
    chain.place_by_nonce(UNISWAP_V3_DEPLOYER, 6, code, expected=UNISWAP_V3_POSITION_DESCRIPTOR)
    chain.place_in_place(UNISWAP_V3_POSITION_DESCRIPTOR_PROXY, code, sender=UNISWAP_V3_DEPLOYER)
    return [
        _placement(
            packages, _PERIPHERY, name, UNISWAP_V3_POSITION_DESCRIPTOR, Evidence.PUBLISHED, Method.BY_NONCE
        ),
        _placement(
            packages,
            _PERIPHERY,
            f"{name} in place of its proxy",
            UNISWAP_V3_POSITION_DESCRIPTOR_PROXY,
            Evidence.STAND_IN,
            Method.IN_PLACE,
        ),
    ]


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Mint the positions of every pool."""
    answers = read_answers(chain)
    for pool in pools_of(Version.V3):
        price, tick = _slot0(chain, book[pool.name])
        liquidity = liquidity_of(pool, answers)
        for span in pool.ranges:
            bounds = tick_bounds(pool, span, tick)
            amounts = amounts_for_liquidity_up(liquidity * span.share_pct // 100, price, bounds)
            _mint(chain, pool, bounds, amounts)


def sqrt_price(chain: ChainBuilder, pool: Pool) -> int | None:
    """Return the pool's Q64.96 square-root price, None where the pool does not exist."""
    address = pool_address(chain, pool)
    return None if address == NATIVE else _slot0(chain, address)[0]


def move(chain: ChainBuilder, pool: Pool, target_sqrt_x96: int) -> None:
    """Swap as the price mover through SwapRouter until the pool stands at the target exactly.

    Raises:
        ChainError: the mover's float did not suffice.
    """
    address = pool_address(chain, pool)
    zero_for_one = target_sqrt_x96 < _slot0(chain, address)[0]
    pay, get = pool.tokens if zero_for_one else pool.tokens[::-1]
    amount = balance_of(chain.rpc, pay, PRICE_MOVER)
    allow(chain, pay, PRICE_MOVER, UNISWAP_V3_SWAP_ROUTER, amount)
    parameters = (pay, get, pool.fee_pips, PRICE_MOVER, _FAR_FUTURE_S, amount, 0, target_sqrt_x96)
    chain.transact(UNISWAP_V3_SWAP_ROUTER, _EXACT_INPUT, parameters, sender=PRICE_MOVER)
    if (found := _slot0(chain, address)[0]) != target_sqrt_x96:
        raise ChainError(f"expected {pool.name} at square-root price {target_sqrt_x96}, found {found}")


def _slot0(chain: ChainBuilder, address: str) -> tuple[int, int]:
    """Return (square-root price, tick)."""
    types = ("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")
    price, tick = chain.read(address, "slot0()", returns=types)[:2]
    return price, tick


def _mint(chain: ChainBuilder, pool: Pool, bounds: tuple[int, int], amounts: tuple[int, int]) -> None:
    for token, amount in zip(pool.tokens, amounts, strict=True):
        add(chain, token, LIQUIDITY_PROVIDER, amount)
        allow(chain, token, LIQUIDITY_PROVIDER, UNISWAP_V3_POSITION_MANAGER, amount)
    parameters = (*pool.tokens, pool.fee_pips, *bounds, *amounts, 0, 0, LIQUIDITY_PROVIDER, _FAR_FUTURE_S)
    chain.transact(UNISWAP_V3_POSITION_MANAGER, _MINT, parameters, sender=LIQUIDITY_PROVIDER)


def _placement(
    packages: Packages, package: str, name: str, address: str, evidence: Evidence, method: Method
) -> Placement:
    return Placement(
        protocol="Uniswap V3",
        name=name,
        address=address,
        package=package,
        version=packages.version(package),
        evidence=evidence,
        method=method,
    )
