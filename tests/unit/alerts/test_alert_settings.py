"""Settings of the channels, and the pump."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from pmm.alerts import Alert, AlertDesk, AlertPump, AlertSettings, Routes, Severity, channels_of, routes_of
from pmm.alerts.channels.pagerduty import EVENTS_URL
from pmm.alerts.channels.twilio_sms import API_URL
from pmm.cli import main
from pmm.errors import InvalidInput
from pmm.ledger import open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.settings import load_settings
from pmm.settings_changes import flat, shown
from tests.unit.alerts.conftest import MAKER

SECRET = "s3cr3t-that-nobody-may-see"
ALL = {
    "slack_url": f"https://hooks.slack.com/services/{SECRET}",
    "pagerduty_key": SECRET,
    "sms_account": "AC1",
    "sms_token": SECRET,
    "sms_sender": "+15550100",
    "sms_receivers": "+15550101, +15550102",
    "email_host": "mail.example.org",
    "email_password": SECRET,
    "email_sender": "pmm@example.org",
    "email_receivers": "a@example.org",
    "webhook_url": f"https://example.org/{SECRET}",
    "webhook_secret": SECRET,
}


def test_settings__nothing_set__needs_no_key_and_gives_no_channel() -> None:
    assert channels_of(AlertSettings.model_validate({})) == ()
    assert routes_of(AlertSettings.model_validate({})).least == {}


def test_settings__everything_set__gives_every_channel_and_shows_no_secret() -> None:
    settings = AlertSettings.model_validate(ALL)
    assert [channel.name for channel in channels_of(settings)] == [
        "slack",
        "pagerduty",
        "sms",
        "email",
        "webhook",
    ]
    assert settings.sms_receivers == ("+15550101", "+15550102")
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    routes = routes_of(settings)
    names = tuple(channel.name for channel in channels_of(settings))
    assert routes.channels(Severity.INFO, names) == ("webhook",)
    assert routes.channels(Severity.WARNING, names) == ("slack", "email", "webhook")
    assert routes.channels(Severity.CRITICAL, names) == names


@pytest.mark.parametrize(
    "missing", ["sms_token", "sms_receivers", "email_sender", "email_receivers", "webhook_secret"]
)
def test_settings__half_a_channel__is_refused_without_showing_the_other_half(missing: str) -> None:
    with pytest.raises(ValidationError, match="all of its settings") as caught:
        AlertSettings.model_validate({name: value for name, value in ALL.items() if name != missing})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slack_url", "notaurl"),
        ("slack_url", f"http://hooks.slack.com/{SECRET}"),
        ("slack_url", f"https:///{SECRET}"),
        ("webhook_url", f"https://host:port/{SECRET}"),
        ("pagerduty_endpoint", "events.pagerduty.com"),
        ("sms_endpoint", "http://api.twilio.com"),
        ("sms_receivers", "+15550101,15550102"),
        ("email_host", "smtp://mail.example.org"),
        ("email_sender", "pmm"),
        ("email_receivers", "a@example.org,b"),
    ],
)
def test_tree__address_that_is_none__is_refused_by_the_settings_name(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^PMM_ALERTS_{name.upper()}: ") as refused:
        load_settings({"alerts": {**ALL, name: value}})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slack_url", "http://127.0.0.1:8080/hook"),
        ("sms_endpoint", "http://localhost:1"),
        ("email_sender", "The desk <pmm@example.org>"),
        ("email_receivers", "root@localhost"),
    ],
)
def test_tree__address_on_this_machine_or_with_a_name__is_taken(name: str, value: str) -> None:
    load_settings({"alerts": {**ALL, name: value}})


@pytest.mark.parametrize("command", ["serve", "desk"])
def test_command__address_that_is_none__ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("PMM_ALERTS_SLACK_URL", SECRET)
    with pytest.raises(SystemExit) as ended:
        main([command])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: PMM_ALERTS_SLACK_URL: expected an https address")
    assert said.count("\n") == 1
    assert SECRET not in said


def test_pump__alert_raised__is_delivered_by_its_thread(tmp_path: Path) -> None:
    heard = threading.Event()

    class Bell:
        name = "bell"

        def deliver(self, alert: Alert, *, delivery_id: str) -> None:
            assert threading.current_thread().name == "alerts"
            heard.set()

    ledger = open_ledger(tmp_path / "l.sqlite", chain_id=1, maker=MAKER)
    desk = AlertDesk(ledger, (Bell(),), Routes(), watch=DeskEvents().alerts)
    pump = AlertPump(desk, lambda: 2, interval_s=0.01)
    pump.start()
    desk.raise_alert(Alert(key="k", severity=Severity.CRITICAL, title="t"), 1)
    assert heard.wait(30)
    pump.close()
    ledger.close()


def test_defaults__addresses__are_those_of_the_channels() -> None:
    settings = AlertSettings.model_validate({})
    assert (settings.pagerduty_endpoint, settings.sms_endpoint) == (EVENTS_URL, API_URL)


@pytest.mark.parametrize("name", ["webhook_secret", "sms_token", "pagerduty_key"])
def test_tree__secret_of_another_type__is_not_repeated(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_settings({"alerts": {name: 1234567890123456}})
    assert "1234567890123456" not in str(refused.value)


def test_tree__secrets__are_shown_to_nobody() -> None:
    settings = load_settings({"alerts": {"slack_url": f"https://hooks.slack.com/{SECRET}"}})
    assert SECRET not in repr(settings)
    assert {shown(name, value) for name, value in flat(settings).items() if name == "alerts.slack_url"} == {
        "<redacted>"
    }
