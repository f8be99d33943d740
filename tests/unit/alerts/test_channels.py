"""Each HTTP channel against a real local receiver: what it sends, what it makes of answers, what it hides."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from pmm.alerts import Alert, Channel, DeliveryFailed, DeliveryRefused, Severity
from pmm.alerts.channels import (
    PagerDutyChannel,
    SlackChannel,
    TwilioChannel,
    WebhookChannel,
    verify_webhook,
)
from pmm.errors import InvalidInput
from tests.helpers.http_site import Answer, Site

ALERT = Alert(
    key="net_delta_pct:WETH",
    severity=Severity.CRITICAL,
    title="WETH delta is 7 % <of> inventory & rising",
    text="hedged at once on the cheapest venue",
)
OVER = Alert(key=ALERT.key, severity=Severity.CRITICAL, title=ALERT.title, resolved=True)
SECRET = "s3cr3t-that-nobody-may-see"
NOW_S = 1_800_000_000
OK = Answer(body=b"ok")


def _slack(site: Site) -> Channel:
    return SlackChannel(f"{site.url}/services/T0/B0/{SECRET}", timeout_s=0.5)


def _pagerduty(site: Site) -> Channel:
    return PagerDutyChannel(SECRET, source="pmm", timeout_s=0.5, url=f"{site.url}/v2/enqueue")


def _sms(site: Site) -> Channel:
    return TwilioChannel(
        account="AC1", token=SECRET, sender="+15550100", receivers=("+15550101",), timeout_s=0.5, url=site.url
    )


def _webhook(site: Site) -> Channel:
    return WebhookChannel(f"{site.url}/hook", secret=SECRET, timeout_s=0.5, clock_s=lambda: NOW_S)


MAKERS = [_slack, _pagerduty, _sms, _webhook]
every_channel = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__.strip("_"))


@pytest.fixture
def every_log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_slack__alert__is_escaped_and_names_its_delivery(site: Site) -> None:
    site.usual = OK
    _slack(site).deliver(ALERT, delivery_id="d1")
    (asked,) = site.asked
    assert asked.path == f"/services/T0/B0/{SECRET}"
    body = asked.json
    assert body["text"] == "[critical] WETH delta is 7 % &lt;of&gt; inventory &amp; rising"
    assert body["attachments"][0]["text"] == ALERT.text
    assert body["attachments"][0]["footer"].endswith("d1")


def test_slack__answer_that_is_not_ok__is_tried_again(site: Site) -> None:
    site.usual = Answer(body=b"<html>a proxy's page</html>")
    with pytest.raises(DeliveryFailed):
        _slack(site).deliver(ALERT, delivery_id="d1")


def test_pagerduty__trigger_and_resolve__share_their_dedup_key(site: Site) -> None:
    site.usual = Answer.of({"status": "success", "dedup_key": ALERT.key}, status=202)
    channel = _pagerduty(site)
    channel.deliver(ALERT, delivery_id="d1")
    channel.deliver(OVER, delivery_id="d2")
    trigger, resolve = (asked.json for asked in site.asked)
    assert trigger["event_action"] == "trigger"
    assert trigger["payload"]["severity"] == "critical"
    assert set(trigger["payload"]) >= {"summary", "source", "severity"}
    assert resolve["event_action"] == "resolve"
    assert trigger["dedup_key"] == resolve["dedup_key"] == ALERT.key
    assert trigger["routing_key"] == resolve["routing_key"] == SECRET


def test_sms__alert__goes_in_twilios_form_with_basic_auth(site: Site) -> None:
    site.usual = Answer.of({"sid": "SM1", "status": "queued"}, status=201)
    _sms(site).deliver(ALERT, delivery_id="d1")
    (asked,) = site.asked
    assert asked.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == f"AC1:{SECRET}"
    form = parse_qs(asked.body.decode())
    assert form["To"] == ["+15550101"]
    assert form["From"] == ["+15550100"]
    assert form["Body"][0].startswith("[critical] WETH delta is 7 %")


def test_sms__one_number_of_three_fails__others_get_one_each(site: Site) -> None:
    channel = TwilioChannel(
        account="AC1",
        token=SECRET,
        sender="+15550100",
        receivers=("+1", "+2", "+3"),
        timeout_s=0.5,
        url=site.url,
    )
    created = Answer.of({"sid": "SM1"}, status=201)
    site.answers.extend([created, Answer(status=503), created])
    with pytest.raises(DeliveryFailed):
        channel.deliver(ALERT, delivery_id="d1")
    site.usual = created
    channel.deliver(ALERT, delivery_id="d1")
    assert [parse_qs(asked.body.decode())["To"][0] for asked in site.asked] == ["+1", "+2", "+3", "+2"]


def test_sms__number_that_twilio_refuses__is_told_after_the_others_got_theirs(site: Site) -> None:
    channel = TwilioChannel(
        account="AC1", token=SECRET, sender="+1", receivers=("bad", "+2"), timeout_s=0.5, url=site.url
    )
    site.answers.extend([Answer.of({"code": 21211, "status": 400}, status=400), Answer.of({}, status=201)])
    with pytest.raises(DeliveryRefused):
        channel.deliver(ALERT, delivery_id="d1")
    assert len(site.asked) == 2


def test_webhook__signature__verifies_and_only_over_this_body_time_and_secret(site: Site) -> None:
    _webhook(site).deliver(ALERT, delivery_id="d1")
    (asked,) = site.asked
    timestamp, signature = asked.headers["x-pmm-timestamp"], asked.headers["x-pmm-signature"]

    def verified(
        body: bytes = asked.body, at: str = timestamp, secret: str = SECRET, now_s: float = NOW_S
    ) -> bool:
        return verify_webhook(secret, timestamp=at, body=body, signature=signature, now_s=now_s)

    assert verified()
    assert not verified(body=asked.body.replace(b"critical", b"info"))
    assert not verified(at=str(NOW_S + 1))
    assert not verified(secret=SECRET + "x")
    assert not verified(now_s=NOW_S + 301)
    assert not verified(at="yesterday")
    assert asked.json["delivery"] == asked.headers["x-pmm-delivery"] == "d1"


def test_webhook__golden_vector__is_what_openssl_computes() -> None:
    # printf '1800000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
    signature = "v1=" + "1313ae9c874eb1a0868ad0b65f841c4243c23fdcfad69a3ada227726fad9960e"
    assert verify_webhook(
        "0123456789abcdef", timestamp="1800000000", body=b"{}", signature=signature, now_s=NOW_S
    )


@every_channel
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_channel__other_side_is_busy__asks_to_try_again(
    make: Callable[[Site], Channel], status: int, site: Site
) -> None:
    site.usual = Answer(status=status)
    with pytest.raises(DeliveryFailed) as caught:
        make(site).deliver(ALERT, delivery_id="d1")
    assert caught.value.retry_after_s is None


@every_channel
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_channel__other_side_says_no__is_not_tried_again(
    make: Callable[[Site], Channel], status: int, site: Site
) -> None:
    site.usual = Answer(status=status, headers={"location": f"{site.url}/elsewhere"})
    with pytest.raises(DeliveryRefused):
        make(site).deliver(ALERT, delivery_id="d1")
    assert len(site.asked) == 1


@every_channel
def test_channel__too_many_requests__hears_how_long_to_wait(
    make: Callable[[Site], Channel], site: Site
) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for value, least, most in (
        ("30", 30, 30),
        ("999999", 3_600, 3_600),
        (moment, 60, 90),
        ("soon", None, None),
    ):
        site.usual = Answer(status=429, headers={"retry-after": value})
        with pytest.raises(DeliveryFailed) as caught:
            make(site).deliver(ALERT, delivery_id="d1")
        found = caught.value.retry_after_s
        assert found is None if least is None or most is None else least <= (found or -1) <= most


@every_channel
def test_channel__silence__ends_at_the_timeout(make: Callable[[Site], Channel], site: Site) -> None:
    site.usual = Answer(delay_s=1.5)
    with pytest.raises(DeliveryFailed, match="Timeout"):
        make(site).deliver(ALERT, delivery_id="d1")


@every_channel
def test_channel__secret__is_in_no_log_error_or_repr(
    make: Callable[[Site], Channel], site: Site, every_log: io.StringIO
) -> None:
    channel = make(site)
    shown = [repr(channel), str(channel)]
    for answer in (OK, Answer(status=403), Answer(status=500), Answer(delay_s=1.0)):
        site.usual = answer
        try:
            channel.deliver(ALERT, delivery_id="d1")
        except (DeliveryFailed, DeliveryRefused) as error:
            shown += [str(error), repr(error.__cause__), repr(error.__context__)]
    assert len(site.asked) == 4
    text = every_log.getvalue() + " ".join(shown)
    assert SECRET not in text
    assert base64.b64encode(f"AC1:{SECRET}".encode()).decode() not in text


@pytest.mark.parametrize("url", ["http://hooks.slack.com/x", "ftp://127.0.0.1/x", "", "https://"])
def test_channel__address_that_is_not_https__is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SlackChannel(url + SECRET if url.endswith("/x") else url, timeout_s=1)
    assert SECRET not in str(caught.value)


def test_webhook__short_secret__is_refused() -> None:
    with pytest.raises(InvalidInput, match="16"):
        WebhookChannel("https://example.org", secret="short", timeout_s=1, clock_s=lambda: 0)
