"""The key of the desk's transactions: made for the run on a development node, from a keystore elsewhere."""

from __future__ import annotations

from pmm.chain.abi import encode_call
from pmm.chain.deployments import Deployment
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import TransactionKey, make_operator, transaction_key
from pmm.domain import Address, parse_address, to_hex
from pmm.errors import UnsafeToSign
from pmm.execution import NodeIdentity
from pmm.settings import ServeSettings


def operator_key(
    settings: ServeSettings, rpc: JsonRpc, identity: NodeIdentity, deployment: Deployment, settlement: Address
) -> TransactionKey:
    """Return the key, which is the settlement contract's operator when this returns.

    Raises UnsafeToSign where node, record, PMM_LIVE and keystore do not fit or the key is not the operator's,
    SetupError for a keystore that cannot be read, ChainError when the contract refuses.
    """
    desk = settings.desk
    if identity.development and desk.operator_keystore is not None:
        raise UnsafeToSign(
            f"expected no operator's keystore on a development node ({identity.client_version}): what it signs here "
            "would be valid on mainnet. Unset PMM_DESK_OPERATOR_KEYSTORE"
        )
    if not identity.development and settings.live and desk.operator_keystore is None:
        raise UnsafeToSign(
            "expected the operator's encrypted keystore on a real node, found none; "
            "set PMM_DESK_OPERATOR_KEYSTORE and PMM_DESK_OPERATOR_PASSWORD"
        )
    password = desk.operator_password
    key = transaction_key(
        identity,
        record_chain_id=deployment.chain_id,
        live=settings.live,
        keystore=desk.operator_keystore,
        password=password.get_secret_value() if password else "",
    )
    if identity.development:
        make_operator(rpc, settlement, key.address)
        return key
    call = {"to": settlement, "data": to_hex(encode_call("operator()"))}
    answer: str = rpc.call("eth_call", call, "latest")
    operator = parse_address("0x" + answer[-40:], "operator")
    if operator != key.address:
        raise UnsafeToSign(
            f"expected the key of {settlement}'s operator {operator}, found {key.address}; "
            "give its keystore, or let the owner call setOperator"
        )
    return key
