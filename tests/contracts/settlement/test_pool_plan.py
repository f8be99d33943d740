"""Plans of a flash swap on one pool, refused before any pool is looked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.settlement.desk import MAKING, TAKING, Desk, args_of, args_traits, extension_of

PLAN = 1 << 248 | 500 << 224 | 1
EXTENSION = extension_of(plan=PLAN)
HOW: dict[str, Any] = {
    "function": "fillOrderFunded",
    "taker_traits": args_traits(extension=EXTENSION),
    "args": args_of(extension=EXTENSION),
}


@pytest.mark.parametrize("field", ["maker_asset", "taker_asset"])
def test_pool_plan__asset_word_with_dirty_upper_bits__never_names_a_pool(desk: Desk, field: str) -> None:
    clean = desk.with_extension(EXTENSION)
    assert desk.fill_refusal(clean, **HOW)[0] == "NoCode"
    for bit in (1 << 160, 1 << 255):
        dirty = getattr(clean, field) | bit
        refusal = desk.fill_refusal(replace(clean, **{field: dirty}), **HOW)
        assert refusal == ("UnregisteredToken", dirty)


def test_pool_plan__both_assets_the_same__are_refused(desk: Desk) -> None:
    clean = desk.with_extension(EXTENSION)
    refusal = desk.fill_refusal(replace(clean, taker_asset=clean.maker_asset), **HOW)
    assert refusal == ("SameAsset", clean.maker_asset)


def test_pool_plan__any_other_bit__makes_it_the_hedgers(desk: Desk, honest: Any) -> None:
    """The mock hedger serves every plan."""
    for nonce, bit in enumerate((*range(128, 224), *range(249, 256))):
        extension = extension_of(plan=PLAN ^ 1 << bit)
        how = HOW | {"taker_traits": args_traits(extension=extension), "args": args_of(extension=extension)}
        assert desk.simulate(desk.with_extension(extension, nonce=nonce), **how)[:2] == (MAKING, TAKING), bit
