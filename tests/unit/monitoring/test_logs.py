"""No log line of a whole run holds a signature or an order that can still be filled."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pmm.monitoring.logs import log_to_stderr, redact
from tests.helpers.quoting import TAKER
from tests.unit.server.test_operator_api import _ORDER, _PAUSE, _SANDBOX, open_site


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """Every line that the standard library's loggers write, at the lowest level."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def test_full_run__all_log_output__holds_no_signature_no_order_and_no_key(
    tmp_path: Path, everything: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here and not in the fixture, after which pytest puts its own stream in the place.
    monkeypatch.setattr(sys, "stderr", everything)
    log_to_stderr("debug")
    site = open_site(tmp_path)
    secrets: list[str] = []
    for settlement in ("1inch", "pmm"):
        answer = site.ask("POST", "/order", "relayer", {**_ORDER, "settlement": settlement}).json()
        order = answer["order"]
        secrets += [answer["signature"], order["salt"], order["makerTraits"], order["makingAmount"]]
        secrets += [answer[name] for name in ("r", "vs") if name in answer]
    site.ask("POST", "/order", "relayer", {**_ORDER, "amount": "1"})
    site.ask("POST", "/order", "relayer", {"nothing": 1})
    site.ask("POST", "/order", None, _ORDER)
    site.ask("GET", "/levels", "relayer")
    site.ask("POST", "/v1/operator/sandbox", "trader", _SANDBOX)
    site.ask("POST", "/v1/operator/switches/pause", "trader", _PAUSE)
    site.ask("POST", "/order", "relayer", _ORDER)
    site.ask("POST", "/v1/operator/reload", "admin")
    site.desk.journal.fails = "disk is full"
    site.ask("POST", "/v1/operator/switches/resume", "risk", {**_PAUSE, "version": 1})
    site.ask("POST", "/order", "relayer", _ORDER)
    text = everything.getvalue()
    for event in (
        "quote_signed",
        "quote_refused",
        "request_unreadable",
        "access_refused",
        "ladder_published",
        "switch_changed",
        "reload_refused",
    ):
        assert event in text, event
    secrets += [key.split("_", 2)[2] for key in site.keys.values()]
    for secret in secrets:
        assert secret not in text
        assert secret.removeprefix("0x") not in text
    assert not re.search(r"[0-9a-fA-F]{128}", text)
    assert TAKER[2:].lower() not in text.lower()


@pytest.mark.parametrize(
    "event",
    [
        {"signature": "0x12"},
        {"detail": "found 0x" + "ab" * 65},
        {"raw": b"\x01" * 65},
        {"order": {"salt": 1}},
        {"header": "Bearer pmm_0123456789ab_" + "x" * 43},
    ],
)
def test_redact__secret_that_slipped_in__is_taken_out(event: dict[str, Any]) -> None:
    shown = json.dumps(redact(None, "info", dict(event)))
    assert "<redacted>" in shown
    for value in ("ab" * 65, "01" * 65, "x" * 43, "salt"):
        assert value not in shown


def test_redact__digest_and_address__stay() -> None:
    event = {"order_hash": "0x" + "ab" * 32, "maker": TAKER, "count": 3}
    assert redact(None, "info", dict(event)) == event
