"""docs/serve.md names every setting with its default, every refusal and every price component."""

from enum import Enum
from pathlib import Path

import pytest

from pmm.domain import RefusalReason
from pmm.pricing import ComponentName
from pmm.relayers.oneinch import OrderBody
from pmm.server.api_schema import OrderAnswer
from pmm.settings import ServeSettings

_PAGE = (Path(__file__).parents[3] / "docs" / "serve.md").read_text()


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_text(one) for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else str(value.value)
    return str(value)


@pytest.mark.parametrize("name", list(ServeSettings.model_fields))
def test_settings_table__every_setting__stands_with_default_and_meaning(name: str) -> None:
    field = ServeSettings.model_fields[name]
    row = next(line for line in _PAGE.splitlines() if line.startswith(f"| `PMM_{name.upper()}` |"))
    assert str(field.description) in row
    if field.default is not None and name != "rpc_url":
        assert f"| `{_text(field.default)}` |" in row


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_refusals_table__every_reason__stands(reason: RefusalReason) -> None:
    assert f"`{reason.value}`" in _PAGE


@pytest.mark.parametrize("part", list(ComponentName))
def test_price_table__every_component__stands(part: ComponentName) -> None:
    assert f"| `{part.value}` |" in _PAGE


@pytest.mark.parametrize("struct", [OrderBody, OrderAnswer])
def test_fields__every_one_of_request_and_answer__stands(struct: type) -> None:
    for field in struct.__struct_encode_fields__:  # type: ignore[attr-defined]
        assert f"`{field}`" in _PAGE, field
