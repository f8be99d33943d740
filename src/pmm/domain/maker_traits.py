"""The maker's preferences word of a 1inch Limit Order Protocol v4 order.

| bits    | field                | bits    | field                                            |
|---------|----------------------|---------|--------------------------------------------------|
| 255     | no_partial_fills     | 248     | use_permit2 (maker leg)                          |
| 254     | allow_multiple_fills | 247     | unwrap_weth (maker wants ETH)                    |
| 253     | unused_253           | 200-246 | own_domain_bits (unused by 1inch, ours reserved) |
| 252     | pre_interaction      | 160-199 | series (ours: lane)                              |
| 251     | post_interaction     | 120-159 | nonce_or_epoch (ours: nonce)                     |
| 250     | need_epoch_check     | 80-119  | expiration_s (0 = never)                         |
| 249     | has_extension        | 0-79    | allowed_sender (last 10 bytes, 0 = anyone)       |

Source: 1inch/limit-order-protocol, contracts/libraries/MakerTraitsLib.sol.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain.tokens import Address
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

LANES = 64
MASK_80 = (1 << 80) - 1
_MASK_40 = (1 << 40) - 1
_MASK_47 = (1 << 47) - 1

MAKER_FLAGS: tuple[tuple[str, str, int], ...] = (
    ("NO_PARTIAL_FILLS", "no_partial_fills", 255),
    ("ALLOW_MULTIPLE_FILLS", "allow_multiple_fills", 254),
    ("UNUSED_253", "unused_253", 253),
    ("PRE_INTERACTION_CALL", "pre_interaction", 252),
    ("POST_INTERACTION_CALL", "post_interaction", 251),
    ("NEED_CHECK_EPOCH_MANAGER", "need_epoch_check", 250),
    ("HAS_EXTENSION", "has_extension", 249),
    ("USE_PERMIT2", "use_permit2", 248),
    ("UNWRAP_WETH", "unwrap_weth", 247),
)


def allowed_sender_of(address: Address) -> int:
    """Return the last 10 bytes of an address, the form in which a private order names its filler."""
    return int(address, 16) & MASK_80


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerTraits:
    """Decoded maker traits; ``decode`` and ``encode`` are inverse on every uint256."""

    no_partial_fills: bool = False
    allow_multiple_fills: bool = False
    unused_253: bool = False
    pre_interaction: bool = False
    post_interaction: bool = False
    need_epoch_check: bool = False
    has_extension: bool = False
    use_permit2: bool = False
    unwrap_weth: bool = False
    own_domain_bits: int = 0
    series: int = 0
    nonce_or_epoch: int = 0
    expiration_s: int = 0
    allowed_sender: int = 0

    def __post_init__(self) -> None:
        check_uint(self.own_domain_bits, "own_domain_bits", 47)
        check_uint(self.series, "series", 40)
        check_uint(self.nonce_or_epoch, "nonce_or_epoch", 40)
        check_uint(self.expiration_s, "expiration_s", 40)
        check_uint(self.allowed_sender, "allowed_sender", 80)

    @classmethod
    def for_quote(
        cls, *, lane: int, nonce: int, expiration_s: int, allowed_sender: int = 0, has_extension: bool = False
    ) -> MakerTraits:
        """Return the traits of one of our quotes: filled at most once, with an expiry, in one of 64 lanes.

        Raises InvalidInput for a lane of 64 or more and for a missing expiry.
        """
        if not 0 <= lane < LANES:
            raise InvalidInput(f"lane: expected 0 to {LANES - 1}, found {lane}")
        if expiration_s == 0:
            raise InvalidInput(
                "expiration_s: expected a unix time, found 0 (never); our quotes always expire"
            )
        return cls(
            series=lane,
            nonce_or_epoch=nonce,
            expiration_s=expiration_s,
            allowed_sender=allowed_sender,
            has_extension=has_extension,
        )

    @classmethod
    def decode(cls, word: int) -> MakerTraits:
        """Split a uint256 into its fields; raise InvalidInput when it is none."""
        check_uint(word, "makerTraits")
        flags = {field: bool(word >> bit & 1) for _, field, bit in MAKER_FLAGS}
        return cls(
            own_domain_bits=word >> 200 & _MASK_47,
            series=word >> 160 & _MASK_40,
            nonce_or_epoch=word >> 120 & _MASK_40,
            expiration_s=word >> 80 & _MASK_40,
            allowed_sender=word & MASK_80,
            **flags,
        )

    def encode(self) -> int:
        """Join the fields into a uint256."""
        word = self.own_domain_bits << 200 | self.series << 160 | self.nonce_or_epoch << 120
        word |= self.expiration_s << 80 | self.allowed_sender
        for _, field, bit in MAKER_FLAGS:
            if getattr(self, field):
                word |= 1 << bit
        return word

    @property
    def lane(self) -> int:
        """Our meaning of ``series``."""
        return self.series

    @property
    def nonce(self) -> int:
        """Our meaning of ``nonce_or_epoch``."""
        return self.nonce_or_epoch

    @property
    def use_bit_invalidator(self) -> bool:
        """Tell whether one fill spends the order through a bit of the maker's nonce bitmap."""
        return self.no_partial_fills or not self.allow_multiple_fills

    @property
    def nonce_word(self) -> int:
        """Index of the 256-bit word of 1inch's bit invalidator."""
        return self.nonce_or_epoch >> 8

    @property
    def nonce_bit(self) -> int:
        """Bit within that word."""
        return self.nonce_or_epoch & 0xFF

    def is_expired(self, now_s: int) -> bool:
        """Tell whether the order is expired at block time ``now_s``: the expiry second itself still fills."""
        return self.expiration_s != 0 and self.expiration_s < now_s

    def allows_sender(self, sender: Address) -> bool:
        """Tell whether ``sender``, the direct caller of the contract, may fill; only 80 bits are compared."""
        return self.allowed_sender in (0, allowed_sender_of(sender))

    def flag_names(self) -> list[str]:
        """Return the names of the flags that are set, highest bit first."""
        return [name for name, field, _ in MAKER_FLAGS if getattr(self, field)]
