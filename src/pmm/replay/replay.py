"""A journal's requests priced again; with the model that priced them, byte for byte as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from pmm.errors import InvalidInput
from pmm.execution import Choice, PairBook, choose, policy_digest
from pmm.journal.encoding import losing_json, pricing_json
from pmm.pricing import PairPolicy, QuoteModel
from pmm.replay.journal_days import RecordedQuote
from pmm.risk import QuoteLimits

_QUOTED = "quoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first field in which a decision made again is not the one recorded."""

    quote_id: str
    what: str
    recorded: str
    replayed: str


@dataclass(slots=True, kw_only=True)
class ReplayReport:
    """What a replay saw.

    Attributes:
        priced: decisions made again.
        not_priced: requests that were refused before pricing, or unreadable.
        other_policy: decisions left out because the settings were others then.
        better_bps_e2: sum over quotes given by both models of how much more the taker gets now, in 1/100 bps.
    """

    priced: int = 0
    not_priced: int = 0
    other_policy: int = 0
    other_model: int = 0
    differences: list[Difference] = field(default_factory=list)
    both_quoted: int = 0
    better_bps_e2: int = 0


def replay(
    quotes: Iterable[RecordedQuote],
    model: QuoteModel,
    *,
    pairs: PairBook,
    limits: QuoteLimits,
    stop_at_first: bool,
) -> ReplayReport:
    """Make every recorded decision again.

    Only decisions made by the same model under the same policy can be compared byte for byte; with another model
    the differences are the result and not a fault.
    """
    report = ReplayReport()
    for quote in quotes:
        if quote.decided is None or quote.snapshot is None:
            report.not_priced += 1
            continue
        pair = _pair(pairs, quote)
        if policy_digest(pair, limits) != quote.decided.policy:
            report.other_policy += 1
            continue
        if quote.decided.model != model.name:
            report.other_model += 1
        choice = decide_again(quote, model, pair=pair, limits=limits)
        report.priced += 1
        _compare_prices(report, quote, choice)
        found = next(_differences(quote, choice), None)
        if found is not None:
            report.differences.append(found)
            if stop_at_first:
                break
    return report


def decide_again(quote: RecordedQuote, model: QuoteModel, *, pair: PairPolicy, limits: QuoteLimits) -> Choice:
    """Return the decision that a model makes on recorded inputs."""
    assert quote.decided is not None
    assert quote.snapshot is not None
    return choose(
        model,
        quote.decided.inputs(quote.snapshot, pair),
        quote.decided.request,
        open_quotes=quote.decided.open_quotes,
        limits=limits,
    )


def _pair(pairs: PairBook, quote: RecordedQuote) -> PairPolicy:
    assert quote.decided is not None
    request = quote.decided.request
    pair = pairs.find(maker_asset=request.maker_asset, taker_asset=request.taker_asset)
    if pair is None:
        raise InvalidInput(
            f"quote {quote.quote_id}: expected {request.taker_asset.symbol}/{request.maker_asset.symbol} among the "
            "pairs, found no such pair; set PMM_PAIRS as the server had it"
        )
    return pair


def _differences(quote: RecordedQuote, choice: Choice) -> Iterator[Difference]:
    assert quote.decided is not None
    reason = choice.decision.reason
    yield from _unlike(quote, "decision", quote.decided.priced, reason.value if reason else _QUOTED)
    losing = choice.losing
    if quote.decided.priced == _QUOTED and quote.decision != _QUOTED and choice.offer is not None:
        # Priced and passed, but not reserved: the record counts the offer among those that lost.
        losing = (*losing, choice.offer)
    yield from _unlike(quote, "losing", quote.losing, losing_json(losing))
    if quote.decision == quote.decided.priced:
        yield from _unlike(quote, "detail", quote.detail, choice.decision.detail)
        again = pricing_json(choice.offer) if choice.offer else None
        yield from _unlike(quote, "pricing", quote.pricing or "none", again or "none")


def _unlike(quote: RecordedQuote, what: str, recorded: str, replayed: str) -> Iterator[Difference]:
    if recorded != replayed:
        yield Difference(quote_id=quote.quote_id, what=what, recorded=recorded, replayed=replayed)


def _compare_prices(report: ReplayReport, quote: RecordedQuote, choice: Choice) -> None:
    if quote.pricing is None or choice.offer is None:
        return
    recorded = orjson.loads(quote.pricing)
    making, taking = int(recorded["makingAmount"]), int(recorded["takingAmount"])
    priced = choice.offer.priced
    report.both_quoted += 1
    # Price now over price then, less one.
    now_then = priced.making_amount * taking * 1_000_000 // (priced.taking_amount * making)
    report.better_bps_e2 += now_then - 1_000_000
