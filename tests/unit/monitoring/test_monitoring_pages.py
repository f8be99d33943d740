"""docs/monitoring.md names every metric and rule, docs/alerts.md and docs/sources.md every setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from pmm.alerts import AlertSettings
from pmm.monitoring.desk import DeskEvents
from pmm.monitoring.rules import RULES
from pmm.sources import SourceSettings

DOCS = Path(__file__).parents[3] / "docs"
NOTHING_SET = AlertSettings.model_validate({}), SourceSettings.model_validate({})


def test_monitoring_page__every_metric_and_rule__is_in_its_table() -> None:
    text = (DOCS / "monitoring.md").read_text()
    for family in DeskEvents().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"| `{name}` |" in text
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.severity} | {rule.hold_min} |" in text


@pytest.mark.parametrize(
    ("page", "section", "settings"),
    [("alerts.md", "ALERTS", AlertSettings), ("sources.md", "SOURCES", SourceSettings)],
)
def test_page__every_setting__is_in_its_table(
    page: str, section: str, settings: type[AlertSettings | SourceSettings]
) -> None:
    text = (DOCS / page).read_text()
    for name, field in settings.model_fields.items():
        line = next(one for one in text.splitlines() if one.startswith(f"| `PMM_{section}_{name.upper()}` |"))
        assert field.description
        assert field.description in line


def test_sections__in_a_settings_tree__are_set_by_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tree(BaseSettings):
        """As pmm.settings has it."""

        model_config = SettingsConfigDict(
            env_prefix="PMM_", env_nested_delimiter="_", env_nested_max_split=1, frozen=True, extra="forbid"
        )
        alerts: AlertSettings = NOTHING_SET[0]
        sources: SourceSettings = NOTHING_SET[1]

    secret = "s3cr3t-that-nobody-may-see"
    for name, value in (
        ("PMM_ALERTS_SMS_ACCOUNT", "AC1"),
        ("PMM_ALERTS_SMS_TOKEN", secret),
        ("PMM_ALERTS_SMS_SENDER", "+15550100"),
        ("PMM_ALERTS_SMS_RECEIVERS", "+15550101,+15550102"),
        ("PMM_SOURCES_ALCHEMY_KEY", secret),
    ):
        monkeypatch.setenv(name, value)
    tree = Tree()
    assert tree.alerts.sms_receivers == ("+15550101", "+15550102")
    assert tree.sources.alchemy_key is not None
    assert tree.sources.alchemy_key.get_secret_value() == secret
    assert secret not in repr(tree)
