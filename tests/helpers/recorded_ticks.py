"""Recorded tick maps of mainnet, read from ``PMM_DATA_DIR``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from pmm.pricing.tick_map import TickMap

_FEES = {"Lowest": 100, "Low": 500, "Medium": 3_000, "High": 10_000}


@dataclass(frozen=True)
class RecordedPool:
    """A pool as recorded, with the square-root price that the recording gives for each tick."""

    symbols: tuple[str, str]
    state: TickMap
    sqrt_prices: tuple[int, ...]


@lru_cache(maxsize=1)
def _raw() -> list[dict[str, Any]]:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("PMM_DATA_DIR is not set: no recorded tick maps")
    path = Path(folder) / "mainnet" / "tycho_use_serialized_state_data.json"
    if not path.is_file():
        pytest.skip(f"no recorded tick maps at {path}")
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def recorded_pools() -> list[RecordedPool]:
    """Return every recorded Uniswap V3 pool; skips the test where there are none."""
    pools = []
    for entry in _raw():
        if entry["state"]["protocol"] != "UniswapV3State":
            continue
        state = entry["state"]["state"]
        ticks = state["ticks"]["ticks"]
        pools.append(
            RecordedPool(
                symbols=tuple(token["symbol"] for token in entry["tokens"]),
                state=TickMap(
                    sqrt_x96=int(state["sqrt_price"], 16),
                    tick=state["tick"],
                    liquidity=state["liquidity"],
                    fee_pips=_FEES[state["fee"]],
                    tick_spacing=state["ticks"]["tick_spacing"],
                    ticks=tuple(tick["index"] for tick in ticks),
                    net_liquidity=tuple(tick["net_liquidity"] for tick in ticks),
                ),
                sqrt_prices=tuple(int(tick["sqrt_price"], 16) for tick in ticks),
            )
        )
    return pools


def recorded_pool(first: str, second: str, fee_pips: int) -> RecordedPool:
    """Return one of them."""
    return next(
        pool
        for pool in recorded_pools()
        if set(pool.symbols) == {first, second} and pool.state.fee_pips == fee_pips
    )
