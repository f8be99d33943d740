"""Calldata of the functions that fill, cancel and inspect orders on 1inch's router and on our settlement.

In these signatures an address is ``uint256``, because Solidity sees 1inch's ``type Address is uint256``; the
contract hashes the word as it is, so an address word with dirty upper bits is refused here by name.
Source: reference ABI AggregationRouterV6; ``fillOrderFunded`` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pmm.domain.native_backends import keccak256
from pmm.domain.orders import FIELDS, RfqOrder
from pmm.domain.signed_order import SignedOrder
from pmm.domain.signing import Signature
from pmm.domain.taker_traits import FillArgs, TakerTraits
from pmm.domain.tokens import Address, address_from_bytes
from pmm.domain.words import check_uint, to_hex
from pmm.errors import InvalidInput

_ORDER = "(" + ",".join(["uint256"] * 8) + ")"


class FillFunction(StrEnum):
    """The functions that fill one order; ``FILL_ORDER_FUNDED`` exists on our settlement only."""

    FILL_ORDER = "fillOrder"
    FILL_ORDER_ARGS = "fillOrderArgs"
    FILL_CONTRACT_ORDER = "fillContractOrder"
    FILL_CONTRACT_ORDER_ARGS = "fillContractOrderArgs"
    FILL_ORDER_FUNDED = "fillOrderFunded"

    @property
    def takes_contract_signature(self) -> bool:
        """Tell whether the signature is a ``bytes`` argument (ERC-1271) instead of r and vs."""
        return self in (FillFunction.FILL_CONTRACT_ORDER, FillFunction.FILL_CONTRACT_ORDER_ARGS)

    @property
    def takes_args(self) -> bool:
        """Tell whether the call has an ``args`` argument."""
        return self not in (FillFunction.FILL_ORDER, FillFunction.FILL_CONTRACT_ORDER)


_FILL_TYPES = {
    FillFunction.FILL_ORDER: f"{_ORDER},bytes32,bytes32,uint256,uint256",
    FillFunction.FILL_ORDER_ARGS: f"{_ORDER},bytes32,bytes32,uint256,uint256,bytes",
    FillFunction.FILL_CONTRACT_ORDER: f"{_ORDER},bytes,uint256,uint256",
    FillFunction.FILL_CONTRACT_ORDER_ARGS: f"{_ORDER},bytes,uint256,uint256,bytes",
    FillFunction.FILL_ORDER_FUNDED: f"{_ORDER},bytes32,bytes32,uint256,uint256,bytes",
}

# Functions whose arguments are single words: name -> (type, argument name) of each.
_WORD_FUNCTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "cancelOrder": (("uint256", "makerTraits"), ("bytes32", "orderHash")),
    "bitsInvalidateForOrder": (("uint256", "makerTraits"), ("uint256", "additionalMask")),
    "increaseEpoch": (("uint96", "series"),),
    "advanceEpoch": (("uint96", "series"), ("uint256", "amount")),
    "epoch": (("address", "maker"), ("uint96", "series")),
    "epochEquals": (("address", "maker"), ("uint256", "series"), ("uint256", "makerEpoch")),
    "bitInvalidatorForOrder": (("address", "maker"), ("uint256", "nonce")),
    "remainingInvalidatorForOrder": (("address", "maker"), ("bytes32", "orderHash")),
    "rawRemainingInvalidatorForOrder": (("address", "maker"), ("bytes32", "orderHash")),
}


def selector(signature: str) -> bytes:
    """Return the first four bytes of the hash of a canonical function signature."""
    return keccak256(signature.encode("ascii"))[:4]


def _word_signature(name: str) -> str:
    return f"{name}({','.join(kind for kind, _ in _WORD_FUNCTIONS[name])})"


SELECTORS: dict[str, bytes] = {
    **{function.value: selector(f"{function.value}({types})") for function, types in _FILL_TYPES.items()},
    **{name: selector(_word_signature(name)) for name in _WORD_FUNCTIONS},
    "cancelOrders": selector("cancelOrders(uint256[],bytes32[])"),
    "hashOrder": selector(f"hashOrder({_ORDER})"),
}
_FUNCTION_OF = {value: name for name, value in SELECTORS.items()}


class _Words:
    """Bounds-checked view of the ABI words after a selector."""

    def __init__(self, function: str, body: bytes) -> None:
        self.function, self.body, self.end = function, body, 0

    def bytes32(self, index: int, name: str) -> bytes:
        start = 32 * index
        return self._slice(start, start + 32, name)

    def uint(self, index: int, name: str) -> int:
        return int.from_bytes(self.bytes32(index, name), "big")

    def address(self, index: int, name: str) -> Address:
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

    def order(self) -> RfqOrder:
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


def _bytes_argument(data: bytes) -> bytes:
    return len(data).to_bytes(32, "big") + data + bytes(-len(data) % 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCall:
    """A call that fills one order.

    ``signature`` is a Signature, or the raw bytes for the two functions that ask the maker contract. ``amount``
    is the making or the taking amount, as ``taker_traits.maker_amount`` says. ``trailing`` is what follows the
    ABI encoding (some routers append a tag); it is not encoded.
    """

    function: FillFunction
    order: RfqOrder
    signature: Signature | bytes = field(repr=False)
    amount: int
    taker_traits: TakerTraits
    args: bytes = b""
    trailing: bytes = b""

    def __post_init__(self) -> None:
        check_uint(self.amount, "amount")
        if isinstance(self.signature, bytes) != self.function.takes_contract_signature:
            expected = "bytes" if self.function.takes_contract_signature else "a Signature (r, vs)"
            raise InvalidInput(f"{self.function}: expected {expected} as signature")
        if self.args and not self.function.takes_args:
            raise InvalidInput(
                f"{self.function}: takes no args; use {self.function}Args for a target or extension"
            )

    @property
    def fill_args(self) -> FillArgs:
        """The args, split as the taker traits describe them."""
        return FillArgs.decode(self.taker_traits, self.args)

    def encode(self) -> bytes:
        """Return the calldata."""
        head = [self.order.encode()]
        tail = b""
        # Head words: order 8, signature 1 (offset) or 2, amount, traits, offset of args if any.
        words = 8 + (1 if isinstance(self.signature, bytes) else 2) + 2 + self.function.takes_args
        if isinstance(self.signature, bytes):
            head.append((32 * words).to_bytes(32, "big"))
            tail += _bytes_argument(self.signature)
        else:
            head.append(self.signature.to_compact())
        head.append(self.amount.to_bytes(32, "big"))
        head.append(self.taker_traits.encode().to_bytes(32, "big"))
        if self.function.takes_args:
            head.append((32 * words + len(tail)).to_bytes(32, "big"))
            tail += _bytes_argument(self.args)
        return SELECTORS[self.function] + b"".join(head) + tail


Argument = int | bytes | Address | RfqOrder | list[int] | list[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainCall:
    """A call that fills nothing: cancels, epochs and views, with its arguments by name."""

    function: str
    arguments: Mapping[str, Argument]


def encode_fill(
    signed: SignedOrder,
    *,
    amount: int,
    taker_traits: TakerTraits,
    function: FillFunction | None = None,
    target: Address | None = None,
    interaction: bytes = b"",
) -> bytes:
    """Return calldata that fills a signed order, passing on its extension.

    Without ``function`` it is fillOrder, or fillOrderArgs when there is a target, extension or interaction. The
    lengths in ``taker_traits`` are set here.
    """
    args = FillArgs(target=target, extension=signed.extension, interaction=interaction)
    traits, packed = args.encode(taker_traits)
    if function is None:
        function = FillFunction.FILL_ORDER_ARGS if packed else FillFunction.FILL_ORDER
    return FillCall(
        function=function,
        order=signed.order,
        signature=signed.contract_signature if function.takes_contract_signature else signed.signature,
        amount=amount,
        taker_traits=traits,
        args=packed,
    ).encode()


def encode_call(function: str, *values: int | bytes | Address) -> bytes:
    """Return calldata of a function whose arguments are single words, such as ``cancelOrder``.

    Raises InvalidInput for an unknown function, a wrong number of values or one out of range.
    """
    parameters = _WORD_FUNCTIONS.get(function)
    if parameters is None:
        raise InvalidInput(f"calldata: expected one of {', '.join(_WORD_FUNCTIONS)}; found {function!r}")
    if len(parameters) != len(values):
        raise InvalidInput(f"{function}: expected {len(parameters)} values, found {len(values)}")
    data = SELECTORS[function]
    for (kind, name), value in zip(parameters, values, strict=True):
        if isinstance(value, bytes):
            number = int.from_bytes(value, "big")
        else:
            number = int(value, 16) if isinstance(value, str) else value
        bits = 160 if kind == "address" else 256 if kind == "bytes32" else int(kind.removeprefix("uint"))
        data += check_uint(number, f"{function}: {name}", bits).to_bytes(32, "big")
    return data


def encode_hash_order(order: RfqOrder) -> bytes:
    """Return calldata of ``hashOrder``, the contract's own digest."""
    return SELECTORS["hashOrder"] + order.encode()


def encode_cancel_orders(orders: Sequence[tuple[int, bytes]]) -> bytes:
    """Return calldata of ``cancelOrders`` for pairs of maker traits and order hash."""
    count = len(orders).to_bytes(32, "big")
    traits = b"".join(check_uint(word, "makerTraits").to_bytes(32, "big") for word, _ in orders)
    hashes = b"".join(order_hash.rjust(32, b"\0") for _, order_hash in orders)
    offsets = (64).to_bytes(32, "big") + (96 + 32 * len(orders)).to_bytes(32, "big")
    return SELECTORS["cancelOrders"] + offsets + count + traits + count + hashes


def _decode_fill(function: FillFunction, words: _Words) -> FillCall:
    order = words.order()
    signature: Signature | bytes
    if function.takes_contract_signature:
        signature, index = words.dynamic(8, "signature"), 9
    else:
        signature, index = Signature.from_compact(words.bytes32(8, "r"), words.bytes32(9, "vs")), 10
    return FillCall(
        function=function,
        order=order,
        signature=signature,
        amount=words.uint(index, "amount"),
        taker_traits=TakerTraits.decode(words.uint(index + 1, "takerTraits")),
        args=words.dynamic(index + 2, "args") if function.takes_args else b"",
        trailing=words.body[words.end :],
    )


def _decode_plain(function: str, words: _Words) -> PlainCall:
    if function == "hashOrder":
        return PlainCall(function=function, arguments={"order": words.order()})
    if function == "cancelOrders":
        traits, hashes = words.dynamic(0, "makerTraits", 32), words.dynamic(1, "orderHashes", 32)
        return PlainCall(
            function=function,
            arguments={
                "makerTraits": [int.from_bytes(traits[i : i + 32], "big") for i in range(0, len(traits), 32)],
                "orderHashes": [hashes[i : i + 32] for i in range(0, len(hashes), 32)],
            },
        )
    arguments: dict[str, Argument] = {}
    for index, (kind, name) in enumerate(_WORD_FUNCTIONS[function]):
        if kind == "bytes32":
            arguments[name] = words.bytes32(index, name)
        elif kind == "address":
            arguments[name] = words.address(index, name)
        else:
            arguments[name] = words.uint(index, name)
    return PlainCall(function=function, arguments=arguments)


def decode_calldata(data: bytes) -> FillCall | PlainCall:
    """Read the calldata of one of ``SELECTORS``.

    Raises InvalidInput for another selector, calldata that was cut, address words with dirty upper bits, and
    orders or signatures out of range.
    """
    function = _FUNCTION_OF.get(data[:4])
    if function is None:
        raise InvalidInput(f"calldata: selector {to_hex(data[:4])} is none of {', '.join(SELECTORS)}")
    words = _Words(function, data[4:])
    if function in FillFunction.__members__.values():
        return _decode_fill(FillFunction(function), words)
    return _decode_plain(function, words)
