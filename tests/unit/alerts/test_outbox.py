"""Deliveries: tried again, given up, kept over a crash and a full disk, never lost, never doubled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.alerts import Alert, AlertDesk, DeliveryFailed, DeliveryRefused, Routes, Severity
from pmm.alerts.channels import SlackChannel
from pmm.ledger import Ledger, LedgerDown, open_ledger
from pmm.monitoring.desk import DeskEvents
from tests.helpers.http_site import Answer, Site
from tests.unit.alerts.conftest import MAKER
from tests.unit.alerts.phone import HOUR, MINUTE, ROUTES, START, Phone, warning


def test_delivery__channel_away__is_tried_ever_later_and_arrives_once(desk: AlertDesk, slack: Phone) -> None:
    slack.fault = lambda: DeliveryFailed("away")
    desk.raise_alert(warning(), START)
    tries = []
    for second in range(200):
        now = START + second * 1_000
        before = slack.fault
        seen: list[int] = []

        def fault(at: int = second, seen: list[int] = seen) -> Exception:
            seen.append(at)
            return DeliveryFailed("away")

        slack.fault = fault
        desk.deliver_due(now)
        tries += seen
        assert before is not None
    assert tries == [0, 2, 6, 14, 30, 62, 126]
    slack.fault = None
    assert desk.deliver_due(START + 300_000) == 1
    assert len(slack.heard) == 1


def test_delivery__retry_after__is_kept(desk: AlertDesk, slack: Phone) -> None:
    slack.fault = lambda: DeliveryFailed("busy", retry_after_s=120)
    desk.raise_alert(warning(), START)
    desk.deliver_due(START)
    slack.fault = None
    assert desk.deliver_due(START + 119_000) == 0
    assert desk.deliver_due(START + 120_000) == 1


def test_delivery__refused_for_good__is_not_tried_again_and_says_so(
    ledger: Ledger, slack: Phone, pager: Phone
) -> None:
    events = DeskEvents()
    desk = AlertDesk(ledger, (slack, pager), ROUTES, watch=events.alerts)
    slack.fault = lambda: DeliveryRefused("wrong key")
    desk.raise_alert(warning(), START)
    desk.deliver_due(START)
    slack.fault = None
    assert desk.deliver_due(START + 24 * HOUR) == 0
    labels = {"channel": "slack", "outcome": "refused"}
    assert events.registry.get_sample_value("pmm_alert_deliveries_total", labels) == 1
    assert ledger.read("SELECT state, detail FROM alerts_deliveries") == [("refused", "wrong key")]


def test_delivery__away_for_a_day__is_given_up(ledger: Ledger, slack: Phone) -> None:
    desk = AlertDesk(ledger, (slack,), Routes(), watch=DeskEvents().alerts, keep_trying_ms=HOUR)
    slack.fault = lambda: DeliveryFailed("away")
    desk.raise_alert(warning(), START)
    for minute in range(0, 90, 5):
        desk.deliver_due(START + minute * MINUTE)
    assert ledger.read("SELECT state FROM alerts_deliveries") == [("given_up",)]


def test_delivery__one_channel_away__does_not_hold_up_the_other(
    desk: AlertDesk, slack: Phone, pager: Phone
) -> None:
    asked: list[int] = []

    def fault() -> Exception:
        asked.append(1)
        return DeliveryFailed("away")

    slack.fault = fault
    for number in range(20):
        desk.raise_alert(warning(Severity.CRITICAL, key=f"k{number}"), START)
    desk.deliver_due(START)
    assert len(pager.heard) == 20
    # Its first failure lets the channel rest: twenty timeouts in a row would hold up everybody.
    assert len(asked) == 1


def test_outbox__killed_before_delivery__next_process_delivers(tmp_path: Path, slack: Phone) -> None:
    first = open_ledger(tmp_path / "l.sqlite", chain_id=1, maker=MAKER)
    AlertDesk(first, (slack,), Routes(), watch=DeskEvents().alerts).raise_alert(warning(), START)
    first.close()
    second = open_ledger(tmp_path / "l.sqlite", chain_id=1, maker=MAKER)
    desk = AlertDesk(second, (slack,), Routes(), watch=DeskEvents().alerts)
    assert desk.raise_alert(warning(), START + 1) == "duplicate"
    assert desk.deliver_due(START + 2) == 1
    assert len(slack.heard) == 1
    second.close()


class FullDisk:
    """A ledger whose writes fail while ``full``, and whose reads fail too while ``gone``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.full = False
        self.gone = False

    def transaction(self) -> Any:
        if self.full:
            raise LedgerDown("disk is full")
        return self._ledger.transaction()

    def read(self, sql: str, values: Any = ()) -> Any:
        if self.gone:
            raise LedgerDown("disk is full")
        return self._ledger.read(sql, values)


@pytest.mark.parametrize("gone", [False, True])
def test_full_disk__alert_of_it__is_told_all_the_same_and_once(
    ledger: Ledger, slack: Phone, gone: bool
) -> None:
    disk: Any = FullDisk(ledger)
    desk = AlertDesk(disk, (slack,), Routes(), watch=DeskEvents().alerts)
    disk.full, disk.gone = True, gone
    assert desk.raise_alert(warning(key="disk"), START) == "sent"
    assert desk.raise_alert(warning(key="disk"), START + 1) == "duplicate"
    slack.fault = lambda: DeliveryFailed("away")
    desk.deliver_due(START)
    slack.fault = None
    assert desk.deliver_due(START + 2_000) == 1
    disk.full = disk.gone = False
    assert desk.raise_alert(warning(key="disk"), START + 3_000) == "duplicate"
    assert desk.deliver_due(START + HOUR) == 0
    assert len(slack.heard) == 1


def test_full_disk__after_the_delivery__it_is_not_sent_twice(ledger: Ledger, slack: Phone) -> None:
    disk: Any = FullDisk(ledger)
    desk = AlertDesk(disk, (slack,), Routes(), watch=DeskEvents().alerts)
    desk.raise_alert(warning(), START)

    def fills_up(alert: Alert, *, delivery_id: str) -> None:
        slack.heard.append((delivery_id, alert.headline))
        disk.full = True

    slack.deliver = fills_up  # type: ignore[method-assign]
    desk.deliver_due(START)
    # The row still says that it waits, and cannot be changed.
    desk.deliver_due(START + MINUTE)
    assert len(slack.heard) == 1
    disk.full = False
    desk.deliver_due(START + HOUR)
    assert len(slack.heard) == 1
    assert ledger.read("SELECT state FROM alerts_deliveries") == [("delivered",)]


def test_slack__busy_then_back__gets_the_alert_after_the_time_it_asked_for(
    tmp_path: Path, site: Site
) -> None:
    ledger = open_ledger(tmp_path / "l.sqlite", chain_id=1, maker=MAKER)
    channel = SlackChannel(f"{site.url}/services/x", timeout_s=2)
    desk = AlertDesk(ledger, (channel,), Routes(), watch=DeskEvents().alerts)
    site.usual = Answer(body=b"ok")
    site.answers.extend([Answer(status=500), Answer(status=429, headers={"retry-after": "30"})])
    desk.raise_alert(warning(), START)
    times = [START + second * 1_000 for second in range(0, 60)]
    assert [at - START for at in times if desk.deliver_due(at)] == [32_000]
    assert len(site.asked) == 3
    ledger.close()


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("raise"), st.sampled_from(["a", "b"]), st.sampled_from(list(Severity))),
        st.tuples(st.just("resolve"), st.sampled_from(["a", "b"]), st.just(Severity.INFO)),
        st.tuples(st.just("break"), st.sampled_from(["slack", "pager"]), st.just(Severity.INFO)),
        st.tuples(st.just("mend"), st.sampled_from(["slack", "pager"]), st.just(Severity.INFO)),
        st.tuples(st.just("restart"), st.just(""), st.just(Severity.INFO)),
    ),
    max_size=25,
)
_NAMES = itertools.count()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_anything_happens__every_sent_alert__reaches_each_of_its_channels_exactly_once(
    steps: list[tuple[str, str, Severity]], tmp_path: Path
) -> None:
    path, steps = tmp_path / f"{next(_NAMES)}.sqlite", list(steps)
    phones = {"slack": Phone("slack"), "pager": Phone("pager")}
    sent = {"slack": 0, "pager": 0}
    now = START
    for desk in _desks(path, phones):
        while steps:
            kind, name, severity = steps.pop(0)
            now += 1_000
            if kind == "raise" and desk.raise_alert(warning(severity, key=name), now) == "sent":
                for channel in ROUTES.channels(severity, ("slack", "pager")):
                    sent[channel] += 1
            elif kind == "resolve":
                desk.resolve(name, now)
            elif kind == "break":
                phones[name].fault = lambda: DeliveryFailed("away")
            elif kind == "mend":
                phones[name].fault = None
            elif kind == "restart":
                break
            desk.deliver_due(now)
        if steps:
            continue
        for phone in phones.values():
            phone.fault = None
        for later in range(1, 5):
            desk.deliver_due(now + later * HOUR)
        break
    for name, phone in phones.items():
        told = [line for line in phone.lines if not line.startswith("[resolved]")]
        assert len(told) == sent[name]
        assert len({delivery_id for delivery_id, _ in phone.heard}) == len(phone.heard)


def _desks(path: Path, phones: dict[str, Phone]) -> Iterator[AlertDesk]:
    while True:
        ledger = open_ledger(path, chain_id=1, maker=MAKER)
        try:
            yield AlertDesk(ledger, tuple(phones.values()), ROUTES, watch=DeskEvents().alerts)
        finally:
            ledger.close()
