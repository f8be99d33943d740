"""The contract tests' fixtures, and one world for all machines: each example of a machine puts it back."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.rpc import JsonRpc
from tests.contracts.conftest import *  # noqa: F403 - pytest finds fixtures by name
from tests.contracts.conftest import _fresh_build  # noqa: F401 - the star leaves it out
from tests.invariants.world import World, build


@pytest.fixture(scope="session")
def world(rpc: JsonRpc, deal: Any) -> World:
    """The settlement, its signers, two takers, and somebody without any right."""
    return build(rpc, deal)
