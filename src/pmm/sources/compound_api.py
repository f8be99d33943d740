"""Compound V2 by HTTP, in the form of its REST API: ``GET /ctoken``.

https://docs.compound.finance/v2/api/. Compound shut its own server down on 15 April 2023, as that page says: there is
no default address. Whoever runs a mirror of that form names it; everybody else has the contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pmm.domain import WETH, Address, Token, parse_address
from pmm.errors import InvalidInput
from pmm.sources.lending_rates import LendingRate, not_negative, simple_rate
from pmm.sources.rest import RestClient
from pmm.sources.source import SourceUnavailable


class CompoundApi:
    """Rates, collateral factors and cash of the tokens."""

    name = "compound_api"

    def __init__(self, url: str, tokens: Sequence[Token], *, timeout_s: float) -> None:
        self._wanted = {token.address for token in tokens}
        self._client = RestClient(self.name, url, timeout_s=timeout_s)

    def ask(self) -> tuple[LendingRate, ...]:
        """Ask once; raises SourceUnavailable, also when the answer carries an error or none of the tokens."""
        answer = self._client.get("/ctoken")
        try:
            if answer.get("error"):
                raise SourceUnavailable("expected Compound's tokens, found an error", final=True)
            rates = [self._rate(one) for one in answer["cToken"]]
        except (KeyError, TypeError, ValueError, AttributeError, InvalidInput):
            raise SourceUnavailable("expected Compound's tokens, found something else", final=True) from None
        found = tuple(rate for rate in rates if rate.token in self._wanted)
        if not found:
            raise SourceUnavailable("expected one of our tokens in Compound's answer, found none", final=True)
        return found

    @staticmethod
    def _rate(one: dict[str, Any]) -> LendingRate:
        # Compound's cETH has no underlying token: it is ether, which our account holds wrapped.
        underlying = one.get("underlying_address")
        token: Address = parse_address(underlying, "underlying_address") if underlying else WETH.address
        return LendingRate(
            market="compound_v2",
            token=token,
            supply_rate=simple_rate(float(one["supply_rate"]["value"])),
            borrow_rate=simple_rate(float(one["borrow_rate"]["value"])),
            available=not_negative(float(one["cash"]["value"])),
            threshold=not_negative(float(one["collateral_factor"]["value"])),
        )
