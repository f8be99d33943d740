"""Both kinds of journal for the tests of either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.journal_places import Place, PostgresPlace, SqlitePlace
from tests.helpers.postgres import Postgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "journal.sqlite")
    server: Postgres = request.getfixturevalue("postgres")
    return PostgresPlace(server.new_schema())
