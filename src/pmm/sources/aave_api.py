"""Aave V3 by its GraphQL API, a cross-check of the contracts.

https://aave.com/docs/aave-v3/getting-started/graphql and https://aave.com/docs/aave-v3/markets/data:
``PercentValue.value`` is a fraction, yields are compounded, ``borrowInfo`` is null where nothing can be borrowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pmm.chain.addresses import AAVE_V3_POOL
from pmm.domain import Address, Token, parse_address
from pmm.errors import InvalidInput
from pmm.sources.lending_rates import LendingRate, not_negative, simple_rate
from pmm.sources.rest import RestClient
from pmm.sources.source import SourceUnavailable

API_URL: Final = "https://api.v3.aave.com/graphql"
_QUERY: Final = """
query Rates($request: MarketRequest!) {
  market(request: $request) {
    reserves {
      underlyingToken { address }
      supplyInfo { apy { value } liquidationThreshold { value } }
      borrowInfo { apy { value } availableLiquidity { amount { value } } }
    }
  }
}
""".strip()


class AaveApi:
    """Rates, thresholds and depth of the tokens."""

    name = "aave_api"

    def __init__(
        self, tokens: Sequence[Token], *, timeout_s: float, url: str = API_URL, chain_id: int = 1
    ) -> None:
        self._wanted = {token.address for token in tokens}
        self._client = RestClient(self.name, url, timeout_s=timeout_s)
        self._request = {"address": AAVE_V3_POOL, "chainId": chain_id}

    def ask(self) -> tuple[LendingRate, ...]:
        """Ask once; raises SourceUnavailable, also for an answer without any of the tokens."""
        answer = self._client.post("", {"query": _QUERY, "variables": {"request": self._request}})
        try:
            if answer.get("errors"):
                raise SourceUnavailable("expected data, found errors of GraphQL", final=True)
            reserves: list[dict[str, Any]] = answer["data"]["market"]["reserves"]
            rates = [self._rate(reserve) for reserve in reserves]
        except (KeyError, TypeError, ValueError, AttributeError, InvalidInput):
            raise SourceUnavailable("expected Aave's reserves, found something else", final=True) from None
        found = tuple(rate for rate in rates if rate.token in self._wanted)
        if not found:
            raise SourceUnavailable("expected one of our tokens in Aave's answer, found none", final=True)
        return found

    @staticmethod
    def _rate(reserve: dict[str, Any]) -> LendingRate:
        supply, borrow = reserve["supplyInfo"], reserve["borrowInfo"]
        token: Address = parse_address(reserve["underlyingToken"]["address"], "underlyingToken")
        return LendingRate(
            market="aave_v3",
            token=token,
            supply_rate=simple_rate(float(supply["apy"]["value"])),
            borrow_rate=simple_rate(float(borrow["apy"]["value"])) if borrow else 0.0,
            available=not_negative(float(borrow["availableLiquidity"]["amount"]["value"])) if borrow else 0.0,
            threshold=not_negative(float(supply["liquidationThreshold"]["value"])),
        )
