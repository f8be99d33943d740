"""Stress scenarios, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pmm.errors import InvalidInput

_H: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Prices at a time of a scenario, as ratios to those at its start; an asset that is not named has not moved."""

    at_s: int
    prices: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens to the world.

    Attributes:
        name: short, for settings and reports.
        story: what it is modelled on.
        path: prices over time, first moment at 0.
        gas_factor: gas price, times that of now.
        lender_share: of the lenders' depth that is left.
        frozen_feeds: assets whose feed stands at its first price.
    """

    name: str
    story: str
    path: tuple[Moment, ...] = (Moment(at_s=0, prices={}),)
    gas_factor: float = 1.0
    lender_share: float = 1.0
    frozen_feeds: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        times = [one.at_s for one in self.path]
        ratios = [ratio for one in self.path for ratio in one.prices.values()]
        good = times and times[0] == 0 and times == sorted(set(times))
        if not good or any(not 0 <= ratio < float("inf") for ratio in ratios):
            raise InvalidInput(
                f"scenario {self.name}: expected rising times from 0 and price ratios of 0 or more, found {times}"
            )


def _path(asset: str, moments: Sequence[tuple[int, float]]) -> tuple[Moment, ...]:
    return tuple(Moment(at_s=at_s, prices={asset: ratio}) for at_s, ratio in moments)


# Binance BTC/USD over BTC/USDC, one-minute closes, hours after 2023-03-11 00:00 UTC; the low is that of 07:50.
_USDC_2023: Final = (
    (0, 1.0),
    (4 * _H, 0.9963),
    (5 * _H, 0.954),
    (6 * _H, 0.9568),
    (7 * _H, 0.9843),
    (28_200, 0.8748),
    (9 * _H, 0.9208),
    (12 * _H, 0.9103),
    (18 * _H, 0.941),
    (24 * _H, 0.9672),
    (36 * _H, 0.9588),
    (48 * _H, 0.9905),
    (72 * _H, 0.9983),
)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="usdc_depeg_2023",
        story="USDC from 2023-03-11, when its issuer's bank had failed: 0.8748 at 07:50 UTC, back in three days",
        path=_path("USDC", _USDC_2023),
    ),
    Scenario(
        name="eth_down_20_in_an_hour",
        story="twice the worst hour of Chainlink's ETH/USD rounds of 2023 (2024-01-03, -9.8 %)",
        path=_path("WETH", ((0, 1.0), (900, 0.93), (1_800, 0.86), (2_700, 0.78), (3_600, 0.80))),
    ),
    Scenario(
        name="eth_down_35_in_a_block",
        story="the fall that a lending account at 1.6 times its debt survives",
        path=_path("WETH", ((0, 1.0), (12, 0.65))),
    ),
    Scenario(name="gas_times_20", story="a popular mint, as of 2022-05-01", gas_factor=20.0),
    Scenario(
        name="lender_empty", story="a lender is drained: nothing to borrow or to withdraw", lender_share=0.0
    ),
    Scenario(
        name="feed_frozen",
        story="Chainlink stands still while the market falls by 5 % in ten minutes",
        path=_path("WETH", ((0, 1.0), (300, 0.975), (600, 0.95))),
        frozen_feeds=frozenset({"WETH"}),
    ),
)


def recorded(name: str, story: str, prices: Mapping[str, Sequence[tuple[int, float]]]) -> Scenario:
    """Make a scenario of recorded prices: asset -> (unix s, price), each rising in time from a common start."""
    if not prices or any(not series for series in prices.values()):
        raise InvalidInput(f"scenario {name}: expected prices of at least one asset, found none")
    start_s = max(series[0][0] for series in prices.values())
    times = sorted({at_s for series in prices.values() for at_s, _ in series if at_s >= start_s})
    first: dict[str, float] = {}
    path: list[Moment] = []
    places = dict.fromkeys(prices, 0)
    for at_s in times:
        now: dict[str, float] = {}
        for asset, series in prices.items():
            while places[asset] + 1 < len(series) and series[places[asset] + 1][0] <= at_s:
                places[asset] += 1
            price = series[places[asset]][1]
            now[asset] = price / first.setdefault(asset, price)
        path.append(Moment(at_s=at_s - start_s, prices=now))
    return Scenario(name=name, story=story, path=tuple(path))
