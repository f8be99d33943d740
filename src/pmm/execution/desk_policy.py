"""What the desk quotes, on which contracts, within which limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pmm.domain import Address, OrderDomain, Token
from pmm.errors import InvalidInput
from pmm.execution.chain_view import Settlement
from pmm.pricing import FillHedgeRules, Offer, PairPolicy
from pmm.risk import QuoteLimits


class PairBook:
    """The pairs we quote, found by direction."""

    def __init__(self, pairs: Iterable[PairPolicy]) -> None:
        pairs = tuple(pairs)
        self.policies = pairs
        self._by_direction: dict[tuple[Address, Address], PairPolicy] = {}
        for pair in pairs:
            for maker, taker in ((pair.base, pair.quote), (pair.quote, pair.base)):
                if (maker.address, taker.address) in self._by_direction:
                    raise InvalidInput(
                        f"pairs: {pair.base.symbol}/{pair.quote.symbol} is listed twice; list it once"
                    )
                self._by_direction[maker.address, taker.address] = pair

    def find(self, *, maker_asset: Token, taker_asset: Token) -> PairPolicy | None:
        """Return the pair that this direction belongs to, or None."""
        return self._by_direction.get((maker_asset.address, taker_asset.address))

    def directions(self) -> list[tuple[Token, Token, PairPolicy]]:
        """Return every (taker asset, maker asset, pair)."""
        found = []
        for (maker, _), pair in self._by_direction.items():
            assets = (pair.quote, pair.base) if maker == pair.base.address else (pair.base, pair.quote)
            found.append((*assets, pair))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FillHedges:
    """Which fills on 1inch's contract may be hedged inside themselves.

    ``hooks`` is RouterHooks; ``rules`` are by base and quote of the pairs whose hedges the settlement lets through.
    """

    hooks: Address
    rules: Mapping[tuple[Address, Address], FillHedgeRules]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPolicy:
    """What the desk may do.

    Attributes:
        maker: the settlement contract, maker of every order.
        domains: EIP-712 domain per venue; a venue left out is not served.
        pairs: what is quoted.
        limits: pre-trade limits.
        ttl_s: how long a quote lives, at most.
        min_ttl_s: shorter lives asked for are refused, because they could not be filled in time.
        ladder_share_bps: part of free inventory that the ladder shows; the rest is room for over-orders.
        not_selected_bps: fill probability left when a relayer says that it chose another maker.
        journal_timeout_s: how long an answer waits for the journal.
        hooks: RouterHooks, where it and a lending account are joined to the settlement; None funds no quote so.
        router_hooks: RouterHooks, where it is joined; it counts caps of fills on 1inch's contract.
        fill_hedges: which fills may be hedged inside themselves; None: none.
    """

    maker: Address
    domains: dict[Settlement, OrderDomain]
    pairs: PairBook
    limits: QuoteLimits = field(default_factory=QuoteLimits)
    ttl_s: int = 30
    min_ttl_s: int = 1
    ladder_share_bps: int = 9_900
    not_selected_bps: int = 500
    journal_timeout_s: float = 1.0
    hooks: Address | None = None
    router_hooks: Address | None = None
    fill_hedges: FillHedges | None = None

    def fill_hedge(self, pair: PairPolicy) -> FillHedgeRules | None:
        """Return how fills of a pair may be hedged inside themselves, None where they may not."""
        if self.fill_hedges is None:
            return None
        return self.fill_hedges.rules.get((pair.base.address, pair.quote.address))

    def hooks_of(self, offer: Offer) -> Address | None:
        """Return the hooks that an offer's order names, if it needs any."""
        if offer.hedge is not None and self.fill_hedges is not None:
            return self.fill_hedges.hooks
        return self.hooks or self.router_hooks
