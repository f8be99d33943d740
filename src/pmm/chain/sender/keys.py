"""Which key sends the desk's transactions, and on which node: the rules of :mod:`pmm.execution.signing_rules`.

On a development node a key made for this run, registered as operator by playing the owner; elsewhere the operator's
encrypted keystore, with PMM_LIVE=1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pmm.chain.abi import encode_call
from pmm.chain.node_identity import IDENTITY_CALLS, node_identity
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.chain.sender.looking import SenderNode
from pmm.chain.sender.signed_transaction import LocalTransactionKey, TransactionKey
from pmm.chain.signer_keys import act_as_owner, generated_key, keystore_key
from pmm.domain import Address
from pmm.errors import UnsafeToSign
from pmm.execution import NodeIdentity, SigningMode
from pmm.execution.signing_rules import choose_signing_mode

_GAS_MONEY_WEI = 100 * 10**18


def read_identity(node: SenderNode) -> NodeIdentity:
    """Return who answers; raises ChainError when it does not say."""
    answers = []
    for method, arguments in IDENTITY_CALLS:
        try:
            answers.append(node.call(method, *arguments))
        except RpcError as error:
            # Real nodes have no anvil_nodeInfo.
            answers.append(error)
    return node_identity(answers)


def transaction_key(
    node: NodeIdentity, *, record_chain_id: int, live: bool, keystore: Path | None, password: str
) -> TransactionKey:
    """Return the key of a run.

    Args:
        node: who answers at the RPC address.
        record_chain_id: chain of the deployment record.
        live: whether PMM_LIVE=1 is set.
        keystore: the operator's encrypted keystore.
        password: its password; not repeated in any message.

    Raises:
        UnsafeToSign: node, record, switch and key do not fit together.
        SetupError: the keystore cannot be read.
    """
    mode = choose_signing_mode(
        node=node, record_chain_id=record_chain_id, live=live, keystore=keystore is not None
    )
    if mode is SigningMode.DEVELOPMENT:
        return LocalTransactionKey(generated_key())
    assert keystore is not None
    return LocalTransactionKey(keystore_key(keystore, password))


def same_node(node: SenderNode, allowed: NodeIdentity) -> Callable[[], None]:
    """Return the check that the sender makes before it signs: another kind of node, or chain, raises UnsafeToSign."""

    def check() -> None:
        found = read_identity(node)
        if (found.chain_id, found.development) != (allowed.chain_id, allowed.development):
            raise UnsafeToSign(
                f"expected the node that the desk started on ({allowed.client_version}, chain {allowed.chain_id}), "
                f"found {found.client_version}, chain {found.chain_id}; restart the desk"
            )

    return check


def make_operator(rpc: JsonRpc, settlement: Address, account: Address) -> None:
    """Make an account the settlement contract's operator by playing its owner, and give it gas money.

    Raises UnsafeToSign when the node is not anvil, ChainError when the contract refuses.
    """
    call = (settlement, encode_call("setOperator(address)", account))
    act_as_owner(rpc, settlement, [call], f"to make {account} its operator")
    rpc.call("anvil_setBalance", account, hex(_GAS_MONEY_WEI))
