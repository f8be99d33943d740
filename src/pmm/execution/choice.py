"""From a model's offers to one decision; live quoting, shadow and replay all come through here."""

from __future__ import annotations

from dataclasses import replace

from pmm.domain import Decision, QuoteRequest, RefusalReason
from pmm.domain.value_class import value_class
from pmm.execution.admission_rules import reason_of
from pmm.pricing import (
    NO_SHAPE,
    ComponentName,
    FairValue,
    ModelInputs,
    ModelOffers,
    Offer,
    QuoteModel,
    RejectedOffer,
)
from pmm.pricing.components import sum_of_shares
from pmm.risk import OpenQuotes, QuoteLimits, check_quote, cut_limits


@value_class(frozen=True, slots=True, kw_only=True)
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
    return judge(priced(model, inputs, request), inputs, request, open_quotes=open_quotes, limits=limits)


def priced(model: QuoteModel, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
    """Return the model's offers; none of those that leave out the spread which an operator asks for."""
    found = model.offers(inputs, request)
    spread = 0 if inputs.shape is NO_SHAPE else sum_of_shares(inputs.shape.widened)
    if not spread or isinstance(found, Decision):
        return found
    kept: list[Offer] = []
    rejected = list(found.rejected)
    for offer in found.offers:
        parts = {part.name: part.share_e36 for part in offer.priced.breakdown.components}
        if parts.get(ComponentName.OPERATOR_SPREAD, 0) >= spread:
            kept.append(offer)
        else:
            why = f"model {model.name} quotes without the operator's spread of {inputs.shape.spread_bps} bps"
            refused = Decision.refuse(RefusalReason.PAUSED, why)
            rejected.append(RejectedOffer(name=offer.name, decision=refused))
    return replace(found, offers=tuple(kept), rejected=tuple(rejected))


def judge(
    found: ModelOffers | Decision,
    inputs: ModelInputs,
    request: QuoteRequest,
    *,
    open_quotes: OpenQuotes,
    limits: QuoteLimits,
) -> Choice:
    """Return the first of these offers that risk passes, or why there is none.

    ``limits`` are those of the settings; the sizes that the inputs' shape asks for are cut here.
    """
    limits = cut_limits(limits, inputs.shape.size_bps)
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
