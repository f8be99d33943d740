"""How long the offline mainnet takes to start, to fork, and to change a price.

Prints a table and writes ``benchmarks/results/localnet_start.json``. The state must have been built
(`pmm localnet up` once); building it is not measured.
"""

from __future__ import annotations

import json
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
    rows = {
        name: {"median_ms": round(statistics.median(s), 1), "worst_ms": round(max(s), 1), "runs": len(s)}
        for name, s in samples.items()
    }
    print(f"{'':<34}{'median ms':>12}{'worst ms':>12}")
    for name, row in rows.items():
        print(f"{name:<34}{row['median_ms']:>12}{row['worst_ms']:>12}")
    print(f"state file: {state.path.stat().st_size / 1e6:.1f} MB, {len(state.placements)} contracts")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"state_bytes": state.path.stat().st_size, "results": rows}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
