"""The main job as a user runs it: whole, interrupted, killed, and with a real endpoint as upstream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pmm.demo.desk_facts import BAND_USD
from pmm.demo.loan import BORROWED_USDC
from pmm.domain import USDC, WETH
from pmm.localnet.addresses import MARKER
from pmm.localnet.node import start
from tests.e2e.demo_day import PMM, DemoDay, environment
from tests.helpers.processes import descendants, wait_until_gone

TIMEOUT_S = 300


def _demo(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PMM, "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=environment(**extra),
    )


def _check_round(path: Path) -> None:
    result = json.loads(path.read_text())
    assert result["balanced"]
    assert {line["difference"] for line in result["accounts"]} == {"0"}
    endings = [(trade["settlement"], trade["outcome"]) for trade in result["trades"]]
    assert endings == [
        ("1inch", "filled"),
        ("pmm", "filled"),
        ("pmm", "filled"),
        ("pmm", "expired"),
        ("pmm", "refused"),
    ]
    funded = result["trades"][2]
    assert int(funded["hedge_cost"]) > 0
    assert float(funded["pnl_usd"]) > 0
    _check_desk(result)
    hedger = [line for line in result["accounts"] if line["account"] == "hedger"]
    assert hedger
    assert all(line["after"] == "0" for line in hedger)


def _check_desk(result: dict[str, Any]) -> None:
    desk = result["desk"]
    assert (desk["differences"], desk["owed"]) == ("0", "0")
    (sold,), (fell,) = desk["paper"], desk["hedges"]
    assert [one["number"] for one in (sold, fell)] == ["1", "2"]
    for one in (sold, fell):
        # The whole fill was taken back: out of the band, and in again.
        assert abs(Decimal(one["delta_usd"])) > BAND_USD
        assert abs(Decimal(one["delta_after_usd"])) < 1
    assert sold["amount"] == sold["position"] == str(-15 * 10**17)
    assert abs(int(fell["inventory_after"]) - int(fell["inventory_before"])) < 10**12
    assert (fell["sold"], fell["bought"]) == (USDC.address, WETH.address)
    assert int(fell["inventory_before"]) - int(fell["inventory_at_fill"]) == 6 * 10**18
    _check_risk(desk["possible"])
    (repaid,) = desk["repayments"]
    assert int(repaid["owed_before"]) >= BORROWED_USDC
    assert int(repaid["repaid"]) >= int(repaid["owed_before"])
    assert repaid["owed_after"] == "0"
    (warned,) = desk["warnings"]
    assert (warned["number"], warned["metric"]) == ("2", "net_delta_pct[WETH]")
    assert warned["phases"] == ["critical", "recovery", "recovery", "recovery", "normal"]
    assert Decimal(warned["worst_pct"]) < -5
    assert "hedge_now WETH (done)" in warned["asked"]
    assert Decimal(warned["lasted_s"]) >= 1
    _check_quotes(desk["quotes"])
    page = Path(result["report"]).read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")


def _check_risk(possible: list[dict[str, Any]]) -> None:
    assert {one["method"] for one in possible} == {"monte_carlo", "historical"}
    for one in possible:
        # Some 40 ether, 60 % a year: a day's 99 % quantile is 7.3 % of them.
        assert 4_000 < Decimal(one["var_usd"]) < Decimal(one["shortfall_usd"]) < 20_000
        assert " in 250 days, 250 of them replayed: " in one["verdict"]


def _check_quotes(quotes: list[dict[str, Any]]) -> None:
    """The running server stopped, came back wide and small, and quotes as before."""
    before, stopped, *steps, after = quotes
    assert [one["when"] for one in (before, stopped, after)] == ["before", "critical", "after"]
    assert (before["quoted"], stopped["quoted"], after["quoted"]) == (True, False, True)
    assert "paused" in stopped["reason"]
    spreads = [Decimal(one["spread_bps"]) for one in (before, *steps, after)]
    assert spreads == [0, 30, 20, 10, 0]
    given = [int(one["usdc"]) for one in (*steps, after)]
    assert given == sorted(given)
    # The inventory is another one by a fill or its hedge: less than a basis point.
    assert abs(Decimal(after["total_bps"]) - Decimal(before["total_bps"])) < 1
    sizes = [Decimal(one["size_pct"]) for one in steps]
    assert sizes == sorted(sizes)
    assert sizes[0] < Decimal(before["size_pct"]) == Decimal(after["size_pct"])


def test_demo__once__every_balance_is_right_to_the_unit(demo_day: DemoDay) -> None:
    assert demo_day.code == 0, demo_day.printed + demo_day.errors
    assert "SYNTHETIC" in demo_day.printed
    assert "every balance is what it must be" in demo_day.printed
    assert (
        "sold 1.5 WETH at 3,150.00 USD on the paper perp, which cost least (paper money)" in demo_day.printed
    )
    assert "inventory fell from 41.5 WETH to 35.5 WETH" in demo_day.printed
    assert "value at risk " in demo_day.printed
    assert "critical: no quote (quoting is paused" in demo_day.printed
    *_, report, stays = demo_day.printed.rstrip().splitlines()
    assert report.startswith("day report: ")
    assert stays.startswith("quote server at http://127.0.0.1:")
    _check_round(demo_day.json_file)


def test_demo__recorded_day__says_where_it_comes_from(tmp_path: Path) -> None:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("needs recorded data: set PMM_DATA_DIR to the folder with ohlcv/binance")
    outcome = _demo("--once", "--json", str(tmp_path / "demo.json"), PMM_DATA_DIR=folder)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "recorded day: spot_ETHUSDT_1m" in outcome.stdout
    _check_round(tmp_path / "demo.json")


def test_demo__mainnet_rpc_url__is_the_upstream(tmp_path: Path) -> None:
    node = start()
    try:
        with node.rpc() as rpc:
            # A real endpoint is not known as an offline mainnet: prices must come by an aggregator of ours.
            rpc.call("anvil_setStorageAt", MARKER, "0x" + "00" * 32, "0x" + "00" * 32)
        outcome = _demo(
            "--once", "--day", "synthetic", "--json", str(tmp_path / "demo.json"), MAINNET_RPC_URL=node.url
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert "upstream: MAINNET_RPC_URL" in outcome.stdout
        _check_round(tmp_path / "demo.json")
    finally:
        node.stop()


def test_demo__mainnet_rpc_url_is_dead__one_line_with_the_remedy() -> None:
    outcome = _demo("--once", "--day", "synthetic", MAINNET_RPC_URL="http://127.0.0.1:9")
    assert outcome.returncode == 1
    assert len(outcome.stderr.strip().splitlines()) == 1
    assert outcome.stderr.startswith("error: ")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_demo__ended_in_the_middle__leaves_no_process(sign: signal.Signals) -> None:
    process = subprocess.Popen(
        [*PMM, "demo", "--day", "synthetic"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("quote server at"):
                break
        time.sleep(1)
        children = descendants(process.pid)
        assert len(children) >= 3
        process.send_signal(sign)
        process.wait(15)
        assert process.returncode != 0
        assert wait_until_gone(children, 10) == set()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_demo__bad_day__one_line_with_the_remedy() -> None:
    outcome = _demo("--day", "/nonexistent.csv")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("error: expected a day of 1-minute prices at /nonexistent.csv")
