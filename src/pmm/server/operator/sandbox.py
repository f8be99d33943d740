"""What the desk would quote now, priced by the same code, without reservation, nonce, journal record or signature."""

from __future__ import annotations

from pmm.domain import MAINNET_TOKENS, Decision, QuoteRequest, Token, parse_address
from pmm.execution import AdmissionDesk, ChainView, FirmQuoteRequest
from pmm.execution.preview import preview
from pmm.pricing import Offer, RejectedOffer
from pmm.server.operator.models import SandboxAnswer, SandboxOffer, SandboxRequest


def sandbox(admission: AdmissionDesk, view: ChainView, asked: SandboxRequest) -> SandboxAnswer:
    """Return the offers; raise InvalidInput when the request is none."""
    quote = QuoteRequest(
        request_id="sandbox",
        chain_id=view.node.chain_id,
        maker_asset=_token(asked.quote_token, "quoteToken"),
        taker_asset=_token(asked.base_token, "baseToken"),
        taker=parse_address(asked.taker, "taker"),
        taking_amount=None if asked.amount is None else int(asked.amount),
        making_amount=None if asked.quote_amount is None else int(asked.quote_amount),
        fee_bps=asked.fee_bps,
    )
    request = FirmQuoteRequest(quote=quote, settlement=asked.settlement, relayer=asked.relayer)
    found = preview(admission, view, request)
    block = view.market.block_number
    if isinstance(found, Decision):
        return SandboxAnswer(quoted=False, reason=found.detail, block=block, offers=[])
    offers = [_offer(entry, decision) for entry, decision in found]
    quoted = any(offer.accepted for offer in offers)
    reason = "" if quoted or not offers else offers[0].reason
    return SandboxAnswer(quoted=quoted, reason=reason, block=block, offers=offers)


def _token(text: str, name: str) -> Token:
    return MAINNET_TOKENS.get(text, name)


def _offer(entry: Offer | RejectedOffer, decision: Decision) -> SandboxOffer:
    if isinstance(entry, RejectedOffer):
        return SandboxOffer(name=entry.name, accepted=False, reason=decision.detail)
    price = entry.priced.breakdown
    return SandboxOffer(
        name=entry.name,
        accepted=decision.accepted,
        reason=decision.detail,
        making_amount=str(entry.priced.making_amount),
        taking_amount=str(entry.priced.taking_amount),
        total_bps=format(price.total_bps, "f"),
        components={part.name.value: format(part.bps, "f") for part in price.components},
    )
