"""Live quotes by nonce and by expiry, so that a new block costs what changed and not what is live."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Set
from typing import NamedTuple

from pmm.domain import Address
from pmm.execution.chain_view import NonceKey, Settlement

WORD_BITS = 256


class NonceWord(NamedTuple):
    """256 nonces side by side: those that follow ``place * 256``, of one settlement, signer and lane."""

    settlement: Settlement
    signer: Address
    lane: int
    place: int


class NonceWords(Set[NonceKey]):
    """A set of nonces as bits of words; immutable."""

    __slots__ = ("words",)

    def __init__(self, words: Mapping[NonceWord, int] | None = None) -> None:
        self.words: Mapping[NonceWord, int] = words or {}

    @classmethod
    def of(cls, nonces: Collection[NonceKey]) -> NonceWords:
        """Return the set of ``nonces``, which may be one already."""
        if isinstance(nonces, NonceWords):
            return nonces
        words: dict[NonceWord, int] = {}
        for nonce in nonces:
            word, bit = place_of(nonce)
            words[word] = words.get(word, 0) | bit
        return cls(words)

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self.words.values())

    def __bool__(self) -> bool:
        return bool(self.words)

    def __contains__(self, nonce: object) -> bool:
        if not isinstance(nonce, NonceKey):
            return False
        word, bit = place_of(nonce)
        return bool(self.words.get(word, 0) & bit)

    def __iter__(self) -> Iterator[NonceKey]:
        for word, bits in self.words.items():
            yield from nonces_of(word, bits)


def place_of(nonce: NonceKey) -> tuple[NonceWord, int]:
    """Return the word of a nonce and its bit there."""
    word = NonceWord(nonce.settlement, nonce.signer, nonce.lane, nonce.nonce >> 8)
    return word, 1 << (nonce.nonce & 0xFF)


def nonces_of(word: NonceWord, bits: int) -> Iterator[NonceKey]:
    """Return the nonces of a word whose bits are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield NonceKey(
            settlement=word.settlement,
            signer=word.signer,
            lane=word.lane,
            nonce=(word.place << 8) + lowest.bit_length() - 1,
        )
        bits ^= lowest


class QuoteIndex:
    """Finds, of quotes that are live, those with a dead nonce and those that have expired."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[NonceKey, int]] = {}
        self._by_nonce: dict[NonceKey, bytes] = {}
        self._by_expiry: list[tuple[int, bytes]] = []

    def add(self, order_hash: bytes, nonce: NonceKey, expiration_s: int) -> None:
        """Take a live quote."""
        self._places[order_hash] = nonce, expiration_s
        self._by_nonce[nonce] = order_hash
        heapq.heappush(self._by_expiry, (expiration_s, order_hash))

    def remove(self, order_hash: bytes) -> NonceKey | None:
        """Forget a quote and return its nonce, None where it is not there.

        Its place among the expiries goes when its time comes.
        """
        nonce, _ = self._places.pop(order_hash, (None, 0))
        if nonce is not None:
            self._by_nonce.pop(nonce, None)
        return nonce

    def dead(self, spent: Set[NonceKey]) -> list[bytes]:
        """Return the quotes whose nonces are in ``spent``."""
        by_nonce = self._by_nonce
        return [by_nonce[nonce] for nonce in spent if nonce in by_nonce]

    def take_expired(self, clock_s: int) -> list[bytes]:
        """Return the quotes that expired before ``clock_s``, each once; see :meth:`give_back`."""
        found: list[bytes] = []
        while self._by_expiry and self._by_expiry[0][0] < clock_s:
            _, order_hash = heapq.heappop(self._by_expiry)
            if order_hash in self._places:
                found.append(order_hash)
        return found

    def give_back(self, order_hash: bytes) -> None:
        """Say that a quote taken as expired is not, because the chain's clock fell back."""
        place = self._places.get(order_hash)
        if place is not None:
            heapq.heappush(self._by_expiry, (place[1], order_hash))


class LiveIndex(QuoteIndex):
    """The same, which also has the nonces of all at hand."""

    def __init__(self) -> None:
        super().__init__()
        self._words: dict[NonceWord, int] = {}

    def add(self, order_hash: bytes, nonce: NonceKey, expiration_s: int) -> None:
        """Take a live quote."""
        super().add(order_hash, nonce, expiration_s)
        word, bit = place_of(nonce)
        words = self._words
        words[word] = words.get(word, 0) | bit

    def remove(self, order_hash: bytes) -> NonceKey | None:
        """Forget a quote and return its nonce, None where it is not there."""
        nonce = super().remove(order_hash)
        if nonce is not None:
            word, bit = place_of(nonce)
            left = self._words.get(word, 0) & ~bit
            if left:
                self._words[word] = left
            else:
                self._words.pop(word, None)
        return nonce

    def nonces(self) -> NonceWords:
        """Return the nonces of all, as they are now."""
        return NonceWords(dict(self._words))
