"""What an order on the settlement contract is to its tests: raw words, so that malformed ones can be said too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import ORDER_TYPEHASH, Address, OrderDomain, Signature, SigningKey, keccak256
from tests.contracts.settlement.errors import decode_error as decode_error
from tests.contracts.settlement.lane_word import Lane

ONE = 10**18
PRICE = 2_000
MAKING = PRICE * ONE
TAKING = ONE
HORIZON_S = 3_600
LIFETIME_S = 600
WINDOW = 160
GAS = hex(8_000_000)

NO_PARTIAL_FILLS = 1 << 255
HAS_EXTENSION = 1 << 249
MAKER_AMOUNT = 1 << 255
UNWRAP_WETH = 1 << 254
USE_PERMIT2 = 1 << 252
ARGS_HAS_TARGET = 1 << 251
ORDER_COMPONENTS = (
    "salt",
    "maker",
    "receiver",
    "makerAsset",
    "takerAsset",
    "makingAmount",
    "takingAmount",
    "makerTraits",
)
MASK_160 = (1 << 160) - 1


class Oddity(IntEnum):
    """As in contracts/mocks/MockOddToken.sol."""

    NONE = 0
    RETURNS_NOTHING = 1
    RETURNS_FALSE = 2
    RETURNS_TWO = 3
    RETURNS_ONE_BYTE = 4
    REVERTS_SILENTLY = 5
    REVERTS_WITH_REASON = 6
    CALLS_OUT = 7
    CHANGES_ALLOWANCE_ONLY_FROM_ZERO = 8


class HedgerTrick(IntEnum):
    """As in contracts/mocks/MockHedger.sol."""

    NONE = 0
    DELIVER_ONE_UNIT_LESS = 1
    DELIVER_ONE_UNIT_MORE = 2
    DELIVER_NOTHING = 3
    COLLECT_NOTHING = 4
    COLLECT_TWICE = 5
    CALL_INSIDE = 6
    COLLECT_TOO_MUCH = 7
    SAY_ONE_UNIT_LESS = 8
    SAY_ONE_UNIT_MORE = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOrder:
    """The eight words of an order, any uint256 each."""

    salt: int = 0
    maker: int
    receiver: int = 0
    maker_asset: int
    taker_asset: int
    making_amount: int = MAKING
    taking_amount: int = TAKING
    maker_traits: int

    @property
    def words(self) -> tuple[int, ...]:
        return (
            self.salt,
            self.maker,
            self.receiver,
            self.maker_asset,
            self.taker_asset,
            self.making_amount,
            self.taking_amount,
            self.maker_traits,
        )

    def digest(self, domain: OrderDomain) -> bytes:
        body = b"".join(word.to_bytes(32, "big") for word in self.words)
        return keccak256(domain.prefix + keccak256(ORDER_TYPEHASH + body))

    def packed_with(self, signature: Signature) -> bytes:
        """The ERC-1271 contract signature."""
        return b"".join(
            (
                self.salt.to_bytes(32, "big"),
                self.maker_asset.to_bytes(20, "big"),
                self.taker_asset.to_bytes(20, "big"),
                self.making_amount.to_bytes(32, "big"),
                self.taking_amount.to_bytes(32, "big"),
                self.maker_traits.to_bytes(32, "big"),
                signature.r_bytes,
                signature.vs_bytes,
            )
        )


def traits(*, expiration_s: int, nonce: int = 0, lane: int = 0, sender: int = 0, flags: int = 0) -> int:
    """Join the fields of makerTraits."""
    return flags | lane << 160 | nonce << 120 | expiration_s << 80 | sender


def extension_of(*, taker: str | None = None, plan: int | None = None, route: bytes = b"") -> bytes:
    """The extension of an order on our own domain."""
    flags = (taker is not None) | (plan is not None) << 1
    data = bytes.fromhex(taker[2:]) if taker is not None else b""
    data += plan.to_bytes(32, "big") if plan is not None else b""
    return bytes(32) + bytes((flags,)) + data + route


def args_traits(*, target: str | None = None, extension: bytes = b"", interaction: bytes = b"") -> int:
    """The bits of takerTraits that describe args."""
    return bool(target) * ARGS_HAS_TARGET | len(extension) << 224 | len(interaction) << 200


def args_of(*, target: str | None = None, extension: bytes = b"", interaction: bytes = b"") -> bytes:
    return (bytes.fromhex(target[2:]) if target else b"") + extension + interaction


def position(signer: str, lane: int, nonce: int) -> int:
    """How the cancel calls name a nonce."""
    return int(signer, 16) << 80 | lane << 40 | nonce


def word(address: Any) -> int:
    """An address as an order holds it."""
    return int(str(getattr(address, "address", address)), 16)


def lower(account: Any) -> str:
    """An address as `decode_error` gives it."""
    return str(getattr(account, "address", account)).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A settlement contract with inventory, a signer, a taker and two tokens: base is sold for quote."""

    settlement: Any
    key: SigningKey
    domain: OrderDomain
    router_domain: OrderDomain
    base: Any
    quote: Any
    weth: Any
    owner: Any
    taker: Any
    rpc: JsonRpc
    now_s: Callable[[], int]
    rpc_error: type[RpcError] = RpcError

    @staticmethod
    def decode(data: str | bytes | None) -> tuple[Any, ...]:
        return decode_error(data)

    def order(
        self, *, nonce: int = 0, lane: int = 0, epoch: int = 0, flags: int = 0, **changes: Any
    ) -> RawOrder:
        """A sound order, but for ``changes``."""
        expiration_s = changes.pop("expiration_s", self.now_s() + LIFETIME_S)
        sender = changes.pop("sender", 0)
        order = RawOrder(
            salt=epoch << 160 | 0x5A17,
            maker=word(self.settlement),
            maker_asset=word(self.base),
            taker_asset=word(self.quote),
            maker_traits=traits(
                expiration_s=expiration_s, nonce=nonce, lane=lane, sender=sender, flags=flags
            ),
        )
        return replace(order, **changes)

    def with_extension(self, extension: bytes, **changes: Any) -> RawOrder:
        """A sound order bound to an extension."""
        order = self.order(flags=changes.pop("flags", 0) | HAS_EXTENSION, **changes)
        low = int.from_bytes(keccak256(extension), "big") & MASK_160
        return replace(order, salt=order.salt & ~MASK_160 | low)

    def of(self, settlement: Any) -> Desk:
        """The same people and tokens before another settlement contract."""
        domain = replace(self.domain, verifying_contract=Address(settlement.address))
        return replace(self, settlement=settlement, domain=domain)

    def lane(self, lane: int = 0, signer: str | None = None) -> Lane:
        """The lane word of the signer, taken apart."""
        return Lane.of(int(self.settlement.laneWord(signer or self.key.address, lane)))

    def epoch(self, lane: int = 0, signer: str | None = None) -> int:
        return self.lane(lane, signer).epoch

    def sign(self, order: RawOrder, key: SigningKey | None = None) -> Signature:
        return (key or self.key).sign(order.digest(self.domain))

    def call_of(
        self,
        order: RawOrder,
        *,
        amount: int | None = None,
        taker_traits: int = 0,
        args: bytes | None = None,
        function: str | None = None,
        signature: Signature | None = None,
    ) -> tuple[Any, list[Any]]:
        """The contract method and its arguments for a fill of the whole order, or of ``amount``."""
        signature = signature or self.sign(order)
        name = function or ("fillOrder" if args is None else "fillOrderArgs")
        values: list[Any] = [
            order.words,
            signature.r_bytes,
            signature.vs_bytes,
            order.taking_amount if amount is None else amount,
            taker_traits,
        ]
        if args is not None:
            values.append(args)
        return getattr(self.settlement, name), values

    def fill(self, order: RawOrder, *, sender: Any = None, value: int = 0, **how: Any) -> Any:
        """Send a fill that must succeed; returns Ape's receipt."""
        method, values = self.call_of(order, **how)
        return method(*values, sender=sender or self.taker, value=value)

    def simulate(
        self, order: RawOrder, *, sender: Any = None, value: int = 0, at_s: int | None = None, **how: Any
    ) -> tuple[int, int, bytes]:
        """What a fill would return, at another time if ``at_s`` is given."""
        method, values = self.call_of(order, **how)
        return self.ask(method, *values, sender=sender or self.taker, value=value, at_s=at_s)

    def ask(
        self, method: Any, *values: Any, sender: Any, value: int = 0, at_s: int | None = None
    ) -> tuple[int, int, bytes]:
        """What a call of any way to fill would return."""
        answer = self.answer(method, *values, sender=sender, value=value, at_s=at_s)
        return int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:64], "big"), answer[64:96]

    def answer(
        self, method: Any, *values: Any, sender: Any, value: int = 0, at_s: int | None = None
    ) -> bytes:
        """What a call of any contract method returns, undecoded."""
        return bytes.fromhex(self._eth_call(method, values, sender, value, at_s)[2:])

    def fill_refusal(
        self, order: RawOrder, *, sender: Any = None, value: int = 0, at_s: int | None = None, **how: Any
    ) -> tuple[Any, ...]:
        """Why a fill reverts."""
        method, values = self.call_of(order, **how)
        return self.refusal(method, *values, sender=sender or self.taker, value=value, at_s=at_s)

    def refusal(
        self, method: Any, *values: Any, sender: Any, value: int = 0, at_s: int | None = None
    ) -> tuple[Any, ...]:
        """Why a call of any contract method reverts; fails if it does not."""
        try:
            answer = self._eth_call(method, values, sender, value, at_s)
        except RpcError as refused:
            return decode_error(refused.data)
        raise AssertionError(f"expected a revert, found {answer}")

    def _eth_call(self, method: Any, values: Sequence[Any], sender: Any, value: int, at_s: int | None) -> str:
        request = {
            "from": str(sender.address),
            "to": str(method.contract.address),
            "data": method.encode_input(*values).to_0x_hex(),
            "value": hex(value),
            "gas": GAS,
        }
        overrides: list[Any] = [] if at_s is None else [{}, {"time": hex(at_s)}]
        return str(self.rpc.call("eth_call", request, "latest", *overrides))

    def balances(self, *accounts: Any) -> list[tuple[int, int]]:
        """Base and quote of each account."""
        return [
            (int(self.base.balanceOf(account)), int(self.quote.balanceOf(account))) for account in accounts
        ]


def moved(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """How the balances of `Desk.balances` changed."""
    return [(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after, strict=True)]
