"""Reading a journal: every request with its decision, price, order and outcome."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pmm.domain import RfqOrder
from pmm.errors import InvalidInput, SetupError
from pmm.journal.database import connect_for_reading
from pmm.journal.encoding import QUOTED
from pmm.journal.postgres_store import connect, one_line, shown_location
from pmm.journal.schema import SCHEMA_VERSION

_QUOTES = """
SELECT quotes.*, selections.fill_probability_bps, outcomes.kind AS outcome, outcomes.at_ms AS ended_at_ms,
       outcomes.block_number AS ended_in_block, outcomes.signature AS signature, snapshots.body AS market
FROM quotes
LEFT JOIN outcomes ON outcomes.order_hash = quotes.order_hash
LEFT JOIN snapshots ON snapshots.snapshot_id = quotes.snapshot_id
LEFT JOIN (SELECT order_hash, min(fill_probability_bps) AS fill_probability_bps FROM selections GROUP BY order_hash)
    AS selections ON selections.order_hash = quotes.order_hash
ORDER BY quotes.seq
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request and what became of it.

    Attributes:
        decision: ``quoted``, a refusal reason, or the code of an unreadable request.
        components_bps: parts of the price in basis points of the fair value; they add up to ``total_bps``.
        funding: ``inventory`` or the flash source and pool; None for a refusal.
        plan: signed funding plan as JSON, None unless flash funded.
        expected_profit: taker base units, flash funded only.
        fill_probability_bps: what it fell to when the relayer chose another maker, None if it did not say so.
        outcome: ``spent`` or ``expired``, None while it lives.
        signature: known after the outcome only.
        market: the market snapshot as JSON.
        losing: ways to fund the quote that lost, as JSON.
    """

    seq: int
    quote_id: str
    received_at_ms: int
    relayer: str
    request: bytes
    idempotency_key: str | None
    decision: str
    detail: str
    settlement: str | None
    settled_by: str | None
    order: RfqOrder | None
    order_hash: bytes | None
    extension: bytes
    signer: str | None
    lane: int | None
    nonce: int | None
    expiration_s: int | None
    funding: str | None
    fair_rate_e36: int | None
    components_bps: dict[str, Decimal]
    total_bps: Decimal | None
    plan: dict[str, Any] | None
    expected_profit: int | None
    reserved_amount: int
    usd_wad: int | None
    losing: list[dict[str, Any]]
    market: dict[str, Any] | None
    fill_probability_bps: int | None
    outcome: str | None
    ended_at_ms: int | None
    ended_in_block: int | None
    signature: bytes | None

    @property
    def quoted(self) -> bool:
        """Tell whether an order was admitted."""
        return self.decision == QUOTED


def read(where: Path | str) -> Iterator[JournalEntry]:
    """Yield the entries of a journal in order, from a file or a ``postgresql://`` URL; works beside a server.

    Raises InvalidInput when there is no journal there, SetupError when the database cannot be reached.
    """
    for row in journal_rows(where, _QUOTES):
        yield _entry(row)


def journal_rows(where: Path | str, statement: str, values: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """Yield the rows of a statement, its places written as question marks; raises as ``read``."""
    if _is_url(where):
        return _postgres_rows(str(where), statement, values)
    return _sqlite_rows(Path(where), statement, values)


def _is_url(where: Path | str) -> bool:
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


def _sqlite_rows(path: Path, statement: str, values: Sequence[int]) -> Iterator[dict[str, Any]]:
    connection = connect_for_reading(path)
    try:
        for row in connection.execute(statement, values):
            yield dict(row)
    except sqlite3.OperationalError as error:
        if str(error).startswith("no such"):
            raise _other_schema(str(path), error) from error
        raise SetupError(f"expected to read the journal {path}, found: {error}; bring it back") from error
    finally:
        connection.close()


def _postgres_rows(url: str, statement: str, values: Sequence[int]) -> Iterator[dict[str, Any]]:
    try:
        with connect(url) as connection:
            connection.execute("SET default_transaction_read_only = on")
            # A whole day may be long: neither fetched at once nor stopped by the writer's time limit.
            connection.execute("SET statement_timeout = 0")
            # Whoever reads may take their time over a row: nobody waits for this transaction.
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            # A cursor on the server, so that memory stays flat.
            with connection.transaction(), connection.cursor("journal", row_factory=dict_row) as cursor:
                yield from cursor.execute(statement.replace("?", "%s").encode(), values)
    except psycopg.errors.UndefinedTable as error:
        raise InvalidInput(f"expected a journal in {shown_location(url)}, found {one_line(error)}") from None
    except psycopg.errors.UndefinedColumn as error:
        raise _other_schema(shown_location(url), error) from None
    except psycopg.Error as error:
        raise SetupError(f"expected to read {shown_location(url)}, found {one_line(error)}") from None


def _other_schema(location: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"journal {location}: expected tables of schema version {SCHEMA_VERSION}, found {one_line(error)}; an older "
        "journal is read by the version that wrote it"
    )


def _entry(row: dict[str, Any]) -> JournalEntry:
    pricing: dict[str, Any] = json.loads(row["pricing"]) if row["pricing"] else {}
    profit = pricing.get("expectedProfit")
    return JournalEntry(
        **{name: row[name] for name in _PLAIN},
        order=RfqOrder.from_dict(json.loads(row["order"])) if row["order"] else None,
        extension=bytes(row["extension"] or b""),
        funding=pricing.get("funding"),
        fair_rate_e36=int(pricing["fairRateE36"]) if pricing else None,
        components_bps={name: Decimal(bps) for name, bps in pricing.get("componentsBps", {}).items()},
        total_bps=Decimal(pricing["totalBps"]) if pricing else None,
        plan=pricing.get("plan"),
        expected_profit=None if profit is None else int(profit),
        reserved_amount=int(row["reserved_amount"] or 0),
        usd_wad=int(row["usd_wad"]) if row["usd_wad"] else None,
        losing=json.loads(row["losing"]),
        market=json.loads(row["market"]) if row["market"] else None,
    )


_PLAIN = (
    "seq",
    "quote_id",
    "received_at_ms",
    "relayer",
    "request",
    "idempotency_key",
    "decision",
    "detail",
    "settlement",
    "settled_by",
    "order_hash",
    "signer",
    "lane",
    "nonce",
    "expiration_s",
    "fill_probability_bps",
    "outcome",
    "ended_at_ms",
    "ended_in_block",
    "signature",
)
