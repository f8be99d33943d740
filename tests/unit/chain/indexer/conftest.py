"""A ledger of its own for each test; PostgreSQL where a test asks for both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.ledger import Ledger, open_ledger
from tests.helpers.fake_chain import SETTLEMENT
from tests.helpers.postgres import Postgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=SETTLEMENT)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    where: Path | str = tmp_path / "either.sqlite"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        where = server.new_schema()
    opened = open_ledger(where, chain_id=1, maker=SETTLEMENT)
    yield opened
    opened.close()
