"""The alert desk on both kinds of ledger: told once, told again when it must be, never lost, never doubled."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.alerts import Alert, AlertDesk, Severity
from pmm.errors import InvalidInput
from pmm.ledger import Ledger
from pmm.monitoring.desk import DeskEvents
from tests.unit.alerts.phone import HOUR, ROUTES, START, Phone, warning


def test_alert__same_trouble_again__is_told_once(desk: AlertDesk, slack: Phone, pager: Phone) -> None:
    fates = [desk.raise_alert(warning(), START + second * 1_000) for second in range(5)]
    assert fates == ["sent"] + ["duplicate"] * 4
    assert desk.deliver_due(START + 5_000) == 1
    assert desk.deliver_due(START + 6_000) == 0
    assert slack.lines == ["[warning] net_delta_pct:WETH off"]
    assert pager.lines == []


def test_alert__gets_worse__is_told_again_and_to_more(desk: AlertDesk, slack: Phone, pager: Phone) -> None:
    desk.raise_alert(warning(), START)
    assert desk.raise_alert(warning(Severity.CRITICAL), START + 1) == "sent"
    assert desk.raise_alert(warning(Severity.WARNING), START + 2) == "duplicate"
    desk.deliver_due(START + 3)
    assert len(slack.lines) == 2
    assert pager.lines == ["[critical] net_delta_pct:WETH off"]
    desk.resolve(warning().key, START + 4)
    desk.deliver_due(START + 5)
    # Whoever was woken is told that it is over, though it was only a warning at its end.
    assert pager.lines[-1] == slack.lines[-1] == "[resolved] net_delta_pct:WETH off"


def test_alert__stands_for_long__is_told_again(desk: AlertDesk, slack: Phone) -> None:
    assert desk.raise_alert(warning(), START) == "sent"
    assert desk.raise_alert(warning(), START + HOUR - 1) == "duplicate"
    assert desk.raise_alert(warning(), START + HOUR) == "sent"


def test_alert__resolved_and_back__is_a_new_one(desk: AlertDesk) -> None:
    desk.raise_alert(warning(), START)
    assert desk.resolve(warning().key, START + 1)
    assert not desk.resolve(warning().key, START + 2)
    assert desk.raise_alert(warning(), START + 3) == "sent"


def test_silence__while_it_lasts__keeps_and_does_not_tell(desk: AlertDesk, slack: Phone) -> None:
    silence = desk.silences.add(
        pattern="net_delta*", until_ms=START + HOUR, who="ops", why="planned", now_ms=START
    )
    assert desk.raise_alert(warning(), START + 1) == "silenced"
    assert desk.raise_alert(warning(), START + 2) == "duplicate"
    assert desk.raise_alert(warning(key="uptime_pct"), START + 3) == "sent"
    assert desk.raise_alert(warning(), START + HOUR) == "sent"
    assert [one.who for one in desk.silences.standing(START)] == ["ops"]
    desk.silences.end(silence.silence_id)
    assert desk.silences.standing(START) == ()


def test_silence__trouble_over_before_anybody_knew__is_not_told(desk: AlertDesk, slack: Phone) -> None:
    desk.silences.add(pattern="*", until_ms=START + HOUR, who="ops", why="planned", now_ms=START)
    desk.raise_alert(warning(), START)
    desk.resolve(warning().key, START + 1)
    desk.deliver_due(START + 2)
    assert slack.lines == []


@pytest.mark.parametrize(
    "change",
    [{"until_ms": START}, {"until_ms": START + 8 * 24 * HOUR}, {"who": " "}, {"why": ""}, {"pattern": ""}],
)
def test_silence__without_end_or_reason__is_refused(desk: AlertDesk, change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "pattern": "*",
        "until_ms": START + HOUR,
        "who": "ops",
        "why": "planned",
        "now_ms": START,
    }
    with pytest.raises(InvalidInput):
        desk.silences.add(**(good | change))
    with pytest.raises(InvalidInput):
        desk.silences.end("no such")


def test_routes__channel_that_is_not_set_up__is_refused_at_the_start(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="pager"):
        AlertDesk(ledger, (Phone("slack"),), ROUTES, watch=DeskEvents().alerts)


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_alert__key_that_is_none__is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        Alert(key=key, severity=Severity.INFO, title="t")


def test_alert__resolved_one__cannot_be_raised(desk: AlertDesk) -> None:
    with pytest.raises(InvalidInput, match="resolve"):
        desk.raise_alert(Alert(key="k", severity=Severity.INFO, title="t", resolved=True), START)
