"""A binding answer to a request for quote."""

from __future__ import annotations

from pmm.domain.quote_request import QuoteRequest
from pmm.domain.signed_order import SignedOrder
from pmm.domain.value_class import value_class
from pmm.errors import InvariantViolated


@value_class(frozen=True, slots=True, kw_only=True)
class FirmQuote:
    """A signed order that answers ``request``; raises InvariantViolated when it answers something else."""

    request: QuoteRequest
    signed_order: SignedOrder

    def __post_init__(self) -> None:
        order, request = self.signed_order.order, self.request
        if (
            order.maker_asset != request.maker_asset.address
            or order.taker_asset != request.taker_asset.address
        ):
            raise InvariantViolated("firm quote: the order trades other assets than the request asked for")
        if request.making_amount not in (None, order.making_amount):
            raise InvariantViolated("firm quote: making amount differs from the exact output asked for")
        if request.taking_amount not in (None, order.taking_amount):
            raise InvariantViolated("firm quote: taking amount differs from the exact input asked for")
        if order.expiration_s == 0:
            raise InvariantViolated("firm quote: the order never expires")

    @property
    def expiration_s(self) -> int:
        """Last unix second at which the quote fills."""
        return self.signed_order.order.expiration_s
