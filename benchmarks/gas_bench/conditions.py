"""What a reader must know to repeat the figures."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from typing import Any

from gas_bench.build import ape_config, solidity_settings
from pmm.toolchain import anvil_path


def conditions() -> dict[str, Any]:
    """Return compilers, settings, node and the rules of the measurement."""
    anvil = subprocess.run([str(anvil_path()), "--version"], capture_output=True, text=True, check=True)
    return {
        "what": "receipt gasUsed of one transaction: intrinsic gas and calldata included",
        "tokens": "two OpenZeppelin 5.0.1 ERC-20s, solc 0.8.23, 1,000,000 runs, 18 decimals",
        "parties": "the taker sends; both hold both tokens before; allowances unlimited; both legs asserted",
        "first and next": "first: the maker's nonce word is zero; next: the neighbouring nonce",
        "order": "the same eight words for us and 1inch but maker and domain; salt's low 160 bits zero",
        "ours": {
            "solc": ape_config()["solidity"]["version"],
            **solidity_settings(),
            "vyper": f"{version('vyper')}, {ape_config()['vyper']['evm_version']}",
        },
        "node": anvil.stdout.splitlines()[0],
        "python": platform.python_version(),
    }
