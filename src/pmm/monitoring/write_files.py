"""`make monitoring`: writes boards, alert rules and their tests into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from pmm.monitoring.boards import BOARDS
from pmm.monitoring.boards.grafana import board_json
from pmm.monitoring.rules import RULES, rule_tests_yaml, rules_yaml

RULE_FILE = "pmm.rules.yml"
TEST_FILE = "pmm.rules.test.yml"


def monitoring_files() -> dict[str, str]:
    """Return what belongs into the folder ``monitoring``, by relative path."""
    files = {f"boards/{board.uid}.json": board_json(board) for board in BOARDS}
    files[f"rules/{RULE_FILE}"] = rules_yaml(RULES)
    files[f"rules/{TEST_FILE}"] = rule_tests_yaml(RULES, rule_file=RULE_FILE)
    return files


def write(folder: Path) -> None:
    """Write them."""
    for name, text in monitoring_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
