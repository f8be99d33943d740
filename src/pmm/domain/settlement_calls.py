"""The two fills of ours that do not name one order in eight words.

``fillOrderCompact`` of the settlement fills a plain order of two core tokens in whole; ``fillOrders`` of its portal
fills several. Sources: contracts/interfaces/IRfqSettlement.sol, contracts/interfaces/ITakerPortal.sol.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pmm.domain.calldata_words import ORDER_TUPLE, CalldataWords, bytes_argument, selector
from pmm.domain.compact_order import CompactOrder
from pmm.domain.orders import RfqOrder
from pmm.domain.signed_order import SignedOrder
from pmm.domain.signing import Signature
from pmm.domain.taker_traits import FillArgs, TakerTraits
from pmm.domain.tokens import Address
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

COMPACT_SIGNATURE = "fillOrderCompact(bytes32,bytes32,bytes32,bytes32)"
BATCH_SIGNATURE = f"fillOrders(({ORDER_TUPLE},bytes32,bytes32,uint256,uint256,uint256,bytes)[],uint256)"
MAX_BATCH = 256
"""One bit of ``optional`` for each entry."""
# Words of a batch entry before its args: order 8, r, vs, amount, takerTraits, value, offset of args.
_ENTRY_WORDS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactCall:
    """A whole fill of a plain order, in four words."""

    words: CompactOrder
    signature: Signature = field(repr=False)
    trailing: bytes = b""

    def encode(self) -> bytes:
        """Return the calldata."""
        return selector(COMPACT_SIGNATURE) + self.words.encode() + self.signature.to_compact()

    @classmethod
    def read(cls, words: CalldataWords) -> CompactCall:
        """Read the arguments; raise InvalidInput where they are cut or out of range."""
        data = b"".join(words.bytes32(index, name) for index, name in enumerate(("amounts", "terms")))
        signature = Signature.from_compact(words.bytes32(2, "r"), words.bytes32(3, "vs"))
        return cls(words=CompactOrder.decode(data), signature=signature, trailing=words.body[words.end :])


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFill:
    """One entry of ``fillOrders``; ``value_wei`` is the ETH lent to it out of what the transaction carries."""

    order: RfqOrder
    signature: Signature = field(repr=False)
    amount: int
    taker_traits: TakerTraits
    value_wei: int = 0
    args: bytes = b""

    def __post_init__(self) -> None:
        check_uint(self.amount, "amount")
        check_uint(self.value_wei, "value")

    @classmethod
    def of(
        cls,
        signed: SignedOrder,
        *,
        amount: int,
        taker_traits: TakerTraits,
        value_wei: int = 0,
        target: Address | None = None,
        interaction: bytes = b"",
    ) -> BatchFill:
        """Return the entry that fills a signed order, passing on its extension; lengths are set in the traits."""
        args = FillArgs(target=target, extension=signed.extension, interaction=interaction)
        traits, packed = args.encode(taker_traits)
        return cls(
            order=signed.order,
            signature=signed.signature,
            amount=amount,
            taker_traits=traits,
            value_wei=value_wei,
            args=packed,
        )

    def encode(self) -> bytes:
        """Return the words of the entry, its args behind them."""
        return b"".join(
            (
                self.order.encode(),
                self.signature.to_compact(),
                self.amount.to_bytes(32, "big"),
                self.taker_traits.encode().to_bytes(32, "big"),
                self.value_wei.to_bytes(32, "big"),
                (32 * _ENTRY_WORDS).to_bytes(32, "big"),
                bytes_argument(self.args),
            )
        )

    @classmethod
    def read(cls, words: CalldataWords) -> BatchFill:
        """Read one entry; raise InvalidInput where it is cut or out of range."""
        return cls(
            order=words.order(),
            signature=Signature.from_compact(words.bytes32(8, "r"), words.bytes32(9, "vs")),
            amount=words.uint(10, "amount"),
            taker_traits=TakerTraits.decode(words.uint(11, "takerTraits")),
            value_wei=words.uint(12, "value"),
            args=words.dynamic(13, "args"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCall:
    """Several fills in one transaction; ``optional`` holds the positions of those that may fail alone."""

    fills: tuple[BatchFill, ...]
    optional: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not 0 < len(self.fills) <= MAX_BATCH:
            raise InvalidInput(f"fillOrders: expected 1 to {MAX_BATCH} fills, found {len(self.fills)}")
        beyond = [index for index in self.optional if not 0 <= index < len(self.fills)]
        if beyond:
            raise InvalidInput(
                f"optional: expected positions 0 to {len(self.fills) - 1}, found {sorted(beyond)}"
            )

    @property
    def value_wei(self) -> int:
        """The ETH that the transaction must carry for all entries to have theirs."""
        return sum(entry.value_wei for entry in self.fills)

    def encode(self) -> bytes:
        """Return the calldata."""
        mask = sum(1 << index for index in self.optional)
        entries = [entry.encode() for entry in self.fills]
        offsets, position = b"", 32 * len(entries)
        for entry in entries:
            offsets += position.to_bytes(32, "big")
            position += len(entry)
        head = (64).to_bytes(32, "big") + mask.to_bytes(32, "big") + len(entries).to_bytes(32, "big")
        return selector(BATCH_SIGNATURE) + head + offsets + b"".join(entries)

    @classmethod
    def read(cls, words: CalldataWords) -> BatchCall:
        """Read the arguments; raise InvalidInput where they are cut, out of range or more than 256."""
        mask, array = words.uint(1, "optional"), words.tail(0, "fills")
        count = array.uint(0, "number of fills")
        if count > MAX_BATCH:
            raise InvalidInput(f"fillOrders: expected at most {MAX_BATCH} fills, found {count}")
        # Offsets count from behind the length.
        entries = CalldataWords(array.function, array.body[32:])
        fills = tuple(BatchFill.read(entries.tail(index, f"fill {index}")) for index in range(count))
        # Bits beyond the entries say nothing: "all of them" is often written as 2^256 - 1.
        return cls(fills=fills, optional=frozenset(index for index in range(count) if mask >> index & 1))
