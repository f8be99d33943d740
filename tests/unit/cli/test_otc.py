"""``pmm otc enter``: what it sends, and errors of one line."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from pmm.cli import main
from pmm.relayers.oneinch import signed_answer
from tests.helpers.quoting import TAKER, answered_quote

_TRADE = [
    *("otc", "enter", "--reference", "T-1", "--counterparty", "acme", "--taker", TAKER),
    *("--give", "USDC=59900.5", "--get", "WETH=20"),
]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Bodies that the server got; it answers with some signed order."""
    bodies: list[dict[str, Any]] = []
    answer = orjson.dumps(signed_answer(answered_quote(), components=True))

    def post(url: str, *, json: Any, headers: dict[str, str], **_: Any) -> httpx.Response:
        bodies.append({"url": url, "headers": headers, **json})
        return httpx.Response(200, content=answer)

    monkeypatch.setattr(httpx, "post", post)
    return bodies


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_enter__whole_tokens__are_sent_in_base_units_and_the_order_is_written_privately(
    sent: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THE_KEY", "secret")
    out = tmp_path / "order.json"
    assert _run(*_TRADE, "--key-env", "THE_KEY", "--out", str(out)) == 0
    (body,) = sent
    assert (body["giveAmount"], body["getAmount"]) == ("59900500000", str(20 * 10**18))
    assert body["headers"] == {"X-API-Key": "secret"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    signature = json.loads(out.read_text())["signature"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert signature[2:] not in printed.err
    assert "T-1: USDC=59900.5 for WETH=20" in printed.err


def test_enter__file_that_exists__is_not_overwritten(
    sent: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "order.json"
    out.write_text("mine")
    assert _run(*_TRADE, "--out", str(out)) == 1
    assert out.read_text() == "mine"
    assert "gives the order again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("leg", "says"),
    [
        ("USDC", "TOKEN=AMOUNT"),
        ("XYZ=1", "--give"),
        ("USDC=a", "an amount such as"),
        ("USDC=0", "above 0"),
        ("USDC=-1", "above 0"),
        ("USDC=0.0000001", "at most 6 decimals"),
        ("USDC=Infinity", "above 0"),
    ],
)
def test_enter__leg_that_is_none__is_said(
    sent: list[dict[str, Any]], leg: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [leg if one == "USDC=59900.5" else one for one in _TRADE]
    assert _run(*arguments) == 2
    assert says in capsys.readouterr().err
    assert sent == []


def test_enter__key_given_as_the_variables_name__is_not_repeated(
    sent: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*_TRADE, "--key-env", "pmm_secret123") == 2
    assert "pmm_secret123" not in capsys.readouterr().err


def test_enter__key_file_that_others_read__is_refused(
    sent: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    key.chmod(0o644)
    assert _run(*_TRADE, "--key-file", str(key)) == 2
    key.chmod(0o600)
    assert _run(*_TRADE, "--key-file", str(key)) == 0
    assert sent[0]["headers"] == {"X-API-Key": "secret"}


def test_enter__no_server__says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*_TRADE, "--server", "http://127.0.0.1:9") == 1
    assert "start it with `pmm serve`" in capsys.readouterr().err
