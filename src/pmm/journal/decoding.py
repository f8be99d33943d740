"""Records from journal rows: live quotes, and quotes that are answered again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import orjson

from pmm.domain import Address, FundingPlan, RfqOrder
from pmm.execution import LiveQuote, Settlement, StoredQuote
from pmm.journal.encoding import nonce_key
from pmm.journal.store import Row
from pmm.pricing import Offer, PriceBreakdown, PriceComponent, PricedAmounts
from pmm.pricing.components import ComponentName

# A component has up to 36 decimal places and a share of at most 10**4: exact, without rounding.
_EXACT = Context(prec=90)
_E32 = Decimal(10) ** 32
# Bit 166 of plan words that earlier versions signed; the contracts of today sweep without being told.
_OLD_SWEEP_BIT = 1 << 166

LIVE_COLUMNS = (
    "order_hash, settlement, signer, lane, nonce, expiration_s, maker_asset, reserved_amount, usd_wad, "
    'allowed_sender, "order"'
)
STORED_COLUMNS = (
    'quote_id, "order", order_hash, extension, settlement, settled_by, chain_id, signer, lane, nonce, '
    "expiration_s, reserved_amount, usd_wad, pricing"
)


def live_quote(row: Row) -> LiveQuote:
    """Return a live quote from its ``LIVE_COLUMNS`` and, if it was not selected, its fill probability."""
    (
        order_hash,
        settlement,
        signer,
        lane,
        nonce,
        expiration_s,
        asset,
        reserved,
        usd,
        sender,
        order,
        *probability,
    ) = row
    return LiveQuote(
        order_hash=bytes(order_hash),
        settlement=Settlement(settlement),
        signer=Address(signer),
        nonce=nonce_key(settlement, signer, lane, nonce),
        expiration_s=expiration_s,
        maker_asset=Address(asset),
        taker_asset=Address(orjson.loads(order)["takerAsset"]),
        reserved_amount=int(reserved),
        usd_wad=int(usd),
        allowed_sender=int(sender),
        fill_probability_bps=probability[0] if probability and probability[0] is not None else 10_000,
    )


def stored_quote(row: Row) -> StoredQuote:
    """Return a quote from its ``STORED_COLUMNS``."""
    quote_id, order, order_hash, extension, settlement, settled_by, chain_id = row[:7]
    signer, lane, nonce, expiration_s, reserved, usd, pricing = row[7:]
    return StoredQuote(
        quote_id=quote_id,
        order=RfqOrder.from_dict(orjson.loads(order)),
        order_hash=bytes(order_hash),
        extension=bytes(extension),
        settlement=Settlement(settlement),
        settled_by=Address(settled_by),
        chain_id=chain_id,
        signer=Address(signer),
        nonce=nonce_key(settlement, signer, lane, nonce),
        expiration_s=expiration_s,
        reserved_amount=int(reserved),
        usd_wad=int(usd),
        offer=offer_from_json(orjson.loads(pricing)),
    )


def offer_from_json(pricing: Mapping[str, Any]) -> Offer:
    """Return the offer that ``offer_json`` wrote."""
    plan, profit = pricing["plan"], pricing["expectedProfit"]
    breakdown = PriceBreakdown(
        fair_rate_e36=int(pricing["fairRateE36"]),
        components=tuple(
            PriceComponent(name=ComponentName(name), share_e36=int(_EXACT.multiply(Decimal(bps), _E32)))
            for name, bps in pricing["componentsBps"].items()
        ),
    )
    return Offer(
        name=pricing["funding"],
        priced=PricedAmounts(
            making_amount=int(pricing["makingAmount"]),
            taking_amount=int(pricing["takingAmount"]),
            breakdown=breakdown,
        ),
        plan=None if plan is None else FundingPlan.decode(int(plan["word"], 16) & ~_OLD_SWEEP_BIT),
        expected_profit=None if profit is None else int(profit),
    )
