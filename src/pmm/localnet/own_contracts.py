"""Contracts of our own that the offline mainnet needs: stand-ins and the settable price feed."""

from __future__ import annotations

from pathlib import Path

from pmm.localnet.artifacts import Compiled, compile_contracts

SOLC = "0.8.37"
_FOLDER = Path(__file__).parent / "solidity"


def compile_own(name: str) -> Compiled:
    """Compile ``solidity/<name>.sol`` and return its contract ``name``; cached by content."""
    unit = f"{name}.sol"
    contract = f"{unit}:{name}"
    return compile_contracts(
        solc=SOLC,
        entries={unit: (_FOLDER / unit).read_text()},
        roots={},
        settings={"optimizer": {"enabled": True, "runs": 200}, "evmVersion": "paris"},
        contracts=[contract],
    )[contract]
