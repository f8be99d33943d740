"""Logs of Aave V3 and Compound V2 about positions of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pmm.chain.indexer import topics
from pmm.chain.indexer.log_reading import topic_address, word_address
from pmm.chain.indexer.node_answers import LogAnswer
from pmm.chain.indexer.watch_list import WatchList
from pmm.domain import Address, EventPlace, LendingAction, LendingChanged, LendingMarket

# Topic of the position's owner, word of the amount.
_AAVE: Final[Mapping[str, tuple[LendingAction, int, int]]] = {
    topics.AAVE_SUPPLY: (LendingAction.SUPPLY, 2, 1),
    topics.AAVE_WITHDRAW: (LendingAction.WITHDRAW, 2, 0),
    topics.AAVE_BORROW: (LendingAction.BORROW, 2, 1),
    topics.AAVE_REPAY: (LendingAction.REPAY, 2, 0),
}
# Word of the owner, word of the amount.
_COMPOUND: Final[Mapping[str, tuple[LendingAction, int, int]]] = {
    topics.COMPOUND_MINT: (LendingAction.SUPPLY, 0, 1),
    topics.COMPOUND_REDEEM: (LendingAction.WITHDRAW, 0, 1),
    topics.COMPOUND_BORROW: (LendingAction.BORROW, 0, 1),
    topics.COMPOUND_REPAY: (LendingAction.REPAY, 1, 2),
}

LendingReader = Callable[[LogAnswer, EventPlace], LendingChanged | None]


def lending_reader(watch: WatchList) -> LendingReader:
    """Return a function that reads a log of the markets; None for one about somebody else."""
    owners = frozenset(watch.lending_accounts)

    def read(log: LogAnswer, place: EventPlace) -> LendingChanged | None:
        contract = topic_address(log.address)
        if contract == watch.aave_pool:
            found = _aave(log, place)
        elif contract in watch.c_tokens:
            found = _compound(log, place, watch.c_tokens[contract])
        else:
            return None
        return found if found and found.account in owners else None

    return read


def _aave(log: LogAnswer, place: EventPlace) -> LendingChanged | None:
    words = log.words
    if log.topics[0] == topics.AAVE_LIQUIDATION:
        return LendingChanged(
            place=place,
            market=LendingMarket.AAVE_V3,
            action=LendingAction.LIQUIDATION,
            account=topic_address(log.topics[3]),
            token=topic_address(log.topics[1]),
            amount=words[1],
            debt_token=topic_address(log.topics[2]),
            debt_amount=words[0],
        )
    if log.topics[0] not in _AAVE:
        return None
    action, owner, amount = _AAVE[log.topics[0]]
    return LendingChanged(
        place=place,
        market=LendingMarket.AAVE_V3,
        action=action,
        account=topic_address(log.topics[owner]),
        token=topic_address(log.topics[1]),
        amount=words[amount],
    )


def _compound(log: LogAnswer, place: EventPlace, underlying: Address) -> LendingChanged | None:
    words = log.words
    if log.topics[0] == topics.COMPOUND_LIQUIDATION:
        return LendingChanged(
            place=place,
            market=LendingMarket.COMPOUND_V2,
            action=LendingAction.LIQUIDATION,
            account=word_address(words[1]),
            token=word_address(words[3]),
            amount=words[4],
        )
    if log.topics[0] not in _COMPOUND:
        return None
    action, owner, amount = _COMPOUND[log.topics[0]]
    return LendingChanged(
        place=place,
        market=LendingMarket.COMPOUND_V2,
        action=action,
        account=word_address(words[owner]),
        token=underlying,
        amount=words[amount],
    )
