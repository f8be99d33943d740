"""The journal's transactions on PostgreSQL: one connection per replica, pipelined, built up again when it breaks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pmm.domain import Address
from pmm.errors import InvalidInput, SetupError
from pmm.journal.schema import JOURNAL, DatabaseKind, postgres_words
from pmm.journal.store import BadRecord, Row, Statement, StoreDown

_CONNECT_TIMEOUT_S = 2
_STATEMENT_TIMEOUT_MS = 2_000
_RECONNECT_PAUSE_S = 0.25
# The server waits for its disk before it confirms (synchronous_commit), gives up a statement or an idle transaction
# that would hold the book's lock too long, and the kernel gives up a peer that does not answer.
_SETTINGS = (
    "-c synchronous_commit=on "
    f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c lock_timeout={_STATEMENT_TIMEOUT_MS} "
    f"-c idle_in_transaction_session_timeout={_STATEMENT_TIMEOUT_MS}"
)
_BAD = (
    psycopg.IntegrityError,
    psycopg.DataError,
    psycopg.ProgrammingError,
    OverflowError,
    TypeError,
    UnicodeError,
)


class PostgresStore:
    """Implements ``Store``. Raises SetupError when the server cannot be reached or used, InvalidInput when the
    database is something else or belongs to another maker."""

    shared = True
    now_ms = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

    def __init__(self, url: str, *, chain_id: int, maker: Address, kind: DatabaseKind = JOURNAL) -> None:
        self._url = url
        self._kind = kind
        self._failed_at_s = float("-inf")
        self.location = shown_location(url)
        self._connection: psycopg.Connection[Row] | None = None
        try:
            self._connection = self._connect()
            self._prepare(f"{chain_id}:{maker}")
        except psycopg.Error as error:
            self.close()
            raise SetupError(
                f"expected to use the PostgreSQL database {self.location}, found: {one_line(error)}; start it, or "
                "correct PMM_DATABASE_URL"
            ) from None
        except InvalidInput:
            self.close()
            raise

    def begin(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Begin and take the book's lock; connects anew where the connection broke."""
        self.rollback()
        self._reconnect()
        lock = ("SELECT pg_advisory_xact_lock(?)", (self._kind.lock,))
        return self._guarded((("BEGIN", ()), lock, *reads))[2:]

    def query(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each read, in one round trip."""
        self._reconnect()
        return self._guarded(reads)

    def commit(self, writes: Sequence[Statement]) -> None:
        """Write and commit in one round trip."""
        self._guarded((*writes, ("COMMIT", ())))

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        connection = self._connection
        if connection is None or connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            # Whatever is left of it dies with the connection.
            self.close()

    def close(self) -> None:
        """Close the connection; the server rolls back what was open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> psycopg.Connection[Row]:
        return connect(self._url)

    def _reconnect(self) -> None:
        if self._connection is not None and not self._connection.broken and not self._connection.closed:
            return
        if time.monotonic() - self._failed_at_s < _RECONNECT_PAUSE_S:
            raise StoreDown("the database is down; a new connection is tried shortly")
        try:
            self._connection = self._connect()
        except psycopg.Error as error:
            self._connection = None
            self._failed_at_s = time.monotonic()
            raise StoreDown(f"no connection to {self.location}: {one_line(error)}") from None

    def _guarded(self, statements: Sequence[Statement]) -> list[list[Row]]:
        connection = self._connection
        if connection is None:
            raise StoreDown("the connection was lost within a transaction")
        try:
            with connection.pipeline():
                cursors = [connection.execute(_percent(sql), values) for sql, values in statements]
            return [cursor.fetchall() if cursor.description else [] for cursor in cursors]
        except (psycopg.Error, *_BAD) as error:
            # The driver's memory of prepared statements does not survive a failed pipeline: start afresh. The server
            # rolls back what was open.
            self.close()
            kind = BadRecord if isinstance(error, _BAD) else StoreDown
            raise kind(one_line(error)) from error

    def _prepare(self, maker: str) -> None:
        connection = self._connection
        assert connection is not None
        kind = self._kind
        # Two replicas that start together must not create the same table twice.
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (kind.lock,))
            connection.execute(postgres_words(kind.tables).encode())  # several statements, no values
            for key, wanted in {**kind.versions, "maker": maker}.items():
                what = f"the {kind.name} of settlement" if key == "maker" else key.replace("_", " ")
                connection.execute(
                    f"INSERT INTO {kind.meta} VALUES (%s, %s) ON CONFLICT DO NOTHING".encode(),  # noqa: S608
                    (key, wanted),
                )
                read = f"SELECT value FROM {kind.meta} WHERE key = %s".encode()  # noqa: S608
                row = connection.execute(read, (key,)).fetchone()
                if row is None or row[0] != wanted:
                    raise InvalidInput(
                        f"database {self.location}: expected {what} {wanted}, found {row[0] if row else 'none'}; "
                        "give PMM_DATABASE_URL another database"
                    )


def connect(url: str) -> psycopg.Connection[Row]:
    """Open a connection that gives up what hangs; raises psycopg.Error."""
    given = conninfo_to_dict(url)
    options = " ".join(part for part in (str(given.get("options") or ""), _SETTINGS) if part)
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_TIMEOUT_S,
        options=options,
        application_name="pmm",
        tcp_user_timeout=_STATEMENT_TIMEOUT_MS * 2,
    )


def shown_location(url: str) -> str:
    """Return host and database of a URL, without user, password or options."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The parser repeats what it found, and that may hold a password.
        raise InvalidInput(
            "database_url: expected postgresql://user@host/database, found something else"
        ) from None
    return f"postgresql://{given.get('host') or 'localhost'}/{given.get('dbname') or ''}"


def one_line(error: BaseException) -> str:
    """Return the first line of a driver's message; the others may quote the values of a row."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


@lru_cache(maxsize=256)
def _percent(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()
