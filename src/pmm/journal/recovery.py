"""What a starting server takes over from the journal of its predecessor."""

from __future__ import annotations

import json
from pathlib import Path

from pmm.domain import ZERO_ADDRESS, Address, RfqOrder
from pmm.execution import JournalState, LiveQuote, Settlement
from pmm.journal.database import connect_for_reading
from pmm.journal.encoding import nonce_key

_LIVE = """
SELECT order_hash, "order", settlement, signer, lane, nonce, expiration_s, maker_asset, reserved_amount, usd_wad
FROM quotes
WHERE order_hash IS NOT NULL AND order_hash NOT IN (SELECT order_hash FROM outcomes)
"""
_NEXT = """
SELECT signer, settlement, lane, max(nonce) + 1 AS next FROM quotes
WHERE nonce IS NOT NULL GROUP BY signer, settlement, lane
"""


def recover(path: Path) -> JournalState:
    """Read quotes without an outcome, which may still be filled, and the nonces that are gone."""
    connection = connect_for_reading(path)
    try:
        live = tuple(
            LiveQuote(
                order_hash=row["order_hash"],
                settlement=Settlement(row["settlement"]),
                signer=Address(row["signer"]),
                nonce=nonce_key(row["settlement"], row["signer"], row["lane"], row["nonce"]),
                expiration_s=row["expiration_s"],
                maker_asset=Address(row["maker_asset"]),
                reserved_amount=int(row["reserved_amount"]),
                usd_wad=int(row["usd_wad"]),
                allowed_sender=RfqOrder.from_dict(json.loads(row["order"])).traits.allowed_sender,
            )
            for row in connection.execute(_LIVE)
        )
        next_nonces: dict[tuple[Address, Settlement, int], int] = {}
        for row in connection.execute(_NEXT):
            settlement = Settlement(row["settlement"])
            signer = ZERO_ADDRESS if settlement is Settlement.ONEINCH else Address(row["signer"])
            key = (signer, settlement, row["lane"])
            next_nonces[key] = max(next_nonces.get(key, 0), row["next"])
    finally:
        connection.close()
    return JournalState(live=live, next_nonces=next_nonces)
