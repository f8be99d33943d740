"""What an admission desk would do with a request, step by step and without doing it."""

from __future__ import annotations

from pmm.domain import Decision
from pmm.execution.admission import AdmissionDesk
from pmm.execution.chain_view import ChainView
from pmm.execution.choice import priced
from pmm.execution.market_conditions import flow_of
from pmm.execution.requests import FirmQuoteRequest
from pmm.pricing import Offer, RejectedOffer
from pmm.risk import check_quote, cut_limits

Judged = tuple[Offer | RejectedOffer, Decision]


def preview(desk: AdmissionDesk, view: ChainView, request: FirmQuoteRequest) -> tuple[Judged, ...] | Decision:
    """Return every way to fund a request with risk's decision on it, in the order in which ``admit`` tries them.

    The steps are the desk's own, so that the two cannot disagree; nothing is reserved or numbered.
    """
    quote, policy = request.quote, desk.policy
    pair = policy.pairs.find(maker_asset=quote.maker_asset, taker_asset=quote.taker_asset)
    refusal = desk._refusal(view, request, pair)
    if refusal is not None or pair is None:
        return refusal or Decision.accept()
    inputs = desk.model_inputs(
        view,
        pair,
        request.settlement,
        maker_asset=quote.maker_asset,
        taker_asset=quote.taker_asset,
        flow=flow_of(request),
    )
    found = priced(desk.model, inputs, quote)
    if isinstance(found, Decision):
        return found
    open_quotes = desk.book.open_quotes(quote.taker)
    limits = cut_limits(policy.limits, inputs.shape.size_bps)
    judged: list[Judged] = []
    for offer in found.offers:
        usd_wad = view.market.usd_wad(quote.maker_asset, offer.priced.making_amount)
        passed = check_quote(quote_usd_wad=usd_wad, open_quotes=open_quotes, limits=limits)
        judged.append((offer, desk.bears(request, offer, usd_wad) if passed.accepted else passed))
    judged += [(entry, entry.decision) for entry in found.rejected]
    return tuple(judged)
