"""Bounds of what a stolen key can lose: each formula, each switch, and that they are bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.lens import NO_LIMIT, CapState, DeskLimits, FeedState, TokenLimits
from pmm.cli.limits_loss import Price, desk_loss, leaves_per_hour, token_loss, widest_band_bps
from pmm.domain import USDC, WETH, ZERO_ADDRESS, parse_address

HOOKS, LENDING = parse_address("0x" + "1a" * 20), parse_address("0x" + "2b" * 20)
WETH_PRICE = Price(answer=3_000 * 10**8, exponent=26, source="feed")
USDC_PRICE = Price(answer=10**8, exponent=14, source="feed")
NO_CAP = CapState(
    is_set=False, unit=0, per_block=0, per_window=0, window_s=0, used_in_block=0, used_in_window=0, left=0
)
FEED = FeedState(
    feed=HOOKS, heartbeat_s=3_600, exponent=26, answered=True, answer=3_000 * 10**8, updated_at_s=1, age_s=1,
    healthy=True,
)  # fmt: skip


def cap_of(per_block: int, per_window: int, window_s: int) -> CapState:
    return replace(
        NO_CAP,
        is_set=True,
        unit=1,
        per_block=per_block,
        per_window=per_window,
        window_s=window_s,
        left=per_block,
    )


WETH_LIMITS = TokenLimits(
    token=WETH.address,
    registered=True,
    inventory=40 * 10**18,
    router_allowance=5 * 10**18,
    cap=cap_of(10**18, 10 * 10**18, 3_600),
    feed=FEED,
    bands_bps=(0, 50),
)
USDC_LIMITS = replace(
    WETH_LIMITS,
    token=USDC.address,
    inventory=120_000 * 10**6,
    cap=cap_of(3_000 * 10**6, 30_000 * 10**6, 1_800),
    bands_bps=(50, 0),
)
DESK = DeskLimits(
    block_number=1,
    timestamp_s=1_700_000_000,
    locked=False,
    band_on=True,
    caps_on=True,
    max_expiry_s=300,
    hedger=ZERO_ADDRESS,
    router_hooks=ZERO_ADDRESS,
    lending_account=ZERO_ADDRESS,
    tokens=(WETH_LIMITS, USDC_LIMITS),
)


@pytest.mark.parametrize(
    ("cap", "leaves"),
    [
        (cap_of(10, 100, 3_600), 100),  # one window is an hour
        (cap_of(10, 100, 1_800), 200),
        (cap_of(10, 100, 3_599), 200),  # a second short of it: two windows touch the hour
        (cap_of(10, 100, 7_200), 100),
        (cap_of(10, 100, 1), 3_000),  # 300 blocks of 12 seconds are tighter
        (cap_of(0, 100, 3_600), 0),
        (NO_CAP, 0),
    ],
)
def test_leaves_per_hour__windows_and_blocks__the_tighter_one_counts(cap: CapState, leaves: int) -> None:
    assert leaves_per_hour(replace(WETH_LIMITS, cap=cap)) == leaves


def test_token_loss__caps_and_band_on__is_cap_times_band_times_price() -> None:
    found = token_loss(WETH_LIMITS, DESK, WETH_PRICE)
    assert found.leaves == 10 * 10**18
    assert (found.loss_amount, found.loss_cents) == (5 * 10**16, 150_00)  # 10 WETH * 50 bps * 3,000 USD
    assert (found.unbounded, found.formula) == (False, "leaves x band x price")


def test_token_loss__band_off__is_what_leaves_at_most_the_inventory() -> None:
    desk = replace(DESK, band_on=False)
    found = token_loss(WETH_LIMITS, desk, WETH_PRICE)
    assert (found.loss_cents, found.formula) == (30_000_00, "min(leaves, inventory) x price")
    little = replace(WETH_LIMITS, inventory=10**18)
    assert token_loss(little, desk, WETH_PRICE).loss_cents == 3_000_00
    # Hooks bring more than the inventory in.
    lent = replace(desk, router_hooks=HOOKS, lending_account=LENDING)
    assert token_loss(little, lent, WETH_PRICE).loss_cents == 30_000_00


def test_token_loss__pair_without_limit__is_all_that_leaves() -> None:
    limits = replace(WETH_LIMITS, bands_bps=(0, NO_LIMIT))
    found = token_loss(limits, DESK, WETH_PRICE)
    assert (found.loss_cents, found.formula) == (30_000_00, "leaves x price, a pair has no limit")


@pytest.mark.parametrize("band_on", [True, False])
def test_token_loss__caps_off__is_unbounded_the_whole_inventory(band_on: bool) -> None:
    found = token_loss(WETH_LIMITS, replace(DESK, caps_on=False, band_on=band_on), WETH_PRICE)
    assert (found.unbounded, found.leaves, found.loss_cents) == (True, None, 120_000_00)
    assert found.formula == "unbounded: the whole inventory"


@pytest.mark.parametrize(
    ("limits", "desk", "formula"),
    [
        (replace(WETH_LIMITS, cap=NO_CAP), DESK, "no cap: nothing fills"),
        (replace(WETH_LIMITS, bands_bps=(0, 0)), DESK, "no pair has a band: nothing fills"),
        (replace(WETH_LIMITS, bands_bps=(0, 0)), replace(DESK, caps_on=False), "no pair has a band: nothing fills"),
        (replace(WETH_LIMITS, registered=False), replace(DESK, caps_on=False), "not traded: nothing fills"),
    ],
)  # fmt: skip
def test_token_loss__token_that_cannot_fill__loses_nothing(
    limits: TokenLimits, desk: DeskLimits, formula: str
) -> None:
    found = token_loss(limits, desk, WETH_PRICE)
    assert (found.loss_amount, found.unbounded, found.formula) == (0, False, formula)


def test_token_loss__no_price__has_an_amount_and_no_money() -> None:
    found = token_loss(WETH_LIMITS, DESK, None)
    assert (found.loss_amount, found.loss_cents) == (5 * 10**16, None)


def test_widest_band__pairs_with_tokens_not_traded_or_with_itself__do_not_count() -> None:
    limits = replace(WETH_LIMITS, bands_bps=(900, 50))
    assert widest_band_bps(limits, DESK.tokens) == 50
    assert widest_band_bps(limits, (WETH_LIMITS, replace(USDC_LIMITS, registered=False))) == 0


def test_desk_loss__sum_over_the_inventory__is_capped_by_it_unless_hooks_borrow() -> None:
    def total(desk: DeskLimits) -> int:
        losses = [token_loss(WETH_LIMITS, desk, WETH_PRICE), token_loss(USDC_LIMITS, desk, USDC_PRICE)]
        return desk_loss(losses, desk).cents

    assert total(DESK) == 150_00 + 300_00  # 60,000 USDC an hour * 50 bps
    unlimited = replace(WETH_LIMITS, bands_bps=(0, NO_LIMIT), inventory=1, cap=cap_of(10**21, 10**21, 3_600))
    poor = replace(DESK, tokens=(unlimited, USDC_LIMITS))
    losses = [token_loss(unlimited, poor, WETH_PRICE), token_loss(USDC_LIMITS, poor, USDC_PRICE)]
    assert desk_loss(losses, poor).cents == 120_000_01
    lent = replace(poor, router_hooks=HOOKS, lending_account=LENDING)
    assert desk_loss(losses, lent).cents == 3_000_000_00 + 300_00


def test_desk_loss__token_without_price__is_told() -> None:
    found = desk_loss([token_loss(WETH_LIMITS, DESK, None)], DESK)
    assert (found.cents, found.unpriced) == (0, (WETH.address,))


@given(
    st.integers(0, 2**100),
    st.integers(0, 2**100),
    st.integers(1, 2**20 - 1),
    st.integers(1, 1_275),
    st.data(),
)
def test_token_loss__any_trades_within_caps_and_band__stay_below_the_bound(
    per_block: int, per_window: int, window_s: int, band_bps: int, data: st.DataObject
) -> None:
    """A thief who fills in every block of an hour, as much as block and window caps let out, at the worst price."""
    limits = replace(WETH_LIMITS, cap=cap_of(per_block, per_window, window_s), bands_bps=(0, band_bps))
    bound = token_loss(limits, DESK, WETH_PRICE)
    start_s = data.draw(st.integers(0, 2 * window_s))
    used: dict[int, int] = {}
    lost = left = 0
    for time_s in range(start_s, start_s + 3_600, 12):
        window = time_s // window_s
        # As CapBook counts: the previous and the current window together.
        room = per_window - used.get(window, 0) - used.get(window - 1, 0)
        amount = max(0, min(per_block, room))
        used[window] = used.get(window, 0) + amount
        left += amount
        lost += amount * band_bps
    assert left <= (bound.leaves or 0)
    assert -(-lost // 10_000) <= bound.loss_amount
