"""Scaled integers of the money path: what is rounded, which way, is in the name of every function.

``_e36`` numbers are scaled by 10**36. A *rate* is an amount of one asset per amount of another, both in base
units; a *share* is a fraction of the fair value, of which one basis point is 10**32.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from functools import lru_cache

from pmm.errors import InvalidInput

BPS = 10_000
E36 = 10**36
_BPS_PLACES = 32
SHARE_PER_BPS_E36 = 10**_BPS_PLACES
# Parts of a price stop at 12 decimal places of a basis point, so that they read well and add up exactly even in
# Decimal's usual 28 digits.
SHARE_STEP_E36 = 10**20

# Wide enough for every share and amount; a result that would be rounded raises instead.
_EXACT = Context(prec=160, traps=[Inexact])


def div_up(numerator: int, denominator: int) -> int:
    """Return the quotient of non-negative integers, rounded up."""
    return -(-numerator // denominator)


def share_up_e36(numerator: int, denominator: int) -> int:
    """Return a quotient that is a share, rounded up to 12 decimal places of a basis point."""
    return -(-numerator // (denominator * SHARE_STEP_E36)) * SHARE_STEP_E36


@lru_cache(maxsize=1_024)
def share_of_bps_e36(bps: Decimal | int | str) -> int:
    """Return a share for basis points; raise InvalidInput for more than 32 decimal places."""
    scaled = _EXACT.scaleb(Decimal(bps), 32)
    if scaled != scaled.to_integral_value():
        raise InvalidInput(f"basis points: expected at most 32 decimal places, found {bps}")
    return int(scaled)


@lru_cache(maxsize=4_096)
def bps_of_share(share_e36: int) -> Decimal:
    """Return a share in basis points, exactly."""
    value = _EXACT.scaleb(Decimal(share_e36), -32)
    return value.normalize(_EXACT) if value else Decimal(0)


def bps_text(share_e36: int) -> str:
    """Return the digits of :func:`bps_of_share`: exact, without exponent and without zeros at the end."""
    digits = str(abs(share_e36)).zfill(_BPS_PLACES + 1)
    part = digits[-_BPS_PLACES:].rstrip("0")
    text = f"{digits[:-_BPS_PLACES]}.{part}" if part else digits[:-_BPS_PLACES]
    return f"-{text}" if share_e36 < 0 else text


# Few, so that they stay at hand: beside those that every quote repeats, each has some that never come again.
repeated_bps_text = lru_cache(maxsize=256)(bps_text)
"""As :func:`bps_text`, for a share that is likely to come again."""


def usd_wad(amount: Decimal | int | str) -> int:
    """Return US dollars scaled by 10**18; raise InvalidInput for more than 18 decimal places."""
    scaled = _EXACT.scaleb(Decimal(amount), 18)
    if scaled != scaled.to_integral_value():
        raise InvalidInput(f"US dollars: expected at most 18 decimal places, found {amount}")
    return int(scaled)
