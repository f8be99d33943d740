"""Why a call of the settlement contract reverts, by name and value."""

from __future__ import annotations

from functools import cache
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import selector

_CONTRACTS = ("RfqSettlement", "MockOddToken")
# Of Permit2, by their canonical signatures.
_FOREIGN = {
    "AllowanceExpired": ("uint256",),
    "InsufficientAllowance": ("uint256",),
}


@cache
def _error_types() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    known: dict[str, tuple[str, ...]] = {"Error": ("string",), "Panic": ("uint256",), **_FOREIGN}
    for name in _CONTRACTS:
        for error in getattr(ape.project, name).contract_type.errors:
            known[error.name] = tuple(item.canonical_type for item in error.inputs)
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known.items()}


def decode_error(data: str | bytes | None) -> tuple[Any, ...]:
    """Return (error name, *values), addresses in lower case; (selector,) of a stranger's; a bare revert is ("",)."""
    data = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
    if not data:
        return ("",)
    known = _error_types().get(data[:4])
    if known is None:
        return ("0x" + data[:4].hex(),)
    return (known[0], *decode(known[1], data[4:]))
