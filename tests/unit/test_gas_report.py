"""How the gas benchmark judges and prints its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gas_bench.references import first_and_next
from gas_bench.report import Report, Row, put_into_page


@pytest.mark.parametrize(("measured", "verdict"), [(90, "goal"), (91, "met"), (100, "met"), (101, "MISSED")])
def test_verdict__of_a_row_with_target_and_goal__follows_the_figure(measured: int, verdict: str) -> None:
    assert Row(case="fill", measured=measured, target=100, goal=90).verdict == verdict


def test_verdict__without_a_target__is_empty() -> None:
    assert Row(case="fill", measured=1).verdict == ""


def test_first_and_next__far_from_the_reference__says_so() -> None:
    first, following = first_and_next("0x v4 fillOtcOrder", 99_849 + 301, 82_749 - 300)
    assert first.note == "reference +301: NOT REPRODUCED"
    assert following.note == "reference -300"


def test_write__of_rows_and_skips__is_json_with_conditions(tmp_path: Path) -> None:
    report = Report()
    report.add("fills", [Row(case="fill", measured=71_000, target=72_000)])
    report.skip("compact", "not there yet")
    report.write(tmp_path / "gas.json", {"node": "anvil"})
    row = {
        "section": "fills",
        "case": "fill",
        "measured": 71_000,
        "unit": "gas",
        "target": 72_000,
        "goal": None,
    }
    assert json.loads((tmp_path / "gas.json").read_text()) == {
        "conditions": {"node": "anvil"},
        "rows": [row],
        "skipped": [{"case": "compact", "reason": "not there yet"}],
    }


def test_put_into_page__replaces_what_stands_between_the_comments(tmp_path: Path) -> None:
    page = tmp_path / "gas.md"
    page.write_text("head\n<!-- written by benchmarks/gas.py -->\nold\n<!-- end -->\ntail\n")
    put_into_page(page, "\nnew")
    put_into_page(page, "\nnewer")
    text = "head\n<!-- written by benchmarks/gas.py -->\n```text\nnewer\n```\n<!-- end -->\ntail\n"
    assert page.read_text() == text


def test_put_into_page__without_the_comments__is_refused(tmp_path: Path) -> None:
    page = tmp_path / "gas.md"
    page.write_text("head\n")
    with pytest.raises(AssertionError, match="expected the comments"):
        put_into_page(page, "\nnew")
