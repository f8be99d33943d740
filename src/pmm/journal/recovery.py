"""What a starting server takes over from the journal of its predecessor."""

from __future__ import annotations

from pmm.domain import ZERO_ADDRESS, Address
from pmm.execution import JournalState, Settlement
from pmm.journal.decoding import LIVE_COLUMNS, live_quote
from pmm.journal.store import Store

_LIVE = f"""
SELECT {", ".join("quotes." + name.strip() for name in LIVE_COLUMNS.split(","))},
       (SELECT min(fill_probability_bps) FROM selections WHERE selections.order_hash = quotes.order_hash)
FROM quotes LEFT JOIN outcomes ON outcomes.order_hash = quotes.order_hash
WHERE quotes.order_hash IS NOT NULL AND outcomes.order_hash IS NULL
ORDER BY quotes.seq
"""  # noqa: S608 - constants
_NEXT = """
SELECT signer, settlement, lane, max(nonce) + 1 FROM quotes
WHERE nonce IS NOT NULL GROUP BY signer, settlement, lane
"""
_CURSOR = "SELECT (SELECT coalesce(max(seq), 0) FROM quotes), (SELECT coalesce(max(seq), 0) FROM outcomes)"


def recover(store: Store) -> JournalState:
    """Read quotes without an outcome, which may still be filled, and the nonces that are gone."""
    rows, nonces, cursor = store.begin(((_LIVE, ()), (_NEXT, ()), (_CURSOR, ())))
    store.rollback()
    next_nonces: dict[tuple[Address, Settlement, int], int] = {}
    for signer, name, lane, following in nonces:
        settlement = Settlement(name)
        owner = ZERO_ADDRESS if settlement is Settlement.ONEINCH else Address(signer)
        key = (owner, settlement, lane)
        next_nonces[key] = max(next_nonces.get(key, 0), following)
    quotes, outcomes = cursor[0]
    return JournalState(
        live=tuple(live_quote(row) for row in rows), next_nonces=next_nonces, cursor=(quotes, outcomes)
    )
