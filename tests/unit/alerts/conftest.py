"""Receivers, and a ledger of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.alerts import AlertDesk
from pmm.domain import parse_address
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from tests.helpers.http_site import Site, http_site
from tests.helpers.postgres import Postgres, postgres_server
from tests.unit.alerts.phone import ROUTES, Phone

MAKER = parse_address("0x" + "11" * 20, "maker")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    where: Path | str = tmp_path / "ledger.sqlite"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        where = server.new_schema()
    opened = open_ledger(where, chain_id=1, maker=MAKER)
    yield opened
    opened.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as running:
        yield running


@pytest.fixture
def slack() -> Phone:
    return Phone("slack")


@pytest.fixture
def pager() -> Phone:
    return Phone("pager")


@pytest.fixture
def desk(ledger: Ledger, slack: Phone, pager: Phone) -> AlertDesk:
    return AlertDesk(ledger, (slack, pager), ROUTES, watch=DeskEvents().alerts)
