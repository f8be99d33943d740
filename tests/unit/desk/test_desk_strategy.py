"""When the desk hedges, from its settings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.desk.measured_ratio import MeasuredRatio, Ratio
from pmm.desk.strategy import (
    DUST_USD_WAD,
    AboveDust,
    DollarBand,
    VarianceHedge,
    hedged_assets,
    ratio_of,
    strategy_of,
)
from pmm.errors import InvalidInput
from pmm.execution.hedging import BatchHedge, Immediate, NoHedge, OpenDelta, RatioHedge
from pmm.risk.price_record import PriceRecord
from pmm.settings import load_settings
from pmm.settings_sections import DeskSettings

WAD = 10**18
BAND = DollarBand(inner_usd_wad=500 * WAD, outer_usd_wad=2_000 * WAD)


def delta(amount: int, usd_wad: int) -> OpenDelta:
    return OpenDelta(amount=amount, oldest_ms=0, now_ms=0, usd_wad=usd_wad)


def test_dollar_band__at_the_outer_edge__waits() -> None:
    assert BAND.decide(delta(WAD, 2_000 * WAD)) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_dollar_band__beyond_it__trades_to_the_inner_edge(sign: int) -> None:
    decision = BAND.decide(delta(sign * WAD, 2_500 * WAD))
    assert decision is not None
    assert (decision.trade, decision.carry) == (-sign * 8 * WAD // 10, sign * 2 * WAD // 10)


def test_dollar_band__without_a_price__waits() -> None:
    assert BAND.decide(delta(10**30, 0)) is None


@given(
    amount=st.integers(min_value=-(10**24), max_value=10**24),
    price_usd=st.integers(min_value=1, max_value=10**6),
    inner=st.integers(min_value=0, max_value=2_000),
)
def test_dollar_band__any_delta__is_left_inside_the_inner_edge_and_nothing_is_lost(
    amount: int, price_usd: int, inner: int
) -> None:
    usd_wad = abs(amount) * price_usd
    decision = DollarBand(inner_usd_wad=inner * WAD, outer_usd_wad=2_000 * WAD).decide(delta(amount, usd_wad))
    if decision is None:
        assert usd_wad <= 2_000 * WAD
        return
    assert amount == -decision.trade + decision.waived + decision.carry
    assert decision.waived == 0
    assert abs(decision.carry) * price_usd <= inner * WAD
    assert decision.trade * amount < 0


def prices(*rows: tuple[float, float], least: int = 2) -> PriceRecord:
    """Return a record of WBTC and WETH, a minute apart."""
    record = PriceRecord(("WBTC", "WETH"), every_ms=60_000, least=least)
    for number, (wbtc, weth) in enumerate(rows):
        assert record.see(number * 60_000, {"WBTC": wbtc, "WETH": weth})
    return record


def test_strategy__as_set__is_the_one_named() -> None:
    def of(name: str, **more: object) -> object:
        desk = DeskSettings.model_validate({"hedging": name, **more})
        return strategy_of(desk, lambda: Ratio(wad=WAD))

    assert of("batch") == BatchHedge(usd_wad=10_000 * WAD, age_ms=60_000)
    assert of("batch", batch_usd="5.5", batch_age_ms=7) == BatchHedge(usd_wad=55 * WAD // 10, age_ms=7)
    band = DollarBand(inner_usd_wad=0, outer_usd_wad=2_000 * WAD)
    assert of("minimum_variance", variance_ratio="0.25") == RatioHedge(ratio_wad=WAD // 4, inside=band)
    measured = of("minimum_variance", variance_inside="immediate")
    assert isinstance(measured, VarianceHedge)
    assert measured.inside == AboveDust(Immediate())
    assert isinstance(of("none"), NoHedge)
    assert of("immediate") == AboveDust(Immediate())
    assert of("band") == DollarBand(inner_usd_wad=0, outer_usd_wad=2_000 * WAD)


def test_above_dust__what_a_hedged_fill_leaves__waits_and_a_dollar_more_does_not() -> None:
    strategy = AboveDust(Immediate())
    assert strategy.name == "immediate"

    def delta(usd_wad: int) -> OpenDelta:
        return OpenDelta(amount=5, oldest_ms=0, now_ms=10**9, usd_wad=usd_wad)

    assert strategy.decide(delta(DUST_USD_WAD - 1)) is None
    for usd_wad in (DUST_USD_WAD, 10**24, 0):
        # Without a price it is for the routes to say so.
        decision = strategy.decide(delta(usd_wad))
        assert decision is not None
        assert decision.trade == -5


def test_hedged_assets__as_set__have_their_quotes_and_limits() -> None:
    found = hedged_assets(
        DeskSettings.model_validate({"hedged": "WETH/USDT, WBTC/USDC", "max_cost_bps": 7}), prices()
    )
    assert [(one.asset.symbol, one.quote.symbol) for one in found] == [("WETH", "USDT"), ("WBTC", "USDC")]
    assert {one.limits.max_cost_bps for one in found} == {7}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PMM_DESK_HEDGED", "WETH/USDC,WETH/USDT", "each asset once"),
        ("PMM_DESK_HEDGED", "WETH/XYZ", "hedged: pair: unknown token"),
        ("PMM_DESK_HEDGING", "sometimes", "PMM_DESK_HEDGING"),
        ("PMM_DESK_BAND_INNER_USD", "3000", "at most band_outer_usd"),
        ("PMM_DESK_BATCH_USD", "-1", "PMM_DESK_BATCH_USD"),
        ("PMM_DESK_BATCH_AGE_MS", "86400001", "PMM_DESK_BATCH_AGE_MS"),
        ("PMM_DESK_VARIANCE_RATIO", "1.1", "PMM_DESK_VARIANCE_RATIO"),
        ("PMM_DESK_VARIANCE_INSIDE", "none", "expected immediate, band or batch"),
        ("PMM_DESK_HEDGNG", "none", "did you mean PMM_DESK_HEDGING"),
    ],
)
def test_desk_settings__wrong__are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=said):
        load_settings()


def test_desk_settings__from_options_and_environment__are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_DESK_METRICS_PORT", "0")
    monkeypatch.setenv("PMM_DESK_BACKUP_NODES", "https://node.example/secret-key")
    desk = load_settings({"desk": {"ledger": "x.sqlite"}}).desk
    assert (str(desk.ledger), desk.metrics_port) == ("x.sqlite", 0)
    assert "secret-key" not in repr(desk)


# WETH moves by 1 %, WBTC by what WETH does and 1 % of its own, up and down by turns: rho and sigmas are known.
_TOGETHER = ((100.0, 10.0), (102.01, 10.1), (101.0, 10.0), (101.0, 10.1), (100.0, 10.0))


def test_measured_ratio__hedged_for_what_moves_with_it__is_that_of_least_variance() -> None:
    """By hand, of returns with w = ln 1.01: WBTC 2w, -w, 0, -w; WETH w, -w, w, -w; hedge w, 0, -w, 0."""
    found = MeasuredRatio(prices(*_TOGETHER), "WBTC", "WETH")()
    # Cov = (2w * w + 0) / 4 - 0 = w^2 / 2 and Var = 2 w^2 / 4: a ratio of 1; the means are 0.
    assert found.wad == pytest.approx(WAD, rel=1e-3)
    assert found.unknown == ""
    # WETH hedged for WBTC: hedge -w, 0, w, 0; Cov = (-w^2 + w^2) / 4 = 0.
    assert MeasuredRatio(prices(*_TOGETHER), "WETH", "WBTC")().wad == pytest.approx(0, abs=WAD // 1_000)


@given(own=st.floats(0.001, 0.05), shared=st.floats(0.001, 0.05))
def test_measured_ratio__any_two__leaves_less_variance_than_any_other_part(own: float, shared: float) -> None:
    rows, wbtc, weth = [(100.0, 10.0)], 100.0, 10.0
    for number in range(40):
        up, alone = (1 if number % 2 else -1) * shared, (1 if number % 4 < 2 else -1) * own
        wbtc, weth = wbtc * math.exp(up / 2 + alone), weth * math.exp(up)
        rows.append((wbtc, weth))
    record = prices(*rows)
    moves = record.day_returns()

    def left(part: float) -> float:
        return float((moves[:, 0] - part * (moves[:, 0] - moves[:, 1])).var())

    found = MeasuredRatio(record, "WBTC", "WETH")().wad / WAD
    assert 0 <= found <= 1
    assert all(left(found) <= left(part / 20) * (1 + 1e-9) for part in range(21))


def test_measured_ratio__not_known__hedges_the_whole_and_says_why() -> None:
    for record, why in (
        (prices(*_TOGETHER, least=9), "unknown, needs 4 more prices"),
        (prices(*[(100.0, 10.0)] * 5), "stands still"),
    ):
        strategy = VarianceHedge(ratio=MeasuredRatio(record, "WBTC", "WETH"), inside=Immediate())
        found = strategy.decide(delta(WAD, WAD))
        assert found is not None
        assert (found.trade, found.waived) == (-WAD, 0)
        assert why in found.reason
        shown = ratio_of(strategy)
        assert shown is not None
        assert why in shown.unknown


def test_ratio_of__a_strategy_that_takes_the_whole__is_none() -> None:
    assert ratio_of(Immediate()) is None
    assert ratio_of(RatioHedge(ratio_wad=7, inside=Immediate())) == Ratio(wad=7)
