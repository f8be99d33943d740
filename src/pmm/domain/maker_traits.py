"""The maker's preferences word of a 1inch Limit Order Protocol v4 order.

| bits    | field                | bits    | field                                            |
|---------|----------------------|---------|--------------------------------------------------|
| 255     | no_partial_fills     | 248     | use_permit2 (maker leg)                          |
| 254     | allow_multiple_fills | 247     | unwrap_weth (maker wants ETH)                    |
| 253     | unused_253           | 200-246 | own_domain_bits, the four fields below           |
| 252     | pre_interaction      | 160-199 | series (ours: lane)                              |
| 251     | post_interaction     | 120-159 | nonce_or_epoch (ours: nonce)                     |
| 250     | need_epoch_check     | 80-119  | expiration_s (0 = never)                         |
| 249     | has_extension        | 0-79    | allowed_sender (last 10 bytes, 0 = anyone)       |

1inch ignores bits 200-246. On our own domain the settlement enforces them:

| bits    | field                      | unit                                                          |
|---------|----------------------------|---------------------------------------------------------------|
| 234-246 | decay_cap_tenth_bps        | 0.1 bps of the making amount: the most that decay takes away  |
| 220-233 | decay_slope_centi_bps_s    | 0.01 bps of the making amount per second, 0 = no decay        |
| 208-219 | decay_start_s              | seconds before the expiration at which decay begins           |
| 200-207 | min_fill_255ths            | smallest fill in 255ths of the making amount, rounded up      |

Sources: 1inch/limit-order-protocol, contracts/libraries/MakerTraitsLib.sol; contracts/README.md for bits 200-246.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pmm.domain.tokens import Address
from pmm.domain.value_class import value_class
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

LANES = 64
MASK_80 = (1 << 80) - 1
_MASK_40 = (1 << 40) - 1
_MASK_47 = (1 << 47) - 1

# Bits 200-246, each a field of MakerTraits: name, lowest bit, number of bits.
OWN_DOMAIN_FIELDS: tuple[tuple[str, int, int], ...] = (
    ("decay_cap_tenth_bps", 234, 13),
    ("decay_slope_centi_bps_s", 220, 14),
    ("decay_start_s", 208, 12),
    ("min_fill_255ths", 200, 8),
)
DECAY_FIELDS = ("decay_cap_tenth_bps", "decay_slope_centi_bps_s", "decay_start_s")

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


def expiration_of(word: int) -> int:
    """Return the expiry in a word of maker traits, unix seconds, 0 for never."""
    return word >> 80 & _MASK_40


@lru_cache(maxsize=1_024)
def allowed_sender_of(address: Address) -> int:
    """Return the last 10 bytes of an address, the form in which a private order names its filler."""
    return int(address, 16) & MASK_80


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteDecay:
    """How a quote on our own domain gets worse as it ages: nothing until ``start_s`` before its expiration, then

    ``slope_centi_bps_s`` (0.01 bps of the making amount) each second, at most ``cap_tenth_bps`` (0.1 bps) in all.
    Raises InvalidInput where a part is zero, which would be no decay at all, or does not fit its bits.
    """

    start_s: int
    slope_centi_bps_s: int
    cap_tenth_bps: int

    def __post_init__(self) -> None:
        for name, bits in (("start_s", 12), ("slope_centi_bps_s", 14), ("cap_tenth_bps", 13)):
            if check_uint(getattr(self, name), f"decay {name}", bits) == 0:
                raise InvalidInput(
                    f"decay {name}: expected at least 1, found 0, which is no decay; leave decay out"
                )


@value_class(frozen=True, slots=True, kw_only=True)
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
    decay_cap_tenth_bps: int = 0
    decay_slope_centi_bps_s: int = 0
    decay_start_s: int = 0
    min_fill_255ths: int = 0
    series: int = 0
    nonce_or_epoch: int = 0
    expiration_s: int = 0
    allowed_sender: int = 0

    def __post_init__(self) -> None:
        check_uint(self.decay_cap_tenth_bps, "decay_cap_tenth_bps", 13)
        check_uint(self.decay_slope_centi_bps_s, "decay_slope_centi_bps_s", 14)
        check_uint(self.decay_start_s, "decay_start_s", 12)
        check_uint(self.min_fill_255ths, "min_fill_255ths", 8)
        check_uint(self.series, "series", 40)
        check_uint(self.nonce_or_epoch, "nonce_or_epoch", 40)
        check_uint(self.expiration_s, "expiration_s", 40)
        check_uint(self.allowed_sender, "allowed_sender", 80)

    @classmethod
    def for_quote(
        cls,
        *,
        lane: int,
        nonce: int,
        expiration_s: int,
        allowed_sender: int = 0,
        has_extension: bool = False,
        min_fill_255ths: int = 0,
        decay: QuoteDecay | None = None,
    ) -> MakerTraits:
        """Return the traits of one of our quotes: filled at most once, with an expiry, in one of 64 lanes.

        ``min_fill_255ths`` and ``decay`` are for our own domain. Raises InvalidInput for a lane of 64 or more, for
        a missing expiry and for a field that does not fit its bits.
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
            min_fill_255ths=min_fill_255ths,
            decay_start_s=decay.start_s if decay else 0,
            decay_slope_centi_bps_s=decay.slope_centi_bps_s if decay else 0,
            decay_cap_tenth_bps=decay.cap_tenth_bps if decay else 0,
        )

    @classmethod
    def decode(cls, word: int) -> MakerTraits:
        """Split a uint256 into its fields; raise InvalidInput when it is none."""
        return _decode(word)

    @classmethod
    def _split(cls, word: int) -> MakerTraits:
        check_uint(word, "makerTraits")
        flags = {field: bool(word >> bit & 1) for _, field, bit in MAKER_FLAGS}
        own: dict[str, Any] = {name: word >> low & (1 << bits) - 1 for name, low, bits in OWN_DOMAIN_FIELDS}
        return cls(
            series=word >> 160 & _MASK_40,
            nonce_or_epoch=word >> 120 & _MASK_40,
            expiration_s=word >> 80 & _MASK_40,
            allowed_sender=word & MASK_80,
            **flags,
            **own,
        )

    def encode(self) -> int:
        """Join the fields into a uint256."""
        # Spelled out, as a loop by name over 13 fields takes three times as long; _split reads by the tables above.
        return (
            self.no_partial_fills << 255
            | self.allow_multiple_fills << 254
            | self.unused_253 << 253
            | self.pre_interaction << 252
            | self.post_interaction << 251
            | self.need_epoch_check << 250
            | self.has_extension << 249
            | self.use_permit2 << 248
            | self.unwrap_weth << 247
            | self.decay_cap_tenth_bps << 234
            | self.decay_slope_centi_bps_s << 220
            | self.decay_start_s << 208
            | self.min_fill_255ths << 200
            | self.series << 160
            | self.nonce_or_epoch << 120
            | self.expiration_s << 80
            | self.allowed_sender
        )

    @property
    def own_domain_bits(self) -> int:
        """Bits 200-246 as one number: decay and minimum fill."""
        return self.encode() >> 200 & _MASK_47

    @property
    def has_decay_bits(self) -> bool:
        """Tell whether any decay field is set, with an effect or without."""
        return any(getattr(self, name) for name in DECAY_FIELDS)

    def decay_centi_bps(self, now_s: int) -> int:
        """Return by how many 0.01 bps (of 1,000,000) the making amount has shrunk at block time ``now_s``.

        Decay begins ``decay_start_s`` before the expiration, which is where a signer that holds the price
        for some seconds puts the end of the hold. Source: contracts/README.md, makerTraits.
        """
        start_s = self.expiration_s - self.decay_start_s
        # A start before time zero wraps on chain, and then nothing decays.
        if start_s < 0 or now_s <= start_s:
            return 0
        elapsed_s = now_s - start_s
        # The cap counts tenths of a bps, the slope hundredths.
        return min(elapsed_s * self.decay_slope_centi_bps_s, 10 * self.decay_cap_tenth_bps)

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


@lru_cache(maxsize=256)
def _decode(word: int) -> MakerTraits:
    """Return the traits of a word; one order is asked for them several times."""
    return MakerTraits._split(word)
