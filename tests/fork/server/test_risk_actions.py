"""A critical metric stops a running server and voids its quotes in the genuine contract."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pmm.chain.guardian import OwnerByImpersonation
from pmm.domain import parse_address
from pmm.errors import ChainError
from pmm.execution.actions import (
    ActionPorts,
    ActionRecord,
    ActionRunner,
    Money,
    OperatorQuoting,
    SignerStop,
    Status,
    executors_of,
    incident_report,
    incidents,
)
from pmm.ledger import open_ledger
from pmm.localnet.placement import ChainBuilder
from pmm.risk import events as seen
from pmm.risk.monitor import RiskMonitor
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase
from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role
from tests.fork.server.site import Deployed, Server, fill, serving
from tests.unit.execution.actions_desk import NOW_MS, HandClock

_JSON = {"content-type": "application/json"}
_QUICK = RiskSettings(hold_s=2.0, recovery_step_s=2.0, desk_hold_s=1.0)


class ToServer(httpx.BaseTransport):
    """The way to the server's application; on its own loop, which stands still between requests."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._server.runtime.app)
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(
                    request.method, request.url, content=request.content, headers=dict(request.headers)
                )

        answer = self._server.loop.run_until_complete(run())
        return httpx.Response(answer.status_code, content=answer.content, headers=_JSON)


def test_drawdown__beyond_its_line__stops_the_server_and_voids_its_quotes(
    deployed: Deployed, journal: Path, chain: ChainBuilder
) -> None:
    clock, monitor = HandClock(), RiskMonitor(_QUICK, now_ms=NOW_MS)
    settlement = parse_address(deployed.settlement)
    made = {role: new_key(kind=KeyKind.API_KEY, role=role, name="desk", now_s=1) for role in Role}
    keys = {role: shown for role, (_, shown) in made.items()}
    write_keys(journal.with_suffix(".keys.json"), [record for record, _ in made.values()])
    with serving(deployed, journal, auth={"keys_file": journal.with_suffix(".keys.json")}) as server:
        server.keys.update(keys)
        on_chain = OwnerByImpersonation(deployed.rpc.url, settlement, timeout_s=5.0)
        stop = SignerStop(
            lambda signer, how: on_chain.stop(parse_address(signer), how), (server.runtime.signer.address,)
        )
        ledger = open_ledger(journal.with_name("desk.sqlite"), chain_id=1, maker=settlement)
        record = ActionRecord(ledger)
        client = httpx.Client(transport=ToServer(server))
        quoting = OperatorQuoting("http://test", keys[Role.RISK], lambda what, _: what, client=client)
        ports = ActionPorts(quoting=quoting, cancel=stop)
        runner = ActionRunner(record, executors_of(ports), clock=clock)

        def second(portfolio_usd_e6: int) -> None:
            clock.now_ms += 1_000
            moved = monitor.apply(seen.PortfolioValued(clock.now_ms, portfolio_usd_e6))
            moved += monitor.tick(clock.now_ms)
            money = Money(portfolio_usd_e6=portfolio_usd_e6)
            record.observe(moved, monitor.states, monitor.desk, money, clock.now_ms)
            runner.submit(monitor.requests(clock.now_ms))
            runner.run_due()

        second(10**12)
        answer = server.quote(settlement="pmm")
        second(7 * 10**11)
        assert monitor.desk.phase is Phase.CRITICAL
        assert server.refused() == (503, "paused")
        with pytest.raises(ChainError):
            fill(chain, answer)
        done = {one.kind.value: one for one in record.commands(0, 2**62) if one.status is Status.DONE}
        assert done["cancel_all"].detail.startswith("voided in 0x")
        assert done["stop_quoting"].detail == "paused, version 1"
        (incident,) = incidents(record, 0, 2**62)
        report = incident_report(record, incident, _QUICK, clock.now_ms)
        assert "`max_drawdown_pct` made the desk critical" in report
        assert "| portfolio, USD | 1,000,000.00 | 700,000.00 | 700,000.00 | -300,000.00 |" in report
        for secret in (answer.signed.signature.to_compact().hex(), answer.signed.order_hash.hex()):
            assert secret not in report
        ledger.close()
