from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import Address, RouterHookTerms, parse_address
from pmm.domain.hook_payloads import (
    MIN_GAS_FLOOR,
    InventoryHedge,
    InventorySource,
    LendingMarket,
    PostAction,
    PostHook,
    PreHook,
)
from pmm.errors import InvalidInput

TAKER = parse_address("0x00000000219ab540356cbb839cbe05303d7705fa")
PLAN = 1 << 248 | 500 << 224
HEDGE = InventoryHedge(share_bps=10_000, minimum_out=7, plan=PLAN, route=b"\xaa\xbb")

hedges = st.builds(
    InventoryHedge,
    share_bps=st.integers(1, 10_000),
    minimum_out=st.integers(1, 2**128 - 1),
    plan=st.builds(
        lambda source, rest: source << 248 | rest << 128,
        st.sampled_from((1, 7, 8)),
        st.integers(0, 2**120 - 1),
    ),
    route=st.binary(max_size=90),
)


def _post_hook(
    action: PostAction, required: bool, floor: int, market: LendingMarket, hedge: InventoryHedge
) -> PostHook:
    acts = action is not PostAction.NONE
    return PostHook(
        action=action,
        required=required and acts,
        gas_floor=floor if acts and not required else 0,
        market=market if action is PostAction.REPAY else None,
        hedge=hedge if action is PostAction.HEDGE else None,
    )


post_hooks = st.builds(
    _post_hook,
    st.sampled_from(PostAction),
    st.booleans(),
    st.integers(MIN_GAS_FLOOR, 2**32 - 1),
    st.sampled_from(LendingMarket),
    hedges,
)


@pytest.mark.parametrize("taker", [None, TAKER])
@pytest.mark.parametrize("source", InventorySource)
def test_pre_hook__encode__decodes_back(taker: Address | None, source: InventorySource) -> None:
    hook = PreHook(private_taker=taker, source=source)
    assert PreHook.decode(hook.encode()) == hook


def test_pre_hook__taker_and_source__are_laid_out_as_specified() -> None:
    assert PreHook().encode() == b"\x00\x00"
    hook = PreHook(private_taker=TAKER, source=InventorySource.COMPOUND_BORROW)
    assert hook.encode() == b"\x01\x04" + bytes.fromhex(TAKER[2:])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected 2 bytes, found 0"),
        (b"\x00", "expected 2 bytes, found 1"),
        (b"\x00\x00\x00", "expected 2 bytes, found 3"),
        (b"\x02\x00", "flags of 0 or 1, found 2"),
        (b"\x00\x05", "source: expected one of .* found 5"),
        (b"\x01\x00" + b"\x11" * 19, "expected 22 bytes, found 21"),
        (b"\x01\x00" + b"\x11" * 21, "expected 22 bytes, found 23"),
        (b"\x01\x00" + bytes(20), "zero address"),
    ],
)
def test_pre_hook__malformed__raises(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PreHook.decode(data)


@given(post_hooks)
def test_post_hook__encode__decodes_back(hook: PostHook) -> None:
    assert PostHook.decode(hook.encode()) == hook


def test_post_hook__each_action__is_laid_out_as_specified() -> None:
    floor = (200_000).to_bytes(4, "big")
    assert PostHook().encode() == bytes(6)
    assert PostHook(action=PostAction.SUPPLY_AAVE, required=True).encode() == b"\x01\x01" + bytes(4)
    assert PostHook(action=PostAction.SUPPLY_COMPOUND, gas_floor=200_000).encode() == b"\x02\x00" + floor
    repay = PostHook(action=PostAction.REPAY, gas_floor=200_000, market=LendingMarket.COMPOUND_V2)
    assert repay.encode() == b"\x03\x00" + floor + b"\x02"
    hedge = PostHook(action=PostAction.HEDGE, required=True, hedge=HEDGE)
    expected = (
        b"\x04\x01" + bytes(4) + b"\x27\x10" + b"\x00" * 15 + b"\x07" + PLAN.to_bytes(32, "big") + b"\xaa\xbb"
    )
    assert hedge.encode() == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(5), "expected 6 bytes, found 5"),
        (bytes(7), "expected 6 bytes, found 7"),
        (b"\x05\x01" + bytes(4), "action: expected one of .* found 5"),
        (b"\x01\x02" + bytes(4), "flags of 0 or 1, found 2"),
        (b"\x00\x01" + bytes(4), "required: expected False"),
        (b"\x00\x00" + b"\x00\x00\x00\x01", "gas_floor: expected 0 without best effort, found 1"),
        (b"\x01\x01" + b"\x00\x00\x00\x01", "gas_floor: expected 0 without best effort, found 1"),
        (
            b"\x01\x00" + (MIN_GAS_FLOOR - 1).to_bytes(4, "big"),
            "gas_floor: expected at least 100000, found 99999",
        ),
        (b"\x01\x01" + bytes(5), "expected 6 bytes, found 7"),
        (b"\x03\x01" + bytes(4), "expected 7 bytes, found 6"),
        (b"\x03\x01" + bytes(5), "market: expected one of .* found 0"),
        (b"\x03\x01" + bytes(4) + b"\x03", "market: expected one of .* found 3"),
        (b"\x04\x01" + bytes(4) + HEDGE.encode()[:49], "expected 56 bytes, found 55"),
        (b"\x04\x01" + bytes(6) + HEDGE.encode()[2:], "share_bps: expected 1 to 10000, found 0"),
        (
            b"\x04\x01" + bytes(4) + b"\x27\x11" + HEDGE.encode()[2:],
            "share_bps: expected 1 to 10000, found 10001",
        ),
        (b"\x04\x01" + bytes(4) + b"\x27\x10" + bytes(48), "minimum_out: expected a number above zero"),
    ],
)
def test_post_hook__malformed__raises(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PostHook.decode(data)


def test_post_hook__parts_of_another_action__raise() -> None:
    with pytest.raises(InvalidInput, match="market"):
        PostHook(action=PostAction.SUPPLY_AAVE, required=True, market=LendingMarket.AAVE_V3)
    with pytest.raises(InvalidInput, match="market"):
        PostHook(action=PostAction.REPAY, required=True)
    with pytest.raises(InvalidInput, match="hedge"):
        PostHook(action=PostAction.HEDGE, required=True)
    with pytest.raises(InvalidInput, match="hedge"):
        PostHook(hedge=HEDGE)


@given(hedges, st.integers(1, 2**100), st.integers(1, 2**100))
def test_amounts__any_fill__sells_no_more_and_asks_no_less_than_signed(
    hedge: InventoryHedge, taking: int, order_taking: int
) -> None:
    amount_in, minimum = hedge.amounts(taking, order_taking)
    assert 0 <= taking * hedge.share_bps - amount_in * 10_000 < 10_000
    assert 0 <= minimum * order_taking - hedge.minimum_out * taking < order_taking


@pytest.mark.parametrize(
    ("plan", "message"), [(2 << 248, "source"), (0, "source"), (PLAN | 1, "minimum profit")]
)
def test_inventory_hedge__plan_of_no_plain_swap__raises(plan: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"plan: expected .*{message}"):
        InventoryHedge(share_bps=1, minimum_out=1, plan=plan)


def test_router_hook_terms__both_payloads__come_back() -> None:
    pre, post = PreHook(private_taker=TAKER), PostHook(action=PostAction.HEDGE, required=True, hedge=HEDGE)
    terms = RouterHookTerms(hooks=TAKER, pre=pre.encode(), post=post.encode())
    read = RouterHookTerms.decode(terms.encode())
    assert read.pre is not None
    assert read.post is not None
    assert (PreHook.decode(read.pre), PostHook.decode(read.post)) == (pre, post)
