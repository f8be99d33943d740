"""What a decision was made from, beside the market snapshot: kept so that it can be made again."""

from __future__ import annotations

import hashlib

from pmm.domain import QuoteRequest
from pmm.domain.value_class import value_class
from pmm.execution.choice import Choice
from pmm.pricing import FairValue, ModelInputs, PairPolicy
from pmm.risk import OpenQuotes, QuoteLimits

_DIGEST_DIGITS = 16
_MOST_DIGESTS = 256


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteInputs:
    """The inputs of one decision.

    Attributes:
        model: name of the model that priced it.
        policy: digest of pair policy and limits; a replay needs the same ones.
        priced: reason code of what pricing and risk decided, ``quoted`` if they passed it. The record's own decision
            differs from it where the reservation failed.
        fair: the fair value with its sources and those that were dropped.
    """

    model: str
    policy: str
    priced: str
    request: QuoteRequest
    inputs: ModelInputs
    open_quotes: OpenQuotes
    fair: FairValue | None


def quote_inputs(
    *,
    model: str,
    inputs: ModelInputs,
    request: QuoteRequest,
    open_quotes: OpenQuotes,
    limits: QuoteLimits,
    choice: Choice,
) -> QuoteInputs:
    """Return the record of a decision's inputs."""
    reason = choice.decision.reason
    return QuoteInputs(
        model=model,
        policy=policy_digest(inputs.pair, limits),
        priced=reason.value if reason else "quoted",
        request=request,
        inputs=inputs,
        open_quotes=open_quotes,
        fair=choice.fair,
    )


# By identity, the two kept alive beside their digest: hashing all that settings say of a pair takes 10 us.
_DIGESTS: dict[tuple[int, int], tuple[PairPolicy, QuoteLimits, str]] = {}


def policy_digest(pair: PairPolicy, limits: QuoteLimits) -> str:
    """Return a short name of everything that the settings say of a pair: the same in every process."""
    key = id(pair), id(limits)
    known = _DIGESTS.get(key)
    if known is not None:
        return known[2]
    digest = hashlib.sha256(f"{pair!r}{limits!r}".encode()).hexdigest()[:_DIGEST_DIGITS]
    if len(_DIGESTS) >= _MOST_DIGESTS:
        _DIGESTS.clear()
    _DIGESTS[key] = pair, limits, digest
    return digest
