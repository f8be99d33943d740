"""Logs of one block into the events that concern the desk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pmm.chain.indexer import topics
from pmm.chain.indexer.lending_logs import lending_reader
from pmm.chain.indexer.log_reading import topic_address, word_address
from pmm.chain.indexer.node_answers import LogAnswer
from pmm.chain.indexer.router_fills import OrderLookup, RouterFills
from pmm.chain.indexer.watch_list import WatchList
from pmm.domain import (
    WETH,
    ZERO_ADDRESS,
    Address,
    BlockRef,
    ChainEvent,
    EventPlace,
    OrderFilled,
    OrdersCancelled,
    TokenMoved,
)
from pmm.errors import ChainError

# Topics and words of data that a well-formed log of ours has at least.
_SHAPES = {
    topics.SETTLEMENT_FILLED: (3, 4),
    topics.ROUTER_FILLED: (1, 2),
    topics.TRANSFER: (3, 1),
    topics.WETH_DEPOSIT: (2, 1),
    topics.WETH_WITHDRAWAL: (2, 1),
    topics.AAVE_SUPPLY: (4, 2),
    topics.AAVE_WITHDRAW: (4, 1),
    topics.AAVE_BORROW: (4, 4),
    topics.AAVE_REPAY: (4, 2),
    topics.AAVE_LIQUIDATION: (4, 4),
    topics.COMPOUND_MINT: (1, 3),
    topics.COMPOUND_REDEEM: (1, 3),
    topics.COMPOUND_BORROW: (1, 4),
    topics.COMPOUND_REPAY: (1, 5),
    topics.COMPOUND_LIQUIDATION: (1, 5),
    **dict.fromkeys(topics.SETTLEMENT_CANCELS, (1, 0)),
    **dict.fromkeys(topics.ROUTER_CANCELS, (2, 2)),
}

_MOVES = frozenset((topics.TRANSFER, topics.WETH_DEPOSIT, topics.WETH_WITHDRAWAL))


def _ends(log: LogAnswer) -> tuple[Address, Address]:
    """Return who had it before and who after; nobody (address zero) on the side of ether."""
    account = topic_address(log.topics[1])
    if log.topics[0] == topics.WETH_DEPOSIT:
        return ZERO_ADDRESS, account
    if log.topics[0] == topics.WETH_WITHDRAWAL:
        return account, ZERO_ADDRESS
    return account, topic_address(log.topics[2])


class EventDecoder:
    """Reads logs against one watch list; ``lookup`` finds an order of ours by its hash."""

    def __init__(self, watch: WatchList, lookup: OrderLookup = lambda _order_hash: None) -> None:
        self._watch = watch
        self._lookup = lookup
        self._accounts = frozenset(watch.accounts)
        self._tokens = frozenset(watch.tokens)
        self._makers = frozenset(watch.all_makers)
        self._lending = lending_reader(watch)

    def events(self, block: BlockRef, logs: Sequence[LogAnswer]) -> tuple[ChainEvent, ...]:
        """Return the events of a block in their order; other logs are passed over, one given twice counts once.

        Raises ChainError for a log of ours without its form, NodeLied for a fill without its transfers.
        """
        found: list[ChainEvent] = []
        fills: list[tuple[EventPlace, LogAnswer]] = []
        for index, log in sorted({log.index: log for log in logs}.items()):
            shape = _SHAPES.get(log.topics[0]) if log.topics else None
            if shape is None:
                continue
            place = EventPlace(
                block=block, transaction_hash=bytes.fromhex(log.transactionHash[2:]), log_index=index
            )
            if log.topics[0] == topics.ROUTER_FILLED:
                if topic_address(log.address) == self._watch.router:
                    fills.append((place, log))
                continue
            event = self._event(log, place, shape)
            if event is not None:
                found.append(event)
        if fills:
            found += self._router_fills(fills, found)
            found.sort(key=lambda event: event.place.log_index)
        return tuple(found)

    def _event(self, log: LogAnswer, place: EventPlace, shape: tuple[int, int]) -> ChainEvent | None:
        contract = topic_address(log.address)
        kind = log.topics[0]
        if kind in _MOVES and not self._is_move(kind, contract):
            return None
        if len(log.topics) < shape[0] or len(log.words) < shape[1]:
            # Another contract may use the same topic with other arguments indexed.
            if contract in self._tokens or contract == self._watch.settlement:
                raise ChainError(f"expected the arguments of event {kind} from {contract}, found others")
            return None
        if kind in _MOVES:
            return self._moved(log, place)
        if contract == self._watch.settlement:
            return self._settlement(log, place)
        if contract == self._watch.router:
            return self._router_cancel(log, place)
        return self._lending(log, place)

    def _is_move(self, kind: str, contract: Address) -> bool:
        return contract in self._tokens and (kind == topics.TRANSFER or contract == WETH.address)

    def _moved(self, log: LogAnswer, place: EventPlace) -> TokenMoved | None:
        sender, receiver = _ends(log)
        if sender not in self._accounts and receiver not in self._accounts:
            return None
        return TokenMoved(
            place=place,
            token=topic_address(log.address),
            sender=sender,
            receiver=receiver,
            amount=log.words[0],
        )

    def _settlement(self, log: LogAnswer, place: EventPlace) -> ChainEvent | None:
        words = log.words
        if log.topics[0] == topics.SETTLEMENT_FILLED:
            return OrderFilled(
                place=place,
                order_hash=bytes.fromhex(log.topics[1][2:]),
                settled_by=self._watch.settlement,
                taker=topic_address(log.topics[2]),
                maker_asset=word_address(words[0]),
                taker_asset=word_address(words[1]),
                making_amount=words[2],
                taking_amount=words[3],
            )
        what = topics.SETTLEMENT_CANCELS.get(log.topics[0])
        return self._cancelled(log, place, what) if what else None

    def _router_cancel(self, log: LogAnswer, place: EventPlace) -> OrdersCancelled | None:
        what = topics.ROUTER_CANCELS.get(log.topics[0])
        if what is None or topic_address(log.topics[1]) not in self._makers:
            return None
        return self._cancelled(log, place, what)

    @staticmethod
    def _cancelled(log: LogAnswer, place: EventPlace, what: str) -> OrdersCancelled:
        indexed = [int(one, 16) for one in log.topics[1:]]
        return OrdersCancelled(
            place=place,
            contract=topic_address(log.address),
            what=what,
            words=(*indexed, *log.words),
        )

    def _router_fills(
        self, fills: Sequence[tuple[EventPlace, LogAnswer]], found: Sequence[ChainEvent]
    ) -> list[OrderFilled]:
        moves: dict[bytes, list[TokenMoved]] = defaultdict(list)
        settled: dict[bytes, list[OrderFilled]] = defaultdict(list)
        for event in found:
            if isinstance(event, TokenMoved):
                moves[event.place.transaction_hash].append(event)
            elif isinstance(event, OrderFilled):
                settled[event.place.transaction_hash].append(event)
        books: dict[bytes, RouterFills] = {}
        answer: list[OrderFilled] = []
        for place, log in fills:
            transaction = place.transaction_hash
            if transaction not in books:
                books[transaction] = RouterFills(self._watch, moves.get(transaction, ()), self._lookup)
                for fill in settled.get(transaction, ()):
                    books[transaction].spend(fill)
            order_hash, remaining = log.words[0], log.words[1]
            filled = books[transaction].take(place, order_hash.to_bytes(32, "big"), remaining)
            if filled is not None:
                answer.append(filled)
        return answer
