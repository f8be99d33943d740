"""`pmm shadow` on a live node decides as the server does, in a process that cannot sign."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pmm.domain import USDC, WETH
from tests.fork.server.site import ASK, Deployed, Server

_TIMEOUT_S = 60


def _shadow(deployed: Deployed, requests: bytes, *, via: str = "-") -> subprocess.CompletedProcess[bytes]:
    environment = {
        **os.environ,
        "PMM_RPC_URL": deployed.rpc.url,
        "PMM_DEPLOYMENT": str(deployed.record),
    }
    command = [sys.executable, "-m", "pmm", "shadow", "--requests", via]
    return subprocess.run(
        command, input=requests, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
    )


def _lines(*bodies: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


def test_shadow__live_node__prices_what_the_server_quotes(server: Server, deployed: Deployed) -> None:
    buys = {**ASK, "baseToken": USDC.address, "quoteToken": WETH.address, "amount": str(3_000 * 10**6)}
    ran = _shadow(deployed, _lines(ASK, buys))
    assert ran.returncode == 0, ran.stderr.decode()
    decisions = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["decision"] for one in decisions] == ["quoted", "quoted"]
    for body, decided in zip((ASK, buys), decisions, strict=True):
        order = server.quote(**body).signed.order
        priced = decided["pricing"]
        assert priced["takingAmount"] == str(order.taking_amount)
        # The first quote's reservation is not in the shadow's book, which skews the server's second.
        assert abs(int(priced["makingAmount"]) - order.making_amount) <= order.making_amount // 1_000
    assert b"signature" not in ran.stdout
    assert b"2 requests decided, 2 would have been quoted, nothing signed" in ran.stderr


def test_shadow__unreadable_lines__are_left_out_and_said(deployed: Deployed) -> None:
    ran = _shadow(deployed, b"{\n" + _lines({"nothing": 1}, ASK))
    assert ran.returncode == 0, ran.stderr.decode()
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr.count(b"line ") == 2


def test_shadow__no_file__is_one_line(deployed: Deployed, tmp_path: Path) -> None:
    ran = _shadow(deployed, b"", via=str(tmp_path / "none"))
    assert ran.returncode == 2
    assert ran.stderr.count(b"\n") == 1
