"""A plain order in two words, for ``fillOrderCompact`` and for the short contract signature on 1inch.

| word    | bits    | field                                                                                |
|---------|---------|--------------------------------------------------------------------------------------|
| amounts | 128-255 | making amount                                                                        |
|         | 0-127   | taking amount                                                                        |
| terms   | 160-255 | upper 96 bits of the salt (64 free, 32 epoch), in place; its low 160 bits are zero   |
|         | 156-159 | index of the maker asset among the settlement's core tokens                          |
|         | 152-155 | index of the taker asset                                                             |
|         | 144-151 | lane                                                                                 |
|         | 104-143 | nonce                                                                                |
|         | 64-103  | expiration                                                                           |
|         | 1-63    | zero                                                                                 |
|         | 0       | NO_PARTIAL_FILLS                                                                     |

Maker is the settlement, receiver zero. An order that says anything else has no compact form. Source:
contracts/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from pmm.domain.maker_traits import LANES, MakerTraits
from pmm.domain.orders import RfqOrder
from pmm.domain.tokens import ZERO_ADDRESS, Address
from pmm.domain.words import MASK_160, check_uint
from pmm.errors import InvalidInput

_MASK_128 = (1 << 128) - 1
_MASK_40 = (1 << 40) - 1
_ZERO_BITS = ((1 << 63) - 1) << 1
_SALT_BITS = ~MASK_160
# What makerTraits may hold besides; everything else must be as in MakerTraits().
_CARRIED = {"no_partial_fills", "series", "nonce_or_epoch", "expiration_s"}
MAX_CORE_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOrder:
    """The two words; raises InvalidInput where a bit is set that must be zero, or an amount is zero."""

    amounts: int
    terms: int

    def __post_init__(self) -> None:
        check_uint(self.amounts, "amounts")
        check_uint(self.terms, "terms")
        if self.terms & _ZERO_BITS:
            raise InvalidInput(f"terms: expected bits 1-63 to be zero, found 0x{self.terms & _ZERO_BITS:x}")
        if not self.amounts >> 128 or not self.amounts & _MASK_128:
            raise InvalidInput("amounts: expected a making and a taking amount of at least 1 base unit")

    @classmethod
    def of(cls, order: RfqOrder, core_tokens: Sequence[Address]) -> CompactOrder:
        """Return the two words; raise InvalidInput with what :func:`why_not_compact` says where there are none."""
        reason = why_not_compact(order, core_tokens)
        if reason:
            raise InvalidInput(f"compact order: {reason}")
        traits = order.traits
        terms = order.salt & _SALT_BITS
        terms |= core_tokens.index(order.maker_asset) << 156 | core_tokens.index(order.taker_asset) << 152
        terms |= traits.series << 144 | traits.nonce_or_epoch << 104 | traits.expiration_s << 64
        return cls(
            amounts=order.making_amount << 128 | order.taking_amount, terms=terms | traits.no_partial_fills
        )

    @property
    def maker_asset_index(self) -> int:
        """Position of the maker asset among the core tokens."""
        return self.terms >> 156 & 15

    @property
    def taker_asset_index(self) -> int:
        """Position of the taker asset among the core tokens."""
        return self.terms >> 152 & 15

    def order(self, maker: Address, core_tokens: Sequence[Address]) -> RfqOrder:
        """Return the order of a settlement with these core tokens; raise InvalidInput for an index it has not."""
        assets = []
        for name, index in (("maker", self.maker_asset_index), ("taker", self.taker_asset_index)):
            if index >= len(core_tokens):
                raise InvalidInput(
                    f"terms: {name} asset is core token {index}, the settlement has {len(core_tokens)}"
                )
            assets.append(core_tokens[index])
        return RfqOrder(
            salt=self.terms & _SALT_BITS,
            maker=maker,
            maker_asset=assets[0],
            taker_asset=assets[1],
            making_amount=self.amounts >> 128,
            taking_amount=self.amounts & _MASK_128,
            maker_traits=self._traits().encode(),
        )

    def matches(self, order: RfqOrder) -> bool:
        """Tell whether the words are those of ``order``, its assets aside: their indices need the core tokens."""
        rest = replace(order, maker_asset=order.maker, taker_asset=order.maker)
        index_bits = 0xFF << 152
        try:
            words = CompactOrder.of(rest, (order.maker,))
        except InvalidInput:
            return False
        return words.amounts == self.amounts and words.terms == self.terms & ~index_bits

    def encode(self) -> bytes:
        """Return the 64 bytes."""
        return self.amounts.to_bytes(32, "big") + self.terms.to_bytes(32, "big")

    @classmethod
    def decode(cls, data: bytes) -> CompactOrder:
        """Read the 64 bytes; raise InvalidInput for another length or a bit that must be zero."""
        if len(data) != 64:
            raise InvalidInput(f"compact order: expected 64 bytes, found {len(data)}")
        return cls(amounts=int.from_bytes(data[:32], "big"), terms=int.from_bytes(data[32:], "big"))

    def _traits(self) -> MakerTraits:
        return MakerTraits(
            no_partial_fills=bool(self.terms & 1),
            series=self.terms >> 144 & 0xFF,
            nonce_or_epoch=self.terms >> 104 & _MASK_40,
            expiration_s=self.terms >> 64 & _MASK_40,
        )


def why_not_compact(order: RfqOrder, core_tokens: Sequence[Address]) -> str | None:
    """Return why an order has no compact form, None when it has one."""
    if order.receiver != ZERO_ADDRESS:
        return f"expected a zero receiver, found {order.receiver}"
    if order.salt & MASK_160:
        return "expected a salt that ends in 160 zero bits, found others; see build_salt"
    for name, amount in (("makingAmount", order.making_amount), ("takingAmount", order.taking_amount)):
        if amount > _MASK_128:
            return f"expected a {name} of at most 128 bits, found {amount.bit_length()} bits"
    for name, asset in (("maker", order.maker_asset), ("taker", order.taker_asset)):
        if asset not in core_tokens[:MAX_CORE_TOKENS]:
            return f"expected the {name} asset among the settlement's core tokens, found {asset}"
    traits, plain = order.traits, MakerTraits()
    extra = [
        field.name
        for field in fields(traits)
        if field.name not in _CARRIED and getattr(traits, field.name) != getattr(plain, field.name)
    ]
    if extra:
        return f"expected makerTraits of a plain order, found {', '.join(extra)}"
    if traits.series >= LANES:
        return f"expected a lane of 0 to {LANES - 1}, found {traits.series}"
    return None
