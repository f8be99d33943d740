"""A running quote server and a running desk: after a quote, its fill and its hedge, risk knows how business went."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pmm.desk import Desk
from pmm.domain import USDC, WETH, parse_address
from pmm.errors import ChainError
from pmm.execution.book import BalanceKey
from pmm.localnet.placement import ChainBuilder
from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.client import QuoteAnswer, QuoteClient, wait_ready
from tests.fork.desk.desk_site import ETHER, running, until_quiet
from tests.fork.server.site import TAKER, Deployed, fill
from tests.fork.server.test_serve_command import running as serving

_PATIENCE_S = 30.0
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Quoting:
    """A server of its own process, and keys for it."""

    url: str
    keys: dict[Role, str]

    def quote(self, amount: int = ETHER) -> QuoteAnswer:
        with QuoteClient(self.url, key=self.keys[Role.RELAYER]) as client:
            return client.order(
                base_token=WETH.address,
                quote_token=USDC.address,
                taker=TAKER,
                amount=amount,
                settlement="pmm",
            )


@contextmanager
def quoting(deployed: Deployed, journal: Path) -> Iterator[Quoting]:
    made = {
        role: new_key(kind=KeyKind.API_KEY, role=role, name="pmm", now_s=1)
        for role in (Role.RELAYER, Role.RISK)
    }
    path = journal.with_suffix(".keys.json")
    write_keys(path, [record for record, _ in made.values()])
    with serving(deployed, journal, PMM_AUTH_KEYS_FILE=str(path)) as (_, url):
        wait_ready(url, timeout_s=20)
        yield Quoting(url, {role: shown for role, (_, shown) in made.items()})


def value(desk: Desk, name: str, key: str = "") -> float | None:
    return desk.risk.monitor.readings[name, key].value


def answered(desk: Desk) -> float:
    """Step until the desk has heard how fast the server answered."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        desk.step()
        found = value(desk, "quote_response_ms")
        if found is not None:
            return found
        time.sleep(0.2)
    raise AssertionError("the desk does not hear how fast the server answers")


def test_quote_fill_and_hedge__make_every_metric_of_business_known__also_over_a_restart(
    chain: ChainBuilder, deployed: Deployed, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with quoting(deployed, journal) as server:
        joined = {"quote_server_url": server.url, "quote_server_key": server.keys[Role.RISK]}
        with running(deployed, ledger, journal=journal, **joined) as desk:
            until_quiet(desk)
            before = dict(desk.book.balances)
            # The watch has looked once: what is answered from now on is new.
            time.sleep(1)
            filled, left = server.quote(), server.quote()
            assert 0 < answered(desk) < 5_000
            fill(chain, filled)
            until_quiet(desk)
            realised = realised_pct(desk, before, filled)
            check(desk, filled, left, realised)
            # Somebody else tries the other quote: it reverts.
            with pytest.raises(ChainError):
                fill(chain, left, taker=parse_address("0x" + "77" * 20))
            until_quiet(desk)
            check(desk, filled, left, realised, success=50)
    with running(deployed, ledger, journal=journal) as again:
        again.step()
        check(again, filled, left, realised, success=50)
        # Nobody tells of it without a server to ask: it is not there, and warns of nothing.
        for name in ("quote_response_ms", "uptime_pct", "trade_latency_ms"):
            assert (name, "") not in again.risk.monitor.readings
        # Known once an hour was watched; the volume of before the restart counts.
        now_ms = again.clock_ms() + _HOUR_MS
        monkeypatch.setattr(again, "clock_ms", lambda: now_ms)
        again.step()
        held = usd(again, WETH.address, 40 * ETHER) + usd(again, USDC.address, 120_000 * 10**6)
        volume = usd(again, USDC.address, filled.signed.order.making_amount)
        assert value(again, "inventory_turnover_per_day") == pytest.approx(volume / held * 24, rel=0.1)


def usd(desk: Desk, token: str, amount: int) -> float:
    market = desk.gauges.market
    assert market is not None
    return amount * market.usd_per_unit_e36[parse_address(token)] / 10**36


def realised_pct(desk: Desk, before: dict[BalanceKey, int], filled: QuoteAnswer) -> float:
    """What our contracts gained and the operator paid for gas, over what the signed price promised."""
    gained = sum(usd(desk, key.token, amount - before[key]) for key, amount in desk.book.balances.items())
    ((text,),) = desk.ledger.read("SELECT inclusion FROM sent_transactions")
    paid = json.loads(text)
    gas = usd(desk, WETH.address, paid["gas_used"] * paid["gas_price_wei"])
    parts = {name: float(bps) / 10_000 for name, bps in filled.components_bps.items()}
    fair = usd(desk, USDC.address, filled.signed.order.making_amount) / (1 - sum(parts.values()))
    kept = sum(parts.values()) - parts.get("gas", 0) - parts.get("funding", 0)
    return (gained - gas) / (fair * kept) * 100


def check(
    desk: Desk, filled: QuoteAnswer, left: QuoteAnswer, realised: float, *, success: float = 100
) -> None:
    assert value(desk, "settlement_success_pct") == success
    assert value(desk, "flash_loan_exposure_pct") == 0
    assert value(desk, "inclusion_blocks") == 1
    took_ms = value(desk, "submission_latency_ms")
    assert took_ms is not None
    assert 0 < took_ms < 10_000
    assert value(desk, "rebalances_per_day") == 1
    amounts = [one.signed.order.making_amount for one in (filled, left)]
    assert value(desk, "quote_to_fill_pct") == pytest.approx(amounts[0] / sum(amounts) * 100, rel=1e-6)
    for key in ("relayer:pmm", "pair:WETH/USDC"):
        assert value(desk, "quote_acceptance_pct", key) == 50
    assert value(desk, "realised_edge_pct") == pytest.approx(realised, rel=1e-3)
