"""A desk and a quote server as processes of one firm: a warning shapes the next quote, a person answers what asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from pmm.cli.actions import app
from pmm.desk import Desk, open_desk
from pmm.domain import USDC, WETH
from pmm.localnet.placement import ChainBuilder
from pmm.risk.plans import ActionKind
from pmm.risk.state_machine import Phase
from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.client import parse_answer
from pmm.settings import ServeSettings
from pmm.settings_risk import RiskSection
from tests.fork.desk.desk_site import ETHER, nonce, settings_of
from tests.fork.desk.test_desk_actions import _QUICK, phase, turns_until
from tests.fork.server.site import TAKER, Deployed, fill
from tests.fork.server.test_serve_command import running as serving

_ASK = ("hedge_now", "repay")
_ROLES = (Role.RELAYER, Role.DESK)


def _settings(deployed: Deployed, ledger: Path, url: str, key: str) -> ServeSettings:
    settings = settings_of(deployed, ledger, hedging="none", quote_server_url=url, quote_server_key=key)
    return settings.model_copy(update={"risk": RiskSection.model_validate({**_QUICK, "ask": _ASK})})


@dataclass(frozen=True)
class QuoteServer:
    """A running server and its keys."""

    url: str
    relayer: str
    desk: str

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}/v1/operator{path}", headers={"X-API-Key": self.desk}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def shape(self, name: str) -> Decimal:
        return Decimal(self.get("/shape")["pairs"]["WETH/USDC"][name])

    def order(self, taker_asset: str, maker_asset: str, amount: int) -> dict[str, Any]:
        body = {"baseToken": taker_asset, "quoteToken": maker_asset, "amount": str(amount), "taker": TAKER}
        headers = {"X-API-Key": self.relayer}
        answer = httpx.post(f"{self.url}/order", json={**body, "feeBps": 0}, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def _serving(deployed: Deployed, journal: Path, **extra: str) -> Iterator[QuoteServer]:
    made = {role: new_key(kind=KeyKind.API_KEY, role=role, name="pmm", now_s=1) for role in _ROLES}
    path = journal.with_suffix(".keys.json")
    write_keys(path, [record for record, _ in made.values()])
    with serving(deployed, journal, PMM_AUTH_KEYS_FILE=str(path), **extra) as (_, url):
        yield QuoteServer(url, made[Role.RELAYER][1], made[Role.DESK][1])


def _pmm_actions(deployed: Deployed, ledger: Path, *arguments: str) -> str:
    where = ["--rpc", deployed.rpc.url, "--deployment", str(deployed.record), "--ledger", str(ledger)]
    done = CliRunner().invoke(app, [*arguments, *where])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def _status(desk: Desk, kind: ActionKind) -> Callable[[str], bool]:
    def reached(status: str) -> bool:
        rows = desk.ledger.read("SELECT status FROM actions_commands WHERE kind = ?", (kind.value,))
        return (status,) in rows

    return reached


def test_warning__shapes_the_next_quote_and_waits_for_a_person__then_ends(
    chain: ChainBuilder, deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with _serving(deployed, journal) as server:
        desk = open_desk(_settings(deployed, ledger, server.url, server.desk))
        try:
            turns_until(desk, lambda: phase(desk) is Phase.NORMAL)
            # What nobody measures is a warning: wider and smaller from the first turn on.
            turns_until(desk, lambda: server.shape("spreadBps") > 0)
            assert server.shape("baseSkewBps") == 0
            sold = server.order(WETH.address, USDC.address, 3 * ETHER)
            fill(chain, parse_answer(sold))
            turns_until(desk, lambda: phase(desk) is Phase.WARNING)
            # We hold too much WETH: both its prices fall, so that takers buy it.
            turns_until(desk, lambda: server.shape("baseSkewBps") < 0)
            parts = {
                name: Decimal(bps)
                for name, bps in server.order(USDC.address, WETH.address, 3_000 * 10**6)["components"].items()
            }
            assert parts["operator_spread"] == server.shape("spreadBps")
            assert parts["operator_skew"] < 0
            turns_until(desk, lambda: _status(desk, ActionKind.HEDGE_NOW)("asked"))
            before = nonce(desk, deployed)
            listed = _pmm_actions(deployed, ledger, "list")
            command_id = next(line for line in listed.splitlines() if line.startswith("hedge_now:"))
            for _ in range(3):
                desk.turn()
            assert nonce(desk, deployed) == before, "nothing is done unasked"
            said = _pmm_actions(deployed, ledger, "approve", command_id, "--who", "ada", "--why", "seen")
            assert "planned by ada (user " in said
            turns_until(desk, lambda: desk.hedger.open_delta(WETH.address) == 0)
            turns_until(desk, lambda: phase(desk) is Phase.NORMAL)
            turns_until(desk, lambda: server.shape("baseSkewBps") == 0)
            steps = _pmm_actions(deployed, ledger, "list", "--day")
            assert "planned (ada (user " in steps
            audit = server.get("/shape/audit")
            assert {one["setter"] for one in audit} == {"desk"}
        finally:
            desk.close()
