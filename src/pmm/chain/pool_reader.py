"""Prices and depth of pools: V3 from their tick maps or from the quoter, V2 from their reserves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pmm.chain.quoter import (
    Pool,
    depth_calls,
    pair_reserves,
    pool_reading,
    read_quotes,
    reserves_call,
    spot_rates_e36,
)
from pmm.chain.tick_reader import pool_state, read_ticks, state_calls
from pmm.chain.web3_node import Call, Web3Node
from pmm.domain import Address, Token
from pmm.pricing import DepthCurve, PoolKind, PoolReading
from pmm.pricing.tick_map import TickMap

Readings = dict[tuple[Address, Address], tuple[PoolReading, ...]]
Amounts = Callable[[Token], list[int]]
"""The amounts at which depth is read, per token paid in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRules:
    """How much of a tick map is read: bitmap words either side of the price, and the most ticks of them."""

    words: int = 2
    most_ticks: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    pool: Pool
    taker: Token
    maker: Token
    amounts: list[int]
    spot_rate_e36: int


class PoolReader:
    """Reads pools of one block. Without ``ticks`` the depth of V3 pools comes from the quoter."""

    def __init__(self, pools: Sequence[Pool], *, ticks: TickRules | None) -> None:
        self._pools = pools
        self._ticks = ticks

    @property
    def calls(self) -> list[Call]:
        """The calls that go along with the other state."""
        return [call for pool in self._pools for call in self._calls_of(pool)]

    def _calls_of(self, pool: Pool) -> tuple[Call, ...]:
        return (reserves_call(pool),) if pool.kind is PoolKind.UNISWAP_V2 else state_calls(pool)

    def read(
        self, node: Web3Node, answers: Sequence[bytes | None], amounts_of: Amounts, *, block: int
    ) -> Readings:
        """Return the readings per direction; raises as :meth:`Web3Node.multicall`, and ChainError."""
        parts = iter(answers)
        by_pool = [(pool, [next(parts) for _ in self._calls_of(pool)]) for pool in self._pools]
        found: Readings = {}
        v3 = [(pool, part) for pool, part in by_pool if pool.kind is PoolKind.UNISWAP_V3]
        maps = self._tick_maps(node, v3, block)
        open_sides: list[_Side] = []
        for pool, part in by_pool:
            if pool.kind is PoolKind.UNISWAP_V2:
                _add_pair(found, pool, part[0], amounts_of)
                continue
            for side in _sides(pool, spot_rates_e36(part[0]), amounts_of):
                if not _add_known(found, side, maps.get(pool.address)):
                    open_sides.append(side)
        self._ask_quoter(node, found, open_sides, block)
        # In the order of the plan, whoever answered for the depth.
        rank = {pool.address: index for index, pool in enumerate(self._pools)}
        return {key: tuple(sorted(pools, key=lambda one: rank[one.pool])) for key, pools in found.items()}

    def _tick_maps(
        self, node: Web3Node, v3: Sequence[tuple[Pool, list[bytes | None]]], block: int
    ) -> Mapping[Address, TickMap | None]:
        if self._ticks is None or not v3:
            return {}
        pools = [pool for pool, _ in v3]
        states = [pool_state(pool, part[0], part[1]) for pool, part in v3]
        maps = read_ticks(
            node, pools, states, block=block, words=self._ticks.words, most_ticks=self._ticks.most_ticks
        )
        return dict(zip([pool.address for pool in pools], maps, strict=True))

    @staticmethod
    def _ask_quoter(node: Web3Node, found: Readings, sides: Sequence[_Side], block: int) -> None:
        calls = [
            call
            for side in sides
            for call in depth_calls(side.pool, taker_asset=side.taker, amounts=side.amounts)
        ]
        answers = iter(read_quotes(node, calls, block=block))
        for side in sides:
            reading = pool_reading(
                side.pool,
                spot_rate_e36=side.spot_rate_e36,
                amounts=side.amounts,
                answers=[next(answers) for _ in side.amounts],
            )
            if reading is not None:
                _add(found, side, reading)


def _sides(pool: Pool, rates: tuple[int, int] | None, amounts_of: Amounts) -> list[_Side]:
    if rates is None:
        return []
    return [
        _Side(pool=pool, taker=taker, maker=maker, amounts=amounts_of(taker), spot_rate_e36=rate)
        for taker, maker, rate in (
            (pool.token0, pool.token1, rates[0]),
            (pool.token1, pool.token0, rates[1]),
        )
    ]


def _add(found: Readings, side: _Side, reading: PoolReading) -> None:
    key = (side.taker.address, side.maker.address)
    found[key] = (*found.get(key, ()), reading)


def _add_known(found: Readings, side: _Side, state: TickMap | None) -> bool:
    """Add a side whose depth the tick map gives at every amount; tell whether it did."""
    if state is None:
        return False
    depth = state.depth(side.amounts, zero_for_one=side.taker.address == side.pool.token0.address)
    if depth is None or len(depth.knots) < len(side.amounts) or side.spot_rate_e36 == 0:
        # The ticks read end before the amounts do, or the pool does: the quoter knows which.
        return False
    _add(found, side, _reading(side, depth))
    return True


def _add_pair(found: Readings, pool: Pool, answer: bytes | None, amounts_of: Amounts) -> None:
    reserves = pair_reserves(answer)
    if reserves is None:
        return
    rates = (reserves[0].spot_rate_e36(), reserves[1].spot_rate_e36())
    for side, pair in zip(_sides(pool, rates, amounts_of), reserves, strict=True):
        depth = pair.depth(side.amounts)
        if depth is not None and side.spot_rate_e36:
            _add(found, side, _reading(side, depth))


def _reading(side: _Side, depth: DepthCurve) -> PoolReading:
    return PoolReading(
        pool=side.pool.address,
        fee_pips=side.pool.fee_pips,
        spot_rate_e36=side.spot_rate_e36,
        depth=depth,
        kind=side.pool.kind,
    )
