"""The hedger under any steps: it keeps, owes and approves nothing; fills move what was signed and no more."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.rpc import JsonRpc
from tests.invariants.depth import depth, run_machine
from tests.invariants.hedger_machine import HedgerMachine
from tests.invariants.hedger_world import HedgerWorld, build


@pytest.fixture(scope="session")
def hedger_world(rpc: JsonRpc, deal: Any) -> HedgerWorld:
    """A settlement contract with its hedger, a taker, an operator, a donor and somebody without any right."""
    return build(rpc, deal)


def test_hedger__any_steps__keeps_nothing_and_moves_what_was_signed(hedger_world: HedgerWorld) -> None:
    run_machine(lambda: HedgerMachine(hedger_world), depth(short=30, long=1_200, steps=20))
