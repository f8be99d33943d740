"""The ERC-1271 signature with which our settlement contract is maker on 1inch, packed without ABI padding.

``salt(32) makerAsset(20) takerAsset(20) makingAmount(32) takingAmount(32) makerTraits(32) r(32) vs(32)``,
232 bytes, then the order's extension if it has one: the words the contract cannot know, from which it
recomputes the 1inch digest. Maker is the contract itself and receiver is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain.orders import RfqOrder
from pmm.domain.signing import Signature
from pmm.domain.tokens import ZERO_ADDRESS, Address, address_from_bytes, address_to_bytes
from pmm.errors import InvalidInput

CONTRACT_SIGNATURE_LENGTH = 232


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSignature:
    """An order of a contract maker with the signature of its registered signer."""

    order: RfqOrder
    signature: Signature
    extension: bytes = b""

    def __post_init__(self) -> None:
        if self.order.receiver != ZERO_ADDRESS:
            raise InvalidInput(
                f"receiver: expected the zero address (the maker itself) beside a contract signature, "
                f"found {self.order.receiver}"
            )

    def encode(self) -> bytes:
        """Return the packed bytes that go into ``fillContractOrder``."""
        order = self.order
        return b"".join(
            (
                order.salt.to_bytes(32, "big"),
                address_to_bytes(order.maker_asset),
                address_to_bytes(order.taker_asset),
                order.making_amount.to_bytes(32, "big"),
                order.taking_amount.to_bytes(32, "big"),
                order.maker_traits.to_bytes(32, "big"),
                self.signature.to_compact(),
                self.extension,
            )
        )

    @classmethod
    def decode(cls, data: bytes, maker: Address) -> ContractSignature:
        """Read the packed form for a known maker; raise InvalidInput when it is too short or out of range."""
        if len(data) < CONTRACT_SIGNATURE_LENGTH:
            raise InvalidInput(
                f"contract signature: expected at least {CONTRACT_SIGNATURE_LENGTH} bytes, found {len(data)}"
            )

        def word(start: int) -> int:
            return int.from_bytes(data[start : start + 32], "big")

        order = RfqOrder(
            salt=word(0),
            maker=maker,
            maker_asset=address_from_bytes(data[32:52]),
            taker_asset=address_from_bytes(data[52:72]),
            making_amount=word(72),
            taking_amount=word(104),
            maker_traits=word(136),
        )
        signature = Signature.from_compact(data[168:200], data[200:232])
        return cls(order=order, signature=signature, extension=data[CONTRACT_SIGNATURE_LENGTH:])
