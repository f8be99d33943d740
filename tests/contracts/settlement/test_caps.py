"""Caps: how much of a token may leave per block and per rolling window, to the unit, the block and the second."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.compact import compact
from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    TAKING,
    Desk,
    RawOrder,
    args_traits,
    extension_of,
    moved,
    word,
)
from tests.contracts.settlement.feeds import CAPS_ON

PER_BLOCK = 100
PER_WINDOW = 250
WINDOW_S = 60
MOST_UNITS = 2**36 - 1


@pytest.fixture
def capped(desk: Desk, owner: Any) -> Desk:
    """Caps are on; of base, 100 units may leave per block and 250 per window."""
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    desk.settlement.setCap(desk.base, PER_BLOCK, PER_WINDOW, WINDOW_S, sender=owner)
    return desk


def _order(desk: Desk, making: int, nonce: int = 0, **changes: Any) -> RawOrder:
    return desk.order(nonce=nonce, making_amount=making, taking_amount=7, **changes)


def _fill(desk: Desk, making: int, nonce: int) -> None:
    desk.fill(_order(desk, making, nonce))


def _mine(desk: Desk) -> None:
    desk.rpc.call("evm_mine")


def _start_of_a_window(desk: Desk) -> int:
    return (desk.now_s() // WINDOW_S + 2) * WINDOW_S


def _in_one_block(desk: Desk, *makings: int) -> tuple[Any, list[bytes]]:
    """Targets and calls of several fills, for one transaction of a taker that is a contract."""
    calls = []
    for nonce, making in enumerate(makings):
        method, values = desk.call_of(_order(desk, making, nonce))
        calls.append(method.encode_input(*values))
    return [desk.settlement] * len(calls), calls


def test_set_cap__new_cap__is_announced_and_stored(desk: Desk, owner: Any) -> None:
    receipt = desk.settlement.setCap(desk.base, 3, 5, 60, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.CapSet)
    assert (event.token, event.perBlock, event.perWindow, event.windowSeconds) == (desk.base, 3, 5, 60)
    assert desk.settlement.capWord(desk.base) == 60 << 188 | 5 << 144 | 3 << 108
    assert desk.settlement.capWord(desk.quote) == 0


def test_set_cap__window_out_of_bounds__is_refused(desk: Desk, owner: Any) -> None:
    for seconds in (0, 2**20, 2**40 - 1):
        refusal = desk.refusal(desk.settlement.setCap, desk.base, 1, 1, seconds, sender=owner)
        assert refusal == ("BadCapWindow", seconds)
    for seconds in (1, 2**20 - 1):
        desk.settlement.setCap(desk.base, 1, 1, seconds, sender=owner)


# ---------------------------------------------------------------- per block


def test_block_cap__exactly_reached__fills_and_one_unit_more_does_not(capped: Desk) -> None:
    assert capped.simulate(_order(capped, PER_BLOCK))[0] == PER_BLOCK
    refusal = capped.fill_refusal(_order(capped, PER_BLOCK + 1))
    assert refusal == ("BlockCapExceeded", word(capped.base), PER_BLOCK + 1, PER_BLOCK)


def test_block_cap__several_fills_of_one_block__count_together(
    capped: Desk, mock_taker: Any, owner: Any
) -> None:
    targets, calls = _in_one_block(capped, 60, 41)
    refusal = capped.refusal(mock_taker.executeAll, targets, calls, sender=owner)
    assert refusal == ("BlockCapExceeded", word(capped.base), 41, PER_BLOCK)
    targets, calls = _in_one_block(capped, 60, 39, 1)
    before = capped.balances(capped.settlement)
    mock_taker.executeAll(targets, calls, sender=owner)
    assert moved(before, capped.balances(capped.settlement)) == [(-PER_BLOCK, 21)]


def test_block_cap__next_block__starts_anew(capped: Desk) -> None:
    _fill(capped, PER_BLOCK, 0)
    # A call at the latest block runs in that block.
    refusal = capped.fill_refusal(_order(capped, 1, 1))
    assert refusal == ("BlockCapExceeded", word(capped.base), 1, PER_BLOCK)
    _mine(capped)
    assert capped.simulate(_order(capped, PER_BLOCK, 1))[0] == PER_BLOCK


def test_block_cap__reverted_fill__counts_nothing(capped: Desk, attacker: Any) -> None:
    word_before = capped.settlement.capWord(capped.base)
    method, values = capped.call_of(_order(capped, PER_BLOCK))
    assert method(*values, sender=attacker, gas=1_000_000, raise_on_revert=False).failed
    assert capped.settlement.capWord(capped.base) == word_before


def test_block_cap__of_one_token__leaves_the_others_alone(capped: Desk, owner: Any) -> None:
    """What comes in is not counted, and each maker asset has a cap of its own."""
    capped.settlement.setCap(capped.quote, 5, 5, WINDOW_S, sender=owner)
    assert capped.simulate(_order(capped, PER_BLOCK))[1] == 7
    back = capped.order(maker_asset=word(capped.quote), taker_asset=word(capped.base))
    refusal = capped.fill_refusal(back, amount=6, taker_traits=MAKER_AMOUNT)
    assert refusal == ("BlockCapExceeded", word(capped.quote), 6, 5)
    assert capped.simulate(back, amount=5, taker_traits=MAKER_AMOUNT)[0] == 5


# ---------------------------------------------------------------- per window


def test_window_cap__exactly_reached__fills_and_one_unit_more_does_not(
    capped: Desk, next_block_at: Any
) -> None:
    start_s = _start_of_a_window(capped)
    next_block_at(start_s)
    for nonce, making in enumerate((100, 100, 50)):
        _fill(capped, making, nonce)
    _mine(capped)
    refusal = capped.fill_refusal(_order(capped, 1, 9))
    assert refusal == ("WindowCapExceeded", word(capped.base), 1, PER_WINDOW)


def test_window_cap__use_of_the_window_before__counts_until_that_window_is_two_back(
    capped: Desk, next_block_at: Any, owner: Any
) -> None:
    capped.settlement.setCap(capped.base, PER_WINDOW, PER_WINDOW, WINDOW_S, sender=owner)
    start_s = _start_of_a_window(capped)
    next_block_at(start_s + WINDOW_S - 1)
    _fill(capped, 100, 0)
    next_block_at(start_s + WINDOW_S)
    _fill(capped, 150, 1)
    _mine(capped)
    expires_s = start_s + 4 * WINDOW_S
    one = _order(capped, 1, 9, expiration_s=expires_s)
    hundred = _order(capped, 100, 9, expiration_s=expires_s)
    more = _order(capped, 101, 9, expiration_s=expires_s)
    full = _order(capped, PER_WINDOW, 9, expiration_s=expires_s)
    last_s = start_s + 2 * WINDOW_S - 1
    assert capped.fill_refusal(one, at_s=last_s)[0] == "WindowCapExceeded"
    # The second window is now the one before.
    assert capped.simulate(hundred, at_s=last_s + 1)[0] == 100
    refusal = capped.fill_refusal(more, at_s=last_s + 1)
    assert refusal == ("WindowCapExceeded", word(capped.base), 101, PER_WINDOW)
    assert capped.fill_refusal(more, at_s=last_s + WINDOW_S)[0] == "WindowCapExceeded"
    assert capped.simulate(full, at_s=last_s + WINDOW_S + 1)[0] == PER_WINDOW


def test_window_cap__window_without_use__is_not_carried_over(
    capped: Desk, next_block_at: Any, owner: Any
) -> None:
    """First window used, second one idle, third one used: the first does not count any more."""
    capped.settlement.setCap(capped.base, PER_WINDOW, PER_WINDOW, WINDOW_S, sender=owner)
    start_s = _start_of_a_window(capped)
    next_block_at(start_s)
    _fill(capped, PER_WINDOW, 0)
    next_block_at(start_s + 2 * WINDOW_S)
    _fill(capped, PER_WINDOW, 1)
    used = int(capped.settlement.capWord(capped.base))
    assert (used >> 36 & MOST_UNITS, used >> 72 & MOST_UNITS) == (PER_WINDOW, 0)


# ---------------------------------------------------------------- setCap and units


def test_set_cap__again__forgets_what_was_used(capped: Desk, owner: Any, next_block_at: Any) -> None:
    next_block_at(_start_of_a_window(capped))
    _fill(capped, PER_BLOCK, 0)
    capped.settlement.setCap(capped.base, PER_BLOCK, PER_BLOCK, WINDOW_S, sender=owner)
    assert capped.simulate(_order(capped, PER_BLOCK, 1))[0] == PER_BLOCK


def test_set_cap__beyond_thirty_six_bits__is_rounded_down_and_amounts_up(capped: Desk, owner: Any) -> None:
    unit = 4
    capped.settlement.setCap(capped.base, 10 * unit + 3, MOST_UNITS * unit + 3, WINDOW_S, sender=owner)
    stored = int(capped.settlement.capWord(capped.base))
    assert stored >> 180 & 0xFF == 2
    assert (stored >> 108 & MOST_UNITS, stored >> 144 & MOST_UNITS) == (10, MOST_UNITS)
    assert capped.simulate(_order(capped, 10 * unit))[0] == 10 * unit
    refusal = capped.fill_refusal(_order(capped, 10 * unit + 1))
    assert refusal == ("BlockCapExceeded", word(capped.base), 10 * unit + 1, 10 * unit)


def test_set_cap__largest_amounts_that_need_no_unit__are_exact(capped: Desk, owner: Any) -> None:
    capped.settlement.setCap(capped.base, MOST_UNITS, MOST_UNITS, WINDOW_S, sender=owner)
    assert int(capped.settlement.capWord(capped.base)) >> 180 & 0xFF == 0
    assert capped.simulate(_order(capped, MOST_UNITS))[0] == MOST_UNITS
    refusal = capped.fill_refusal(_order(capped, MOST_UNITS + 1))
    assert refusal == ("BlockCapExceeded", word(capped.base), MOST_UNITS + 1, MOST_UNITS)


def test_block_cap__single_units_of_a_coarse_cap__count_a_unit_each(
    capped: Desk, mock_taker: Any, owner: Any
) -> None:
    capped.settlement.setCap(capped.base, 2 * 4, MOST_UNITS * 4, WINDOW_S, sender=owner)
    targets, calls = _in_one_block(capped, 1, 1, 1)
    refusal = capped.refusal(mock_taker.executeAll, targets, calls, sender=owner)
    assert refusal == ("BlockCapExceeded", word(capped.base), 1, 8)
    mock_taker.executeAll(targets[:2], calls[:2], sender=owner)


def test_set_cap__of_zero__lets_nothing_leave(capped: Desk, owner: Any) -> None:
    capped.settlement.setCap(capped.base, 0, 0, WINDOW_S, sender=owner)
    refusal = capped.fill_refusal(_order(capped, 1))
    assert refusal == ("BlockCapExceeded", word(capped.base), 1, 0)
    capped.settlement.setCap(capped.base, 5, 0, WINDOW_S, sender=owner)
    refusal = capped.fill_refusal(_order(capped, 1))
    assert refusal == ("WindowCapExceeded", word(capped.base), 1, 0)


def test_set_cap__largest_possible__lets_everything_leave(capped: Desk, owner: Any) -> None:
    capped.settlement.setCap(capped.base, 2**256 - 1, 2**256 - 1, WINDOW_S, sender=owner)
    held = int(capped.base.balanceOf(capped.settlement))
    assert capped.simulate(_order(capped, held))[0] == held


# ---------------------------------------------------------------- which fills count


def test_caps_on__token_without_cap__is_refused(capped: Desk) -> None:
    back = capped.order(maker_asset=word(capped.quote), taker_asset=word(capped.base))
    assert capped.fill_refusal(back, amount=1) == ("NoCap", word(capped.quote))


def test_caps_off__nothing_is_asked_and_nothing_counted(capped: Desk, owner: Any) -> None:
    capped.settlement.setGuards(0, sender=owner)
    before = capped.settlement.capWord(capped.base)
    _fill(capped, PER_WINDOW + 1, 0)
    assert capped.settlement.capWord(capped.base) == before


def test_caps_on__every_way_to_fill__counts_what_leaves(capped: Desk, owner: Any) -> None:
    over = PER_BLOCK + 1
    refusal = ("BlockCapExceeded", word(capped.base), over, PER_BLOCK)
    assert capped.fill_refusal(_order(capped, over), args=b"") == refusal
    values = compact(capped, making=over, taking=7).values(capped)
    assert capped.refusal(capped.settlement.fillOrderCompact, *values, sender=capped.taker) == refusal
    values = compact(capped, making=PER_BLOCK, taking=7).values(capped)
    found = capped.ask(capped.settlement.fillOrderCompact, *values, sender=capped.taker)
    assert found[:2] == (PER_BLOCK, 7)


def test_caps_on__part_of_a_large_order__counts_the_part(capped: Desk) -> None:
    order = capped.order()
    assert capped.simulate(order, amount=PER_BLOCK, taker_traits=MAKER_AMOUNT)[0] == PER_BLOCK
    refusal = capped.fill_refusal(order, amount=PER_BLOCK + 1, taker_traits=MAKER_AMOUNT)
    assert refusal[0] == "BlockCapExceeded"
    capped.fill(order, amount=PER_BLOCK, taker_traits=MAKER_AMOUNT)
    assert int(capped.settlement.capWord(capped.base)) & MOST_UNITS == PER_BLOCK


def test_caps_on__funded_fill__counts_too(capped: Desk, honest: Any) -> None:
    extension = extension_of(plan=2 << 248)
    how: dict[str, Any] = {
        "function": "fillOrderFunded",
        "taker_traits": MAKER_AMOUNT | args_traits(extension=extension),
        "args": extension,
    }
    order = capped.with_extension(extension, taking_amount=TAKING)
    assert capped.simulate(order, amount=PER_BLOCK, **how)[0] == PER_BLOCK
    assert capped.fill_refusal(order, amount=PER_BLOCK + 1, **how)[0] == "BlockCapExceeded"


def test_caps_on__contract_signature_without_the_hook__is_refused(capped: Desk, owner: Any) -> None:
    """1inch's question names no amount, so the hook must count."""
    order = capped.order()
    digest = order.digest(capped.router_domain)
    packed = order.packed_with(capped.key.sign(digest))
    ask = capped.settlement.isValidSignature
    assert capped.refusal(ask, digest, packed, sender=capped.taker) == ("HookRequired", 1 << 249)
    capped.settlement.setGuards(0, sender=owner)
    assert bytes(ask(digest, packed)).hex() == "1626ba7e"
