"""A request for the direction of some model inputs."""

from __future__ import annotations

from pmm.domain import QuoteRequest
from pmm.pricing import ModelInputs
from tests.helpers.quoting import TAKER


def request(inputs: ModelInputs, *, taking_amount: int) -> QuoteRequest:
    """Return an exact-input request."""
    return QuoteRequest(
        request_id="shape",
        chain_id=1,
        maker_asset=inputs.maker_asset,
        taker_asset=inputs.taker_asset,
        taking_amount=taking_amount,
        making_amount=None,
        taker=TAKER,
    )
