"""What a quote would have been worth later: the fair value at a horizon against the quoted price."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from pmm.pricing.fixed_point import E36
from pmm.risk.markouts import HORIZONS_S

__all__ = ["HORIZONS_S", "Markout", "markouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Markout:
    """Our gain of a fill at its quote, judged at a horizon, in 1/100 bps of what was taken; None without a price."""

    horizon_s: int
    gain_bps_e2: int | None


def markouts(
    *,
    making_amount: int,
    taking_amount: int,
    quoted_at_s: int,
    fair_rates: Sequence[tuple[int, int]],
    horizons_s: Sequence[int] = HORIZONS_S,
) -> tuple[Markout, ...]:
    """Return the markouts of one quote.

    ``fair_rates`` are (unix time, maker base units per taker base unit scaled by 10**36), rising in time. The gain at
    a horizon is what the taker paid less what he got, at the first fair value at or after it, rounded down.
    """
    times = [at_s for at_s, _ in fair_rates]
    found: list[Markout] = []
    for horizon_s in horizons_s:
        index = bisect_left(times, quoted_at_s + horizon_s)
        if index == len(times) or fair_rates[index][1] == 0:
            found.append(Markout(horizon_s=horizon_s, gain_bps_e2=None))
            continue
        worth_e36 = taking_amount * fair_rates[index][1]
        gain = (worth_e36 - making_amount * E36) * 1_000_000 // worth_e36
        found.append(Markout(horizon_s=horizon_s, gain_bps_e2=gain))
    return tuple(found)
