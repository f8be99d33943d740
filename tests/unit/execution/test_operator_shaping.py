"""The desk's widen, cut_sizes, skew and switch_source at a quote server, over its own operator API."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from pmm.errors import SetupError
from pmm.execution.actions import (
    ActionPorts,
    ActionRefused,
    Command,
    OperatorQuoting,
    OperatorShaping,
    Status,
)
from pmm.execution.actions.executors import executors_of
from pmm.execution.quote_shaping import Setter, ShapeKey, ShapeKind
from pmm.pricing import NO_SHAPE
from pmm.risk.plans import ActionKind
from tests.unit.execution.test_operator_quoting import ToSite
from tests.unit.server.test_operator_api import Site, open_site

_URL = "http://test"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = open_site(tmp_path)
    yield made
    made.shape.close()


def shaping(site: Site, role: str = "desk") -> OperatorShaping:
    return OperatorShaping(_URL, site.keys[role], client=httpx.Client(transport=ToSite(site), base_url=_URL))


def _run(site: Site, kind: ActionKind, subject: str, value: float) -> str:
    shape = shaping(site)
    client = httpx.Client(transport=ToSite(site), base_url=_URL)
    quoting = OperatorQuoting(_URL, site.keys["desk"], shape, client=client)
    command = Command(
        command_id="c1",
        kind=kind,
        subject=subject,
        value=value,
        reason="a warning",
        at_ms=1,
        status=Status.STARTED,
        attempts=1,
        changed_at_ms=1,
        detail="",
    )
    return executors_of(ActionPorts(quoting=quoting, sources=shape))[kind](command)


def test_standing_actions__of_a_desk__are_on_the_next_quote(site: Site) -> None:
    (pair,) = site.desk.admission.policy.pairs.policies
    assert _run(site, ActionKind.WIDEN, "*", 5.0) == "spread * set to 5.000000, version 1"
    assert _run(site, ActionKind.CUT_SIZES, "*", 5_000) == "size * set to 5000, version 1"
    assert _run(site, ActionKind.SKEW, "WETH", -5.0) == "skew WETH set to -5.000000, version 1"
    found = site.shape.shaping.of(pair)
    assert (found.spread_bps, found.size_bps, found.base_skew_bps) == (Decimal(5), 5_000, Decimal(-5))
    for kind, subject, value in (
        (ActionKind.WIDEN, "*", 0.0),
        (ActionKind.CUT_SIZES, "*", 10_000),
        (ActionKind.SKEW, "WETH", 0.0),
    ):
        _run(site, kind, subject, value)
    assert site.shape.shaping.of(pair) is NO_SHAPE


def test_widen__done_twice__is_one_change(site: Site) -> None:
    _run(site, ActionKind.WIDEN, "*", 5.0)
    assert _run(site, ActionKind.WIDEN, "*", 5.0) == "spread * is 5 already, version 1"
    assert len(site.shape.audit()) == 1


def test_widen__what_stands_would_not_last__is_set_again(site: Site) -> None:
    ours = ShapeKey(ShapeKind.SPREAD, "*", Setter.DESK)
    site.shape.set(ours, Decimal(5), version=0, who="desk", why="for a minute", expires_in_s=60)
    assert _run(site, ActionKind.WIDEN, "*", 5.0).endswith("version 2")
    assert site.shape.shaping.state(ours).expires_at_ms is None
    site.shape._database.execute("PRAGMA query_only = ON")
    with pytest.raises(SetupError):
        _run(site, ActionKind.WIDEN, "*", 9.0)
    # It counts in memory alone: a restart would lose it.
    with pytest.raises(SetupError):
        _run(site, ActionKind.WIDEN, "*", 9.0)
    site.shape._database.execute("PRAGMA query_only = OFF")
    assert "set to 9.000000" in _run(site, ActionKind.WIDEN, "*", 9.0)
    assert site.shape.fault is None


def test_widen__a_persons_value__is_neither_replaced_nor_lifted(site: Site) -> None:
    (pair,) = site.desk.admission.policy.pairs.policies
    mine = ShapeKey(ShapeKind.SPREAD, "*", Setter.PERSON)
    site.shape.set(mine, Decimal(20), version=0, who="ada", why="news")
    _run(site, ActionKind.WIDEN, "*", 5.0)
    _run(site, ActionKind.WIDEN, "*", 0.0)
    assert site.shape.shaping.of(pair).spread_bps == 20


def test_switch_source__named__is_left_out__all_or_a_required_one_is_refused(site: Site) -> None:
    assert _run(site, ActionKind.SWITCH_SOURCE, "coingecko", 0) == "source coingecko set to 1, version 1"
    assert site.shape.shaping.sources_off == {"coingecko"}
    (state,) = site.shape.shaping.active.values()
    assert state.expires_at_ms is not None, "it comes back by itself"
    # Asked for again, it is out for the whole time again.
    assert _run(site, ActionKind.SWITCH_SOURCE, "coingecko", 0).endswith("set to 1, version 2")
    with pytest.raises(ActionRefused, match="every source that is healthy counts at once"):
        _run(site, ActionKind.SWITCH_SOURCE, "*", 0)
    with pytest.raises(ActionRefused, match="no price without it"):
        _run(site, ActionKind.SWITCH_SOURCE, "pools", 0)


def test_set__key_without_the_role__is_an_error_without_the_key(site: Site) -> None:
    ours = shaping(site, "viewer")
    with pytest.raises(SetupError, match="answered 403") as caught:
        ours("spread_addon_bps", 5.0)
    assert site.keys["viewer"] not in str(caught.value)
    assert site.keys["viewer"] not in repr(ours)


def test_set__key_of_a_person__is_an_error_that_names_the_role_and_sets_nothing(site: Site) -> None:
    with pytest.raises(SetupError, match="answered 403; check its log, and that the key has the role desk"):
        shaping(site, "risk")("spread_addon_bps", 5.0)
    assert not site.shape.shaping.active


def test_set__changed_by_somebody_meanwhile__looks_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, asked = shaping(site), OperatorShaping._version
    stale = iter([(0, None)])
    ours("spread_addon_bps", 3.0)
    monkeypatch.setattr(OperatorShaping, "_version", lambda *args: next(stale, None) or asked(*args))
    assert ours("spread_addon_bps", 5.0) == "spread * set to 5.000000, version 2"
