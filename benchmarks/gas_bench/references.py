"""Figures of an earlier, independent measurement under the same conditions, to hold this run against.

Two OpenZeppelin 5.0.1 ERC-20s of 18 decimals, solc 0.8.23, a million runs; both parties hold both; unlimited
allowances; receipt gas of the first and the next fill.
"""

from __future__ import annotations

from dataclasses import replace

from gas_bench.report import Row

TOLERANCE_GAS = 300
REFERENCES: dict[str, tuple[int, int]] = {
    "1inch LOP 4.0.3 fillOrder": (92_185, 75_097),
    "1inch LOP 4.3.3 fillOrder": (92_646, 75_522),
    "AirSwap swap, no fee": (94_544, 77_444),
    "AirSwap swap, fee 5 bps": (107_423, 90_323),
    "AirSwap swapLight, no fee": (101_542, 84_418),
    "0x v4 fillOtcOrder": (99_849, 82_749),
    "0x v4 fillRfqOrder": (104_816, 104_816),
    "Hashflow tradeRFQT, EOA maker": (112_493, 95_393),
    "Hashflow tradeRFQT, pool inventory": (92_685, 92_673),
    "UniswapX ExclusiveDutchOrder execute": (120_581, 103_493),
    "UniswapX V2DutchOrder execute": (128_806, 111_706),
    "CoW settle, one signed order": (139_774, 139_774),
    "CoW settle, two signed orders": (169_738, 169_750),
    "genuine AggregationRouterV6 fillOrder": (94_541, 77_453),
}


def first_and_next(case: str, first: int, following: int, why: str = "") -> list[Row]:
    """Return the two rows of a case; a figure far from its reference says so, and why where that is known."""
    rows = [
        Row(case=f"{case}, first nonce", measured=first),
        Row(case=f"{case}, next nonce", measured=following),
    ]
    return [
        replace(row, note=_note(int(row.measured), reference, why))
        for row, reference in zip(rows, REFERENCES[case], strict=True)
    ]


def _note(measured: int, reference: int, why: str) -> str:
    off = measured - reference
    if abs(off) <= TOLERANCE_GAS:
        return f"reference {off:+,}"
    return f"reference {off:+,}" + (f": {why}" if why else ": NOT REPRODUCED")
