"""docs/relayers.md names every relayer, route, header and cut-off."""

from pathlib import Path

import pytest

from pmm.domain import MAINNET_TOKENS
from pmm.relayers.codec import RelayerCodec
from pmm.relayers.registry import RelayerSettings, open_codecs
from pmm.server.deadline import HEADERS

_PAGE = (Path(__file__).parents[3] / "docs" / "relayers.md").read_text()
_CODECS = open_codecs(RelayerSettings(tokens=MAINNET_TOKENS))


@pytest.mark.parametrize("codec", _CODECS, ids=lambda codec: codec.profile.name)
def test_table__relayer__stands_with_routes_header_and_time(codec: RelayerCodec) -> None:
    profile = codec.profile
    rows = [line for line in _PAGE.splitlines() if line.startswith(f"| `{profile.name}`")]
    text = "\n".join(rows)
    for route in profile.routes:
        assert f"`{route.method} {route.path}" in text
    assert f"`{profile.authentication.header}`" in text
    if profile.time_budget_ms is not None:
        assert f"{profile.time_budget_ms} ms" in text
        assert f"{profile.time_budget_ms * 8 // 10} ms" in text


@pytest.mark.parametrize("header", HEADERS)
def test_table__deadline_header__stands(header: str) -> None:
    assert f"| `{header}` |" in _PAGE


def test_table__what_okx_does_not_count__stands() -> None:
    row = next(line for line in _PAGE.splitlines() if line.startswith("| `invalid_json`"))
    for code in _CODECS[-1].profile.counts:
        assert f"`{code}`" in row
