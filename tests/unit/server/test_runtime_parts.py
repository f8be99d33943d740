"""Parts of the composition root that need no chain."""

from pathlib import Path
from typing import Any, cast

import pytest

from pmm.execution import JournalState, NodeIdentity, OutcomeKind
from pmm.journal import Journal
from pmm.server.runtime import _resumed_book, _switches_file
from pmm.settings import load_settings
from tests.helpers.quoting import ANVIL, GETH, answered_quote, spent_views


@pytest.mark.parametrize(
    ("node", "confirmations", "depth"), [(ANVIL, None, 0), (GETH, None, 12), (GETH, 3, 3), (ANVIL, 2, 2)]
)
def test_resumed_book__node__frees_inventory_as_deep_as_it_must(
    node: NodeIdentity, confirmations: int | None, depth: int
) -> None:
    quote = answered_quote().admitted.live
    settings = load_settings({"confirmations": confirmations}, environment={})
    book = _resumed_book(settings, node, JournalState(live=(quote,), next_nonces={}))
    ends = [book.end_by(view) for view in spent_views(quote.nonce, blocks=depth + 1)]
    assert ends[:-1] == [()] * depth
    assert [end.kind for end in ends[-1]] == [OutcomeKind.SPENT]


class _Journal:
    def __init__(self, path: Path | str) -> None:
        self.path = path


@pytest.mark.parametrize(
    ("path", "node", "end"),
    [
        (Path("/j/1.sqlite"), GETH, "/j/1.switches.sqlite"),
        ("db.example/pmm", GETH, ".pmm/switches/1.sqlite"),
        ("db.example/pmm", ANVIL, ".pmm/switches/fork-1.sqlite"),
    ],
)
def test_switches_file__journal__is_beside_a_file_or_by_chain(
    path: Any, node: NodeIdentity, end: str
) -> None:
    assert str(_switches_file(node, cast(Journal, _Journal(path)))).endswith(end)
