"""Which entries of an access list pay, and when a list is attached at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.access_list import (
    ENTRY_GAS,
    KEY_SAVING_GAS,
    AccessEntry,
    estimate_with_access_list,
    prune_access_list,
    read_access_list,
)
from pmm.chain.rpc import NodeUnreachable, RpcError
from pmm.domain import Address, parse_address
from pmm.errors import ChainError

SENDER, RECIPIENT, POOL, TOKEN = (parse_address(f"0x{number:040x}") for number in (0xA1, 0xA2, 0xA3, 0xA4))
_TRANSACTION = {"from": SENDER, "to": RECIPIENT, "data": "0x"}


def _entry(address: Address, keys: int) -> AccessEntry:
    return AccessEntry(address=address, storage_keys=tuple(key.to_bytes(32, "big") for key in range(keys)))


@pytest.mark.parametrize(("keys", "stays"), [(0, False), (24, False), (25, True)])
def test_prune__recipient__stays_only_when_its_keys_pay_for_the_entry(keys: int, stays: bool) -> None:
    pruned = prune_access_list([_entry(RECIPIENT, keys), _entry(POOL, 1)], warm=(SENDER, RECIPIENT))
    assert [entry.address for entry in pruned] == ([RECIPIENT, POOL] if stays else [POOL])


@pytest.mark.parametrize("number", [1, 2, 10, 0x11, 0x100])
def test_prune__precompile__goes(number: int) -> None:
    assert prune_access_list([_entry(parse_address(f"0x{number:040x}"), 0)], warm=()) == ()


@pytest.mark.parametrize("number", [0, 0x12, 0x101])
def test_prune__account_beside_the_precompiles__stays(number: int) -> None:
    assert len(prune_access_list([_entry(parse_address(f"0x{number:040x}"), 0)], warm=())) == 1


def test_prune__account_named_twice__becomes_one_entry_with_every_key_once() -> None:
    (pruned,) = prune_access_list([_entry(POOL, 2), _entry(POOL, 3)], warm=())
    assert pruned == _entry(POOL, 3)


_ENTRIES = st.lists(
    st.builds(_entry, st.sampled_from([SENDER, RECIPIENT, POOL, TOKEN]), st.integers(0, 40)), max_size=6
)


@given(_ENTRIES)
def test_prune__any_list__never_saves_less_than_before(entries: list[AccessEntry]) -> None:
    def saving(kept: tuple[AccessEntry, ...]) -> int:
        warm = {SENDER, RECIPIENT}
        cold = sum((-ENTRY_GAS if entry.address in warm else KEY_SAVING_GAS) for entry in kept)
        return cold + KEY_SAVING_GAS * sum(len(entry.storage_keys) for entry in kept)

    merged = prune_access_list(entries, warm=())
    pruned = prune_access_list(entries, warm=(SENDER, RECIPIENT))
    assert saving(pruned) >= max(saving(merged), 0)
    assert set(pruned) <= set(merged)


@pytest.mark.parametrize("answer", [None, {}, {"accessList": [{"address": "0x1", "storageKeys": []}]}, []])
def test_read__what_is_no_access_list__is_said(answer: object) -> None:
    with pytest.raises(ChainError, match="expected an access list"):
        read_access_list(answer)


@pytest.mark.parametrize("key", ["0x1" + "00" * 32, "-0x1"])
def test_read__key_that_is_no_slot__is_said(key: str) -> None:
    with pytest.raises(ChainError, match="expected an access list"):
        read_access_list({"accessList": [{"address": POOL, "storageKeys": [key]}]})


class _Node:
    """A node whose estimates are given: without a list, with one."""

    def __init__(self, bare: int, listed: int, proposal: object) -> None:
        self._gas, self._proposal = (bare, listed), proposal
        self.asked: list[dict[str, Any]] = []

    def call(self, method: str, *params: Any) -> Any:
        if method == "eth_createAccessList":
            if isinstance(self._proposal, Exception):
                raise self._proposal
            return self._proposal
        self.asked.append(params[0])
        return hex(self._gas["accessList" in params[0]])


_PROPOSAL = {"accessList": [_entry(RECIPIENT, 3).to_rpc(), _entry(POOL, 2).to_rpc()], "gasUsed": "0x1"}


def test_estimate__list_that_lowers_it__is_attached_without_the_recipient() -> None:
    node = _Node(100_000, 99_000, _PROPOSAL)
    found = estimate_with_access_list(node, _TRANSACTION)
    assert (found.gas, found.gas_without_list) == (99_000, 100_000)
    assert found.access_list == (_entry(POOL, 2),)
    assert node.asked[1]["accessList"] == [_entry(POOL, 2).to_rpc()]


@pytest.mark.parametrize("listed", [100_000, 100_001])
def test_estimate__list_that_does_not_lower_it__is_left_off(listed: int) -> None:
    found = estimate_with_access_list(_Node(100_000, listed, _PROPOSAL), _TRANSACTION)
    assert (found.gas, found.access_list) == (100_000, ())


def test_estimate__node_that_takes_no_list_there__goes_without() -> None:
    class NoLists(_Node):
        def call(self, method: str, *params: Any) -> Any:
            if method == "eth_estimateGas" and "accessList" in params[0]:
                raise RpcError(method, {"code": -32602, "message": "unknown field accessList"})
            return super().call(method, *params)

    found = estimate_with_access_list(NoLists(100_000, 1, _PROPOSAL), _TRANSACTION)
    assert (found.gas, found.access_list) == (100_000, ())


@pytest.mark.parametrize(
    "proposal",
    [RpcError("eth_createAccessList", {"code": -32601, "message": "not found"}), NodeUnreachable("late"), {}],
    ids=["no such method", "no answer", "nonsense"],
)
def test_estimate__node_that_proposes_no_list__goes_without(proposal: object) -> None:
    found = estimate_with_access_list(_Node(100_000, 1, proposal), _TRANSACTION)
    assert (found.gas, found.access_list) == (100_000, ())
