"""What stands in for Chainlink in a valuation (section 6 of the risk book): Uniswap V3 pools, then exchanges' books.

A dollar token counts as one dollar here: whose feed is silent cannot be asked what it is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pmm.chain.quoter import Pool, find_pools, spot_rates_e36
from pmm.chain.tick_reader import state_calls
from pmm.chain.web3_node import Web3Node
from pmm.domain import DAI, USDC, USDT, Address, Token
from pmm.execution import OutsideMarket
from pmm.pricing import ReferencePrice, SourceKind
from pmm.sources.source import SourceUnavailable

_DOLLARS = {token.address: token for token in (USDC, USDT, DAI)}


class PoolPrices:
    """US dollars per base unit of each token but the dollar tokens, by the pool of most liquidity in range."""

    name = "uniswap_v3"

    def __init__(
        self, node: Web3Node, tokens: Sequence[Token], *, chain_now_s: Callable[[], int], max_age_s: int = 60
    ) -> None:
        self._node, self._chain_now_s, self._max_age_s = node, chain_now_s, max_age_s
        self._tokens = {token.address: token for token in tokens if token.address not in _DOLLARS}
        self._pools: tuple[Pool, ...] | None = None

    def ask(self) -> tuple[ReferencePrice, ...]:
        """Read every pool; raises SourceUnavailable where a token has none with a price, ChainError."""
        if self._pools is None:
            pairs = [(token, dollar) for token in self._tokens.values() for dollar in _DOLLARS.values()]
            self._pools = find_pools(self._node, pairs)
        calls = [call for pool in self._pools for call in state_calls(pool)]
        answers = iter(self._node.multicall(calls, block="latest"))
        best: dict[Address, tuple[int, int]] = {}
        for pool, slot0, liquidity in zip(self._pools, answers, answers, strict=True):
            rates = spot_rates_e36(slot0)
            depth = int.from_bytes(liquidity[:32], "big") if liquidity else 0
            if rates is None or depth == 0:
                continue
            first = pool.token0.address in self._tokens
            token, dollar = (pool.token0, pool.token1) if first else (pool.token1, pool.token0)
            usd_e36 = rates[0 if first else 1] // 10**dollar.decimals
            # Liquidity is the root of both amounts: squared it compares over dollar tokens of other decimals.
            found = (depth**2 // 10**dollar.decimals, usd_e36)
            best[token.address] = max(best.get(token.address, found), found)
        silent = [token.symbol for address, token in self._tokens.items() if address not in best]
        if silent or not best:
            raise SourceUnavailable(
                f"expected pools with a price of {' and '.join(silent) or 'a token'}, found none", final=True
            )
        now_s = self._chain_now_s()
        return tuple(
            ReferencePrice(
                source=self.name,
                kind=SourceKind.POOL,
                token=address,
                unit=None,
                rate_e36=usd_e36,
                observed_at_s=now_s,
                max_age_s=self._max_age_s,
            )
            for address, (_, usd_e36) in best.items()
        )


class BookPrices:
    """The micro-prices of exchanges' books against dollars or a dollar token, the first of each token."""

    name = "books"

    def __init__(self, books: OutsideMarket) -> None:
        self._books = books

    def ask(self) -> tuple[ReferencePrice, ...]:
        """Return what was heard last; raises SourceUnavailable where nothing is young enough."""
        found: dict[Address, ReferencePrice] = {}
        for one in self._books.current().references:
            if one.unit is not None and one.unit not in _DOLLARS:
                continue
            scale = 1 if one.unit is None else 10 ** _DOLLARS[one.unit].decimals
            found.setdefault(
                one.token,
                ReferencePrice(
                    source=one.source,
                    kind=one.kind,
                    token=one.token,
                    unit=None,
                    rate_e36=one.rate_e36 // scale,
                    observed_at_s=one.observed_at_s,
                    max_age_s=one.max_age_s,
                ),
            )
        if not found:
            raise SourceUnavailable("expected a book that was heard of lately, found none")
        return tuple(found.values())
