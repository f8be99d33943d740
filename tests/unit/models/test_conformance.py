"""The conformance check passes the models we ship and finds one planted fault of each kind."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from pmm.domain import Decision, PriceLevel, QuoteRequest
from pmm.errors import InvalidInput
from pmm.models import check_model, find_model, model_names
from pmm.models.discovery import checked_model
from pmm.models.template import WiderSpread
from pmm.pricing import STANDARD, ModelInputs, ModelOffers, Offer, QuoteModel, StandardModel


class _Faulty:
    """The built-in model with one fault."""

    name = "faulty"

    def __init__(self) -> None:
        self.standard = StandardModel()

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        found = self.standard.offers(inputs, request)
        if isinstance(found, Decision):
            return found
        return replace(found, offers=tuple(self.change(inputs, request, offer) for offer in found.offers))

    def levels(self, inputs: ModelInputs, *, making_limit: int) -> tuple[PriceLevel, ...] | Decision:
        return self.standard.levels(inputs, making_limit=making_limit)

    def change(self, inputs: ModelInputs, request: QuoteRequest, offer: Offer) -> Offer:
        return offer


def _more(offer: Offer, units: int) -> Offer:
    return replace(offer, priced=replace(offer.priced, making_amount=offer.priced.making_amount + units))


class _Random(_Faulty):
    def __init__(self) -> None:
        super().__init__()
        self._count = count()

    def change(self, inputs: ModelInputs, request: QuoteRequest, offer: Offer) -> Offer:
        return replace(offer, name=f"{offer.name}-{next(self._count)}")


class _Generous(_Faulty):
    """Gives more than its ladder, and its components do not say so."""

    def change(self, inputs: ModelInputs, request: QuoteRequest, offer: Offer) -> Offer:
        return offer if request.making_amount else _more(offer, offer.priced.making_amount // 1_000)


class _Careless(_Faulty):
    """Does not answer the exact output asked for."""

    def change(self, inputs: ModelInputs, request: QuoteRequest, offer: Offer) -> Offer:
        return _more(offer, 1) if request.making_amount else offer


class _Raising(_Faulty):
    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        feed = inputs.snapshot.feeds[inputs.taker_asset.address]
        assert feed.answer > 0
        return super().offers(inputs, request)


class _Writing(_Faulty):
    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        found = super().offers(inputs, request)
        inputs.stock.pop(inputs.taker_asset.address, None)  # type: ignore[attr-defined]
        return found


class _CheapTheOtherWay(_Faulty):
    """Asks a tenth less by exact output than by exact input."""

    def change(self, inputs: ModelInputs, request: QuoteRequest, offer: Offer) -> Offer:
        if not request.making_amount:
            return offer
        less = offer.priced.taking_amount * 9 // 10
        return replace(offer, priced=replace(offer.priced, taking_amount=less))


class _Slow(_Faulty):
    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        for _ in range(60):
            super().offers(inputs, request)
        return super().offers(inputs, request)


@pytest.mark.parametrize("model", [StandardModel(), WiderSpread()])
def test_check_model__model_we_ship__conforms(model: QuoteModel) -> None:
    assert check_model(model) == ()


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (_Random(), "deterministic"),
        (_Generous(), "never_better_than_its_ladder"),
        (_Generous(), "rounding"),
        (_Careless(), "amounts_right"),
        (_Raising(), "bad_input"),
        (_Writing(), "inputs_untouched"),
        (_CheapTheOtherWay(), "exact_in_and_out_agree"),
        (_Slow(), "time"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_check_model__planted_fault__is_found(model: QuoteModel, check: str) -> None:
    assert check in {breach.check for breach in check_model(model)}


def test_find_model__built_in__is_there() -> None:
    assert find_model().name == STANDARD
    assert STANDARD in model_names()


def test_find_model__unknown__is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"expected one of standard.*pmm\.quote_models"):
        find_model("nobody")


@pytest.mark.parametrize(("model", "why"), [(object(), "lacks offers"), (_Faulty(), "calls itself 'faulty'")])
def test_checked_model__no_model__is_refused(model: object, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        checked_model(model, "mine")
