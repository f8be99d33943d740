"""kill -9 of the whole `pmm desk` process, before its hedge and behind it: the next one hedges each fill once."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmm.domain import WETH
from pmm.execution.hedging import HedgeLedger
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import ETHER, assert_books_equal_the_chain, running, until_quiet
from tests.fork.desk.test_desk_command import command, environment, wait_for_a_block
from tests.fork.server.site import Deployed, Server, fill

_WITHIN_S = 30.0


@contextmanager
def desk_process(deployed: Deployed, ledger: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run a desk that looks every two seconds; it is killed at the end."""
    where = ("--rpc", deployed.rpc.url, "--deployment", str(deployed.record), "--ledger", str(ledger))
    process = subprocess.Popen(
        command("desk", *where),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(
            PMM_MONITORING_LOG_LEVEL="error",
            **{
                "PMM_DESK_HEDGING": "immediate",
                "PMM_DESK_HEDGED": "WETH/USDC",
                "PMM_DESK_POLL_MS": "2000",
                "PMM_DESK_RESERVATIONS": "false",
                **settings,
            },
        ),
    )
    try:
        assert process.stdout is not None
        wait_for_a_block(process.stdout.readline().rsplit(" ", 1)[1].strip())
        yield process
    finally:
        process.kill()
        process.communicate()


def test_desk_process__killed_before_its_hedge_and_behind_it__every_fill_is_hedged_once(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"

    def held() -> int:
        return balance_of(deployed.rpc, WETH.address, deployed.settlement)

    before = held()
    with desk_process(deployed, ledger):
        # Killed between its looks: the fill is on the chain, and in no book.
        fill(chain, server.quote())
    with desk_process(deployed, ledger):
        deadline_s = time.monotonic() + _WITHIN_S
        while held() != before:
            assert time.monotonic() < deadline_s, "the second desk did not hedge what came to the first"
            time.sleep(0.02)
        # Killed behind its hedge: whether the ledger has seen it mined is chance.
    with desk_process(deployed, ledger):
        fill(chain, server.quote())
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)
        assert held() == before
        trades = [one.trade for one in HedgeLedger(desk.ledger).intents(most=9)]
        assert trades == [-ETHER, -ETHER]
