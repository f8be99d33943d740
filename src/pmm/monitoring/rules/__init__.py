"""Alert rules for Prometheus as code: `make monitoring` writes monitoring/rules and their promtool tests.

Each rule carries the series on which it must fire and those on which it must not: no rule without both.
"""

from pmm.monitoring.rules.desk_rules import DESK_RULES
from pmm.monitoring.rules.plumbing_rules import PLUMBING_RULES
from pmm.monitoring.rules.rule import AlertRule
from pmm.monitoring.rules.rules_yaml import rule_tests_yaml, rules_yaml

RULES = (*DESK_RULES, *PLUMBING_RULES)

__all__ = ["RULES", "AlertRule", "rule_tests_yaml", "rules_yaml"]
