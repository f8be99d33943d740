"""``pmm serve`` as a process: its ready line, its errors of one line, its end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import USDC, WETH
from pmm.journal import read
from pmm.server.client import QuoteClient, QuoteRefused, wait_ready
from tests.fork.server.site import TAKER, Deployed

# Far beyond what it takes: the test is about ending at all, with a connection open.
_STOP_S = 30.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pmm", "serve", *arguments]


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMM_")}
    return {**kept, **extra}


@contextmanager
def running(deployed: Deployed, journal: Path, **extra: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    process = subprocess.Popen(
        command(
            *("--rpc", deployed.rpc.url, "--deployment", str(deployed.record)),
            *("--journal", str(journal), "--port", "0"),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PMM_PAIRS="WETH/USDC", **extra),
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("pmm serve: ready on http://127.0.0.1:"), line
        yield process, line.split(" on ")[1].split(",")[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve__signalled__ends_by_itself_with_status_0(
    deployed: Deployed, journal: Path, how: signal.Signals
) -> None:
    with running(deployed, journal) as (process, url):
        with QuoteClient(url) as client:
            client.order(base_token=WETH.address, quote_token=USDC.address, taker=TAKER, amount=10**18)
            # The connection is still open: it must not hold the server back.
            process.send_signal(how)
            assert process.wait(_STOP_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert [entry.decision for entry in read(journal)] == ["quoted"]


def test_serve__asked_over_http__quotes_and_shows_its_pages(deployed: Deployed, journal: Path) -> None:
    with running(deployed, journal) as (_, url):
        health = wait_ready(url, timeout_s=10)
        assert health["signer"]["mode"] == "development"
        with QuoteClient(url) as client:
            answer = client.order(
                base_token=USDC.address,
                quote_token=WETH.address,
                taker=TAKER,
                quote_amount=10**18,
                settlement="pmm",
            )
            assert answer.signed.order.making_amount == 10**18
            assert sum(answer.components_bps.values()) > 5
            assert client.levels()
            client.wait_for_block(health["chain"]["block"])
            with pytest.raises(QuoteRefused) as caught:
                client.order(
                    base_token=WETH.address, quote_token=USDC.address, taker=TAKER, amount=9 * 10**23
                )
            assert (caught.value.status, caught.value.code) == (422, "amount_too_large")


def test_serve__killed_and_started_again__keeps_the_journal(deployed: Deployed, journal: Path) -> None:
    hashes = []
    for _ in range(2):
        with running(deployed, journal) as (process, url), QuoteClient(url) as client:
            answer = client.order(
                base_token=WETH.address, quote_token=USDC.address, taker=TAKER, amount=10**18
            )
            hashes.append(answer.signed.order_hash)
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert [entry.order_hash for entry in read(journal)] == hashes


def test_serve__hung_up__reloads_its_file_and_serves_on(
    deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    config = tmp_path / "pmm.toml"
    config.write_text("[limits]\nmax_quote_usd = 100000\n")
    ask: dict[str, Any] = {
        "base_token": WETH.address,
        "quote_token": USDC.address,
        "taker": TAKER,
        "amount": 10**18,
    }
    with running(deployed, journal, PMM_CONFIG=str(config)) as (process, url), QuoteClient(url) as client:
        assert process.stderr is not None
        client.order(**ask)
        for text, event in (
            ("[limits]\nmax_quote_usd = 100\n", "settings_reloaded"),
            ("[limits]\nmax_quote_usd = -1\n", "reload_refused"),
        ):
            config.write_text(text)
            process.send_signal(signal.SIGHUP)
            assert event in process.stderr.readline()
            with pytest.raises(QuoteRefused, match="amount_too_large"):
                client.order(**ask)


def refused(*arguments: str, **extra: str) -> tuple[int, str]:
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, check=False, env=environment(**extra)
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    return done.returncode, done.stderr


def test_serve__port_in_use__is_one_line(deployed: Deployed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, text = refused("--rpc", deployed.rpc.url, "--deployment", str(deployed.record), "--port", port)
    assert code == 1
    assert f"port {port}" in text
    assert "--port another one" in text


def test_serve__no_node__is_one_line(deployed: Deployed) -> None:
    code, text = refused("--rpc", "http://127.0.0.1:1", "--port", "0", "--deployment", str(deployed.record))
    assert code == 1
    assert "check that the node runs" in text


def test_serve__no_deployment_record__is_one_line(deployed: Deployed, tmp_path: Path) -> None:
    code, text = refused(
        "--rpc", deployed.rpc.url, "--port", "0", "--deployment", str(tmp_path / "none.json")
    )
    assert code == 2
    assert "ape run deploy settlement" in text


def test_serve__journal_on_a_full_or_missing_disk__is_one_line(deployed: Deployed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, text = refused(
        *("--rpc", deployed.rpc.url, "--port", "0", "--deployment", str(deployed.record)),
        *("--journal", str(tmp_path / "file" / "journal.sqlite")),
    )
    assert code == 1
    assert "--journal another path" in text


def test_serve__misspelt_setting__is_one_line() -> None:
    code, text = refused(PMM_HALF_SPREAD_BP="5")
    assert code == 2
    assert "did you mean PMM_HALF_SPREAD_BPS" in text


def test_serve__wrong_setting__is_one_line() -> None:
    code, text = refused(PMM_PORT="70000")
    assert code == 2
    assert "PMM_PORT" in text
