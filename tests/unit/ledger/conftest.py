"""Both kinds of ledger for the tests of either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.postgres import Postgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Place of an empty ledger."""
    if request.param == "sqlite":
        return tmp_path / "folder" / "ledger.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_schema()
