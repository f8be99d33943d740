"""What pmm asks the lens for is what the lens has, by its exported ABI."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pmm.chain.abi import selector
from pmm.chain.lens import (
    CAP_FIELDS,
    FEED_FIELDS,
    LENS_CALLS,
    LIMITS_FIELDS,
    REASONS,
    SIGNATURE_BITS,
    TOKEN_FIELDS,
    CapState,
    DeskLimits,
    FeedState,
    Fields,
    TokenLimits,
    reason_text,
)
from pmm.chain.reverts import ABI_FOLDER

ABI = json.loads((ABI_FOLDER / "SettlementLens.json").read_text())
ROOT = Path(__file__).parents[3]


def _type(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    inner = ",".join(_type(one) for one in argument["components"])
    return f"({inner}){argument['type'].removeprefix('tuple')}"


def _function(name: str) -> dict[str, Any]:
    (entry,) = (entry for entry in ABI if entry["type"] == "function" and entry["name"] == name)
    return dict(entry)


def _struct(path: str) -> list[tuple[str, str]]:
    components = _function("limits")["outputs"][0]["components"]
    for name in filter(None, path.split(".")):
        (components,) = (one["components"] for one in components if one["name"] == name)
    return [(one["name"], _type(one)) for one in components]


def test_lens_calls__every_one__is_in_the_contract() -> None:
    for call in LENS_CALLS:
        entry = _function(call.partition("(")[0])
        assert selector(f"{entry['name']}({','.join(map(_type, entry['inputs']))})") == selector(call)


@pytest.mark.parametrize(
    ("path", "expected", "holder"),
    [
        ("", LIMITS_FIELDS, DeskLimits),
        ("tokens", TOKEN_FIELDS, TokenLimits),
        ("tokens.cap", CAP_FIELDS, CapState),
        ("tokens.feed", FEED_FIELDS, FeedState),
    ],
)
def test_fields__each_struct__is_that_of_the_contract(path: str, expected: Fields, holder: type[Any]) -> None:
    assert [(name, kind) for _, name, kind in expected] == _struct(path)
    assert {attribute for attribute, _, _ in expected} == {field.name for field in fields(holder)}


def test_reasons__table__is_that_of_the_contract() -> None:
    text = (ROOT / "contracts" / "interfaces" / "ISettlementLens.sol").read_text()
    rows = re.findall(r"^/// \| (\d+) \| ([A-Z_]+) \| (.*) \|$", text, re.M)
    assert [(int(bit), name) for bit, name, _ in rows] == list(enumerate(name for name, _ in REASONS))
    for bit, _, errors in rows:
        # Whatever error the contract names alone stands in the sentence, so that it can be searched for.
        named = re.findall(r"`([A-Z]\w+)`", errors.partition(";")[0])
        assert not named or any(error in REASONS[int(bit)][1] for error in named)


def test_signature_bits__are__those_two() -> None:
    assert {REASONS[bit][0] for bit in SIGNATURE_BITS} == {"SIGNATURE", "UNKNOWN_SIGNER"}


def test_reason_text__bit_of_a_newer_lens__is_said_to_be_unknown() -> None:
    assert "does not know" in reason_text(len(REASONS))
