"""A market snapshot comes back from the journal as it went in."""

import orjson

from pmm.domain import WETH
from pmm.journal.encoding import snapshot_row
from pmm.journal.inputs_json import snapshot_from_json
from tests.helpers.quoting import market


def test_snapshot_row__read_back__is_the_snapshot() -> None:
    name, body = snapshot_row(market())
    assert isinstance(name, str)
    assert isinstance(body, str)
    assert snapshot_from_json(name, body) == market()


def test_snapshot_from_json__row_that_says_what_lies_in_the_hedger__is_read_without_it() -> None:
    name, body = snapshot_row(market())
    older = orjson.dumps({**orjson.loads(str(body)), "donated": [WETH.address]}).decode()
    assert snapshot_from_json(str(name), older) == market()
