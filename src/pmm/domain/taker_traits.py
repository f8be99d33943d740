"""The taker's preferences word of a 1inch Limit Order Protocol v4 fill, and the ``args`` bytes it describes.

| bits    | field                                                                                    |
|---------|------------------------------------------------------------------------------------------|
| 255     | maker_amount: ``amount`` is the making amount, threshold the highest taking amount;        |
|         | clear: ``amount`` is the taking amount, threshold the lowest making amount                |
| 254     | unwrap_weth (taker wants ETH)                                                            |
| 253     | skip_order_permit                                                                        |
| 252     | use_permit2 (taker leg)                                                                  |
| 251     | args_has_target                                                                          |
| 224-247 | extension_length in bytes                                                                |
| 200-223 | interaction_length in bytes                                                              |
| 0-183   | threshold, 0 = not checked                                                               |

Source: 1inch/limit-order-protocol, contracts/libraries/TakerTraitsLib.sol. The mask there has 184 bits
although its comment and 1inch's SDK say 185: a threshold of 2^184 would silently be no check, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pmm.domain.tokens import Address, address_from_bytes, address_to_bytes
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

_MASK_184 = (1 << 184) - 1
_MASK_24 = (1 << 24) - 1
_USED = (
    0b11111 << 251  # flags
    | _MASK_24 << 224
    | _MASK_24 << 200
    | _MASK_184
)

TAKER_FLAGS: tuple[tuple[str, str, int], ...] = (
    ("MAKER_AMOUNT", "maker_amount", 255),
    ("UNWRAP_WETH", "unwrap_weth", 254),
    ("SKIP_ORDER_PERMIT", "skip_order_permit", 253),
    ("USE_PERMIT2", "use_permit2", 252),
    ("ARGS_HAS_TARGET", "args_has_target", 251),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerTraits:
    """Decoded taker traits; ``decode`` and ``encode`` are inverse on every uint256."""

    maker_amount: bool = False
    unwrap_weth: bool = False
    skip_order_permit: bool = False
    use_permit2: bool = False
    args_has_target: bool = False
    extension_length: int = 0
    interaction_length: int = 0
    threshold: int = 0
    unused_bits: int = 0

    def __post_init__(self) -> None:
        check_uint(self.extension_length, "extension_length", 24)
        check_uint(self.interaction_length, "interaction_length", 24)
        check_uint(self.unused_bits, "unused_bits")
        if self.threshold >> 184:
            raise InvalidInput(
                f"threshold: expected less than 2^184, found {self.threshold}; the contract drops the rest "
                "and checks nothing. Use 0 if no check is wanted"
            )
        check_uint(self.threshold, "threshold", 184)
        if self.unused_bits & _USED:
            raise InvalidInput("unused_bits: expected only bits 184-199 and 248-250")

    @classmethod
    def decode(cls, word: int) -> TakerTraits:
        """Split a uint256 into its fields; raise InvalidInput when it is none."""
        check_uint(word, "takerTraits")
        flags = {field: bool(word >> bit & 1) for _, field, bit in TAKER_FLAGS}
        return cls(
            extension_length=word >> 224 & _MASK_24,
            interaction_length=word >> 200 & _MASK_24,
            threshold=word & _MASK_184,
            unused_bits=word & ~_USED,
            **flags,
        )

    def encode(self) -> int:
        """Join the fields into a uint256."""
        word = (
            self.extension_length << 224 | self.interaction_length << 200 | self.threshold | self.unused_bits
        )
        for _, field, bit in TAKER_FLAGS:
            if getattr(self, field):
                word |= 1 << bit
        return word

    def flag_names(self) -> list[str]:
        """Return the names of the flags that are set, highest bit first."""
        return [name for name, field, _ in TAKER_FLAGS if getattr(self, field)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillArgs:
    """The ``args`` bytes of a fill: target of the maker asset, extension of the order, interaction."""

    target: Address | None = None
    extension: bytes = b""
    interaction: bytes = b""

    def encode(self, traits: TakerTraits) -> tuple[TakerTraits, bytes]:
        """Return ``traits`` with lengths and target flag of these args, and the args bytes themselves."""
        described = replace(
            traits,
            args_has_target=self.target is not None,
            extension_length=len(self.extension),
            interaction_length=len(self.interaction),
        )
        target = address_to_bytes(self.target) if self.target is not None else b""
        return described, target + self.extension + self.interaction

    @classmethod
    def decode(cls, traits: TakerTraits, args: bytes) -> FillArgs:
        """Split args as ``traits`` describe them; raise InvalidInput when they are shorter than described."""
        start = 20 if traits.args_has_target else 0
        middle = start + traits.extension_length
        end = middle + traits.interaction_length
        if len(args) < end:
            raise InvalidInput(f"args: takerTraits describe {end} bytes, found {len(args)}")
        return cls(
            target=address_from_bytes(args[:20]) if traits.args_has_target else None,
            extension=args[start:middle],
            interaction=args[middle:end],
        )
