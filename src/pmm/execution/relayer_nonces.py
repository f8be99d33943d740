"""Nonces that the relayer gives, as OKX's rfqId: each once, for one maker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from pmm.domain import Address, Decision, RefusalReason
from pmm.domain.words import check_uint
from pmm.execution.chain_view import NonceKey, Settlement

_LANE_SHIFT = 40
_BITS = 64
# Some minutes at OKX's full rate of 200 a second; what the journal holds for ever is refused there.
_REMEMBERED = 65_536


def relayer_nonce_key(nonce: int, *, settlement: Settlement, maker: Address) -> NonceKey:
    """Return the key of a nonce that a relayer gave; raises InvalidInput beyond 64 bits."""
    check_uint(nonce, "rfqId", _BITS)
    return NonceKey(
        settlement=settlement,
        signer=maker,
        lane=nonce >> _LANE_SHIFT,
        nonce=nonce & (1 << _LANE_SHIFT) - 1,
    )


def nonce_of(key: NonceKey) -> int:
    """Return the nonce as the relayer gave it."""
    return key.lane << _LANE_SHIFT | key.nonce


class RelayerNonces:
    """Nonces of one maker on one contract: those of live quotes, and the latest that were given before."""

    def __init__(self, *, settlement: Settlement, maker: Address, live: Iterable[NonceKey] = ()) -> None:
        self._settlement = settlement
        self._maker = maker
        self._live = {key for key in live if key.settlement is settlement and key.signer == maker}
        self._given: OrderedDict[NonceKey, None] = OrderedDict.fromkeys(self._live)

    def check(self, nonce: int | None) -> Decision:
        """Refuse a request without a nonce, and one whose nonce was signed for before."""
        if nonce is None:
            return Decision.refuse(
                RefusalReason.PAIR_NOT_QUOTED, "expected the relayer's id of the request, found none"
            )
        key = relayer_nonce_key(nonce, settlement=self._settlement, maker=self._maker)
        if key in self._live or key in self._given:
            return Decision.refuse(
                RefusalReason.IDEMPOTENCY_CONFLICT,
                f"expected a new rfqId, found {nonce}, which another request had; one id backs one order",
            )
        return Decision.accept()

    def take(self, nonce: int) -> NonceKey:
        """Use a nonce that :meth:`check` accepted."""
        key = relayer_nonce_key(nonce, settlement=self._settlement, maker=self._maker)
        self._live.add(key)
        self._given[key] = None
        if len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return key

    def release(self, key: NonceKey) -> None:
        """Say that the quote with this nonce can no longer be filled."""
        self._live.discard(key)
