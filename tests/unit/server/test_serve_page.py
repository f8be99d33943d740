"""docs/serve.md names every refusal and every price component, docs/settings.md every setting."""

from pathlib import Path

import pytest

from pmm.domain import RefusalReason
from pmm.pricing import ComponentName
from pmm.relayers.oneinch import OrderBody
from pmm.server.api_schema import OrderAnswer
from pmm.settings import variable_names
from pmm.settings_table import settings_page

_PAGE = (Path(__file__).parents[3] / "docs" / "serve.md").read_text()


def test_settings_page__as_committed__is_what_the_settings_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "settings.md"
    assert page.read_text() == settings_page(), "run: pmm config table > docs/settings.md"


def test_settings_page__every_variable__stands_once() -> None:
    page = settings_page()
    for name in variable_names():
        assert page.count(f"| `{name}` |") == 1, name


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
