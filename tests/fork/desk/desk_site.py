"""A desk on the fork of the server's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from pmm.chain.rpc import JsonRpc
from pmm.desk import Desk, DeskTurn, open_desk
from pmm.localnet.funding import balance_of
from pmm.localnet.mining import wait_until_mined
from pmm.settings import ServeSettings, load_settings
from tests.fork.server.site import Deployed

ETHER = 10**18
_QUIET_WITHIN_S = 60.0


def settings_of(
    deployed: Deployed, ledger: Path, *, journal: Path | None = None, **desk: Any
) -> ServeSettings:
    """Return settings; without a journal none is joined."""
    section = {"ledger": ledger, "metrics_port": 0, "hedging": "immediate", "hedged": ("WETH/USDC",), **desk}
    return load_settings(
        {
            "rpc_url": deployed.rpc.url,
            "deployment": deployed.record,
            "pairs": ("WETH/USDC",),
            "rpc_timeout_ms": 20_000,
            "journal": journal,
            "desk": section,
        }
    )


@contextmanager
def running(deployed: Deployed, ledger: Path, *, journal: Path | None = None, **desk: Any) -> Iterator[Desk]:
    opened = open_desk(settings_of(deployed, ledger, journal=journal, **desk))
    try:
        yield opened
    finally:
        opened.close()


def until_quiet(desk: Desk) -> list[DeskTurn]:
    """Step until nothing is left to do."""
    turns: list[DeskTurn] = []
    deadline_s = monotonic() + _QUIET_WITHIN_S
    while monotonic() < deadline_s:
        with JsonRpc(desk.scene.settings.rpc_url) as rpc:
            wait_until_mined(rpc)
        turns.append(desk.step())
        assert turns[-1].reconciliation.clean, turns[-1].reconciliation.differences
        if turns[-1].quiet:
            return turns
    raise AssertionError(f"the desk is not quiet after {len(turns)} turns: {turns[-1]}")


def assert_books_equal_the_chain(desk: Desk, deployed: Deployed) -> None:
    assert desk.book.balances
    for key, amount in desk.book.balances.items():
        assert amount == balance_of(deployed.rpc, key.token, key.account), key


def nonce(desk: Desk, deployed: Deployed) -> int:
    return int(deployed.rpc.call("eth_getTransactionCount", desk.sender.address, "latest"), 16)
