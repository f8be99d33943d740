"""Speed of risk: a million-scenario value at risk on ten assets, metrics per event, the pre-trade check.

``measure()`` returns the rows of ``benchmarks/desk.py``. Each simulation is fresh: a new seed each time, nothing
kept between them. Best of several, in this process, on whatever core it gets.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from desk_bench.rows import Row, row
from pmm.domain import USDC, WETH, Address, address_from_bytes
from pmm.execution import LiveQuote, Settlement
from pmm.execution.nonces import router_nonce
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.risk import events as seen
from pmm.risk.monitor import RiskMonitor
from pmm.risk.payoffs import LendingAccount, LinearBook, OpenQuote, Payoff
from pmm.risk.posture import Posture
from pmm.risk.pre_trade import pre_trade_state
from pmm.risk.returns import ReturnModel
from pmm.risk.settings import RiskSettings
from pmm.risk.var import SCENARIOS, full_var, linear_var
from pmm.server.clock import SystemClock

_ASSETS = 10
_RUNS = 7
_EVENTS = 20_000
_WARM = 2_000
_CHECKS = 20_000
_NOW_MS = 1_700_000_000_000


def measure() -> list[Row]:
    """Measure and return ``case, measured, unit, target, goal``."""
    model, dollars = _book()
    payoffs = _payoffs(dollars)
    seeds = itertools.count(1)
    linear_ms = _best_ms(lambda: linear_var(dollars, model, seed=next(seeds)))
    full_ms = _best_ms(lambda: full_var(payoffs, model, seed=next(seeds)))
    mean_us, median_us, p99_us = _events_us()
    shape = f"{SCENARIOS:,} scenarios, {_ASSETS} assets"
    return [
        row(f"value at risk, {shape}: linear book", linear_ms, "ms", 25, 15),
        row(f"value at risk, {shape}: full revaluation, 2 loans, 2 quotes", full_ms, "ms", 250, 120),
        row("risk metrics and phases per event: mean of a mixed day", mean_us, "us", 100, 20),
        row("the same, median", median_us, "us"),
        row("the same, p99", p99_us, "us", 100),
        row("pre-trade check of a quote, counted and taken back, 10 assets", _check_us(), "us", 15),
    ]


def _book() -> tuple[ReturnModel, Any]:
    random = np.random.default_rng(7)
    volatility = random.uniform(0.02, 0.06, _ASSETS)
    correlation = 0.6 * np.ones((_ASSETS, _ASSETS)) + 0.4 * np.eye(_ASSETS)
    names = tuple(f"A{number}" for number in range(_ASSETS))
    model = ReturnModel(assets=names, covariance=correlation * np.outer(volatility, volatility))
    return model, random.normal(0, 1e5, _ASSETS)


def _payoffs(dollars: Any) -> list[Payoff]:
    loan = {"collateral_usd": 2e6, "threshold": 0.8, "bonus": 0.05}
    return [
        LinearBook(dollars=dollars),
        LendingAccount(collateral=0, debt=None, debt_usd=1.4e6, **loan),
        LendingAccount(collateral=1, debt=2, debt_usd=1.5e6, **loan),
        OpenQuote(gives=0, takes=None, gives_usd=1e5, takes_usd=1.001e5, share=0.03),
        OpenQuote(gives=None, takes=3, gives_usd=1e5, takes_usd=1.001e5, share=0.03),
    ]


def _best_ms(measured: Callable[[], object]) -> float:
    measured()
    best = float("inf")
    for _ in range(_RUNS):
        started = time.perf_counter()
        measured()
        best = min(best, time.perf_counter() - started)
    return best * 1e3


def _day() -> list[seen.RiskEvent]:
    """Eight kinds of events in turn, seven milliseconds apart, ten assets, fifty takers."""
    found: list[seen.RiskEvent] = []
    for number in range(_EVENTS + _WARM):
        at, taker, million = _NOW_MS + 7 * number, f"t{number % 50}", 10**12
        one: tuple[seen.RiskEvent, ...] = (
            seen.RequestAnswered(at, number % 3_000),
            seen.QuoteGiven(at, "1inch", "WETH/USDC", taker, 10**9),
            seen.QuoteExecuted(at, "1inch", "WETH/USDC", taker, 10**9),
            seen.PositionValued(at, f"A{number // 8 % _ASSETS}", False, million + number, *[million] * 7),
            seen.GasPriceSeen(at, 10**10 + number),
            seen.PnlBooked(at, "WETH", seen.PnlComponent.SPREAD, 10**6),
            seen.PortfolioValued(at, 10**13 - number),
            seen.CollateralValued(at, "aave", 2 * million, million),
        )
        found.append(one[number % 8])
    return found


def _events_us() -> tuple[float, float, float]:
    """Return mean, median and p99 of one event: metrics, lines and phases."""
    monitor = RiskMonitor(RiskSettings(), now_ms=_NOW_MS)
    taken: list[int] = []
    for event in _day():
        started = time.perf_counter_ns()
        monitor.apply(event)
        taken.append(time.perf_counter_ns() - started)
    taken = sorted(taken[_WARM:])
    return sum(taken) / len(taken) / 1e3, taken[len(taken) // 2] / 1e3, taken[len(taken) * 99 // 100] / 1e3


def _check_us() -> float:
    """Return what a quote costs at the door: checked, counted beside live quotes of ten assets, taken back."""
    clock = SystemClock()
    gate = PreTradeGate(clock=clock, required=True, max_age_ms=600_000)
    model, dollars = _book()
    names = [WETH.address, *(address_from_bytes(bytes([number]) * 20) for number in range(1, _ASSETS))]
    gate.put(
        pre_trade_state(
            now_ms=clock.wall_ms(),
            block_number=1,
            posture=Posture(),
            deltas_usd_e6=dict.fromkeys(names, 0),
            numeraires=frozenset({USDC.address}),
            dollars=dict(zip(names, dollars.tolist(), strict=True)),
            covariance={
                one: dict(zip(names, row, strict=True))
                for one, row in zip(names, model.covariance.tolist(), strict=True)
            },
            inventory_usd_e6=10**15,
            capital_usd_e6=10**15,
            max_quote_usd_e6=5 * 10**11,
            settings=RiskSettings(pre_trade_max_age_s=600.0),
        )
    )
    for number, name in enumerate(names):
        gate.reserved(_live(number, name, USDC.address), 10_000)
        gate.reserved(_live(100 + number, USDC.address, name), 10_000)
    quote = _live(1_000, WETH.address, USDC.address)

    def many() -> None:
        for _ in range(_CHECKS):
            assert gate.check(quote.maker_asset, quote.taker_asset, quote.usd_wad, stays=True).accepted
            gate.reserved(quote, 10_000)
            gate.released(quote.order_hash, filled_by=None)

    return _best_ms(many) / _CHECKS * 1e3


def _live(number: int, maker_asset: Address, taker_asset: Address) -> LiveQuote:
    return LiveQuote(
        order_hash=number.to_bytes(32, "big"),
        settlement=Settlement.ONEINCH,
        signer=maker_asset,
        nonce=router_nonce(number),
        expiration_s=0,
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        reserved_amount=1,
        usd_wad=10**21,
        allowed_sender=0,
    )
