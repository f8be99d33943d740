"""Both kinds of journal for the tests of either."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmm.journal.batch import BatchWriter
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


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the batches that were written, as they are: those that failed are not among them."""
    sizes: list[int] = []
    write = BatchWriter.write

    def counted(self: BatchWriter, entries: Any, **how: Any) -> None:
        write(self, entries, **how)
        sizes.append(len(entries))

    monkeypatch.setattr(BatchWriter, "write", counted)
    return sizes
