"""A desk on a fork that acts: a critical delta is hedged and stops the quote server once; quotes are voided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pmm.desk import Desk, open_desk
from pmm.desk.action_ports import SenderCancel
from pmm.domain import WETH, parse_address
from pmm.errors import ChainError
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.risk.plans import ActionKind
from pmm.risk.state_machine import Phase
from pmm.settings import ServeSettings
from pmm.settings_risk import RiskSection
from tests.fork.desk.desk_site import ETHER, nonce, running, settings_of, until_quiet
from tests.fork.server.site import Deployed, Server, fill
from tests.helpers.http_site import Answer, Site, http_site

_PATIENCE_S = 30.0
_QUICK = {
    "hold_s": 0.3,
    "recovery_step_s": 0.1,
    "desk_hold_s": 0.1,
    # Half of what a desk of two tokens holds is one of them.
    "concentration_pct": (10.0, 75.0, 90.0),
}
_SWITCHES = "/v1/operator/switches"


@pytest.fixture
def site() -> Iterator[Site]:
    """A quote server's operator API, as far as a stop needs it."""
    with http_site() as running:
        running.routes = {
            _SWITCHES: Answer.of({"switches": []}),
            f"{_SWITCHES}/pause": Answer.of({"version": 1}),
        }
        yield running


def acting(deployed: Deployed, ledger: Path, url: str) -> ServeSettings:
    settings = settings_of(deployed, ledger, hedging="none", quote_server_url=url)
    return settings.model_copy(update={"risk": RiskSection.model_validate(_QUICK)})


def turns_until(desk: Desk, found: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not found() and time.monotonic() < deadline_s:
        assert desk.turn() is not None, desk.trouble
        time.sleep(0.05)
    assert found()


def phase(desk: Desk) -> Phase | None:
    state = desk.risk.monitor.states.get(("net_delta_pct", "WETH"))
    return state.phase if state else None


def hedge_status(desk: Desk) -> str:
    sql = "SELECT status FROM actions_commands WHERE kind = ?"
    ((status,),) = desk.ledger.read(sql, (ActionKind.HEDGE_NOW.value,))
    return str(status)


def paused(site: Site) -> int:
    return sum(one.path == f"{_SWITCHES}/pause" for one in tuple(site.asked))


def test_critical_delta__is_hedged_and_stops_quotes_once__also_over_a_restart(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path, site: Site
) -> None:
    settings = acting(deployed, tmp_path / "ledger.sqlite", site.url)
    desk = open_desk(settings)
    try:
        turns_until(desk, lambda: phase(desk) is Phase.NORMAL)
        before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
        fill(chain, server.quote(amount=str(7 * ETHER)))
        turns_until(desk, lambda: phase(desk) is Phase.CRITICAL)
        # The strategy hedges nothing: the command does.
        turns_until(desk, lambda: desk.hedger.open_delta(WETH.address) == 0)
        turns_until(desk, lambda: paused(site) == 1)
        turns_until(desk, lambda: balance_of(deployed.rpc, WETH.address, deployed.settlement) == before)
        assert nonce(desk, deployed) == 1
        # Done once its swap is in the books, not when it was entered.
        turns_until(desk, lambda: hedge_status(desk) == "done")
    finally:
        desk.close()
    again = open_desk(settings)
    try:
        turns_until(again, lambda: phase(again) is Phase.NORMAL)
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before
        assert again.ledger.read("SELECT count(*) FROM sent_transactions") == [(1,)]
        rows = again.ledger.read("SELECT count(*) FROM actions_commands WHERE kind = 'hedge_now'")
        assert rows == [(1,)]
        audit = again.ledger.read(
            "SELECT a.status FROM actions_audit a JOIN actions_commands c ON c.command_id = a.command_id "
            "WHERE c.kind = ? ORDER BY a.seq",
            (ActionKind.HEDGE_NOW.value,),
        )
        assert audit == [("planned",), ("started",), ("done",)]
    finally:
        again.close()


def test_forced_warning__is_hedged_and_recovers__no_stop(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path, site: Site
) -> None:
    desk = open_desk(acting(deployed, tmp_path / "ledger.sqlite", site.url))
    try:
        turns_until(desk, lambda: phase(desk) is Phase.NORMAL)
        fill(chain, server.quote(amount=str(3 * ETHER)))
        turns_until(desk, lambda: phase(desk) is Phase.WARNING)
        turns_until(desk, lambda: phase(desk) is Phase.NORMAL)
        assert desk.hedger.open_delta(WETH.address) == 0
        assert nonce(desk, deployed) == 1
        assert paused(site) == 0
    finally:
        desk.close()


def test_cancel_all__voids_what_was_signed__once_per_command(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    with running(deployed, tmp_path / "ledger.sqlite") as desk:
        until_quiet(desk)
        answer = server.quote()
        cancel = SenderCancel(desk.sender, desk.scene.rpc, parse_address(deployed.settlement))
        assert cancel.cancel_all("c1").startswith("sent 0x")
        turns_until(desk, lambda: not desk.sender.open_records or nonce(desk, deployed) > 0)
        sent = nonce(desk, deployed)
        assert cancel.cancel_all("c1").startswith("sent 0x")
        desk.turn()
        assert nonce(desk, deployed) == sent
        with pytest.raises(ChainError):
            fill(chain, answer)
