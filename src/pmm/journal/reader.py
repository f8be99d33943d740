"""Reading a journal: every request with its decision, price, order and outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pmm.domain import RfqOrder
from pmm.journal.database import connect_for_reading
from pmm.journal.encoding import QUOTED

_QUOTES = """
SELECT quotes.*, outcomes.kind AS outcome, outcomes.at_ms AS ended_at_ms,
       outcomes.block_number AS ended_in_block, outcomes.signature AS signature, snapshots.body AS market
FROM quotes
LEFT JOIN outcomes USING (order_hash)
LEFT JOIN snapshots USING (snapshot_id)
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
    outcome: str | None
    ended_at_ms: int | None
    ended_in_block: int | None
    signature: bytes | None

    @property
    def quoted(self) -> bool:
        """Tell whether an order was admitted."""
        return self.decision == QUOTED


def read(path: Path | str) -> Iterator[JournalEntry]:
    """Yield the entries of a journal in order; works beside a running server.

    Raises InvalidInput when there is no journal at ``path``.
    """
    connection = connect_for_reading(Path(path))
    try:
        for row in connection.execute(_QUOTES):
            yield _entry(dict(row))
    finally:
        connection.close()


def _entry(row: dict[str, Any]) -> JournalEntry:
    pricing: dict[str, Any] = json.loads(row["pricing"]) if row["pricing"] else {}
    profit = pricing.get("expectedProfit")
    return JournalEntry(
        **{name: row[name] for name in _PLAIN},
        order=RfqOrder.from_dict(json.loads(row["order"])) if row["order"] else None,
        extension=row["extension"] or b"",
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
    "decision",
    "detail",
    "settlement",
    "settled_by",
    "order_hash",
    "signer",
    "lane",
    "nonce",
    "expiration_s",
    "outcome",
    "ended_at_ms",
    "ended_in_block",
    "signature",
)
