"""Fills that reverted are found in the blocks: once per quote, through node failures and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.desk.failed_settlements import FailedSettlements
from pmm.errors import ChainError
from pmm.risk.events import SettlementEnded
from tests.helpers.quoting import MAKER
from tests.unit.desk.business_site import BusinessSite

_SALT, _OTHER = "ab" * 32, "cd" * 32
_QUOTES = {_SALT: 1_000, _OTHER: 1_000}
_OF_MAKER = MAKER[2:].lower()


@dataclass
class Blocks:
    """A chain of blocks with one transaction each: recipient, call data, status."""

    found: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    time_s: int = 900
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def call(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if self.down:
            raise ChainError("nobody there")
        if method == "eth_getTransactionReceipt":
            return {"status": hex(self.found[int(params[0], 16)][2])}
        number = int(params[0], 16)
        to, data, _ = self.found.get(number, ("0x" + "00" * 20, "", 1))
        one = {"to": to, "input": "0x" + data, "hash": hex(number)}
        return {"timestamp": hex(self.time_s), "transactions": [one]}


def looked(blocks: Blocks, place: int | None = 0, head: int = 1) -> list[str]:
    return FailedSettlements(blocks, settlement=MAKER, place=place).look(head, _QUOTES)


@pytest.mark.parametrize(
    ("to", "data", "status", "failed"),
    [
        (MAKER, _SALT, 0, [_SALT]),
        (ONEINCH_ROUTER, _SALT + _OF_MAKER, 0, [_SALT]),
        (MAKER, _SALT, 1, []),
        # An order of somebody else, or a call of ours that is no fill.
        (ONEINCH_ROUTER, _SALT, 0, []),
        (MAKER, "ef" * 32, 0, []),
    ],
)
def test_look__transaction__failed_if_it_names_a_quote_and_reverted(
    to: str, data: str, status: int, failed: list[str]
) -> None:
    assert looked(Blocks({1: (to, data, status)})) == failed


def test_look__quote_had_expired__is_no_failure_of_ours() -> None:
    blocks = Blocks({1: (MAKER, _SALT, 0)}, time_s=1_001)
    assert looked(blocks) == []


def test_look__each_block_once__also_from_an_earlier_processs_place() -> None:
    blocks = Blocks(dict.fromkeys(range(1, 200), (MAKER, _SALT, 0)))
    assert looked(blocks, place=None, head=9) == []
    assert looked(blocks, place=5, head=9) == [_SALT] * 4
    finder = FailedSettlements(blocks, settlement=MAKER, place=1)
    assert len(finder.look(150, _QUOTES)) == 20
    assert finder.place == 150 - 100 + 20
    assert finder.look(30, _QUOTES) == []
    assert finder.place == 30


def test_look__node_fails__is_said_once_and_the_block_is_looked_through_later() -> None:
    blocks = Blocks({1: (MAKER, _SALT, 0)}, down=True)
    finder = FailedSettlements(blocks, settlement=MAKER, place=0)
    with structlog.testing.capture_logs() as said:
        assert [finder.look(1, _QUOTES), finder.look(1, _QUOTES)] == [[], []]
    assert [one["event"] for one in said] == ["failed_settlements_unknown"]
    blocks.down = False
    assert finder.look(1, _QUOTES) == [_SALT]


def test_look__no_quote_may_be_named__asks_nobody() -> None:
    blocks = Blocks({1: (MAKER, _SALT, 0)})
    assert FailedSettlements(blocks, settlement=MAKER, place=0).look(1, {}) == []
    assert blocks.asked == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BusinessSite]:
    found = BusinessSite(tmp_path)
    found.node = Blocks()
    found.again()
    found.told(head=1)
    yield found
    found.ledger.close()


def failed(site: BusinessSite, head: int) -> int:
    return sum(isinstance(one, SettlementEnded) and not one.settled for one in site.told(head=head))


def test_business__fill_that_reverts__fails_once__also_over_a_restart_and_tried_again(
    site: BusinessSite,
) -> None:
    blocks = site.node
    assert isinstance(blocks, Blocks)
    blocks.found = {2: (MAKER, _SALT, 0), 3: (MAKER, _SALT, 0)}
    assert [failed(site, 2), failed(site, 2), failed(site, 3)] == [1, 0, 0]
    asked = len(blocks.asked)
    site.again()
    assert [failed(site, 3), failed(site, 3)] == [1, 0], "told again to a new process"
    assert len(blocks.asked) == asked


def test_business__ledger_fails__looks_through_the_block_again(
    site: BusinessSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = site.node
    assert isinstance(blocks, Blocks)
    blocks.found = {2: (MAKER, _SALT, 0)}

    def fails(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("pmm.desk.business.put_looked", fails)
    with pytest.raises(RuntimeError):
        site.told(head=2)
    monkeypatch.undo()
    assert failed(site, 2) == 1


def test_business__journal_is_not_read_to_its_end__waits_with_the_blocks(site: BusinessSite) -> None:
    blocks = site.node
    assert isinstance(blocks, Blocks)
    blocks.found = {2: (MAKER, _SALT, 0)}
    site.journal.down = True
    assert failed(site, 2) == 0
    site.journal.down = False
    assert failed(site, 2) == 1
