"""Asks the node for what :mod:`pmm.chain.sender.following` judges by, in two round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from pmm.chain.access_list import NodeCalls
from pmm.chain.sender.fees import GasMarket
from pmm.chain.sender.following import ChainFacts
from pmm.chain.sender.records import Inclusion, TransactionRecord
from pmm.domain import Address
from pmm.errors import ChainError


class SenderNode(NodeCalls, Protocol):
    """JSON-RPC of a node; :class:`pmm.chain.rpc.JsonRpc` is one. Every call has a timeout."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Call several methods in one round trip; raise as ``call``, for the first that fails."""
        ...


def look(
    node: SenderNode, account: Address, records: Iterable[TransactionRecord], *, confirmations: int
) -> ChainFacts:
    """Read head, gas, nonces, receipts and what the node's pool has; raises RpcError, NodeUnreachable, ChainError."""
    hashes = [attempt.transaction_hash for record in records for attempt in record.attempts]
    block, tip = node.batch([("eth_getBlockByNumber", ("latest", False)), ("eth_maxPriorityFeePerGas", ())])
    head = _number(block, "number")
    deep = hex(max(head - confirmations + 1, 0))
    calls: list[tuple[str, Sequence[Any]]] = [
        ("eth_getTransactionCount", (account, place)) for place in ("latest", "pending", deep)
    ]
    calls += [("eth_getTransactionReceipt", (one,)) for one in hashes]
    calls += [("eth_getTransactionByHash", (one,)) for one in hashes]
    nonce, pooled, deep_nonce, *answers = node.batch(calls)
    said = {"nonce": nonce, "pooled": pooled, "deep": deep_nonce}
    counts = {name: _number(said, name) for name in said}
    receipts, found = answers[: len(hashes)], answers[len(hashes) :]
    return ChainFacts(
        head=head,
        market=GasMarket(
            base_fee_wei=_number(block, "baseFeePerGas"), priority_fee_wei=_number({"tip": tip}, "tip")
        ),
        nonce=counts["nonce"],
        deep_nonce=counts["deep"],
        pooled_nonce=max(counts["pooled"], counts["nonce"]),
        inclusions={one: _inclusion(one, it) for one, it in zip(hashes, receipts, strict=True) if it},
        known=frozenset(one for one, it in zip(hashes, found, strict=True) if it),
    )


def _inclusion(transaction_hash: str, receipt: Any) -> Inclusion:
    return Inclusion(
        transaction_hash=transaction_hash,
        block_number=_number(receipt, "blockNumber"),
        block_hash=str(receipt["blockHash"]),
        succeeded=_number(receipt, "status") == 1,
        gas_used=_number(receipt, "gasUsed"),
        gas_price_wei=_number(receipt, "effectiveGasPrice"),
    )


def _number(fields: Any, name: str) -> int:
    try:
        return int(fields[name], 16)
    except (TypeError, KeyError, ValueError) as error:
        raise ChainError(f"expected {name} as a number from the node, found {fields!r:.200}") from error
