"""Alert rules by promtool: each fires on its firing series and not on its quiet ones."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.monitoring.rules import RULES, AlertRule, rule_tests_yaml, rules_yaml
from tests.helpers.prometheus import needs


def _promtool(folder: Path, rules: tuple[AlertRule, ...], tests: tuple[AlertRule, ...]) -> tuple[int, str]:
    (folder / "rules.yml").write_text(rules_yaml(rules))
    (folder / "tests.yml").write_text(rule_tests_yaml(tests, rule_file="rules.yml"))
    done = subprocess.run(
        [needs("promtool"), "test", "rules", "tests.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_rules__each_on_firing_and_quiet_series__fires_and_does_not(tmp_path: Path) -> None:
    code, said = _promtool(tmp_path, RULES, RULES)
    assert code == 0, said


@pytest.mark.parametrize("fault", ["1 < 0", "vector(1)"])
def test_promtool__rules_that_never_or_always_fire__finds_every_one(tmp_path: Path, fault: str) -> None:
    broken = tuple(
        replace(rule, expr=f"{fault}" if "vector" in fault else f"({rule.expr}) * 0 > 1") for rule in RULES
    )
    code, said = _promtool(tmp_path, broken, RULES)
    assert code != 0
    for rule in RULES:
        assert rule.name in said


def test_rules__names_and_severities__are_unique_and_routable() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {rule.severity for rule in RULES} == {"warning", "critical"}
    assert all(rule.summary and rule.todo for rule in RULES)
