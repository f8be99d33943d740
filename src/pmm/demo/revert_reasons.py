"""Puts revert data into words with the error ABIs of the contracts involved."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from eth_abi.abi import decode
from eth_utils.crypto import keccak

_ABIS = Path(__file__).parents[1] / "chain" / "abis"
# Errors of 1inch's contract; they carry no arguments.
_ONEINCH_ERRORS = (
    "BadSignature",
    "PrivateOrder",
    "OrderExpired",
    "BitInvalidatedOrder",
    "InvalidatedOrder",
    "PartialFillNotAllowed",
    "SwapWithZeroAmount",
    "TakingAmountTooHigh",
    "MakingAmountTooLow",
    "TransferFromMakerToTakerFailed",
    "TransferFromTakerToMakerFailed",
)


@cache
def _known() -> dict[bytes, tuple[str, list[str], list[str]]]:
    known: dict[bytes, tuple[str, list[str], list[str]]] = {
        keccak(text=f"{name}()")[:4]: (name, [], []) for name in _ONEINCH_ERRORS
    }
    known[keccak(text="Error(string)")[:4]] = ("Error", ["reason"], ["string"])
    for path in sorted(_ABIS.glob("*.json")):
        for entry in json.loads(path.read_text()):
            if entry["type"] == "error":
                types = [argument["type"] for argument in entry["inputs"]]
                names = [argument["name"] for argument in entry["inputs"]]
                known[keccak(text=f"{entry['name']}({','.join(types)})")[:4]] = (entry["name"], names, types)
    return known


def explain_revert(data: str) -> str:
    """Return ``Name(argument=value, ...)`` for known revert data, else the data itself."""
    if not data.startswith("0x"):
        return data
    raw = bytes.fromhex(data[2:])
    if raw[:4] not in _known():
        return data or "no reason given"
    name, names, types = _known()[raw[:4]]
    values = decode(types, raw[4:]) if types else ()
    return f"{name}({', '.join(f'{key}={value}' for key, value in zip(names, values, strict=True))})"
