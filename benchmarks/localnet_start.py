"""How long the offline mainnet takes to start, to fork, and to change a price.

Prints a table and writes ``benchmarks/results/localnet_start.json``. The state must have been built
(`pmm localnet up` once); building it is not measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

from pmm.localnet.anvil import AnvilNode, free_port
from pmm.localnet.builder import ensure_state
from pmm.localnet.node import start
from pmm.localnet.prices import set_price

RUNS = 7
TARGETS_MS = {"pmm localnet up (second start)": 3_000}
RESULT = Path(__file__).parent / "results" / "localnet_start.json"


def timed(run: Callable[[], object]) -> float:
    """Return the milliseconds that ``run`` took."""
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1_000


def command_up_ms(port: int) -> float:
    """Time ``pmm localnet up`` as a user sees it: interpreter, node, clock, feeds."""
    command = [sys.executable, "-m", "pmm", "localnet"]

    def run(action: str) -> None:
        subprocess.run([*command, action, "--port", str(port)], check=True, capture_output=True, timeout=120)

    took_ms = timed(lambda: run("up"))
    run("down")
    return took_ms


def load_ms() -> float:
    """Time anvil alone with the state."""
    node = AnvilNode(load_state=ensure_state().path)
    took_ms = timed(node.start)
    node.stop()
    return took_ms


def main() -> None:
    """Measure everything and report median and worst."""
    state = ensure_state()
    samples: dict[str, list[float]] = {
        "pmm localnet up (second start)": [command_up_ms(free_port()) for _ in range(RUNS)],
        "anvil with the state": [load_ms() for _ in range(RUNS)],
    }
    with start() as upstream:

        def fork() -> None:
            start(fork_url=upstream.url).stop()

        samples["fork, clock and feeds of now"] = [timed(fork) for _ in range(RUNS)]
        with upstream.rpc() as rpc:
            prices = [Decimal(2_700 + 40 * (i % 2)) for i in range(RUNS)]
            samples["price of ETH: feed and 13 pools"] = [
                timed(partial(set_price, rpc, "ETH", price)) for price in prices
            ]
    rows = [
        {
            "case": f"{name}, {which}",
            "measured": round(pick(values), 1),
            "unit": "ms",
            "target": TARGETS_MS.get(name),
            "goal": None,
        }
        for name, values in samples.items()
        for which, pick in (("median", statistics.median), ("worst", max))
    ]
    print(f"{'':<50}{'ms':>10}{'target':>10}")
    for row in rows:
        print(f"{row['case']:<50}{row['measured']:>10}{row['target'] or '':>10}")
    conditions = {
        "runs": RUNS,
        "cpus": os.cpu_count(),
        "state_bytes": state.path.stat().st_size,
        "contracts": len(state.placements),
    }
    RESULT.write_text(json.dumps({"conditions": conditions, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
