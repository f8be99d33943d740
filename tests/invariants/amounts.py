"""What a fill moves, in exact integers: ours as contracts/README.md says, 1inch's as its 256-bit words allow."""

from __future__ import annotations

from dataclasses import dataclass

WORD = 1 << 256
OVERFLOW = "overflow"
ZERO = "zero"
PARTIAL = "partial"
TOO_HIGH = "taking too high"
TOO_LOW = "making too low"
TOO_SMALL = "fill too small"
DECAY_ONE = 1_000_000
RATIO_ONE = 255


@dataclass(frozen=True, slots=True)
class Moved:
    """Both amounts of a fill, and every rule about amounts that it breaks."""

    making: int
    taking: int
    broken: frozenset[str]


class _Overflow(Exception):
    """A product, or a product rounded up, that does not fit a word."""


def _fit(value: int) -> int:
    if value >= WORD:
        raise _Overflow
    return value


def exact_amounts(making: int, taking: int, amount: int, *, by_making: bool) -> tuple[int, int]:
    """Floor what is given, ceil what is taken, clip to the order; overflows only where a product does.

    A whole fill needs no product. A taking amount of zero prices nothing: both amounts are as signed.
    """
    if by_making:
        given = min(amount, making)
        if given == making:
            return making, taking
        return given, -(-_fit(given * taking) // making)
    if amount == taking or taking == 0:
        return making, taking
    given = _fit(amount * making) // taking
    return (making, taking) if given > making else (given, amount)


def _word_amounts(making: int, taking: int, amount: int, *, by_making: bool) -> tuple[int, int]:
    """The same by 1inch's formulas, which multiply for whole fills too and round up by adding ``making - 1``."""

    def up(given: int) -> int:
        raised = given * taking + making
        if (given | taking) >> 128 == 0:
            # Not checked there: where it wraps the quotient is zero, and the fill is refused for that.
            return (raised - 1) % WORD // making if making else 0
        return (_fit(raised) - 1) // making if making else 0

    if by_making:
        given = min(amount, making)
        return given, up(given)
    if taking == 0:
        return 0, 0
    given = _fit(amount * making) // taking
    return (making, up(making)) if given > making else (given, amount)


def judge(
    making: int,
    taking: int,
    amount: int,
    *,
    by_making: bool,
    threshold: int = 0,
    no_partial: bool = False,
    on_oneinch: bool = False,
) -> Moved:
    """Both amounts and the rules they break; amounts that overflow are reported as zero."""
    try:
        formula = _word_amounts if on_oneinch else exact_amounts
        given, taken = formula(making, taking, amount, by_making=by_making)
        broken = _threshold(given, taken, amount, threshold, by_making=by_making)
    except _Overflow:
        return Moved(0, 0, frozenset({OVERFLOW} if making and taking else {OVERFLOW, ZERO}))
    if given * taken % WORD == 0:
        # Both contracts test the product in one word: 2^128 times 2^128 is refused too.
        broken.add(ZERO)
    if no_partial and given != making:
        broken.add(PARTIAL)
    return Moved(given, taken, frozenset(broken))


def _threshold(given: int, taken: int, amount: int, threshold: int, *, by_making: bool) -> set[str]:
    if threshold == 0:
        return set()
    if by_making:
        exact = amount == given
        high = taken > threshold if exact else _fit(taken * amount) > _fit(threshold * given)
        return {TOO_HIGH} if high else set()
    exact = amount == taken
    low = given < threshold if exact else _fit(given * amount) < _fit(threshold * taken)
    return {TOO_LOW} if low else set()


def decayed(making: int, maker_traits: int, at_s: int) -> int | None:
    """What decay leaves of the making amount (contracts/README.md, bits 208-246); None where it overflows."""
    start_s = (maker_traits >> 80 & (1 << 40) - 1) - (maker_traits >> 208 & (1 << 12) - 1)
    slope = maker_traits >> 220 & (1 << 14) - 1
    cap = (maker_traits >> 234 & (1 << 13) - 1) * 10
    if slope == 0 or at_s <= start_s or start_s < 0:
        return making
    left = making * (DECAY_ONE - min((at_s - start_s) * slope, cap))
    return None if left >= WORD else left // DECAY_ONE


def smallest_making(making: int, maker_traits: int, at_s: int) -> int:
    """The least making amount of a fill but of the whole, rounded up (bits 200-207); 0 where none is named."""
    whole = decayed(making, maker_traits, at_s) or 0
    return -(-whole * (maker_traits >> 200 & RATIO_ONE) // RATIO_ONE)


def judge_terms(
    making: int, taking: int, amount: int, *, maker_traits: int, at_s: int, by_making: bool, threshold: int
) -> Moved:
    """`judge` on our domain, where a quote may decay and may name the smallest fill."""
    whole = decayed(making, maker_traits, at_s)
    if whole is None:
        return Moved(0, 0, frozenset({OVERFLOW}))
    no_partial = bool(maker_traits >> 255)
    moved = judge(whole, taking, amount, by_making=by_making, threshold=threshold, no_partial=no_partial)
    if OVERFLOW in moved.broken or moved.making == whole:
        return moved
    if whole * (maker_traits >> 200 & RATIO_ONE) >= WORD:
        return Moved(moved.making, moved.taking, moved.broken | {OVERFLOW})
    small = moved.making < smallest_making(making, maker_traits, at_s)
    return Moved(moved.making, moved.taking, moved.broken | ({TOO_SMALL} if small else set()))
