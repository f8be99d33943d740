"""The demo's webhook receiver: writes what is ours down, and refuses the rest."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from pmm.alerts import Alert, DeliveryRefused, Severity
from pmm.alerts.channels import WebhookChannel
from pmm.demo.alert_receiver import AlertReceiver

ALERT = Alert(key="net_delta_pct:WETH", severity=Severity.CRITICAL, title="Net delta is critical at -6.79 %")


def test_receiver__alert_of_the_desk__is_a_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "alerts.log"
    with AlertReceiver(file) as receiver:
        channel = WebhookChannel(receiver.url, secret=receiver.secret, timeout_s=5, clock_s=time.time)
        channel.deliver(ALERT, delivery_id="1")
    assert file.read_text() == "critical: Net delta is critical at -6.79 %\n"


def test_receiver__another_secret_or_none__is_refused_and_leaves_no_line(tmp_path: Path) -> None:
    file = tmp_path / "alerts.log"
    with AlertReceiver(file) as receiver:
        channel = WebhookChannel(receiver.url, secret="x" * 16, timeout_s=5, clock_s=time.time)
        with pytest.raises(DeliveryRefused):
            channel.deliver(ALERT, delivery_id="1")
        assert httpx.post(receiver.url, content=b"{}", trust_env=False).status_code == 401
    assert not file.exists()
