"""The demo's transcript in the README: read it, make it anew, compare what must not differ.

``python -m tests.helpers.transcript`` rewrites the README's block with what the command prints now.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
COMMAND = ["demo", "--once", "--day", "synthetic"]
_BLOCK = re.compile(r"(```console\n\$ pmm demo --once --day synthetic\n)(.*?)(```)", re.S)
# What differs from run to run: ports, the run's folder, gas (signatures have more or fewer zero bytes), the taker's
# ether, what a loan bears of interest, clocks, what is simulated over a past that ends at the last midnight.
_VARIABLE = (
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"runs/[0-9a-f-]+/"), "runs/RUN/"),
    (re.compile(r" +\d{2,3},\d{3} │"), " GAS │"),
    (re.compile(r"\d+\.\d s$", re.M), "N s"),
    (re.compile(r"(taker +│ ETH ).*"), r"\1"),
    (re.compile(r"settlement +│ USDC .*"), lambda row: re.sub(r"\.\d{6}", ".FRACTION", row[0])),
    (re.compile(r"(lending +│ USDC ).*"), r"\1"),
    (re.compile(r"(value at risk|expected shortfall|p) [\d,.]+"), r"\1 N"),
    (re.compile(r"[\d.]+ (Kupiec|independence|both)"), r"N \1"),
    (re.compile(r"\d+ exceptions?"), "N exceptions"),
)


def printed() -> str:
    """Return what the command prints."""
    kept = {key: value for key, value in os.environ.items() if key != "MAINNET_RPC_URL"}
    outcome = subprocess.run(
        [sys.executable, "-m", "pmm", *COMMAND],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env=kept,
    )
    return "\n".join(line.rstrip() for line in outcome.stdout.splitlines()) + "\n"


def shown() -> str:
    """Return the README's transcript."""
    block = _BLOCK.search(README.read_text())
    assert block, "the README has lost its transcript"
    return block[2]


def without_variables(text: str) -> str:
    """Return the text with what differs from run to run replaced by its name."""
    for pattern, name in _VARIABLE:
        text = pattern.sub(name, text)
    return text


if __name__ == "__main__":
    fresh = printed()
    README.write_text(_BLOCK.sub(lambda block: block[1] + fresh + block[3], README.read_text()))
