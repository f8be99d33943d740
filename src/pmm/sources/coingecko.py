"""CoinGecko as a source: prices by the reader of ``pmm.market_data``, market values beside them.

``GET /simple/price``: https://docs.coingecko.com/reference/simple-price. A key goes into ``x-cg-demo-api-key`` or
``x-cg-pro-api-key``: https://docs.coingecko.com/reference/authentication.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import httpx

from pmm.domain import Address, Token
from pmm.market_data import fetch_prices
from pmm.market_data.coingecko import COIN_IDS, MarketDataUnavailable
from pmm.pricing import ReferencePrice
from pmm.sources.rest import RestClient
from pmm.sources.source import SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCap:
    """What all of a token is worth, US dollars; ``observed_at_s`` is unix time."""

    token: Address
    usd: Decimal
    observed_at_s: int


class CoinGeckoPrices:
    """Prices for the cross-check."""

    name = "coingecko"

    def __init__(self, url: str, tokens: Sequence[Token], *, timeout_s: float, max_age_s: int) -> None:
        self._url, self._tokens, self._max_age_s = url, tuple(tokens), max_age_s
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def ask(self) -> tuple[ReferencePrice, ...]:
        """Ask once; raises SourceUnavailable."""
        try:
            return fetch_prices(self._client, self._url, self._tokens, max_age_s=self._max_age_s)
        except MarketDataUnavailable as error:
            raise SourceUnavailable(str(error), retry_after_s=error.retry_after_s) from None


class CoinGeckoMarkets:
    """Market values."""

    name = "coingecko_markets"

    def __init__(
        self, url: str, tokens: Sequence[Token], *, timeout_s: float, key: str = "", pro: bool = False
    ) -> None:
        header = "x-cg-pro-api-key" if pro else "x-cg-demo-api-key"
        self._client = RestClient(self.name, url, timeout_s=timeout_s, headers={header: key} if key else {})
        self._coins = {
            COIN_IDS[token.address]: token.address for token in tokens if token.address in COIN_IDS
        }

    def ask(self) -> tuple[MarketCap, ...]:
        """Ask once; tokens that the answer lacks are left out. Raises SourceUnavailable, also for none at all."""
        answer = self._client.get(
            "/simple/price",
            {
                "ids": ",".join(self._coins),
                "vs_currencies": "usd",
                "include_market_cap": "true",
                "include_last_updated_at": "true",
            },
        )
        try:
            found = tuple(
                MarketCap(
                    token=token,
                    usd=_worth(answer[coin]["usd_market_cap"]),
                    observed_at_s=int(answer[coin]["last_updated_at"]),
                )
                for coin, token in self._coins.items()
                if coin in answer
            )
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise SourceUnavailable("expected market values, found something else", final=True) from None
        if not found:
            raise SourceUnavailable(
                "expected one of our tokens in CoinGecko's answer, found none", final=True
            )
        return found


def _worth(value: str | Decimal | int) -> Decimal:
    usd = Decimal(value)
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"expected a market value, found {usd}")
    return usd
