"""Journal rows from records: JSON with amounts as decimal strings and shares in basis points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from pmm.domain import Address, FundingPlan
from pmm.execution import (
    AdmittedQuote,
    LadderRecord,
    NonceKey,
    QuoteOutcome,
    QuoteRecord,
    Selection,
    Settlement,
)
from pmm.execution.nonces import router_nonce
from pmm.journal.inputs_json import inputs_text, venues_json
from pmm.journal.store import Row
from pmm.journal.totals import sender_of
from pmm.pricing import FillHedge, FundingCost, MarketSnapshot, Offer, PriceBreakdown, RejectedOffer
from pmm.pricing.fixed_point import bps_text, repeated_bps_text

QUOTED = "quoted"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def nonce_space(quote: AdmittedQuote) -> str:
    """Return the name of the set in which the nonce must be unique."""
    if quote.nonce.settlement is Settlement.ONEINCH:
        # 1inch keeps one bitmap per maker: all signers and lanes share it.
        return router_space(quote.chain_id, quote.settled_by, quote.order.maker)
    return lane_space(quote.chain_id, quote.settled_by, quote.signer, quote.nonce.lane)


def lane_space(chain_id: int, settled_by: Address, signer: Address, lane: int) -> str:
    """Return the name of the nonces of one lane of our own domain."""
    return f"{chain_id}:{settled_by}:{signer}:{lane}"


@lru_cache(maxsize=64)
def router_space(chain_id: int, router: Address, maker: Address) -> str:
    """Return the name of a maker's nonces on 1inch's contract."""
    return f"{chain_id}:{router}:{maker}"


def _text(value: str) -> str:
    """Return text that both databases take: no NUL, no half of a surrogate pair."""
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def snapshot_row(market: MarketSnapshot) -> Row:
    """Return the row of a market snapshot."""
    body = {
        "blockNumber": market.block_number,
        "blockTimestamp": market.block_timestamp_s,
        "chainTime": market.chain_time_s,
        "gasPriceWei": str(market.gas_price_wei),
        "feeds": {
            token: {
                "name": feed.name,
                "answer": str(feed.answer),
                "decimals": feed.decimals,
                "updatedAt": str(feed.updated_at_s),
                "heartbeat": feed.heartbeat_s,
            }
            for token, feed in market.feeds.items()
        },
        "pools": [
            {
                "takerAsset": taker,
                "makerAsset": maker,
                "pool": pool.pool,
                "kind": pool.kind.value,
                "feePips": pool.fee_pips,
                "spotRateE36": str(pool.spot_rate_e36),
                "depth": [[str(amount_in), str(amount_out)] for amount_in, amount_out in pool.depth.knots],
            }
            for (taker, maker), pools in market.pools.items()
            for pool in pools
        ],
        **venues_json(market),
    }
    return market.snapshot_id, _json(body)


def breakdown_json(breakdown: PriceBreakdown) -> dict[str, Any]:
    """Return fair value and components; components in basis points add up to ``totalBps`` exactly."""
    texts, total_e36 = {}, 0
    for part in breakdown.components:
        share_e36 = part.share_e36
        total_e36 += share_e36
        texts[part.name._value_] = repeated_bps_text(share_e36)
    return {
        "fairRateE36": str(breakdown.fair_rate_e36),
        "componentsBps": texts,
        "totalBps": bps_text(total_e36),
    }


def _plan_json(plan: FundingPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "source": plan.source.name.lower(),
        "swapFeePips": plan.swap_fee_pips,
        "minProfit": str(plan.min_profit),
        "word": f"0x{plan.encode():064x}",
    }


def offer_json(offer: Offer) -> dict[str, Any]:
    """Return an offer with its whole price, and how an inventory price was come by."""
    priced = offer.priced
    found = {
        "funding": offer.name,
        "makingAmount": str(priced.making_amount),
        "takingAmount": str(priced.taking_amount),
        **breakdown_json(priced.breakdown),
    }
    if offer.basis is not None:
        found["basis"] = offer.basis.to_dict()
    found["plan"] = _plan_json(offer.plan)
    found["expectedProfit"] = None if offer.expected_profit is None else str(offer.expected_profit)
    found["provide"] = offer.provide.name.lower() if offer.provide else None
    found["cost"] = None if offer.cost is None else _cost_json(offer.cost)
    # Journals of before have none.
    if offer.hedge is not None:
        found["hedge"] = _hedge_json(offer.hedge)
    return found


def _hedge_json(hedge: FillHedge) -> dict[str, Any]:
    return {
        "required": hedge.required,
        "gasFloor": hedge.gas_floor,
        "shareBps": hedge.sale.share_bps,
        "minimumOut": str(hedge.sale.minimum_out),
        "expectedOut": str(hedge.expected_out),
        "plan": f"0x{hedge.sale.plan:064x}",
    }


def _cost_json(cost: FundingCost) -> dict[str, Any]:
    texts, total_e36 = {}, 0
    for name, share_e36 in cost.parts:
        total_e36 += share_e36
        texts[name._value_] = repeated_bps_text(share_e36)
    return {
        "partsBps": texts,
        "totalBps": bps_text(total_e36),
        "takerGasBps": repeated_bps_text(cost.taker_gas_share_e36),
    }


def losing_json(entries: Sequence[RejectedOffer | Offer]) -> str:
    """Return the text of the ways that lost."""
    return _json([_losing_json(entry) for entry in entries]) if entries else "[]"


def pricing_json(offer: Offer) -> str:
    """Return the text of the way that won."""
    return _json(offer_json(offer))


def _losing_json(entry: RejectedOffer | Offer) -> dict[str, Any]:
    if isinstance(entry, Offer):
        return {"funding": entry.name, "outcome": "not needed", "offer": offer_json(entry)}
    reason = entry.decision.reason
    return {"funding": entry.name, "outcome": reason.value if reason else "", "detail": entry.decision.detail}


def quote_row(record: QuoteRecord, replica: str) -> Row:
    """Return the row of a request as ``replica`` writes it; its order columns are None for a refusal."""
    decided = record.decision
    decision = record.unreadable_code or (decided.reason.value if decided.reason else QUOTED)
    head = (
        record.quote_id,
        record.received_at_ms,
        _text(record.relayer),
        record.body,
        record.idempotency_key,
        decision,
        _text(decided.detail) if decided.detail else "",
        record.market.snapshot_id if record.market else None,
        losing_json(record.losing),
        inputs_text(record.inputs) if record.inputs else None,
        replica,
    )
    quote = record.admitted
    if quote is None:
        return head + (None,) * 16
    order, nonce = quote.order, quote.nonce
    return (
        *head,
        quote.order_hash,
        _json(order.to_dict()),
        quote.extension,
        quote.settlement._value_,
        quote.settled_by,
        quote.chain_id,
        quote.signer,
        nonce_space(quote),
        nonce.lane,
        nonce.nonce,
        quote.expiration_s,
        quote.maker_asset.address,
        str(sender_of(quote)),
        str(quote.reserved_amount),
        str(quote.usd_wad),
        pricing_json(quote.offer),
    )


def outcome_row(outcome: QuoteOutcome) -> Row:
    """Return the row of an outcome."""
    return (
        outcome.order_hash,
        outcome.kind.value,
        outcome.at_ms,
        outcome.block_number,
        outcome.signature,
    )


def selection_row(selection: Selection) -> Row:
    """Return the row of a selection."""
    return selection.order_hash, selection.fill_probability_bps, selection.at_ms


def ladder_row(record: LadderRecord) -> Row:
    """Return the row of a published ladder."""
    return record.published_at_ms, _text(record.relayer), record.market.snapshot_id, record.body


def nonce_key(settlement: str, signer: str, lane: int, nonce: int) -> NonceKey:
    """Return the nonce of a row."""
    if settlement == Settlement.ONEINCH.value:
        return router_nonce(nonce)
    return NonceKey(settlement=Settlement(settlement), signer=Address(signer), lane=lane, nonce=nonce)
