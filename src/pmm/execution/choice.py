"""From a model's offers to one decision; live quoting, shadow and replay all come through here."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Decision, QuoteRequest
from pmm.execution.admission_rules import reason_of
from pmm.pricing import FairValue, ModelInputs, ModelOffers, Offer, QuoteModel, RejectedOffer
from pmm.risk import OpenQuotes, QuoteLimits, check_quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The decision, the offer if accepted, and the ways to fund it that lost; no reservation yet."""

    decision: Decision
    offer: Offer | None = None
    usd_wad: int = 0
    losing: tuple[RejectedOffer | Offer, ...] = ()
    fair: FairValue | None = None


def choose(
    model: QuoteModel,
    inputs: ModelInputs,
    request: QuoteRequest,
    *,
    open_quotes: OpenQuotes,
    limits: QuoteLimits,
) -> Choice:
    """Return the first of the model's offers that risk passes, or why there is none."""
    return judge(model.offers(inputs, request), inputs, request, open_quotes=open_quotes, limits=limits)


def judge(
    found: ModelOffers | Decision,
    inputs: ModelInputs,
    request: QuoteRequest,
    *,
    open_quotes: OpenQuotes,
    limits: QuoteLimits,
) -> Choice:
    """Return the first of these offers that risk passes, or why there is none."""
    if isinstance(found, Decision):
        return Choice(decision=found)
    losing: tuple[RejectedOffer | Offer, ...] = found.rejected
    for index, offer in enumerate(found.offers):
        usd = inputs.snapshot.usd_wad(request.maker_asset, offer.priced.making_amount)
        risk = check_quote(quote_usd_wad=usd, open_quotes=open_quotes, limits=limits)
        if risk.accepted:
            rest = (*losing, *found.offers[index + 1 :])
            return Choice(decision=risk, offer=offer, usd_wad=usd, losing=rest, fair=found.fair)
        losing = (*losing, RejectedOffer(name=offer.name, decision=risk))
    return Choice(decision=reason_of(losing), losing=losing, fair=found.fair)
