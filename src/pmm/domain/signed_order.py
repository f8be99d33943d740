"""An order with its domain, digest and signature: what a taker can fill."""

from __future__ import annotations

from collections.abc import Sequence

from pmm.domain.contract_signature import ContractSignature
from pmm.domain.eip712 import OrderDomain, order_hash
from pmm.domain.extension import salt_matches_extension
from pmm.domain.orders import RfqOrder
from pmm.domain.signing import Signature, SigningKey
from pmm.domain.tokens import Address
from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput


@value_class(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """A fillable order; ``repr`` does not show the signature, as a signature's own does not: who has it can fill."""

    order: RfqOrder
    domain: OrderDomain
    order_hash: bytes
    signer: Address
    signature: Signature
    extension: bytes = b""

    def contract_signature(self, core_tokens: Sequence[Address] = ()) -> bytes:
        """Return the packed ERC-1271 form for ``fillContractOrder``, maker being a contract.

        With the settlement's ``core_tokens`` it is the short form where the order qualifies for it.
        """
        packed = ContractSignature(order=self.order, signature=self.signature, extension=self.extension)
        return packed.encode(core_tokens)


def sign_order(order: RfqOrder, domain: OrderDomain, key: SigningKey, extension: bytes = b"") -> SignedOrder:
    """Sign an order; raise InvalidInput when extension, salt and traits contradict each other.

    The caller has decided that signing is allowed: this function knows neither chain nor deployment.
    """
    has_extension = order.traits.has_extension
    if has_extension != bool(extension):
        found = (
            "an extension but traits without HAS_EXTENSION" if extension else "HAS_EXTENSION but no extension"
        )
        raise InvalidInput(f"order: found {found}; set or clear bit 249 of makerTraits accordingly")
    if not salt_matches_extension(order.salt, extension):
        raise InvalidInput(
            "order: the low 160 bits of salt are not those of the extension's hash; see build_salt"
        )
    digest = order_hash(order, domain)
    return SignedOrder(
        order=order,
        domain=domain,
        order_hash=digest,
        signer=key.address,
        signature=key.sign(digest),
        extension=extension,
    )
