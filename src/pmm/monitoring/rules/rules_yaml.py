"""Rules, and their tests for `promtool test rules`, as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]

from pmm.monitoring.rules.rule import AlertRule, Series

_HEAD = "# Made by `make monitoring` from src/pmm/monitoring/rules; change it there.\n"


def rules_yaml(rules: Sequence[AlertRule]) -> str:
    """Return the file for ``rule_files`` of prometheus.yml."""
    return _HEAD + _dump({"groups": [{"name": "pmm", "rules": [_rule(rule) for rule in rules]}]})


def rule_tests_yaml(rules: Sequence[AlertRule], *, rule_file: str) -> str:
    """Return the file for `promtool test rules`: each rule on its firing series and on its quiet ones."""
    tests = [_test(rule, fires=fires) for rule in rules for fires in (True, False)]
    return _HEAD + _dump({"rule_files": [rule_file], "evaluation_interval": "1m", "tests": tests})


def _rule(rule: AlertRule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": f"{rule.hold_min}m",
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "todo": rule.todo},
    }


def _test(rule: AlertRule, *, fires: bool) -> dict[str, Any]:
    series: tuple[Series, ...] = rule.fires if fires else rule.quiet
    return {
        "name": f"{rule.name} {'fires' if fires else 'does not fire'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [
            {
                # How many alerts stand: the labels of each are Prometheus' own affair.
                "expr": f'count(ALERTS{{alertname="{rule.name}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{rule.after_min}m",
                "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
            }
        ],
    }


def _dump(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, width=110, allow_unicode=True))
