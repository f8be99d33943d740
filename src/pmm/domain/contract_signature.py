"""The ERC-1271 signature with which our settlement contract is maker on 1inch, packed without ABI padding.

| form  | bytes | layout                                                                                         |
|-------|-------|------------------------------------------------------------------------------------------------|
| long  | 232   | salt 32, makerAsset 20, takerAsset 20, makingAmount 32, takingAmount 32, makerTraits 32, r 32,  |
|       |       | vs 32, then the order's extension (hooks) if it has one                                        |
| short | 128   | amounts 32, terms 32, r 32, vs 32; the two words of ``pmm.domain.compact_order``                 |

Both hold the words the contract cannot know, from which it recomputes the 1inch digest. Maker is the contract
itself and receiver is zero. Source: contracts/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from pmm.domain.compact_order import CompactOrder, why_not_compact
from pmm.domain.orders import RfqOrder
from pmm.domain.signing import Signature
from pmm.domain.tokens import ZERO_ADDRESS, Address, address_from_bytes, address_to_bytes
from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput

CONTRACT_SIGNATURE_LENGTH = 232
SHORT_CONTRACT_SIGNATURE_LENGTH = 128


def is_contract_signature(data: bytes) -> bool:
    """Tell by its length whether a signature is one of the two packed forms."""
    return len(data) == SHORT_CONTRACT_SIGNATURE_LENGTH or len(data) >= CONTRACT_SIGNATURE_LENGTH


@value_class(frozen=True, slots=True, kw_only=True)
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

    def encode(self, core_tokens: Sequence[Address] = ()) -> bytes:
        """Return the packed bytes that go into ``fillContractOrder``.

        The short form where the order is a plain one of two of ``core_tokens`` (in the settlement's order), else the
        long one, which is always right.
        """
        if core_tokens and not self.extension and why_not_compact(self.order, core_tokens) is None:
            return CompactOrder.of(self.order, core_tokens).encode() + self.signature.to_compact()
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
    def decode(cls, data: bytes, maker: Address, core_tokens: Sequence[Address] = ()) -> ContractSignature:
        """Read a packed form for a known maker.

        Raises InvalidInput when it has the length of neither form, is out of range, or is short and names a token
        that ``core_tokens`` does not hold.
        """
        if len(data) == SHORT_CONTRACT_SIGNATURE_LENGTH:
            words = CompactOrder.decode(data[:64])
            signature = Signature.from_compact(data[64:96], data[96:128])
            return cls(order=words.order(maker, core_tokens), signature=signature)
        if len(data) < CONTRACT_SIGNATURE_LENGTH:
            raise InvalidInput(
                f"contract signature: expected {SHORT_CONTRACT_SIGNATURE_LENGTH} or at least "
                f"{CONTRACT_SIGNATURE_LENGTH} bytes, found {len(data)}"
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


def signature_for_order(data: bytes, order: RfqOrder) -> Signature:
    """Return r, vs of a packed form that came with ``order``.

    Raises InvalidInput when the packed words are for another order. The short form names its assets by their index
    among the settlement's core tokens, which only the contract knows: the digest decides about them.
    """
    if len(data) == SHORT_CONTRACT_SIGNATURE_LENGTH:
        if not CompactOrder.decode(data[:64]).matches(order):
            raise InvalidInput(
                "signature: the packed contract signature is for another order than the one given"
            )
        return Signature.from_compact(data[64:96], data[96:128])
    packed = ContractSignature.decode(data, order.maker)
    if packed.order != order:
        raise InvalidInput("signature: the packed contract signature is for another order than the one given")
    return packed.signature
