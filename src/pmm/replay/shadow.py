"""Full decisions and markouts on live or recorded markets and requests, without a key: nothing here can sign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from pmm.domain import Address, Decision
from pmm.execution import Choice, PairBook
from pmm.journal.encoding import losing_json, offer_json
from pmm.journal.inputs_json import fair_json
from pmm.pricing import MarketSnapshot, PairPolicy, QuoteModel, fair_value
from pmm.replay.journal_days import RecordedQuote
from pmm.replay.markouts import HORIZONS_S, Markout, markouts
from pmm.replay.replay import decide_again
from pmm.risk import QuoteLimits

_Direction = tuple[Address, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDecision:
    """What a model decided on one request, and what the quote was worth later."""

    quote_id: str
    at_ms: int
    model: str
    choice: Choice
    markouts: tuple[Markout, ...] = ()

    def to_json(self) -> bytes:
        """Return one line of JSON: the decision with everything it was made of, no order and no signature."""
        choice, reason = self.choice, self.choice.decision.reason
        body: dict[str, Any] = {
            "quoteId": self.quote_id,
            "atMs": self.at_ms,
            "model": self.model,
            "decision": reason.value if reason else "quoted",
            "detail": choice.decision.detail,
            "fair": None if choice.fair is None else fair_json(choice.fair),
            "pricing": None if choice.offer is None else offer_json(choice.offer),
            "losing": orjson.loads(losing_json(choice.losing)),
            "markoutsBpsE2": {str(one.horizon_s): one.gain_bps_e2 for one in self.markouts},
        }
        return orjson.dumps(body)


class FairHistory:
    """Fair values per direction over time, for markouts."""

    def __init__(self, pairs: PairBook) -> None:
        self._pairs = pairs
        self._rates: dict[_Direction, list[tuple[int, int]]] = {}
        self._last_id = ""

    def add(self, snapshot: MarketSnapshot) -> None:
        """Take in a snapshot; one that was taken in last, or is older, changes nothing."""
        if snapshot.snapshot_id == self._last_id:
            return
        self._last_id = snapshot.snapshot_id
        for taker, maker, pair in self._pairs.directions():
            found = fair_value(snapshot, maker_asset=maker, taker_asset=taker, rules=pair.fair)
            rates = self._rates.setdefault((taker.address, maker.address), [])
            newer = not rates or snapshot.chain_time_s >= rates[-1][0]
            if not isinstance(found, Decision) and newer:
                rates.append((snapshot.chain_time_s, found.rate_e36))

    def markouts(self, choice: Choice, direction: _Direction, *, quoted_at_s: int) -> tuple[Markout, ...]:
        """Return the markouts of a decision, none for a refusal."""
        if choice.offer is None:
            return ()
        priced = choice.offer.priced
        return markouts(
            making_amount=priced.making_amount,
            taking_amount=priced.taking_amount,
            quoted_at_s=quoted_at_s,
            fair_rates=self._rates.get(direction, ()),
        )

    def reaches(self, direction: _Direction, at_s: int) -> bool:
        """Tell whether there is a fair value at or after a time."""
        rates = self._rates.get(direction)
        return rates is not None and len(rates) > 0 and rates[-1][0] >= at_s


def shadow_decisions(
    quotes: Iterable[RecordedQuote], model: QuoteModel, *, pairs: PairBook, limits: QuoteLimits
) -> Iterator[ShadowDecision]:
    """Yield a model's decisions on recorded requests, each when its last markout is known, the rest at the end."""
    history = FairHistory(pairs)
    waiting: list[tuple[RecordedQuote, Choice]] = []
    for quote in quotes:
        if quote.snapshot is None or quote.decided is None:
            continue
        history.add(quote.snapshot)
        pair = _pair(pairs, quote)
        if pair is None:
            continue
        waiting.append((quote, decide_again(quote, model, pair=pair, limits=limits)))
        while waiting and history.reaches(_direction(waiting[0][0]), _time_s(waiting[0][0]) + HORIZONS_S[-1]):
            yield _done(history, model, *waiting.pop(0))
    for entry in waiting:
        yield _done(history, model, *entry)


def _done(history: FairHistory, model: QuoteModel, quote: RecordedQuote, choice: Choice) -> ShadowDecision:
    return ShadowDecision(
        quote_id=quote.quote_id,
        at_ms=quote.received_at_ms,
        model=model.name,
        choice=choice,
        markouts=history.markouts(choice, _direction(quote), quoted_at_s=_time_s(quote)),
    )


def _pair(pairs: PairBook, quote: RecordedQuote) -> PairPolicy | None:
    assert quote.decided is not None
    request = quote.decided.request
    return pairs.find(maker_asset=request.maker_asset, taker_asset=request.taker_asset)


def _direction(quote: RecordedQuote) -> _Direction:
    assert quote.decided is not None
    return quote.decided.request.taker_asset.address, quote.decided.request.maker_asset.address


def _time_s(quote: RecordedQuote) -> int:
    assert quote.snapshot is not None
    return quote.snapshot.chain_time_s
