"""How fast firm quotes are: in process, over HTTP at a given rate, and at most; beside two servers without journal.

Run: ``make bench-quote`` (three minutes; ``MILLION=1`` adds ten for the memory of a million quotes). The server has
one core; the load, the chain and everything else have the others. Prints a table and writes
``benchmarks/results/quote.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

from pmm.demo.contracts import Contracts, open_contracts
from pmm.domain import USDC, WETH
from pmm.errors import SetupError
from quote_bench.load import Load, Sample
from quote_bench.requests import http_requests
from quote_bench.servers import (
    LIMITS,
    SERVER_CORE,
    Server,
    keep_off_the_server_core,
    node_server,
    plain_server,
    pmm_server,
)

RESULT = Path(__file__).parent / "results" / "quote.json"
_HOST = "127.0.0.1"
_INVENTORY = {WETH.address: 100_000 * 10**18, USDC.address: 250_000_000 * 10**6}
_IN_PROCESS_QUOTES = 4_000
_STEADY_S, _WARM_S, _MOST_S = 30.0, 3.0, 10.0
_RATES = {"order": 200.0, "levels": 50.0}
_MILLION = 1_000_000
Row = dict[str, Any]


def _row(
    case: str, measured: float, unit: str, target: float | None = None, goal: float | None = None
) -> Row:
    return {"case": case, "measured": round(measured, 3), "unit": unit, "target": target, "goal": goal}


def _load(server: Server, connections: int) -> Load:
    return Load(_HOST, server.port, connections=connections, requests=http_requests(_HOST, server.port))


def _most(server: Server) -> Sample:
    asyncio.run(_load(server, 16).closed_loop("order", _WARM_S))
    return asyncio.run(_load(server, 32).closed_loop("order", _MOST_S))


def _in_process(contracts: Contracts) -> list[Row]:
    journal = contracts.folder / "in-process.sqlite"
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "quote_bench.in_process"]
    command += [contracts.rpc_url, str(contracts.record), str(journal), str(_IN_PROCESS_QUOTES)]
    environment = {**os.environ, **LIMITS, "PYTHONPATH": str(Path(__file__).parent)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if ran.returncode:
        raise SetupError(f"expected the in-process run to end well, found: {ran.stderr.strip()[-800:]}")
    found = json.loads(ran.stdout)
    return [
        _row("price, risk, admission with durable journal, signature: p50", found["p50_us"], "us", 500, 300),
        _row("the same, p99", found["p99_us"], "us", 1_500),
    ]


def _steady(server: Server) -> list[Row]:
    asyncio.run(_load(server, 16).open_loop(_RATES, _WARM_S))
    samples = asyncio.run(_load(server, 64).open_loop(_RATES, _STEADY_S))
    for kind, sample in samples.items():
        if not sample.faultless:
            raise SetupError(
                f"expected 200 for every {kind}, found {sample.refused}, {sample.unanswered} open"
            )
    order, levels = samples["order"], samples["levels"]
    return [
        _row("firm quotes at 200/s beside 50 ladders/s: p50", order.percentile_ms(0.5), "ms"),
        _row("the same, p99", order.percentile_ms(0.99), "ms", 5, 3),
        _row("ladders beside them, p99", levels.percentile_ms(0.99), "ms"),
    ]


def _memory(server: Server) -> list[Row]:
    """Compare the first quarter of a million quotes with the last: between two samples memory moves by a tenth."""
    asyncio.run(_load(server, 32).closed_loop("order", 40.0))
    samples: list[tuple[int, float]] = []
    answered = 0
    while answered < _MILLION:
        answered += len(asyncio.run(_load(server, 32).closed_loop("order", 15.0)).latencies_s)
        samples.append((answered, server.resident_mb()))
        print(f"  {answered:,} quotes, {samples[-1][1]:.0f} MiB", flush=True)
    first = fmean(held for count, held in samples if count <= _MILLION / 4)
    last = fmean(held for count, held in samples if count > answered - _MILLION / 4)
    return [
        _row("resident memory, mean of the first quarter of a million quotes", first, "MiB"),
        _row(f"the same of the last, {answered:,} quotes in all", last, "MiB"),
        _row("growth over a million quotes, ratio", last / first, "ratio", 1.05),
    ]


def measure(stack: ExitStack, *, million: bool) -> list[Row]:
    """Return the rows; raise SetupError where a server does not start or refuses a request."""
    contracts = open_contracts(stack, print, inventory=_INVENTORY)
    rows = _in_process(contracts)
    with pmm_server(contracts) as server:
        rows += _steady(server)
    with pmm_server(contracts, PMM_QUOTE_TTL_S="12") as server:
        ours = _most(server)
    with plain_server(contracts.folder) as server:
        plain = _most(server)
    with node_server(contracts.folder) as server:
        node = _most(server)
    # Last: what is compared is measured within a minute.
    held: list[Row] = []
    if million:
        with pmm_server(contracts, PMM_QUOTE_TTL_S="12") as server:
            held = _memory(server)
    for name, sample in (("ours", ours), ("plain", plain), ("node", node)):
        if not sample.faultless:
            raise SetupError(f"expected 200 for every order from {name}, found {sample.refused}")
    return [
        *rows,
        _row("most firm quotes per second, everything on", ours.per_second, "1/s", 2_500, 5_000),
        _row("p99 then, 32 connections", ours.percentile_ms(0.99), "ms"),
        _row("FastAPI, pydantic, sign_typed_data; no risk, no journal", plain.per_second, "1/s"),
        _row("Node, 1inch's order SDK, ethers; no risk, no journal", node.per_second, "1/s"),
        _row("ours over the plain server", ours.per_second / plain.per_second, "ratio", 1.3, 2.5),
        _row("ours over the Node server", ours.per_second / node.per_second, "ratio"),
        *held,
    ]


def _conditions(cores: int) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "cores": f"{cores}; the server has one, load and chain the rest",
        "journal": "SQLite, WAL, its log synced before every answer, on the disk of the project",
        "load": "open loop counts from the due time; most: 32 connections, closed loop",
        "orders": "1inch's domain, WETH/USDC, 25 to 250 USD, four in five exact input",
        "packages": {
            name: version(name) for name in ("uvicorn", "fastapi", "eth-account", "coincurve", "msgspec")
        },
    }


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--million", action="store_true", help="measure memory over a million quotes, too")
    chosen = options.parse_args()
    cores = keep_off_the_server_core()
    with ExitStack() as stack:
        rows = measure(stack, million=chosen.million)
    for row in rows:
        target = "" if row["target"] is None else f"target {row['target']:g}"
        goal = "" if row["goal"] is None else f"goal {row['goal']:g}"
        print(f"{row['case']:<64} {row['measured']:>11,.2f} {row['unit']:<6} {target:<14} {goal}")
    RESULT.write_text(json.dumps({"conditions": _conditions(cores), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
