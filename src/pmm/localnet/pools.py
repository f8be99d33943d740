"""The Uniswap pools of the offline mainnet, and the price arithmetic of all three versions.

Prices are ratios of integer USD answers (8 decimals); square-root prices are Q64.96 as in the Uniswap V3 and V4
contracts. A pool holds token0 and token1 in address order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from math import isqrt

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from pmm.localnet.addresses import TOKEN_DECIMALS, TOKENS

Q96 = 1 << 96
NATIVE = "0x" + "00" * 20
MAX_TICK = 887_272
_EXACT = Context(prec=60)


class Version(StrEnum):
    """Uniswap protocol version."""

    V2 = "V2"
    V3 = "V3"
    V4 = "V4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One seeded position around the start price: ``share_pct`` of the depth over +-``ticks``; None: full range."""

    share_pct: int
    ticks: int | None


_WIDE = (
    Range(share_pct=50, ticks=1_500),  # +-16 %
    Range(share_pct=30, ticks=6_000),  # +-82 %, -45 %
    Range(share_pct=20, ticks=None),
)
_PEGGED = (Range(share_pct=80, ticks=60), Range(share_pct=19, ticks=1_200), Range(share_pct=1, ticks=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One pool to create, seed and move.

    Attributes:
        symbols: token symbols in either order; ``ETH`` is V4's native ether.
        fee_pips: hundredths of a basis point (3,000 = 0.3 %).
        depth_usd: virtual reserve of one side at the start price, in USD: a trade of ``x`` USD moves the price
            by about ``2 x / depth_usd``.
        ranges: how the depth is spread; V2 has the full range only.
    """

    version: Version
    symbols: tuple[str, str]
    fee_pips: int
    depth_usd: int
    ranges: tuple[Range, ...] = _WIDE

    @property
    def name(self) -> str:
        """``V3 WETH/USDC 0.05 %``."""
        fee = format((Decimal(self.fee_pips) / 10_000).normalize(), "f")
        return f"{self.version} {'/'.join(self.symbols)} {fee} %"

    @property
    def tick_spacing(self) -> int:
        """Tick spacing that the Uniswap V3 factory gives the fee; V4 pools here use the same."""
        return {100: 1, 500: 10, 3_000: 60, 10_000: 200}[self.fee_pips]

    @property
    def sorted_symbols(self) -> tuple[str, str]:
        """Symbols of token0 and token1."""
        first, second = sorted(self.symbols, key=lambda s: token_address(s).lower())
        return first, second

    @property
    def tokens(self) -> tuple[str, str]:
        """Addresses of token0 and token1."""
        first, second = self.sorted_symbols
        return token_address(first), token_address(second)

    @property
    def assets(self) -> tuple[str, str]:
        """Feed assets of token0 and token1 (``WETH`` is priced as ``ETH``)."""
        first, second = self.sorted_symbols
        return asset_of(first), asset_of(second)


POOLS = (
    Pool(version=Version.V3, symbols=("USDC", "WETH"), fee_pips=500, depth_usd=220_000_000),
    Pool(version=Version.V3, symbols=("USDC", "WETH"), fee_pips=3_000, depth_usd=160_000_000),
    Pool(version=Version.V3, symbols=("WETH", "USDT"), fee_pips=500, depth_usd=150_000_000),
    Pool(version=Version.V3, symbols=("WETH", "USDT"), fee_pips=3_000, depth_usd=120_000_000),
    Pool(version=Version.V3, symbols=("WBTC", "WETH"), fee_pips=500, depth_usd=200_000_000),
    Pool(version=Version.V3, symbols=("WBTC", "WETH"), fee_pips=3_000, depth_usd=150_000_000),
    Pool(version=Version.V3, symbols=("WBTC", "USDC"), fee_pips=3_000, depth_usd=80_000_000),
    Pool(version=Version.V3, symbols=("DAI", "WETH"), fee_pips=3_000, depth_usd=60_000_000),
    Pool(version=Version.V3, symbols=("DAI", "USDC"), fee_pips=100, depth_usd=8_000_000_000, ranges=_PEGGED),
    Pool(version=Version.V3, symbols=("USDC", "USDT"), fee_pips=100, depth_usd=8_000_000_000, ranges=_PEGGED),
    Pool(version=Version.V2, symbols=("USDC", "WETH"), fee_pips=3_000, depth_usd=30_000_000),
    Pool(version=Version.V2, symbols=("WETH", "USDT"), fee_pips=3_000, depth_usd=30_000_000),
    Pool(version=Version.V2, symbols=("WBTC", "WETH"), fee_pips=3_000, depth_usd=20_000_000),
    Pool(version=Version.V2, symbols=("DAI", "WETH"), fee_pips=3_000, depth_usd=10_000_000),
    Pool(version=Version.V4, symbols=("ETH", "USDC"), fee_pips=500, depth_usd=150_000_000),
    Pool(version=Version.V4, symbols=("ETH", "USDC"), fee_pips=3_000, depth_usd=80_000_000),
)


def pools_of(version: Version) -> tuple[Pool, ...]:
    """Return the pools of one Uniswap version."""
    return tuple(pool for pool in POOLS if pool.version == version)


def token_address(symbol: str) -> str:
    """Return the token's address; zero for native ether."""
    return NATIVE if symbol == "ETH" else TOKENS[symbol]


def token_decimals(symbol: str) -> int:
    """Return the token's decimals."""
    return 18 if symbol == "ETH" else TOKEN_DECIMALS[TOKENS[symbol]]


def asset_of(symbol: str) -> str:
    """Return the asset whose USD feed prices the token."""
    return {"WETH": "ETH", "WBTC": "BTC"}.get(symbol, symbol)


def price_ratio(pool: Pool, answers: Mapping[str, int]) -> tuple[int, int]:
    """Return base units of token1 per base unit of token0 as numerator, denominator."""
    (symbol0, symbol1), (asset0, asset1) = pool.sorted_symbols, pool.assets
    return (
        answers[asset0] * 10 ** token_decimals(symbol1),
        answers[asset1] * 10 ** token_decimals(symbol0),
    )


def sqrt_price_x96(ratio: tuple[int, int]) -> int:
    """Return the Q64.96 square root of a price ratio, rounded down."""
    numerator, denominator = ratio
    return isqrt((numerator << 192) // denominator)


def sqrt_price_at_tick_x96(tick: int) -> int:
    """Return the Q64.96 square root of 1.0001**tick, exact enough to size a position."""
    root = _EXACT.power(Decimal("1.0001"), Decimal(tick) / 2)
    return int(_EXACT.multiply(root, Decimal(Q96)))


def liquidity_of(pool: Pool, answers: Mapping[str, int]) -> int:
    """Return the liquidity whose virtual reserves are ``depth_usd`` on each side."""
    unit: int = 10 ** (8 + token_decimals(pool.sorted_symbols[0]))
    virtual0 = pool.depth_usd * unit // answers[pool.assets[0]]
    return virtual0 * sqrt_price_x96(price_ratio(pool, answers)) // Q96


def tick_bounds(pool: Pool, span: Range, current_tick: int) -> tuple[int, int]:
    """Return the position's lower and upper tick, multiples of the spacing."""
    spacing = pool.tick_spacing
    if span.ticks is None:
        edge = MAX_TICK // spacing * spacing
        return -edge, edge
    return (
        (current_tick - span.ticks) // spacing * spacing,
        -(-(current_tick + span.ticks) // spacing) * spacing,
    )


def amounts_for_liquidity_up(liquidity: int, sqrt_x96: int, bounds: tuple[int, int]) -> tuple[int, int]:
    """Return the token amounts that hold ``liquidity`` over ``bounds`` at a price inside them, rounded up."""
    low, high = (sqrt_price_at_tick_x96(tick) for tick in bounds)
    amount0 = liquidity * Q96 * (high - sqrt_x96) // (high * sqrt_x96)
    amount1 = liquidity * (sqrt_x96 - low) // Q96
    return amount0 + 1, amount1 + 1


def v4_pool_key(pool: Pool) -> tuple[str, str, int, int, str]:
    """Return the V4 pool key (currencies, fee, tick spacing, no hooks)."""
    return (*pool.tokens, pool.fee_pips, pool.tick_spacing, NATIVE)


def v4_pool_id(pool: Pool) -> bytes:
    """Return the V4 pool id: keccak of the encoded key."""
    return bytes(keccak(encode(("address", "address", "uint24", "int24", "address"), v4_pool_key(pool))))
