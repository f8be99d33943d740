"""The lane word of contracts/README.md, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One (signer, lane): may it sign, under which policy, and which nonces are dead."""

    authorised: bool
    paused: bool
    guards: int
    blocked_tokens: int
    max_expiry: int
    epoch: int
    base: int
    window: int

    @classmethod
    def of(cls, word: int) -> Lane:
        return cls(
            authorised=bool(word >> 255),
            paused=bool(word >> 254 & 1),
            guards=word >> 248 & 0x3F,
            blocked_tokens=word >> 240 & 0xFF,
            max_expiry=word >> 224 & 0xFFFF,
            epoch=word >> 192 & 0xFFFF_FFFF,
            base=word >> 160 & 0xFFFF_FFFF,
            window=word & (1 << WINDOW) - 1,
        )
