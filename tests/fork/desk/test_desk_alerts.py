"""Alerts of a running desk on a fork, at a local receiver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pmm.alerts.channels import verify_webhook
from pmm.desk import open_desk
from pmm.domain import WETH, keccak256
from pmm.localnet.funding import balance_of, find_balance_slot
from pmm.localnet.placement import ChainBuilder
from pmm.settings import ServeSettings
from tests.fork.desk.desk_site import settings_of, until_quiet
from tests.fork.server.site import Deployed, Server, fill
from tests.helpers.http_site import Answer, Site, http_site

SECRET = "sixteen characters or more"
_PATIENCE_S = 20.0


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as running:
        yield running


def told_at(deployed: Deployed, ledger: Path, url: str) -> ServeSettings:
    settings = settings_of(deployed, ledger)
    alerts = settings.alerts.model_validate({"webhook_url": url, "webhook_secret": SECRET})
    return settings.model_copy(update={"alerts": alerts})


def slip_in(deployed: Deployed, amount: int) -> None:
    """Write a balance into WETH's storage: no transfer tells of it."""
    slot, vyper = find_balance_slot(deployed.rpc, WETH.address)
    assert not vyper
    place = keccak256(bytes(12) + bytes.fromhex(deployed.settlement[2:]) + slot.to_bytes(32, "big"))
    deployed.rpc.call("anvil_setStorageAt", WETH.address, "0x" + place.hex(), f"0x{amount:064x}")


def wait_until(found: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not found() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert found()


def about(site: Site, what: str) -> list[str]:
    return [asked.json["title"] for asked in tuple(site.asked) if asked.json["key"].startswith(what)]


def test_difference__of_one_base_unit_on_the_fork__reaches_the_webhook_once(
    deployed: Deployed, tmp_path: Path, site: Site
) -> None:
    desk = open_desk(told_at(deployed, tmp_path / "ledger.sqlite", site.url))
    try:
        until_quiet(desk)
        held = balance_of(deployed.rpc, WETH.address, deployed.settlement)
        slip_in(deployed, held + 1)
        turns = [desk.turn() for _ in range(4)]
        assert sorted(turn.reconciliation.clean for turn in turns if turn) == [False, True, True, True]
        wait_until(lambda: bool(about(site, "reconciliation:")))
    finally:
        desk.close()
    assert about(site, "reconciliation:") == [
        "Book and chain differ by 1 base units: WETH RfqSettlement balance"
    ]
    asked = site.asked[-1]
    assert verify_webhook(
        SECRET,
        timestamp=asked.headers["x-pmm-timestamp"],
        body=asked.body,
        signature=asked.headers["x-pmm-signature"],
        now_s=time.time(),
    )


@pytest.mark.parametrize("answer", [Answer(status=503), Answer(delay_s=30)], ids=["refuses", "is silent"])
def test_channel__that_is_down__stops_no_turn_and_no_hedge(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path, site: Site, answer: Answer
) -> None:
    site.usual = answer
    desk = open_desk(told_at(deployed, tmp_path / "ledger.sqlite", site.url))
    try:
        until_quiet(desk)
        held = balance_of(deployed.rpc, WETH.address, deployed.settlement)
        slip_in(deployed, held + 1)
        turns = [desk.turn() for _ in range(2)]
        assert not all(turn.reconciliation.clean for turn in turns if turn)
        wait_until(lambda: bool(site.asked))
        fill(chain, server.quote())
        until_quiet(desk)
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == held + 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert desk.ledger.read("SELECT count(*) FROM alerts_deliveries WHERE state = 'waiting'") != [(0,)]
    finally:
        desk.close()


def test_no_channel__starts_no_thread_and_writes_nothing(deployed: Deployed, tmp_path: Path) -> None:
    desk = open_desk(settings_of(deployed, tmp_path / "ledger.sqlite"))
    try:
        until_quiet(desk)
        slip_in(deployed, balance_of(deployed.rpc, WETH.address, deployed.settlement) + 1)
        turns = [desk.turn() for _ in range(2)]
        assert not all(turn.reconciliation.clean for turn in turns if turn)
        assert desk.ledger.read("SELECT count(*) FROM alerts_standing") == [(0,)]
    finally:
        desk.close()
