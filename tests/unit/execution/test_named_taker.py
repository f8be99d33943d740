"""Only the taker who asked can fill: on either venue the order names it."""

import asyncio

import pytest

from pmm.domain import (
    USDC,
    WETH,
    Address,
    OwnDomainTerms,
    QuoteRequest,
    SignedOrder,
    address_from_bytes,
    allowed_sender_of,
)
from pmm.errors import InvalidInput
from pmm.execution import CONTRACT_VENUES, AnsweredQuote, FirmQuoteRequest, Settlement
from tests.helpers.quoting import TAKER, open_test_desk

_LOW_BITS_ZERO = address_from_bytes(b"\x77" * 10 + bytes(10))
_ONE_LOW_BIT = address_from_bytes(b"\x77" * 10 + bytes(9) + b"\x01")


def _ask(taker: Address, settlement: Settlement, *, taking_amount: int = 10**18) -> FirmQuoteRequest:
    quote = QuoteRequest(
        request_id="r",
        chain_id=1,
        maker_asset=USDC,
        taker_asset=WETH,
        taker=taker,
        taking_amount=taking_amount,
    )
    return FirmQuoteRequest(quote=quote, settlement=settlement)


def _signed(request: FirmQuoteRequest) -> SignedOrder:
    found = asyncio.run(open_test_desk().desk.firm_quote(request))
    assert isinstance(found, AnsweredQuote), found
    return found.firm.signed_order


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
@pytest.mark.parametrize("taker", [TAKER, _ONE_LOW_BIT])
def test_firm_quote__either_venue__names_the_taker(settlement: Settlement, taker: Address) -> None:
    assert _signed(_ask(taker, settlement)).order.traits.allowed_sender == allowed_sender_of(taker) != 0


def test_firm_quote__flash_funded__names_the_taker() -> None:
    signed = _signed(_ask(TAKER, Settlement.PMM, taking_amount=60 * 10**18))
    assert OwnDomainTerms.decode(signed.extension).funding_plan is not None
    assert signed.order.traits.allowed_sender == allowed_sender_of(TAKER)


def test_firm_quote__taker_of_zero_bits_on_pmm__is_named_in_full() -> None:
    signed = _signed(_ask(_LOW_BITS_ZERO, Settlement.PMM))
    assert OwnDomainTerms.decode(signed.extension).private_taker == _LOW_BITS_ZERO


def test_firm_quote_request__taker_of_zero_bits_on_1inch__is_refused() -> None:
    with pytest.raises(InvalidInput, match="anybody could fill its order"):
        _ask(_LOW_BITS_ZERO, Settlement.ONEINCH)
