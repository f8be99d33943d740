"""Which key signs: generated on a development node; elsewhere a keystore, a signer process or AWS KMS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pmm.chain.guardian import GuardianKey, OwnerByImpersonation, guardian_account
from pmm.chain.inventory import lane_count, lane_count_call
from pmm.chain.rpc import JsonRpc
from pmm.chain.signer_keys import generated_key, keystore_key
from pmm.chain.web3_node import Web3Node
from pmm.domain import Address, SigningKey, parse_address, to_hex
from pmm.errors import SetupError, UnsafeToSign
from pmm.execution import NodeIdentity, RemoteSigner, SigningMode
from pmm.settings import ServeSettings
from pmm.settings_sections import SignerSettings


def has_lasting_key(settings: ServeSettings) -> bool:
    """Tell whether a key is configured that outlives the run: none of them signs on a development node."""
    signer = settings.signer
    return any(place is not None for place in (settings.keystore, signer.socket, signer.kms_key_id))


def order_key(settings: ServeSettings, mode: SigningMode) -> SigningKey | RemoteSigner:
    """Return the key of a run; raise UnsafeToSign when two are configured, SetupError when it cannot be had."""
    if mode is SigningMode.DEVELOPMENT:
        return generated_key()
    signer = settings.signer
    if settings.keystore is not None:
        if signer.socket is not None or signer.kms_key_id is not None:
            raise UnsafeToSign("expected one signer, found PMM_KEYSTORE and a remote one; unset one of them")
        password = settings.keystore_password
        return keystore_key(settings.keystore, password.get_secret_value() if password else "")
    # The rules of the signing mode have seen that one is configured, the settings that it has an address.
    assert signer.address is not None
    address = parse_address(signer.address, "PMM_SIGNER_ADDRESS")
    return _socket(signer.socket, address, signer) if signer.socket is not None else _kms(address, signer)


def _socket(path: Path, address: Address, signer: SignerSettings) -> RemoteSigner:
    from pmm.signers.socket_signer import SocketSigner

    if not path.is_socket():
        raise SetupError(
            f"expected a signer's socket at {path}, found none; start it with `pmm signer serve`"
        )
    return SocketSigner(path, address, timeout_s=signer.timeout_ms / 1000)


def _kms(address: Address, signer: SignerSettings) -> RemoteSigner:
    # boto3 takes a second to import: only for those who use it.
    from pmm.signers.kms_signer import KmsSigner, kms_address, kms_client

    assert signer.kms_key_id is not None
    timeout_s = signer.timeout_ms / 1000
    client = kms_client(region=signer.kms_region, endpoint=signer.kms_endpoint, timeout_s=timeout_s)
    found = kms_address(client, signer.kms_key_id)
    if found != address:
        raise UnsafeToSign(
            f"expected the key {signer.kms_key_id} to have the address {address}, found {found}; "
            "correct PMM_SIGNER_ADDRESS or PMM_SIGNER_KMS_KEY_ID"
        )
    return KmsSigner(client, signer.kms_key_id, address, timeout_s=timeout_s)


def on_chain_stop(
    settings: ServeSettings, node: NodeIdentity, maker: Address
) -> OwnerByImpersonation | GuardianKey | None:
    """Return who can stop the signer on chain, None on a real node without a guardian's keystore.

    Raises UnsafeToSign for a guardian's keystore on a development node: what it signs there is valid on mainnet.
    """
    switches, timeout_s = settings.switches, settings.rpc_timeout_ms / 1000
    if node.development:
        if switches.guardian_keystore is not None:
            raise UnsafeToSign(
                f"expected no guardian's keystore on a development node ({node.client_version}): what it signs "
                "here would be valid on mainnet. Unset PMM_SWITCHES_GUARDIAN_KEYSTORE"
            )
        return OwnerByImpersonation(settings.rpc_url, maker, timeout_s=timeout_s)
    if switches.guardian_keystore is None:
        return None
    password = switches.guardian_password
    account = guardian_account(switches.guardian_keystore, password.get_secret_value() if password else "")
    return GuardianKey(settings.rpc_url, maker, account, chain_id=node.chain_id, timeout_s=timeout_s)


def open_lanes(settings: ServeSettings, node: Web3Node, maker: Address, signer: Address) -> int:
    """Return how many lanes the signer uses; raise UnsafeToSign when the owner has opened none for it."""
    lanes = min(lane_count(node, maker, signer), settings.lanes)
    if lanes == 0:
        raise UnsafeToSign(
            f"expected lanes of signer {signer} on {maker}, found none; "
            "the owner must call initLanes, or PMM_KEYSTORE or PMM_SIGNER_ADDRESS must name a registered signer"
        )
    return lanes


def lanes_reader(settings: ServeSettings, maker: Address) -> Callable[[Address], int]:
    """Return a function that reads, blocking, how many lanes are open for an address; it raises ChainError."""

    def read(signer: Address) -> int:
        target, data = lane_count_call(maker, signer)
        with JsonRpc(settings.rpc_url, timeout_s=settings.rpc_timeout_ms / 1000) as rpc:
            answer: str = rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")
        return int(answer, 16) if len(answer) == 66 else 0

    return read
