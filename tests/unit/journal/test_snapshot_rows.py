"""A market snapshot comes back from the journal as it went in."""

from dataclasses import replace

import pytest

from pmm.domain import USDC, WETH, Address
from pmm.journal.encoding import snapshot_row
from pmm.journal.inputs_json import snapshot_from_json
from tests.helpers.quoting import market


@pytest.mark.parametrize(
    "donated", [frozenset(), frozenset({WETH.address}), frozenset({WETH.address, USDC.address})]
)
def test_snapshot_row__read_back__is_the_snapshot(donated: frozenset[Address]) -> None:
    snapshot = replace(market(), donated=donated)
    name, body = snapshot_row(snapshot)
    assert isinstance(name, str)
    assert isinstance(body, str)
    assert snapshot_from_json(name, body) == snapshot
    assert ("donated" in body) is bool(donated)
