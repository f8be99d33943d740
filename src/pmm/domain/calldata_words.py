"""ABI words of calldata, read with a check at every door, and the few encoders the fills need."""

from __future__ import annotations

from pmm.domain.native_backends import keccak256
from pmm.domain.orders import FIELDS, RfqOrder
from pmm.domain.tokens import Address, address_from_bytes
from pmm.domain.words import to_hex
from pmm.errors import InvalidInput

ORDER_TUPLE = "(" + ",".join(["uint256"] * len(FIELDS)) + ")"
"""The order as it stands in canonical signatures: Solidity sees 1inch's ``type Address is uint256``."""


def selector(signature: str) -> bytes:
    """Return the first four bytes of the hash of a canonical function signature."""
    return keccak256(signature.encode("ascii"))[:4]


class CalldataWords:
    """Bounds-checked view of the ABI words after a selector."""

    def __init__(self, function: str, body: bytes) -> None:
        self.function, self.body, self.end = function, body, 0

    def bytes32(self, index: int, name: str) -> bytes:
        """Return word ``index``; ``name`` stands in the error where calldata ends before it."""
        start = 32 * index
        return self._slice(start, start + 32, name)

    def uint(self, index: int, name: str) -> int:
        """Return word ``index`` as a number."""
        return int.from_bytes(self.bytes32(index, name), "big")

    def address(self, index: int, name: str) -> Address:
        """Return word ``index`` as an address; InvalidInput where its upper 12 bytes are not zero."""
        word = self.bytes32(index, name)
        if any(word[:12]):
            raise InvalidInput(
                f"{self.function}: upper 12 bytes of the {name} word must be zero, found {to_hex(word)}; "
                "the contract hashes the word as it is, so this is not the order that was signed"
            )
        return address_from_bytes(word[12:])

    def dynamic(self, index: int, name: str, item: int = 1) -> bytes:
        """Return the data of a ``bytes`` (or, with ``item`` 32, of an array of words) argument."""
        start = self.uint(index, f"offset of {name}")
        length = int.from_bytes(self._slice(start, start + 32, f"length of {name}"), "big") * item
        return self._slice(start + 32, start + 32 + length, name)

    def tail(self, index: int, name: str) -> CalldataWords:
        """Return the words that start at the offset in word ``index``: a dynamic argument that is no ``bytes``."""
        start = self.uint(index, f"offset of {name}")
        if start > len(self.body):
            raise InvalidInput(f"{self.function}: {name} would start at byte {start} of {len(self.body)}")
        return CalldataWords(self.function, self.body[start:])

    def order(self) -> RfqOrder:
        """Return the order that the first eight words hold."""
        values: dict[str, int | Address] = {}
        for index, (name, attribute, kind) in enumerate(FIELDS):
            values[attribute] = self.address(index, name) if kind == "address" else self.uint(index, name)
        return RfqOrder(**values)  # type: ignore[arg-type]

    def _slice(self, start: int, end: int, name: str) -> bytes:
        if end > len(self.body):
            raise InvalidInput(
                f"{self.function}: calldata ends after {len(self.body) + 4} bytes, "
                f"within {name}; it was cut or is not a call of this function"
            )
        # The furthest word read, rounded up: whatever follows is not part of the call.
        self.end = max(self.end, -(-end // 32) * 32)
        return self.body[start:end]


def bytes_argument(data: bytes) -> bytes:
    """Return a ``bytes`` argument as it stands in the tail: length, data, zeros up to a whole word."""
    return len(data).to_bytes(32, "big") + data + bytes(-len(data) % 32)
