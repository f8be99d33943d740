"""Vyper's ABI has no errors raised by `raw_revert`: the committed ABI must be exactly what the code raises."""

from __future__ import annotations

import json
import re

import pytest

from pmm.chain.abi import selector
from tests.contracts.hedger.funded_fills import CONTRACTS

SOURCES = [CONTRACTS / "AtomicHedger.vy", *sorted((CONTRACTS / "modules").glob("*.vy"))]
ERRORS_MODULE = CONTRACTS / "modules" / "hedger_errors.vy"
_VYPER_BYTES = re.compile(r"Bytes\[\d+\]")
_VYPER_ARRAY = re.compile(r"DynArray\[(\w+), \d+\]")


def signature_of(entry: dict[str, object]) -> str:
    """Return the canonical signature of an ABI entry."""
    inputs = entry["inputs"]
    assert isinstance(inputs, list)
    return f"{entry['name']}({','.join(item['type'] for item in inputs)})"


def raised_errors() -> set[str]:
    """Return the signatures of the errors that the code can raise."""
    return set(re.findall(r'method_id\("([^"]+)"\)', ERRORS_MODULE.read_text()))


def test_error_abi__compared_with_the_code__is_the_same_set() -> None:
    committed = json.loads((CONTRACTS / "interfaces" / "AtomicHedgerErrors.json").read_text())

    assert {entry["type"] for entry in committed} == {"error"}
    assert {signature_of(entry) for entry in committed} == raised_errors()


def test_error_abi__selectors__are_distinct() -> None:
    assert len({selector(signature) for signature in raised_errors()}) == len(raised_errors())


def test_errors_module__each_function__is_used() -> None:
    code = "\n".join(path.read_text() for path in SOURCES if path != ERRORS_MODULE)
    defined = set(re.findall(r"^def (_\w+)", ERRORS_MODULE.read_text(), re.MULTILINE))

    assert set(re.findall(r"hedger_errors\.(_\w+)", code)) == defined
    assert len(defined) == len(raised_errors())


def test_contract_sources__reverts__go_through_the_errors_module() -> None:
    for path in SOURCES:
        if path != ERRORS_MODULE:
            assert not re.search(r"\braw_revert\b|\braise\b|^\s*assert\b", path.read_text(), re.MULTILINE), (
                path
            )


@pytest.mark.parametrize("name", ["UniswapV3Pool", "MorphoBlue", "BalancerV2Vault", "AaveV3Pool"])
def test_vyper_interface__compared_with_the_third_party_abi__has_the_same_selectors(name: str) -> None:
    source = (CONTRACTS / "interfaces" / f"I{name}.vyi").read_text()
    published = json.loads((CONTRACTS / "external" / f"{name}.json").read_text())

    declared = set()
    for function, parameters in re.findall(
        r"^def (\w+)\((.*?)\)(?: ->.*?)?:$", source, re.MULTILINE | re.DOTALL
    ):
        text = _VYPER_ARRAY.sub(r"\1[]", _VYPER_BYTES.sub("bytes", parameters))
        types = [part.split(":")[1].strip() for part in text.split(",") if part.strip()]
        declared.add(f"{function}({','.join(types)})")

    assert declared
    assert declared <= {signature_of(entry) for entry in published}
