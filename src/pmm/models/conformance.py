"""What any pricing model must keep, as checks that need nothing but the model.

Users run them by ``pmm model check NAME`` or from their own tests: ``assert check_model(MyModel()) == ()``.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from pmm.domain import USDC, WETH, Decision, Inventory, PriceLevel, QuoteRequest, Token
from pmm.models.sample_market import TAKER, sample_market
from pmm.pricing import ModelInputs, ModelOffers, Offer, PairPolicy, QuoteModel, QuoteShape, StandardModel

_SIZES_USD = (50, 1_000, 25_000, 100_000)
_REPEATS = 3
_WIDER = QuoteShape(spread_bps=Decimal(7))
_MOST_TIMES_STANDARD = 20
"""How many times the built-in model's time a model may take; a ratio within one run, so machines do not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that a model does not keep."""

    check: str
    detail: str


def sample_inputs(
    taker_asset: Token = WETH, maker_asset: Token = USDC, *, own_domain: bool = True
) -> ModelInputs:
    """Return inputs of a made-up WETH/USDC market at 3,000 USD."""
    stock = {
        WETH.address: Inventory(token=WETH, balance=400 * 10**18),
        USDC.address: Inventory(token=USDC, balance=1_200_000 * 10**6),
    }
    return ModelInputs(
        snapshot=sample_market(),
        pair=PairPolicy(base=WETH, quote=USDC, gas_asset=WETH),
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        stock=stock,
        deliverable=stock[maker_asset.address],
        own_domain=own_domain,
    )


def check_model(model: QuoteModel, *, time_ratio: int | None = _MOST_TIMES_STANDARD) -> tuple[Breach, ...]:
    """Return everything that a model does not keep, nothing for one that conforms.

    ``time_ratio`` bounds its time by that of the built-in model on the same requests; None leaves time out.
    """
    checks: tuple[Callable[[QuoteModel], Iterator[str]], ...] = (
        _deterministic,
        _inputs_untouched,
        _amounts_right,
        _rounding,
        _never_better_than_its_ladder,
        _exact_in_and_out_agree,
        _takes_the_shape,
        _bad_input,
    )
    breaches: list[Breach] = []
    for check in checks:
        name = check.__name__.strip("_")
        try:
            breaches += [Breach(check=name, detail=detail) for detail in check(model)]
        except Exception as error:  # noqa: BLE001 - a model of others may raise anything; a refusal is a value
            breaches.append(Breach(check=name, detail=f"raised {error!r}; a refusal is a Decision"))
    if time_ratio is not None and not breaches:
        breaches += _too_slow(model, time_ratio)
    return tuple(breaches)


def _directions() -> Iterator[ModelInputs]:
    for taker, maker in ((WETH, USDC), (USDC, WETH)):
        for own_domain in (True, False):
            yield sample_inputs(taker, maker, own_domain=own_domain)


def _requests(inputs: ModelInputs) -> Iterator[QuoteRequest]:
    for usd in _SIZES_USD:
        yield _request(inputs, taking=_amount(inputs.taker_asset, usd))
        yield _request(inputs, making=_amount(inputs.maker_asset, usd))


def _request(inputs: ModelInputs, *, taking: int | None = None, making: int | None = None) -> QuoteRequest:
    return QuoteRequest(
        request_id="conformance",
        chain_id=1,
        maker_asset=inputs.maker_asset,
        taker_asset=inputs.taker_asset,
        taking_amount=taking,
        making_amount=making,
        taker=TAKER,
    )


def _amount(token: Token, usd: int) -> int:
    return usd * 10**6 if token is USDC else usd * 10**18 // 3_000


def _offers(model: QuoteModel, inputs: ModelInputs, request: QuoteRequest) -> tuple[Offer, ...]:
    found = model.offers(inputs, request)
    if not isinstance(found, ModelOffers | Decision):
        raise TypeError(f"expected ModelOffers or Decision from offers(), found {type(found).__name__}")
    return () if isinstance(found, Decision) else found.offers


def _deterministic(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        for request in _requests(inputs):
            first = model.offers(inputs, request)
            if any(model.offers(inputs, request) != first for _ in range(_REPEATS)):
                yield f"the same inputs gave two answers for {_text(request)}"


def _inputs_untouched(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        # A copy of the whole value: frozen dataclasses still hold dicts.
        before = pickle.dumps(_plain(inputs))
        for request in _requests(inputs):
            model.offers(inputs, request)
        model.levels(inputs, making_limit=inputs.deliverable.free)
        if pickle.dumps(_plain(inputs)) != before:
            yield "the model changed its inputs"


def _plain(inputs: ModelInputs) -> tuple[object, ...]:
    market = inputs.snapshot
    return (dict(market.feeds), dict(market.pools), dict(inputs.stock), inputs.deliverable, inputs.pair)


def _amounts_right(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        for request in _requests(inputs):
            for offer in _offers(model, inputs, request):
                priced = offer.priced
                if request.taking_amount not in (None, priced.taking_amount):
                    yield f"{offer.name}: {_text(request)} was answered with {priced.taking_amount}"
                if request.making_amount not in (None, priced.making_amount):
                    yield f"{offer.name}: {_text(request)} was answered with {priced.making_amount}"
                if priced.making_amount <= 0 or priced.taking_amount <= 0:
                    yield f"{offer.name}: expected amounts above zero for {_text(request)}"


def _rounding(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        for request in _requests(inputs):
            for offer in _offers(model, inputs, request):
                priced, price = offer.priced, offer.priced.breakdown
                if price.making_for(priced.taking_amount) != priced.making_amount:
                    yield f"{offer.name}: its components do not give its amounts for {_text(request)}"


def _never_better_than_its_ladder(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        if inputs.own_domain:
            continue
        levels = model.levels(inputs, making_limit=inputs.deliverable.free)
        if isinstance(levels, Decision):
            continue
        for request in _requests(inputs):
            for offer in _offers(model, inputs, request):
                most = _ladder_pays_up(levels, offer.priced.taking_amount)
                if most is not None and offer.priced.making_amount > most:
                    yield (
                        f"{offer.name}: gives {offer.priced.making_amount} for {offer.priced.taking_amount}, "
                        f"the ladder {most}"
                    )


def _ladder_pays_up(levels: tuple[PriceLevel, ...], taking_amount: int) -> int | None:
    """Return what walking the ladder pays, rounded up; None beyond its end."""
    paid, rest = 0, taking_amount
    for level in levels:
        part = min(rest, level.taking_amount)
        paid += -(-part * level.making_amount // level.taking_amount)
        rest -= part
        if rest == 0:
            return paid
    return None


def _exact_in_and_out_agree(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        for usd in _SIZES_USD:
            taking = _amount(inputs.taker_asset, usd)
            for offer in _offers(model, inputs, _request(inputs, taking=taking)):
                made = offer.priced.making_amount
                again = {
                    one.name: one.priced.taking_amount
                    for one in _offers(model, inputs, _request(inputs, making=made))
                }
                asked = again.get(offer.name)
                # One unit of rounding each way; asking less would let a taker gain by asking the other way.
                if asked is not None and asked < taking - _unit_worth(inputs, made, taking):
                    yield f"{offer.name}: {made} costs {taking} by exact input and {asked} by exact output"


def _unit_worth(inputs: ModelInputs, made: int, taking: int) -> int:
    """Return taker units that one maker unit is worth, and one for rounding."""
    return -(-taking // made) + 1


def _takes_the_shape(model: QuoteModel) -> Iterator[str]:
    for inputs in _directions():
        shaped = replace(inputs, shape=_WIDER)
        for usd in _SIZES_USD:
            request = _request(inputs, taking=_amount(inputs.taker_asset, usd))
            plain = {one.name: one.priced.making_amount for one in _offers(model, inputs, request)}
            for offer in _offers(model, shaped, request):
                if offer.priced.making_amount >= plain.get(offer.name, offer.priced.making_amount + 1):
                    yield f"{offer.name}: an operator's spread changes nothing for {_text(request)}"
        before, after = (model.levels(one, making_limit=one.deliverable.free) for one in (inputs, shaped))
        if isinstance(before, Decision) or isinstance(after, Decision):
            continue
        for level, wider in zip(before, after, strict=False):
            cheap, dear = (
                level.making_amount * wider.taking_amount,
                wider.making_amount * level.taking_amount,
            )
            if dear >= cheap:
                yield "the ladder does not have an operator's spread"


def _bad_input(model: QuoteModel) -> Iterator[str]:
    inputs = sample_inputs()
    request = _request(inputs, taking=10**18)
    no_feed = replace(inputs, snapshot=replace(inputs.snapshot, feeds={}))
    zero = {token: replace(feed, answer=0) for token, feed in inputs.snapshot.feeds.items()}
    old = {token: replace(feed, updated_at_s=1) for token, feed in inputs.snapshot.feeds.items()}
    broken = {
        "no feed": no_feed,
        "no pool": replace(inputs, snapshot=replace(inputs.snapshot, pools={})),
        "a feed of zero": replace(inputs, snapshot=replace(inputs.snapshot, feeds=zero)),
        "a stale feed": replace(inputs, snapshot=replace(inputs.snapshot, feeds=old)),
    }
    for what, changed in broken.items():
        if _offers(model, changed, request):
            yield f"quoted with {what}"
    empty = replace(inputs, deliverable=Inventory(token=USDC, balance=0), own_domain=False)
    if _offers(model, empty, request):
        yield "quoted on 1inch's domain with nothing to deliver"
    for amount in (1, 2**200):
        _offers(model, inputs, _request(inputs, taking=amount))
        _offers(model, inputs, _request(inputs, making=amount))


def _too_slow(model: QuoteModel, ratio: int) -> Iterator[Breach]:
    standard, own = _best_time(StandardModel()), _best_time(model)
    if own > ratio * standard:
        yield Breach(
            check="time",
            detail=f"takes {own / standard:.1f} times the built-in model's time, expected at most {ratio}",
        )


def _best_time(model: QuoteModel) -> float:
    inputs = sample_inputs()
    requests = list(_requests(inputs))
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        for request in requests:
            model.offers(inputs, request)
        best = min(best, time.perf_counter() - start)
    return best


def _text(request: QuoteRequest) -> str:
    if request.taking_amount is not None:
        return f"{request.taking_amount} {request.taker_asset.symbol} in"
    return f"{request.making_amount} {request.maker_asset.symbol} out"
