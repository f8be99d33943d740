"""When the desk hedges, from its settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.desk.strategy import DollarBand, hedged_assets, strategy_of
from pmm.errors import InvalidInput
from pmm.execution.hedging import Immediate, NoHedge, OpenDelta
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


def test_strategy__as_set__is_the_one_named() -> None:
    def of(name: str) -> object:
        return strategy_of(DeskSettings.model_validate({"hedging": name}))

    assert isinstance(of("none"), NoHedge)
    assert isinstance(of("immediate"), Immediate)
    assert of("band") == DollarBand(inner_usd_wad=0, outer_usd_wad=2_000 * WAD)


def test_hedged_assets__as_set__have_their_quotes_and_limits() -> None:
    found = hedged_assets(DeskSettings.model_validate({"hedged": "WETH/USDT, WBTC/USDC", "max_cost_bps": 7}))
    assert [(one.asset.symbol, one.quote.symbol) for one in found] == [("WETH", "USDT"), ("WBTC", "USDC")]
    assert {one.limits.max_cost_bps for one in found} == {7}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PMM_DESK_HEDGED", "WETH/USDC,WETH/USDT", "each asset once"),
        ("PMM_DESK_HEDGED", "WETH/XYZ", "hedged: pair: unknown token"),
        ("PMM_DESK_HEDGING", "sometimes", "PMM_DESK_HEDGING"),
        ("PMM_DESK_BAND_INNER_USD", "3000", "at most band_outer_usd"),
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
