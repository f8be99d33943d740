"""What is to be done about a record as the chain stands now. Pure: facts in, a move out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pmm.chain.sender.fees import GasMarket
from pmm.chain.sender.records import Attempt, Inclusion, TransactionRecord, TransactionState


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """What one look at the chain found.

    Attributes:
        head: number of the newest block.
        market: gas as the newest block has it.
        nonce: transactions of the account in blocks up to the head.
        deep_nonce: those in blocks that count as final.
        pooled_nonce: the same as ``nonce``, with those that wait in the node's pool without a gap.
        inclusions: mined attempts by hash.
        known: hashes of attempts that the node holds or has mined.
    """

    head: int
    market: GasMarket
    nonce: int
    deep_nonce: int
    pooled_nonce: int
    inclusions: Mapping[str, Inclusion]
    known: frozenset[str]


class Move(StrEnum):
    """What the sender does next about a record."""

    NOTHING = "nothing"
    SEND_AGAIN = "send_again"
    REPLACE = "replace"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A record as it is now, and the move."""

    record: TransactionRecord
    move: Move = Move.NOTHING


def follow(
    record: TransactionRecord, facts: ChainFacts, *, confirmations: int, replace_after: int
) -> Followed:
    """Judge a record that is not final.

    Args:
        record: as it was.
        facts: the chain now.
        confirmations: blocks, its own included, until what was mined is final.
        replace_after: blocks that an attempt waits before it is replaced.
    """
    mined = next(
        (
            (attempt, facts.inclusions[attempt.transaction_hash])
            for attempt in record.attempts
            if attempt.transaction_hash in facts.inclusions
        ),
        None,
    )
    if mined is not None:
        return Followed(record=_included(record, *mined, facts=facts, confirmations=confirmations))
    # A node that knows one of ours but has no receipt yet is behind with its receipts: that one may be it.
    known = any(attempt.transaction_hash in facts.known for attempt in record.attempts)
    if record.nonce < facts.deep_nonce and not known:
        detail = f"nonce {record.nonce} was used by a transaction that is not in the desk's records"
        return Followed(record=record.moved(TransactionState.DISPLACED, detail=detail))
    if record.nonce < facts.nonce:
        # The receipt may come later than the count, or it is another's transaction: not decided yet.
        return Followed(
            record=record.moved(TransactionState.UNKNOWN, detail="nonce used, no receipt of ours yet")
        )
    return _waiting(record, facts, replace_after=replace_after)


def first_gap(records: Mapping[int, TransactionRecord], facts: ChainFacts, *, next_nonce: int) -> int | None:
    """Return the nonce that everything behind it waits for and that nobody has filled; None without one.

    Args:
        records: records that are not final, by nonce.
        facts: the chain now.
        next_nonce: what the next intent would get.
    """
    nonce = facts.pooled_nonce
    return nonce if nonce < next_nonce and nonce not in records else None


def _included(
    record: TransactionRecord,
    attempt: Attempt,
    inclusion: Inclusion,
    *,
    facts: ChainFacts,
    confirmations: int,
) -> TransactionRecord:
    if facts.head - inclusion.block_number + 1 < confirmations:
        return record.moved(TransactionState.MINED, inclusion=inclusion)
    if attempt.empty:
        return record.moved(TransactionState.CANCELLED, inclusion=inclusion, detail=record.detail)
    state = TransactionState.CONFIRMED if inclusion.succeeded else TransactionState.REVERTED
    return record.moved(state, inclusion=inclusion, detail=record.detail)


def _waiting(record: TransactionRecord, facts: ChainFacts, *, replace_after: int) -> Followed:
    last, intent = record.last, record.intent
    known = last.transaction_hash in facts.known
    detail = "" if known else record.detail
    if record.state is TransactionState.MINED:
        detail = "the block that had it was undone"
    state = TransactionState.PENDING if known else TransactionState.UNKNOWN
    if record.state is TransactionState.RECORDED and not known:
        state = TransactionState.RECORDED
    now = record.moved(state, detail=detail)
    if intent.last_block is not None and facts.head >= intent.last_block and not last.empty:
        return Followed(record=now, move=Move.CANCEL)
    if state is TransactionState.RECORDED and last.fees.max_fee_wei >= facts.market.base_fee_wei:
        # Whatever the node has against it, it is not the price: a higher one would not help.
        return Followed(record=now, move=Move.SEND_AGAIN)
    # Only the first in the queue is held up by its own price.
    if record.nonce == facts.nonce and facts.head - last.block >= replace_after:
        return Followed(record=now, move=Move.REPLACE)
    return Followed(record=now, move=Move.NOTHING if known else Move.SEND_AGAIN)
