"""Dune: execute, poll, results, and every way in which that ends otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.errors import InvalidInput
from pmm.sources import DuneSql, SourceUnavailable
from tests.helpers.http_site import Answer, Site
from tests.unit.sources.conftest import StoppedClock

KEY = "k3y-that-nobody-may-see"


def _dune(site: Site) -> DuneSql:
    return DuneSql("flow", "SELECT 1", key=KEY, timeout_s=0.5, clock=StoppedClock(), url=site.url)


def test_dune__execute_poll_results__returns_all_pages(site: Site) -> None:
    clock = StoppedClock()
    states = ["QUERY_STATE_PENDING", "QUERY_STATE_EXECUTING", "QUERY_STATE_COMPLETED"]
    site.answers.append(Answer.of({"execution_id": "01HKZJ2683PHF9Q9PHHQ8FW4Q1", "state": states[0]}))
    site.answers.extend(Answer.of({"execution_id": "01HK", "state": state}) for state in states)
    site.answers.append(Answer.of({"state": states[2], "next_offset": 1_000, "result": {"rows": [{"n": 1}]}}))
    site.answers.append(Answer.of({"state": states[2], "result": {"rows": [{"n": 2}], "metadata": {}}}))
    dune = DuneSql("flow", "SELECT n FROM t", key=KEY, timeout_s=2, clock=clock, url=site.url)
    assert dune.ask() == ({"n": 1}, {"n": 2})
    execute, *polls, first, second = site.asked
    assert (execute.method, execute.path) == ("POST", "/sql/execute")
    assert execute.json == {"sql": "SELECT n FROM t", "performance": "medium"}
    assert {asked.path for asked in polls} == {"/execution/01HKZJ2683PHF9Q9PHHQ8FW4Q1/status"}
    assert [asked.path.partition("?")[2] for asked in (first, second)] == [
        "limit=1000&offset=0",
        "limit=1000&offset=1000",
    ]
    assert all(asked.headers["x-dune-api-key"] == KEY for asked in site.asked)
    assert clock.slept == [2.0, 2.0]


@pytest.mark.parametrize(
    "state", ["QUERY_STATE_FAILED", "QUERY_STATE_CANCELED", "QUERY_STATE_EXPIRED", "NEW_STATE"]
)
def test_dune__execution_that_ends_otherwise__is_no_answer_and_starts_anew(state: str, site: Site) -> None:
    dune = _dune(site)
    site.answers.extend([Answer.of({"execution_id": "a1"}), Answer.of({"state": state})])
    with pytest.raises(SourceUnavailable, match=state):
        dune.ask()
    site.answers.extend(
        [
            Answer.of({"execution_id": "a2"}),
            Answer.of({"state": "QUERY_STATE_COMPLETED"}),
            Answer.of({"result": {"rows": []}}),
        ]
    )
    assert dune.ask() == ()


def test_dune__execution_that_takes_too_long__is_asked_for_again_and_not_paid_for_twice(site: Site) -> None:
    dune = _dune(site)
    site.answers.append(Answer.of({"execution_id": "a1"}))
    site.usual = Answer.of({"state": "QUERY_STATE_EXECUTING"})
    with pytest.raises(SourceUnavailable, match="300 s"):
        dune.ask()
    site.answers.extend(
        [Answer.of({"state": "QUERY_STATE_COMPLETED"}), Answer.of({"result": {"rows": [{"n": 1}]}})]
    )
    assert dune.ask() == ({"n": 1},)
    assert [asked.path for asked in site.asked].count("/sql/execute") == 1


def test_dune__execution_that_is_not_known_any_more__starts_anew(site: Site) -> None:
    dune = _dune(site)
    site.answers.extend([Answer.of({"execution_id": "a1"}), Answer(status=404)])
    with pytest.raises(SourceUnavailable, match="404"):
        dune.ask()
    site.answers.extend([Answer.of({"execution_id": "a2"}), Answer.of({"state": "QUERY_STATE_COMPLETED"})])
    site.answers.append(Answer.of({"result": {"rows": []}}))
    assert dune.ask() == ()
    assert [asked.path for asked in site.asked].count("/sql/execute") == 2


@pytest.mark.parametrize("execution", ["../../x", "a b", "", 7, None])
def test_dune__execution_id_that_is_none__is_refused(execution: Any, site: Site) -> None:
    site.usual = Answer.of({"execution_id": execution})
    with pytest.raises(SourceUnavailable, match="execution_id"):
        _dune(site).ask()
    assert len(site.asked) == 1


def test_dune__no_key__is_refused() -> None:
    with pytest.raises(InvalidInput):
        DuneSql("flow", "SELECT 1", key="", timeout_s=1, clock=StoppedClock())
