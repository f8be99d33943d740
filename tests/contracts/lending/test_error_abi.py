"""Vyper's ABI has no errors raised by `raw_revert`: the committed ABIs must be exactly what the code raises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.contracts.lending.desk_fixtures import CONTRACTS

MODULES = CONTRACTS / "modules"
LENDING = MODULES / "lending"
PARTS = {
    "LendingAccount": (
        [LENDING / f"{name}.vy" for name in ("aave_position", "compound_position", "lending_settings")],
        LENDING / "lending_errors.vy",
    ),
    "DeltaHedger": (
        [LENDING / f"{name}.vy" for name in ("pool_swap", "resolver_fill", "delta_limits")],
        LENDING / "delta_errors.vy",
    ),
}
# What the shared modules raise when they are used as here.
SHARED = {
    "LendingAccount": {"_transfer_refused", "_approval_refused"},
    "DeltaHedger": {
        "_transfer_refused",
        "_approval_refused",
        "_unexpected_callback",
        "_callback_missing",
        "_pool_not_found",
    },
}


def raised(path: Path) -> dict[str, str]:
    """Return the signature that each function of an errors module raises."""
    found = re.findall(r'^def (_\w+)\(.*?method_id\("([^"]+)"\)', path.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("name", PARTS)
def test_error_abi__compared_with_the_code__is_the_same_set(name: str) -> None:
    entries = json.loads((CONTRACTS / "interfaces" / f"{name}Errors.json").read_text())
    committed = {f"{e['name']}({','.join(i['type'] for i in e['inputs'])})" for e in entries}
    shared = raised(MODULES / "hedger_errors.vy")

    assert {entry["type"] for entry in entries} == {"error"}
    assert committed == set(raised(PARTS[name][1]).values()) | {shared[f] for f in SHARED[name]}


@pytest.mark.parametrize("name", PARTS)
def test_errors_module__each_function__is_used_and_nothing_else_reverts(name: str) -> None:
    modules, errors = PARTS[name]
    code = "\n".join(path.read_text() for path in [CONTRACTS / f"{name}.vy", *modules])

    assert set(re.findall(rf"{errors.stem}\.(_\w+)", code)) == set(raised(errors))
    assert not re.search(r"\braw_revert\b|\braise\b|^\s*assert\b", code, re.MULTILINE)
