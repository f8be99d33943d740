"""The plan word and the routes behind it, against the tables of contracts/README.md."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    FundingPlan,
    FundingSource,
    HedgeLeg,
    lender_route,
    parse_address,
    path_route,
)
from pmm.domain.funding_plan import ORDER_ROUTE_LENGTH
from pmm.errors import InvalidInput

LENDER = parse_address("0x00000000219ab540356cbb839cbe05303d7705fa")
TOKENS = (parse_address("0x" + "aa" * 20), parse_address("0x" + "bb" * 20))
LOANS = (2, 3, 4, 5, 6)
LEGS_OF = {1: (0, 1), 7: (0,), 8: (0,), 9: (0,)} | dict.fromkeys(LOANS, (0, 1, 2, 3, 4))


def uses(source: int, leg: int) -> set[str]:
    """Which fields a plan of that source and leg has a use for."""
    on_v4 = source == 8 or leg == 3
    on_v3 = leg == 0 and source <= 6
    fields = {"swap_fee_pips"} if on_v4 or on_v3 else set()
    fields |= {"tick_spacing", "trades_ether"} if on_v4 else set()
    return fields | ({"lending_fee_pips"} if source == 5 else set())


@st.composite
def plans(draw: st.DrawFn) -> FundingPlan:
    source = draw(st.sampled_from(FundingSource))
    leg = HedgeLeg(draw(st.sampled_from(LEGS_OF[source])))
    values: dict[str, Any] = {
        "swap_fee_pips": draw(st.integers(0, 2**24 - 1)),
        "lending_fee_pips": draw(st.integers(1, 2**24 - 1)),
        "tick_spacing": draw(st.integers(0, 2**24 - 1)),
        "trades_ether": draw(st.booleans()),
    }
    return FundingPlan(
        source=source,
        leg=leg,
        min_profit=draw(st.integers(0, 2**128 - 1)),
        **{name: value for name, value in values.items() if name in uses(source, leg)},
    )


@given(plans())
def test_encode__any_plan__is_laid_out_as_specified_and_decodes_back(plan: FundingPlan) -> None:
    assert plan.encode() == (
        plan.source << 248
        | plan.swap_fee_pips << 224
        | plan.lending_fee_pips << 200
        | plan.leg << 192
        | plan.tick_spacing << 168
        | plan.trades_ether << 167
        | plan.min_profit
    )
    assert FundingPlan.decode(plan.encode()) == plan


@pytest.mark.parametrize(("source", "leg"), list(product(FundingSource, HedgeLeg)))
def test_plan__every_source_and_leg__is_taken_where_the_table_has_it(
    source: FundingSource, leg: HedgeLeg
) -> None:
    lending: dict[str, Any] = {"lending_fee_pips": 3_000} if source is FundingSource.UNISWAP_V3_FLASH else {}
    if leg in LEGS_OF[source]:
        assert FundingPlan(source=source, leg=leg, min_profit=0, **lending).leg is leg
    else:
        with pytest.raises(InvalidInput, match=f"leg: {source.name} has no leg {leg.name}"):
            FundingPlan(source=source, leg=leg, min_profit=0, **lending)


@pytest.mark.parametrize("name", ["swap_fee_pips", "lending_fee_pips", "tick_spacing", "trades_ether"])
@pytest.mark.parametrize(("source", "leg"), [(s, leg) for s, legs in LEGS_OF.items() for leg in legs])
def test_plan__field_it_has_no_use_for__raises(name: str, source: int, leg: int) -> None:
    values: dict[str, Any] = {"lending_fee_pips": 3_000} if source == 5 else {}
    values |= {name: True if name == "trades_ether" else 500}
    terms = {"source": FundingSource(source), "leg": HedgeLeg(leg), "min_profit": 0} | values
    if name in uses(source, leg):
        assert getattr(FundingPlan(**terms), name) == values[name]
    else:
        message = "tick_spacing, trades_ether" if name in ("tick_spacing", "trades_ether") else name
        with pytest.raises(InvalidInput, match=message):
            FundingPlan(**terms)


def test_plan__lender_of_uniswap_v3_without_its_fee__raises() -> None:
    with pytest.raises(InvalidInput, match=r"lending_fee_pips: expected a fee tier .* found 0"):
        FundingPlan(source=FundingSource.UNISWAP_V3_FLASH, swap_fee_pips=500, min_profit=0)


@pytest.mark.parametrize(
    ("field", "value", "bits"),
    [
        ("min_profit", 2**128, 128),
        ("swap_fee_pips", 2**24, 24),
        ("tick_spacing", 2**24, 24),
        ("lending_fee_pips", 2**24, 24),
    ],
)
def test_plan__value_wider_than_its_bits__raises(field: str, value: int, bits: int) -> None:
    source = FundingSource.UNISWAP_V3_FLASH if field == "lending_fee_pips" else FundingSource.UNISWAP_V4_SWAP
    terms: dict[str, Any] = {"source": source, "min_profit": 0} | {field: value}
    with pytest.raises(InvalidInput, match=f"{field}: expected at most {bits} bits"):
        FundingPlan(**terms)


@pytest.mark.parametrize("bit", range(128, 167))
def test_decode__bit_that_must_be_zero__raises(bit: int) -> None:
    plan = FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=500, min_profit=1)
    with pytest.raises(InvalidInput, match="bits 128-166"):
        FundingPlan.decode(plan.encode() | 1 << bit)


@pytest.mark.parametrize(("source", "leg"), [(0, 0), (10, 0), (255, 0), (2, 5), (2, 255)])
def test_decode__source_or_leg_that_does_not_exist__raises(source: int, leg: int) -> None:
    with pytest.raises(InvalidInput, match=f"source of 1 to 9 and a leg of 0 to 4, found {source} and {leg}"):
        FundingPlan.decode(source << 248 | leg << 192)


def test_path_route__two_and_three_pools__are_packed_in_their_order() -> None:
    first, second = (bytes.fromhex(token[2:]) for token in TOKENS)
    assert path_route((500, 100), TOKENS[:1]) == b"\x00\x01\xf4" + first + b"\x00\x00\x64"
    assert path_route((3_000, 500, 100), TOKENS) == (
        b"\x00\x0b\xb8" + first + b"\x00\x01\xf4" + second + b"\x00\x00\x64"
    )
    assert (len(path_route((1, 2), TOKENS[:1])), len(path_route((1, 2, 3), TOKENS))) == (26, 49)


@pytest.mark.parametrize(("fees", "tokens"), [(0, 0), (1, 0), (2, 0), (2, 2), (3, 1), (4, 3)])
def test_path_route__other_numbers_of_pools_or_tokens__raises(fees: int, tokens: int) -> None:
    with pytest.raises(InvalidInput, match=f"2 or 3 fees with one token fewer, found {fees} and {tokens}"):
        path_route((500,) * fees, (TOKENS[0],) * tokens)


@pytest.mark.parametrize("fee", [-1, 2**24])
def test_path_route__fee_that_does_not_fit__raises(fee: int) -> None:
    with pytest.raises(InvalidInput, match="fee"):
        path_route((500, fee), TOKENS[:1])


@pytest.mark.parametrize("length", [0, 26, 49, ORDER_ROUTE_LENGTH])
def test_lender_route__any_leg__puts_the_lender_before_it(length: int) -> None:
    assert lender_route(LENDER, b"\x07" * length) == bytes.fromhex(LENDER[2:]) + b"\x07" * length
