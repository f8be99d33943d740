"""When a key may sign: the fork has mainnet's chain id and addresses, so a signature made there is valid here.

On a development node only a key generated for this run signs. On any other, live signing must be asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from pmm.domain import (
    Address,
    Decision,
    OrderDomain,
    RefusalReason,
    RfqOrder,
    Signature,
    SigningKey,
    recover_signer,
)
from pmm.errors import InvalidInput, UnsafeToSign
from pmm.execution.chain_view import ChainView, NodeIdentity
from pmm.execution.ports import RemoteSigner, SigningMode

_ACCEPT: Final = Decision.accept()


def choose_signing_mode(
    *, node: NodeIdentity, record_chain_id: int, live: bool, keystore: bool
) -> SigningMode:
    """Return how to sign on a node.

    Args:
        node: who answers at the RPC address.
        record_chain_id: chain of the deployment record.
        live: whether PMM_LIVE=1 is set.
        keystore: whether a lasting key is configured: a keystore, a signer process or a key of AWS KMS.

    Raises:
        UnsafeToSign: node, record, switch and key do not fit together.
    """
    if node.chain_id != record_chain_id:
        raise UnsafeToSign(
            f"expected the chain {record_chain_id} of the deployment record, found a node of chain "
            f"{node.chain_id}; give --rpc or --deployment of the same chain"
        )
    if node.development:
        return _development(node, live=live, keystore=keystore)
    if not live:
        raise UnsafeToSign(
            f"expected PMM_LIVE=1, because {node.client_version} is a real node and signatures spend real money; "
            "found it unset. Set it, or give --rpc of an anvil fork"
        )
    if not keystore:
        raise UnsafeToSign(
            "expected an encrypted keystore for live signing, or a remote signer, found none; "
            "set PMM_KEYSTORE and PMM_KEYSTORE_PASSWORD, or PMM_SIGNER_SOCKET or PMM_SIGNER_KMS_KEY_ID"
        )
    return SigningMode.LIVE


def _development(node: NodeIdentity, *, live: bool, keystore: bool) -> SigningMode:
    if keystore:
        raise UnsafeToSign(
            f"expected no keystore or remote signer on a development node ({node.client_version}), found one "
            "configured: what it signs here would be valid on mainnet. Unset PMM_KEYSTORE, PMM_SIGNER_SOCKET, "
            "PMM_SIGNER_KMS_KEY_ID"
        )
    if live:
        raise UnsafeToSign(
            f"expected a real node because PMM_LIVE=1 is set, found {node.client_version}; "
            "unset PMM_LIVE, or give --rpc of a real node"
        )
    return SigningMode.DEVELOPMENT


class GuardedSigner:
    """A key, here or remote, that signs only while the node is of the kind that signing was allowed for."""

    def __init__(self, key: SigningKey | RemoteSigner, *, mode: SigningMode, node: NodeIdentity) -> None:
        self._key = key
        # Asked for once: a key in this process has no such method, and finding that out takes longest.
        self._sign_remotely = getattr(key, "sign_order", None)
        self._node = node
        self.mode = mode
        self.on_fault: Callable[[str], None] = lambda _: None
        """Told of a signature that is not this address's, before the refusal."""

    @property
    def address(self) -> Address:
        """The signer's address."""
        return self._key.address

    def check(self, view: ChainView) -> Decision:
        """Refuse when another kind of node, or another chain, answers at the address now."""
        found, expected = view.node, self._node
        if found.chain_id == expected.chain_id and found.development == expected.development:
            return _ACCEPT
        return Decision.refuse(
            RefusalReason.UNSAFE_TO_SIGN,
            f"expected the node that the server started on ({expected.client_version}, chain "
            f"{expected.chain_id}), found {found.client_version}, chain {found.chain_id}; restart the server",
        )

    @property
    def is_remote(self) -> bool:
        """Tell whether the key is outside this process."""
        return not isinstance(self._key, SigningKey)

    def sign(self, digest: bytes) -> Signature:
        """Sign a digest; raise UnsafeToSign when the key is remote or the signature is not its address's."""
        key = self._key
        sign = getattr(key, "sign", None)
        if sign is None:
            raise UnsafeToSign(
                f"expected an order, found a bare digest: the remote signer {self.address} signs orders only"
            )
        return self._checked(digest, sign(digest))

    def sign_order(
        self, order: RfqOrder, domain: OrderDomain, digest: bytes
    ) -> Signature | Awaitable[Signature]:
        """Sign an order's digest: at once here, as an awaitable with a remote signer; raises as :meth:`sign`."""
        return self.sign(digest) if self._sign_remotely is None else self._remote(order, domain, digest)

    async def _remote(self, order: RfqOrder, domain: OrderDomain, digest: bytes) -> Signature:
        assert not isinstance(self._key, SigningKey)
        return self._checked(digest, await self._key.sign_order(order, domain, digest))

    def _checked(self, digest: bytes, signature: Signature) -> Signature:
        try:
            recovered = recover_signer(digest, signature)
        except InvalidInput as error:
            fault = f"the signature of {self.address} is not valid ({error})"
        else:
            if recovered == self.address:
                return signature
            fault = f"expected a signature of {self.address}, found one of {recovered}"
        fault = f"{fault}; stop signing and check the machine"
        self.on_fault(fault)
        raise UnsafeToSign(fault)
