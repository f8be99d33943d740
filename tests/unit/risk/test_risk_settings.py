"""Every line is a setting: it has a row in the table, is read from text, and is checked."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pmm.errors import InvalidInput
from pmm.risk.catalogue import METRICS
from pmm.risk.settings import RiskSettings
from pmm.settings_risk import RiskSection, risk_settings


class _Tree(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PMM_", env_nested_delimiter="_", env_nested_max_split=1)

    risk: RiskSection = RiskSection()  # type: ignore[valid-type]


def test_section__default__is_the_dataclass() -> None:
    assert risk_settings(RiskSection()) == RiskSettings()
    assert set(RiskSection.model_fields) == {one.name for one in fields(RiskSettings)}
    assert {one.name for one in METRICS} <= set(RiskSection.model_fields)
    assert all(field.description for field in RiskSection.model_fields.values())


def test_section__environment__sets_lines_and_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_RISK_UPTIME_PCT", "100, 99.9, 99")
    monkeypatch.setenv("PMM_RISK_GAS_RATIO_PCT", "1,2,inf")
    monkeypatch.setenv("PMM_RISK_ASK", "unwind_all,cancel_all")
    monkeypatch.setenv("PMM_RISK_HOLD_S", "5")
    found = risk_settings(_Tree().risk)
    assert found.uptime_pct == (100.0, 99.9, 99.0)
    assert found.gas_ratio_pct == (1.0, 2.0, math.inf)
    assert found.ask == ("unwind_all", "cancel_all")
    assert found.hold_s == 5.0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uptime_pct": (98.0, 99.5, 100.0)}, "risk setting uptime_pct: line: expected"),
        ({"recovery_size_pct": ()}, "as many recovery sizes as spreads"),
        ({"recovery_size_pct": (0.0, 10.0, 50.0)}, "sizes above 0"),
        ({"hold_s": 0.0}, "positive times"),
        ({"clear_margin_pct": 101.0}, "margin of 0 to 100"),
    ],
)
def test_settings__senseless__are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        RiskSettings(**changes)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PMM_RISK_UPTIME_PCT", "98,99,100", "from good to bad"),
        ("PMM_RISK_ASK", "unwind", "expected any of"),
        ("PMM_RISK_UPTIME_PCT", "98,99", "uptime_pct"),
    ],
)
def test_section__wrong_value__is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=says):
        _Tree()
