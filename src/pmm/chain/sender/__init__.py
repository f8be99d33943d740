"""The desk's own transactions, from one account: each intent once, whatever crashes or is lost.

How it is joined (one sender per account, shared by hedger, keeper and actions)::

    identity = read_identity(rpc)
    key = transaction_key(identity, record_chain_id=..., live=..., keystore=..., password=...)
    # on a development node: make_operator(rpc, settlement, key.address)
    sender = TransactionSender(
        node=rpc, key=key, store=LedgerTransactionStore(ledger), chain_id=identity.chain_id,
        allowed=same_node(rpc, identity), watch=count_and_log,
    )
    sender.submit(TransactionIntent(key="hedge:17", purpose="...", to=..., data=...))
    for record in sender.step(): ...        # once per new block

``submit`` simulates, records, sends; ``step`` follows, replaces, sends again, fills gaps. Nothing here sleeps or has
a clock: blocks are the time. ``docs/transactions.md`` has the states.
"""

from pmm.chain.sender.fees import FeePolicy, Fees, GasMarket
from pmm.chain.sender.keys import make_operator, read_identity, same_node, transaction_key
from pmm.chain.sender.ledger_store import LedgerTransactionStore
from pmm.chain.sender.looking import SenderNode
from pmm.chain.sender.policy import SenderPolicy
from pmm.chain.sender.records import (
    Attempt,
    Inclusion,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
    TransactionStore,
)
from pmm.chain.sender.sender import Submission, TransactionSender
from pmm.chain.sender.signed_transaction import LocalTransactionKey, TransactionKey

__all__ = [
    "Attempt",
    "FeePolicy",
    "Fees",
    "GasMarket",
    "Inclusion",
    "LedgerTransactionStore",
    "LocalTransactionKey",
    "SenderNode",
    "SenderPolicy",
    "Submission",
    "TransactionIntent",
    "TransactionKey",
    "TransactionRecord",
    "TransactionSender",
    "TransactionState",
    "TransactionStore",
    "make_operator",
    "read_identity",
    "same_node",
    "transaction_key",
]
