from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import (
    ZERO_ADDRESS,
    FillCall,
    FillFunction,
    FundingPlan,
    FundingSource,
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    RouterHookTerms,
    SigningKey,
    TakerTraits,
    allowed_sender_of,
    oneinch_domain,
    parse_address,
    settlement_domain,
)
from pmm.domain.fill_amounts import fill_amounts, making_amount_down, taking_amount_up
from pmm.domain.obstacles import fill_obstacles, order_obstacles, settlement_maker_obstacles
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import orders
from tests.unit.domain.test_verification import NOW_S, SETTLEMENT, order_of

OWN = settlement_domain(1, SETTLEMENT)
TAKER = parse_address("0x" + "ab" * 20)
PLAN = FundingPlan(source=FundingSource.MORPHO_BLUE_LOAN, swap_fee_pips=500, min_profit=1)
OWN_ORDER = order_of(SETTLEMENT)
SIGNATURE = SigningKey(b"\x11" * 32).sign(bytes(32))


def _codes(order: RfqOrder, domain: OrderDomain, extension: bytes = b"", **changes: Any) -> list[str]:
    found = order_obstacles(
        order, domain, extension=extension, now_s=changes.get("now_s", NOW_S), taker=TAKER
    )
    return [obstacle.code for obstacle in found]


def _with_traits(order: RfqOrder, **changes: Any) -> RfqOrder:
    return replace(order, maker_traits=replace(order.traits, **changes).encode())


def test_order_obstacles__quote_of_ours__has_none() -> None:
    assert _codes(OWN_ORDER, OWN) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"maker": TAKER}, "maker"),
        ({"receiver": TAKER}, "receiver"),
        ({"taker_asset": OWN_ORDER.maker_asset}, "same_asset"),
    ],
)
def test_order_obstacles__own_domain_wrong_party_or_asset__is_named(
    changes: dict[str, Any], code: str
) -> None:
    assert _codes(replace(OWN_ORDER, **changes), OWN) == [code]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"allow_multiple_fills": True}, ["traits"]),
        ({"unused_253": True}, ["traits"]),
        ({"pre_interaction": True, "use_permit2": True}, ["traits"]),
        ({"min_fill_255ths": 255, "decay_start_s": 1, "decay_slope_centi_bps_s": 1}, []),
        ({"expiration_s": 0}, ["no_expiry"]),
        ({"series": 64}, ["lane"]),
        ({"nonce_or_epoch": 2**32}, ["nonce"]),
        ({"nonce_or_epoch": 2**32 - 1, "series": 63}, []),
        ({"allowed_sender": 1}, ["private"]),
        ({"allowed_sender": allowed_sender_of(TAKER)}, []),
        ({"no_partial_fills": True}, []),
    ],
)
def test_order_obstacles__own_domain_traits__are_judged(changes: dict[str, Any], codes: list[str]) -> None:
    assert _codes(_with_traits(OWN_ORDER, **changes), OWN) == codes


def test_order_obstacles__receiver_is_the_settlement__is_fine() -> None:
    assert _codes(replace(OWN_ORDER, receiver=SETTLEMENT), OWN) == []
    assert replace(OWN_ORDER, receiver=ZERO_ADDRESS) == OWN_ORDER


@pytest.mark.parametrize(("taker", "codes"), [(TAKER, []), (SETTLEMENT, ["private"])])
def test_order_obstacles__private_taker_in_the_extension__is_compared(taker: str, codes: list[str]) -> None:
    extension = OwnDomainTerms(private_taker=parse_address(taker)).encode()
    assert _codes(order_of(SETTLEMENT, extension=extension), OWN, extension) == codes


def test_order_obstacles__malformed_terms__are_named() -> None:
    extension = bytes(32) + b"\x07"
    assert _codes(order_of(SETTLEMENT, extension=extension), OWN, extension) == ["extension_terms"]


@pytest.mark.parametrize(("now_s", "codes"), [(NOW_S + 29, []), (NOW_S + 30, []), (NOW_S + 31, ["expired"])])
def test_order_obstacles__around_expiry__last_second_fills(now_s: int, codes: list[str]) -> None:
    assert _codes(OWN_ORDER, OWN, now_s=now_s) == codes
    assert _codes(OWN_ORDER, oneinch_domain(), now_s=now_s) == codes


def test_order_obstacles__epoch_with_bit_invalidator_on_1inch__is_named() -> None:
    traits = MakerTraits(need_epoch_check=True)
    assert _codes(replace(OWN_ORDER, maker_traits=traits.encode()), oneinch_domain()) == [
        "epoch_and_nonce_bit"
    ]
    traits = replace(traits, allow_multiple_fills=True)
    assert _codes(replace(OWN_ORDER, maker_traits=traits.encode()), oneinch_domain()) == []


@settings(max_examples=50)
@given(orders(), st.binary(max_size=120), st.integers(0, 2**64))
def test_order_obstacles__anything_at_all__never_raises(
    order: RfqOrder, extension: bytes, now_s: int
) -> None:
    for domain in (oneinch_domain(), OWN):
        order_obstacles(order, domain, extension=extension, now_s=now_s, taker=TAKER)


HOOKS = parse_address("0x" + "cd" * 20)
_HOOKED = RouterHookTerms(hooks=HOOKS, pre=b"")


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"no_partial_fills": True, "allowed_sender": 5}, []),
        ({"nonce_or_epoch": 2**40 - 1}, []),  # 1inch's bitmap has room for 40 bits
        ({"decay_cap_tenth_bps": 1}, ["traits"]),
        ({"decay_start_s": 1}, ["traits"]),
        ({"min_fill_255ths": 1}, ["traits"]),
        ({"allow_multiple_fills": True}, ["traits"]),
        ({"use_permit2": True, "unwrap_weth": True}, ["traits"]),
        ({"pre_interaction": True}, ["hooks"]),
        ({"post_interaction": True}, ["hooks"]),
        ({"expiration_s": 0}, ["no_expiry"]),
        ({"series": 64}, ["lane"]),
    ],
)
def test_settlement_maker_obstacles__traits_on_1inch__are_judged(
    changes: dict[str, Any], codes: list[str]
) -> None:
    found = settlement_maker_obstacles(_with_traits(OWN_ORDER, **changes), b"")
    assert [obstacle.code for obstacle in found] == codes


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"min_fill_255ths": 1}, []),
        ({"decay_slope_centi_bps_s": 1}, ["traits"]),
        ({"pre_interaction": False}, ["hooks"]),
        ({"post_interaction": True}, ["hooks"]),
        ({"has_extension": False}, ["hooks"]),
    ],
)
def test_settlement_maker_obstacles__with_hooks__flags_must_agree(
    changes: dict[str, Any], codes: list[str]
) -> None:
    order = _with_traits(OWN_ORDER, **{**_HOOKED.trait_fields, **changes})
    found = settlement_maker_obstacles(order, _HOOKED.encode())
    assert [obstacle.code for obstacle in found] == codes


def test_settlement_maker_obstacles__receiver_or_foreign_extension__is_named() -> None:
    found = settlement_maker_obstacles(replace(OWN_ORDER, receiver=SETTLEMENT), b"")
    assert [obstacle.code for obstacle in found] == ["receiver"]
    found = settlement_maker_obstacles(OWN_ORDER, OwnDomainTerms(private_taker=TAKER).encode())
    assert [obstacle.code for obstacle in found] == ["hooks"]


def test_fill_obstacles__decayed_order__is_judged_at_its_time() -> None:
    traits = replace(OWN_ORDER.traits, decay_start_s=10, decay_slope_centi_bps_s=100, decay_cap_tenth_bps=100)
    order = replace(OWN_ORDER, maker_traits=traits.encode())
    call = _call(order, amount=order.taking_amount, taker_traits=TakerTraits(threshold=order.making_amount))
    early, late = order.traits.expiration_s - 10, order.traits.expiration_s
    assert fill_obstacles(call, OWN, now_s=early) == []
    (obstacle,) = fill_obstacles(call, OWN, now_s=late)
    assert "MakingAmountTooLow" in obstacle.detail
    assert fill_obstacles(call, oneinch_domain(), now_s=late) == []  # 1inch knows no decay


def _call(order: RfqOrder = OWN_ORDER, **changes: Any) -> FillCall:
    call = FillCall(
        function=FillFunction.FILL_ORDER,
        order=order,
        signature=SIGNATURE,
        amount=order.making_amount,
        taker_traits=TakerTraits(maker_amount=True, threshold=order.taking_amount),
    )
    return replace(call, **changes)


_FUNDED = OwnDomainTerms(funding_plan=PLAN).encode()
_FUNDED_ORDER = order_of(SETTLEMENT, extension=_FUNDED)
_FUNDED_TRAITS = TakerTraits(maker_amount=True, extension_length=len(_FUNDED))


@pytest.mark.parametrize(
    ("call", "domain", "codes"),
    [
        (_call(), OWN, []),
        (_call(amount=0), OWN, ["amount"]),
        (_call(taker_traits=TakerTraits(maker_amount=True, threshold=1)), OWN, ["amount"]),
        (_call(taker_traits=TakerTraits(maker_amount=True, use_permit2=True)), OWN, []),
        (_call(function=FillFunction.FILL_ORDER_PERMIT, permit=b"\x09"), OWN, []),
        (_call(function=FillFunction.FILL_ORDER_PERMIT, permit=b"\x09"), oneinch_domain(), ["function"]),
        (_call(taker_traits=TakerTraits(maker_amount=True, use_permit2=True)), oneinch_domain(), []),
        (_call(function=FillFunction.FILL_ORDER_FUNDED), OWN, ["function"]),
        (_call(function=FillFunction.FILL_ORDER_FUNDED), oneinch_domain(), ["function"]),
        (_call(function=FillFunction.FILL_ORDER_ARGS, args=b"x"), OWN, ["args"]),
        (_call(function=FillFunction.FILL_ORDER_ARGS, args=b"x"), oneinch_domain(), []),
        (_call(taker_traits=TakerTraits(extension_length=3)), OWN, ["args"]),
        (
            _call(
                _FUNDED_ORDER,
                function=FillFunction.FILL_ORDER_FUNDED,
                args=_FUNDED,
                taker_traits=_FUNDED_TRAITS,
            ),
            OWN,
            [],
        ),
        (
            _call(
                _FUNDED_ORDER,
                function=FillFunction.FILL_ORDER_ARGS,
                args=_FUNDED,
                taker_traits=_FUNDED_TRAITS,
            ),
            OWN,
            ["function"],
        ),
    ],
)
def test_fill_obstacles__call__is_judged(call: FillCall, domain: OrderDomain, codes: list[str]) -> None:
    assert [obstacle.code for obstacle in fill_obstacles(call, domain, now_s=NOW_S)] == codes


@given(orders(), st.integers(1, 2**128 - 1), st.integers(1, 2**128 - 1), st.integers(1, 2**120))
def test_amounts__round_trip__never_favours_the_taker(
    any_order: RfqOrder, making_amount: int, taking_amount: int, amount: int
) -> None:
    # Drawn and not filtered: most amounts are larger, and Hypothesis gives up on a strategy that rejects them.
    order = replace(any_order, making_amount=making_amount, taking_amount=taking_amount)
    making = making_amount_down(order, amount)
    assert taking_amount_up(order, making) <= amount
    taking = taking_amount_up(order, amount)
    assert making_amount_down(order, taking) >= amount
    # Per unit the taker never pays less than the order's price.
    assert taking * order.making_amount >= amount * order.taking_amount
    assert amount * order.making_amount >= making * order.taking_amount


THIRDS = replace(OWN_ORDER, making_amount=3, taking_amount=10)


@pytest.mark.parametrize(
    ("amount", "traits", "expected"),
    [
        (1, TakerTraits(maker_amount=True), (1, 4)),
        (9, TakerTraits(maker_amount=True), (3, 10)),
        (9, TakerTraits(maker_amount=True, threshold=30), (3, 10)),
        (9, TakerTraits(), (2, 9)),
        (11, TakerTraits(), (3, 11)),  # as the contract: not over the order, so not clipped
        (14, TakerTraits(), (3, 10)),
        (14, TakerTraits(threshold=4), (3, 10)),
    ],
)
def test_fill_amounts__partial_or_clipped__round_for_the_maker(
    amount: int, traits: TakerTraits, expected: tuple[int, int]
) -> None:
    moved = fill_amounts(THIRDS, amount, traits)
    assert (moved.making_amount, moved.taking_amount) == expected


@pytest.mark.parametrize(
    ("amount", "traits", "message"),
    [
        (1, TakerTraits(maker_amount=True, threshold=3), "TakingAmountTooHigh"),
        (9, TakerTraits(maker_amount=True, threshold=29), "TakingAmountTooHigh"),
        (9, TakerTraits(threshold=3), "MakingAmountTooLow"),
        (14, TakerTraits(threshold=5), "MakingAmountTooLow"),
        (1, TakerTraits(), "SwapWithZeroAmount"),
        (0, TakerTraits(maker_amount=True), "SwapWithZeroAmount"),
        (2**255, TakerTraits(), "overflows 256 bits"),
    ],
)
def test_fill_amounts__fill_that_would_revert__raises_with_its_error(
    amount: int, traits: TakerTraits, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        fill_amounts(THIRDS, amount, traits)


def test_fill_amounts__part_of_an_all_or_nothing_order__raises() -> None:
    order = replace(THIRDS, maker_traits=MakerTraits(no_partial_fills=True).encode())
    assert fill_amounts(order, 3, TakerTraits(maker_amount=True)).taking_amount == 10
    with pytest.raises(InvalidInput, match="PartialFillNotAllowed"):
        fill_amounts(order, 2, TakerTraits(maker_amount=True))
