"""Exposure per asset: what the desk is long or short of, by where it comes from. Pure; base units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pmm.domain import Address
from pmm.execution.book.inventory_book import InventoryBook
from pmm.execution.book.positions import AccountKind, Origin

_BPS = 10_000


class PerpHolding(Protocol):
    """What exposure needs of a perp position."""

    @property
    def asset(self) -> Address:
        """The asset it follows."""
        ...

    @property
    def amount(self) -> int:
        """Base units, negative where short."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingQuote:
    """A signed quote that may still be filled, with the probability that it is."""

    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int
    fill_probability_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One asset.

    Attributes:
        by_origin: signed base units; debt and shorts are negative.
        target: what the desk wants to be long of; delta is measured from there.
        reserved: promised by live quotes, part of what is held.
    """

    token: Address
    by_origin: Mapping[Origin, int]
    target: int = 0
    reserved: int = 0

    @property
    def net(self) -> int:
        """Longs less shorts."""
        return sum(self.by_origin.values())

    @property
    def delta(self) -> int:
        """Net exposure beyond the target."""
        return self.net - self.target

    @property
    def inventory(self) -> int:
        """What is held: wallets, contracts and lending supply; debt does not lessen it."""
        held = (Origin.WALLET, Origin.CONTRACT, Origin.LENDING_SUPPLY)
        return sum(self.by_origin.get(origin, 0) for origin in held)

    @property
    def free(self) -> int:
        """What contracts hold and no live quote promises; never negative."""
        return max(self.by_origin.get(Origin.CONTRACT, 0) - self.reserved, 0)

    @property
    def delta_bps(self) -> int | None:
        """Delta relative to inventory, rounded away from zero; None without inventory, which counts as unknown."""
        if self.inventory <= 0:
            return 0 if self.delta == 0 else None
        share = -(-abs(self.delta) * _BPS // self.inventory)
        return share if self.delta >= 0 else -share


def exposures(
    book: InventoryBook,
    *,
    now_s: int,
    perps: Iterable[PerpHolding] = (),
    quotes: Iterable[PendingQuote] = (),
    targets: Mapping[Address, int] | None = None,
    reserved: Mapping[Address, int] | None = None,
) -> dict[Address, Exposure]:
    """Return the exposure of every token of the book.

    Args:
        book: balances and lending positions; interest is counted up to ``now_s``.
        perps: positions of every perp venue.
        quotes: live quotes, to count them by fill probability; none to leave them out.
        targets: what the desk wants to hold, 0 where nothing is said.
        reserved: what live quotes promise.
    """
    found = _by_origin(book, now_s, perps, quotes)
    wanted, promised = targets or {}, reserved or {}
    return {
        token: Exposure(
            token=token,
            by_origin={origin: amount for origin, amount in parts.items() if amount},
            target=wanted.get(token, 0),
            reserved=promised.get(token, 0),
        )
        for token, parts in found.items()
    }


def _by_origin(
    book: InventoryBook, now_s: int, perps: Iterable[PerpHolding], quotes: Iterable[PendingQuote]
) -> dict[Address, dict[Origin, int]]:
    found: dict[Address, dict[Origin, int]] = {token: {} for token in book.scope.tokens}

    def add(token: Address, origin: Origin, amount: int) -> None:
        parts = found.setdefault(token, {})
        parts[origin] = parts.get(origin, 0) + amount

    for key, amount in book.balances.items():
        wallet = book.scope.accounts.get(key.account) is AccountKind.WALLET
        add(key.token, Origin.WALLET if wallet else Origin.CONTRACT, amount)
    for lending_key, position in book.lending.items():
        add(lending_key.token, Origin.LENDING_SUPPLY, position.supplied_at(now_s))
        add(lending_key.token, Origin.LENDING_DEBT, -position.owed_at(now_s))
    for perp in perps:
        add(perp.asset, Origin.PERP, perp.amount)
    for token, amount in pending_delta(quotes).items():
        add(token, Origin.PENDING_QUOTES, amount)
    return found


def pending_delta(quotes: Iterable[PendingQuote]) -> dict[Address, int]:
    """Return what quotes bring of each token by their fill probability, base units, negative where it leaves."""
    found: dict[Address, int] = {}
    for quote in quotes:
        # What leaves is rounded up, what comes down: against the desk.
        leaves = -(-quote.making_amount * quote.fill_probability_bps // _BPS)
        found[quote.maker_asset] = found.get(quote.maker_asset, 0) - leaves
        comes = quote.taking_amount * quote.fill_probability_bps // _BPS
        found[quote.taker_asset] = found.get(quote.taker_asset, 0) + comes
    return found
