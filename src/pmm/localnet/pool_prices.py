"""Moves Uniswap pools to the ratio of the feeds' answers by real swaps, and compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from eth_utils.address import to_checksum_address

from pmm.localnet.addresses import PRICE_MOVER
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import NATIVE, add, balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import (
    POOLS,
    Pool,
    Version,
    asset_of,
    price_ratio,
    sqrt_price_x96,
    token_address,
    token_decimals,
)
from pmm.localnet.protocols import uniswap_v2, uniswap_v3, uniswap_v4
from pmm.localnet.registry import PoolVenue

_FLOAT_USD = 20_000_000_000
_VENUES: Mapping[Version, PoolVenue] = {
    Version.V2: uniswap_v2,
    Version.V3: uniswap_v3,
    Version.V4: uniswap_v4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPrice:
    """A pool's price beside what the feeds say.

    Attributes:
        deviation_bps: pool price against the ratio of the feeds' answers.
    """

    pool: Pool
    address: str
    deviation_bps: Decimal


def move_pools(chain: ChainBuilder, asset: str) -> list[Pool]:
    """Move every pool that holds ``asset`` to the feeds' ratio and return those that moved."""
    answers = read_answers(chain)
    moved = []
    for pool in POOLS:
        if asset not in pool.assets:
            continue
        venue = _VENUES[pool.version]
        price = venue.sqrt_price(chain, pool)
        target = sqrt_price_x96(price_ratio(pool, answers))
        if price is None or price == target:
            continue
        pay = pool.sorted_symbols[0 if target < price else 1]
        hold_float(chain, pay, answers[asset_of(pay)])
        venue.move(chain, pool, target)
        moved.append(pool)
    return moved


def pool_prices(chain: ChainBuilder) -> list[PoolPrice]:
    """Return every existing pool with its deviation from the feeds."""
    answers = read_answers(chain)
    found = []
    for pool in POOLS:
        venue = _VENUES[pool.version]
        price = venue.sqrt_price(chain, pool)
        if price is None:
            continue
        target = sqrt_price_x96(price_ratio(pool, answers))
        ratio = (Decimal(price) / Decimal(target)) ** 2
        found.append(
            PoolPrice(
                pool=pool,
                address=to_checksum_address(venue.pool_address(chain, pool)),
                deviation_bps=(ratio - 1) * 10_000,
            )
        )
    return found


def hold_float(chain: ChainBuilder, symbol: str, answer: int) -> None:
    """See that the price mover can pay for any move with ``symbol``: top up below half of its float."""
    token = token_address(symbol)
    wanted = _FLOAT_USD * 10 ** (8 + token_decimals(symbol)) // answer
    held = balance_of(chain.rpc, token, PRICE_MOVER)
    if held >= wanted // 2:
        return
    if token == NATIVE:
        chain.rpc.call("anvil_setBalance", PRICE_MOVER, hex(wanted))
    else:
        add(chain, token, PRICE_MOVER, wanted - held)
