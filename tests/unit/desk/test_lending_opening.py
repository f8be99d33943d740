"""A lending account that is not there: what is missing is named, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from pmm.chain.abi import selector
from pmm.desk.lending_opening import join_lending, lending_routes
from pmm.domain import ZERO_ADDRESS, Address
from pmm.errors import InvalidInput
from tests.helpers.quoting import MAKER, TAKER


class Node:
    """Answers what the settlement contract has joined."""

    def __init__(self, account: Address, hooks: Address) -> None:
        self._joined = {selector("lendingAccount()"): account, selector("routerHooks()"): hooks}

    def multicall(self, calls: Sequence[tuple[str, bytes]], *, block: object) -> list[bytes]:
        return [bytes(12) + bytes.fromhex(self._joined[data[:4]][2:]) for _, data in calls]


def scene(account: Address = ZERO_ADDRESS, hooks: Address = ZERO_ADDRESS, *, plan: Any = None) -> Any:
    return SimpleNamespace(
        settings=SimpleNamespace(desk=SimpleNamespace(keeper=True, shorts=True)),
        node=Node(account, hooks),
        settlement=MAKER,
        lending=plan,
        deployment=SimpleNamespace(contracts={}),
    )


def said(found: Any) -> str:
    unused: Any = None
    with structlog.testing.capture_logs() as logs:
        assert join_lending(found, unused, unused, unused, ()) is None
    (line,) = logs
    assert line["event"] == "nothing_to_keep"
    return str(line["why"])


def test_join__contract_lacks_one_of_them__names_that_one() -> None:
    assert f"the settlement contract {MAKER} has no RouterHooks; run" in said(scene(account=TAKER))
    assert "has no LendingAccount; run" in said(scene(hooks=TAKER))
    assert "has no LendingAccount and no RouterHooks; run" in said(scene())


def test_join__record_lacks_it__names_the_record_and_not_the_contract() -> None:
    why = said(scene(TAKER, TAKER, plan=SimpleNamespace(account=TAKER)))
    assert f"the deployment record names no LendingAccount, the settlement contract has {TAKER}" in why


def test_shorts__contract_lacks_the_hooks__names_them() -> None:
    with pytest.raises(InvalidInput, match=r"PMM_DESK_SHORTS: .* has no RouterHooks; run .*or turn it off"):
        lending_routes(scene(account=TAKER))
