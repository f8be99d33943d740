"""Which plan words and routes the hedger takes: exactly those of the tables in contracts/README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, FundingPlan, FundingSource, HedgeLeg
from pmm.errors import InvalidInput
from tests.contracts.hedger.funded_fills import ONE_WETH, decode_error
from tests.contracts.hedger.hedges import HEDGES, LOANS, Hedge

ORDER, TWO_POOLS, THREE_POOLS, LENDER = 320, 26, 49, 20
LONGEST_ROUTE = LENDER + ORDER
FEE, LENDING_FEE, SPACING, ETHER, SWEEP = 500 << 224, 3_000 << 200, 10 << 168, 1 << 167, 1 << 166
_BY_ROUTE = "fundFillByRoute(address,address,address,uint256,uint256,uint256,bytes)"
_PLAIN = "fundFill(address,address,address,uint256,uint256,uint256)"
_SALE = "swapExactIn(address,address,uint256,uint256,bytes)"
RECEIVER = "0x00000000000000000000000000000000000000aA"


@pytest.fixture
def answers(
    rpc: JsonRpc, error_types: Any, mock_settlement: Any, probed_hedger: Any
) -> Callable[..., list[tuple[Any, ...]]]:
    """What the hedger answers to many calls of the settlement contract: () or (error name, *values) of each."""

    def _answers(calls: list[bytes]) -> list[tuple[Any, ...]]:
        requests = [
            {"from": mock_settlement.address, "to": probed_hedger.address, "data": "0x" + data.hex()}
            for data in calls
        ]
        found = []
        for request in requests:
            try:
                rpc.call("eth_call", request, "latest")
            except Exception as refused:  # noqa: BLE001 - told apart by what it carries
                found.append(_named(error_types, getattr(refused, "data", None)))
            else:
                found.append(())
        return found

    return _answers


def _named(error_types: Any, data: str | None) -> tuple[Any, ...]:
    raw = bytes.fromhex((data or "0x")[2:])
    if raw and raw[:4] not in error_types:
        return ("of somebody else",)
    return decode_error(error_types, raw)


def fill_data(plan: int, route: bytes | None) -> bytes:
    arguments = (RECEIVER, WETH.address, USDC.address, ONE_WETH, 10**10, plan)
    return encode_call(_PLAIN, *arguments) if route is None else encode_call(_BY_ROUTE, *arguments, route)


def sale_data(plan: int, route: bytes) -> bytes:
    return encode_call(_SALE, USDC.address, WETH.address, 10**6, plan, route)


def route_of_right_length(source: int, leg: int) -> bytes:
    """Of any content; 0x11 keeps the lender from being zero."""
    own = ORDER if leg == HedgeLeg.SIGNED_ORDER or source == FundingSource.SIGNED_ORDER else 0
    own = TWO_POOLS if leg == HedgeLeg.UNISWAP_V3_PATH and not own else own
    return b"\x11" * (own + LENDER * (source == FundingSource.ERC3156_LOAN))


def is_allowed(source: int, leg: int, fields: int) -> bool:
    """The tables of contracts/README.md."""
    legs = {1: (0, 1)} | dict.fromkeys(LOANS, (0, 1, 2, 3, 4)) | {7: (0,), 8: (0,), 9: (0,)}
    if leg not in legs.get(source, ()):
        return False
    on_v4 = source == FundingSource.UNISWAP_V4_SWAP or leg == HedgeLeg.UNISWAP_V4_POOL
    on_v3 = leg == HedgeLeg.UNISWAP_V3_POOL and source <= FundingSource.ERC3156_LOAN
    used = SWEEP
    used |= FEE if on_v4 or on_v3 else 0
    used |= SPACING | ETHER if on_v4 else 0
    used |= LENDING_FEE if source == FundingSource.UNISWAP_V3_FLASH else 0
    return fields & ~used == 0


def all_plans() -> Iterator[tuple[int, int, int]]:
    """Every source and leg, known and unknown, with every set of fields."""
    fields = [FEE, LENDING_FEE, SPACING, ETHER]
    for source, leg in product((*range(11), 255), (*range(6), 255)):
        for chosen in product((0, 1), repeat=len(fields)):
            yield source, leg, sum(field for field, is_set in zip(fields, chosen, strict=True) if is_set)


def test_plan__every_source_leg_and_set_of_fields__is_refused_unless_the_tables_have_it(
    answers: Any,
) -> None:
    plans = list(all_plans())
    words = [source << 248 | leg << 192 | fields for source, leg, fields in plans]
    calls = [
        fill_data(word, route_of_right_length(source, leg))
        for word, (source, leg, _) in zip(words, plans, strict=True)
    ]

    for word, plan, answer in zip(words, plans, answers(calls), strict=True):
        if is_allowed(*plan):
            assert answer[:1] not in (("InvalidPlan",), ("InvalidRoute",)), (hex(word), answer)
        else:
            assert answer == ("InvalidPlan", word), (hex(word), answer)


def test_plan__refused_by_the_contract__is_refused_by_the_domain_too() -> None:
    for source, leg, fields in all_plans():
        word = source << 248 | leg << 192 | fields
        if is_allowed(source, leg, fields) and (source == 5) == bool(fields & LENDING_FEE):
            assert FundingPlan.decode(word).encode() == word
        else:
            with pytest.raises(InvalidInput):
                FundingPlan.decode(word)


@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_plan__bit_that_must_be_zero__is_refused(hedge: Hedge, answers: Any) -> None:
    plan = hedge.plan().encode()
    words = [plan | 1 << bit for bit in range(128, 167)]

    found = answers([fill_data(word, route_of_right_length(hedge.source, hedge.leg)) for word in words])

    assert found == [("InvalidPlan", word) for word in words]


def test_sale_plan__every_source_leg_and_set_of_fields__is_refused_unless_a_pool_alone_is_sold_to(
    answers: Any,
) -> None:
    plans = list(all_plans())
    words = [source << 248 | leg << 192 | fields for source, leg, fields in plans]
    calls = [
        sale_data(word, route_of_right_length(source, leg))
        for word, (source, leg, _) in zip(words, plans, strict=True)
    ]

    for word, plan, answer in zip(words, plans, answers(calls), strict=True):
        if is_allowed(*plan) and plan[0] in (1, 7, 8):
            assert answer[:1] not in (("InvalidPlan",), ("InvalidRoute",)), (hex(word), answer)
        else:
            assert answer == ("InvalidPlan", word), (hex(word), answer)


@pytest.mark.parametrize("minimum", [1, 2**128 - 1])
def test_sale_plan__minimum_profit__is_refused(minimum: int, answers: Any) -> None:
    words = [source << 248 | FEE * (source != 7) | minimum for source in (1, 7, 8)]

    found = answers([sale_data(word, b"") for word in words])

    assert found == [("InvalidPlan", word) for word in words]


def expected_refusal(hedge: Hedge, length: int) -> tuple[Any, ...] | None:
    """What a route of that length is refused with; None where it is the right one."""
    if hedge.source is FundingSource.ERC3156_LOAN:
        if length < LENDER:
            return ("InvalidRoute", LENDER, length)
        length -= LENDER
    expected = 0
    if hedge.closed_on is HedgeLeg.SIGNED_ORDER:
        expected = ORDER
    elif hedge.leg is HedgeLeg.UNISWAP_V3_PATH:
        expected = TWO_POOLS if length <= TWO_POOLS else THREE_POOLS
    return None if length == expected else ("InvalidRoute", expected, length)


@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_route__any_other_length__is_refused(hedge: Hedge, answers: Any) -> None:
    plan = hedge.plan().encode()
    parts = (0, TWO_POOLS, THREE_POOLS, ORDER)
    lengths = {
        length
        for part, before, off in product(parts, (0, LENDER), (-1, 0, 1))
        if 0 <= (length := part + before + off) <= LONGEST_ROUTE
    }

    found = answers([fill_data(plan, b"\x11" * length) for length in sorted(lengths)])

    for length, answer in zip(sorted(lengths), found, strict=True):
        refusal = expected_refusal(hedge, length)
        if refusal is None:
            assert answer[:1] not in (("InvalidPlan",), ("InvalidRoute",)), length
        else:
            assert answer == refusal, length


@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_route__none__is_refused_where_the_plan_asks_for_one(hedge: Hedge, answers: Any) -> None:
    (answer,) = answers([fill_data(hedge.plan().encode(), None)])

    own = len(route_of_right_length(0, hedge.leg if hedge.source < 7 else hedge.closed_on))
    if own:
        assert answer == ("InvalidRoute", own, 0)
    elif hedge.source is FundingSource.ERC3156_LOAN:
        assert answer == ("InvalidRoute", LENDER, 0)
    else:
        assert answer[:1] != ("InvalidRoute",)


@pytest.mark.parametrize("hedge", [hedge for hedge in HEDGES if hedge.source == 6], ids=str)
def test_route__lender_is_the_zero_address__is_refused(hedge: Hedge, answers: Any) -> None:
    own = route_of_right_length(0, hedge.leg)

    (answer,) = answers([fill_data(hedge.plan().encode(), bytes(LENDER) + own)])

    assert answer == ("InvalidRoute", LENDER, 0)


def test_route__longer_than_any__is_refused(answers: Any) -> None:
    plan = next(hedge for hedge in HEDGES if hedge.source == 6 and hedge.leg == 4).plan().encode()

    found = answers([fill_data(plan, b"\x11" * (LONGEST_ROUTE + 1)), sale_data(1 << 248, bytes(341))])

    assert found == [("",), ("",)]


@pytest.mark.parametrize("source", [1, 7, 8])
def test_sale_route__not_what_the_plan_asks_for__is_refused(source: int, answers: Any) -> None:
    plan = source << 248 | (FEE if source != 7 else 0)

    found = answers([sale_data(plan, bytes(length)) for length in (1, TWO_POOLS, ORDER)])

    assert found == [("InvalidRoute", 0, length) for length in (1, TWO_POOLS, ORDER)]
    path = 1 << 248 | 1 << 192

    found = answers([sale_data(path, bytes(length)) for length in (0, 25, 27, 48, 50)])

    expected = (TWO_POOLS, TWO_POOLS, THREE_POOLS, THREE_POOLS, THREE_POOLS)
    assert found == [
        ("InvalidRoute", want, length) for want, length in zip(expected, (0, 25, 27, 48, 50), strict=True)
    ]
