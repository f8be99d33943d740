"""A plain order in the two words of fillOrderCompact, written down apart from the package's own encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pmm.domain import Signature, SigningKey
from tests.contracts.settlement.desk import MAKING, NO_PARTIAL_FILLS, TAKING, Desk, RawOrder, traits

FREE_SALT = 0x5A17 << 192


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOrder:
    """The fields of both words; ``maker`` and ``taker`` are positions among the core tokens."""

    expiration_s: int
    nonce: int = 0
    lane: int = 0
    epoch: int = 0
    maker: int = 0
    taker: int = 1
    making: int = MAKING
    taking: int = TAKING
    no_partial: bool = False

    @property
    def amounts(self) -> int:
        return self.making << 128 | self.taking

    @property
    def terms(self) -> int:
        salt = FREE_SALT | self.epoch << 160
        pair = self.maker << 156 | self.taker << 152
        return salt | pair | self.lane << 144 | self.nonce << 104 | self.expiration_s << 64 | self.no_partial

    def order(self, desk: Desk) -> RawOrder:
        """The eight words it stands for; a position beyond the list stands for the zero token."""
        core = [int(str(token), 16) for token in desk.settlement.coreTokens()]
        core += [0] * (16 - len(core))
        return desk.order(
            salt=FREE_SALT | self.epoch << 160,
            maker_asset=core[self.maker],
            taker_asset=core[self.taker],
            making_amount=self.making,
            taking_amount=self.taking,
            maker_traits=traits(
                expiration_s=self.expiration_s,
                nonce=self.nonce,
                lane=self.lane,
                flags=NO_PARTIAL_FILLS * self.no_partial,
            ),
        )

    def values(
        self, desk: Desk, *, key: SigningKey | None = None, signature: Signature | Any = None
    ) -> tuple[bytes, bytes, bytes, bytes]:
        """Arguments of fillOrderCompact."""
        signature = signature or desk.sign(self.order(desk), key)
        words = (self.amounts.to_bytes(32, "big"), self.terms.to_bytes(32, "big"))
        return (*words, signature.r_bytes, signature.vs_bytes)


def compact(desk: Desk, **fields: Any) -> CompactOrder:
    """A sound one, but for ``fields``."""
    return CompactOrder(**{"expiration_s": desk.now_s() + 600, **fields})
