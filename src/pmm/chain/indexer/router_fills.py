"""Amounts of a fill on 1inch's router, which names neither maker nor taker nor tokens in its event.

``OrderFilled(bytes32,uint256)`` stands after the transfers of its fill: maker to taker, taker to maker, whatever the
hooks did, then the event (limit-order-protocol 4.0, OrderMixin._fill). A fill inside another's interaction is whole
before the outer one pays. So the last unspent transfer out of the maker before the event is the fill's, and the first
unspent one in after it is its payment. Before it pays, a taker's interaction may send us anything else: of an order
that is known, only a transfer of its asset that is worth its price is the payment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pmm.chain.indexer.errors import NodeLied
from pmm.chain.indexer.watch_list import WatchList
from pmm.domain import ZERO_ADDRESS, Address, EventPlace, OrderFilled, TokenMoved


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """An order that we signed, amounts in base units."""

    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int

    def least_taking(self, making_amount: int) -> int:
        """Return what a taker pays at least, rounded up (limit-order-protocol 4.0, AmountCalculatorLib)."""
        return -(-making_amount * self.taking_amount // self.making_amount)


OrderLookup = Callable[[bytes], KnownOrder | None]
"""Finds an order of ours by its hash; None for one that is not known to be ours."""


class RouterFills:
    """Fills of one transaction, taken in the order of their events."""

    def __init__(self, watch: WatchList, transfers: Sequence[TokenMoved], lookup: OrderLookup) -> None:
        self._watch = watch
        self._ours = frozenset((*watch.accounts, *watch.internal, ZERO_ADDRESS))
        self._unspent = sorted(transfers, key=lambda one: one.place.log_index)
        self._lookup = lookup

    def spend(self, fill: OrderFilled) -> None:
        """Leave out what a fill on our own contract moved: a foreign fill of the same transaction did not."""
        ours = fill.settled_by
        before = [one for one in self._unspent if one.place.log_index < fill.place.log_index]
        legs = (
            [
                one
                for one in before
                if _leg(one) == (fill.maker_asset, fill.making_amount) and one.sender == ours
            ],
            [
                one
                for one in before
                if _leg(one) == (fill.taker_asset, fill.taking_amount) and one.receiver == ours
            ],
        )
        for found in legs:
            if found:
                self._unspent.remove(found[-1])

    def take(self, place: EventPlace, order_hash: bytes, remaining: int) -> OrderFilled | None:
        """Return the fill that an event stands for; None for one of another maker.

        Raises NodeLied where the order is ours and its transfers are not there.
        """
        known = self._lookup(order_hash)
        for paid in reversed(self._unspent):
            if paid.place.log_index > place.log_index or not self._is_making(paid, known, remaining):
                continue
            received = next((one for one in self._unspent if self._is_taking(one, paid, place, known)), None)
            if received is not None:
                self._unspent.remove(paid)
                self._unspent.remove(received)
                return self._filled(place, order_hash, paid, received)
        if known is not None:
            raise NodeLied(
                f"expected the transfers of fill 0x{order_hash.hex()} in transaction 0x{place.transaction_hash.hex()}"
                ", found none that fit; logs are missing"
            )
        return None

    def _is_making(self, move: TokenMoved, known: KnownOrder | None, remaining: int) -> bool:
        if move.sender not in self._watch.all_makers:
            return False
        if known is None:
            return move.receiver not in self._ours
        return move.token == known.maker_asset and move.amount == known.making_amount - remaining

    def _is_taking(
        self, move: TokenMoved, paid: TokenMoved, event: EventPlace, known: KnownOrder | None
    ) -> bool:
        if not paid.place.log_index < move.place.log_index < event.log_index or move.receiver != paid.sender:
            return False
        if known is None:
            return move.token != paid.token and move.sender not in self._ours
        return move.token == known.taker_asset and move.amount >= known.least_taking(paid.amount)

    def _filled(
        self, place: EventPlace, order_hash: bytes, paid: TokenMoved, received: TokenMoved
    ) -> OrderFilled:
        router = self._watch.router
        return OrderFilled(
            place=place,
            order_hash=order_hash,
            settled_by=router,
            # A taker that pays ether pays through the router, which wraps it.
            taker=paid.receiver if received.sender == router else received.sender,
            maker_asset=paid.token,
            taker_asset=received.token,
            making_amount=paid.amount,
            taking_amount=received.amount,
        )


def _leg(move: TokenMoved) -> tuple[Address, int]:
    return move.token, move.amount
