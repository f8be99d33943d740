"""Runs a call before it is sent: a revert in words, else its gas with the access list that lowers it."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.chain.access_list import AccessList, NodeCalls, estimate_with_access_list
from pmm.chain.reverts import explain_revert
from pmm.chain.rpc import RpcError
from pmm.chain.sender.records import TransactionIntent
from pmm.domain import Address, to_hex

# Of the execution clients' JSON-RPC: "execution reverted". Some send it without data.
_REVERTED = 3
# Ends of a call that are no revert, in the words of go-ethereum (core/vm/errors.go) and of revm (anvil, reth).
_STOPPED = (
    "out of gas",
    "outofgas",
    "invalid opcode",
    "invalidfeopcode",
    "opcodenotfound",
    "stack underflow",
    "stackunderflow",
    "stack limit reached",
    "stackoverflow",
    "invalid jump destination",
    "invalidjump",
    "write protection",
    "return data out of bounds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What a call needs, or why it would revert: then ``revert`` says so and the rest is empty."""

    gas: int = 0
    access_list: AccessList = ()
    revert: str = ""


def simulate(
    node: NodeCalls, account: Address, intent: TransactionIntent, *, estimate: bool = True
) -> Simulated:
    """Run a call on the newest block.

    Args:
        node: whom to ask.
        account: who sends it.
        intent: the call; a gas limit of its own is taken as it is, without access list.
        estimate: whether gas is wanted, or only whether it reverts.

    Raises:
        RpcError: the node refused for another reason than a revert.
        NodeUnreachable: no answer.
    """
    call = {"from": account, "to": intent.to, "data": to_hex(intent.data), "value": hex(intent.value_wei)}
    try:
        node.call("eth_call", call, "latest")
        if intent.gas_limit is not None or not estimate:
            return Simulated(gas=intent.gas_limit or 0)
        found = estimate_with_access_list(node, call)
    except RpcError as error:
        revert = _revert(error)
        if revert is None:
            raise
        return Simulated(revert=revert)
    return Simulated(gas=found.gas, access_list=found.access_list)


def _revert(error: RpcError) -> str | None:
    if error.data is not None and error.data.startswith("0x"):
        return f"it would revert: {explain_revert(bytes.fromhex(error.data[2:]))}"
    said = str(error).lower()
    if any(one in said for one in _STOPPED):
        return f"it would fail: {error}"
    if error.code == _REVERTED or "revert" in said:
        return f"it would revert: {explain_revert(b'')}"
    return None
