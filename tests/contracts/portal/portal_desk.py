"""What the tests of the taker portal say: entries of a batch, permits of real tokens, refusals by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import selector
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import SigningKey
from tests.contracts.settlement.desk import GAS, ONE, Desk, RawOrder, word

USDC_TAKING = 2_000 * 10**6
DAI_TAKING = 2_000 * ONE
FAR_S = 10**6
# Of Uniswap permit2: src/interfaces/IAllowanceTransfer.sol, src/PermitErrors.sol.
_FOREIGN_ERRORS = {
    "Error": ("string",),
    "Panic": ("uint256",),
    "AllowanceExpired": ("uint256",),
    "InsufficientAllowance": ("uint256",),
}

Entry = tuple[Any, ...]


@cache
def _error_types() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    known = dict(_FOREIGN_ERRORS)
    for name in ("RfqSettlement", "TakerPortal", "MockOddToken"):
        for error in getattr(ape.project, name).contract_type.errors:
            known[error.name] = tuple(item.canonical_type for item in error.inputs)
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known.items()}


def named(data: str | bytes | None) -> tuple[Any, ...]:
    """Return (error name, *values) of revert data; addresses in lower case, a bare revert is ("",)."""
    data = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
    if not data:
        return ("",)
    name, types = _error_types()[data[:4]]
    return (name, *decode(types, data[4:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDesk:
    """A settlement with its portal; base is sold for quote, WETH, USDC and DAI. The buyer's key signs permits."""

    desk: Desk
    portal: Any
    usdc: Any
    dai: Any
    permit2: Any
    buyer: Any
    buyer_key: SigningKey

    @property
    def rpc(self) -> JsonRpc:
        return self.desk.rpc

    @property
    def settlement(self) -> Any:
        return self.desk.settlement

    def order_for(self, token: Any, taking: int, **changes: Any) -> RawOrder:
        """Base for another taker asset than quote."""
        return self.desk.order(taker_asset=word(token), taking_amount=taking, **changes)

    # ---- batches

    def entry(
        self,
        order: RawOrder,
        *,
        amount: int | None = None,
        taker_traits: int = 0,
        value: int = 0,
        args: bytes = b"",
    ) -> Entry:
        """One fill of a batch; the whole order unless told."""
        signature = self.desk.sign(order)
        return (
            order.words,
            signature.r_bytes,
            signature.vs_bytes,
            order.taking_amount if amount is None else amount,
            taker_traits,
            value,
            args,
        )

    def batch(self, *entries: Entry, optional: int = 0, sender: Any = None, value: int = 0) -> Any:
        """Send a batch that must succeed; returns Ape's receipt."""
        return self.portal.fillOrders(list(entries), optional, sender=sender or self.desk.taker, value=value)

    def batch_data(self, *entries: Entry, optional: int = 0) -> bytes:
        return bytes(self.portal.fillOrders.encode_input(list(entries), optional))

    def batch_refusal(self, *entries: Entry, optional: int = 0, **how: Any) -> tuple[Any, ...]:
        return self.refusal(self.portal, self.batch_data(*entries, optional=optional), **how)

    # ---- permits

    def permit_data(
        self, order: RawOrder, permit: bytes, *, taker_traits: int = 0, args: bytes = b""
    ) -> bytes:
        signature = self.desk.sign(order)
        words = (order.words, signature.r_bytes, signature.vs_bytes, order.taking_amount, taker_traits)
        return bytes(self.portal.fillOrderPermit.encode_input(*words, args, permit))

    def permit_fill(self, order: RawOrder, permit: bytes, *, sender: Any = None, **how: Any) -> Any:
        """Send a fill with a permit that must succeed; returns Ape's receipt."""
        signature = self.desk.sign(order)
        words = (order.words, signature.r_bytes, signature.vs_bytes, order.taking_amount)
        rest = (how.get("taker_traits", 0), how.get("args", b""), permit)
        return self.portal.fillOrderPermit(*words, *rest, sender=sender or self.buyer)

    def permit_refusal(
        self, order: RawOrder, permit: bytes, *, sender: Any = None, value: int = 0, **how: Any
    ) -> tuple[Any, ...]:
        data = self.permit_data(order, permit, **how)
        return self.refusal(self.portal, data, sender=sender or self.buyer, value=value)

    def permit2_allowance(self, owner: Any, token: Any) -> tuple[int, int, int]:
        """Amount, expiration and next nonce of what the settlement may take through Permit2."""
        amount, expiration, nonce = self.permit2.allowance(owner, token, self.settlement)
        return int(amount), int(expiration), int(nonce)

    # ---- outcomes

    def refusal(self, target: Any, data: bytes, **how: Any) -> tuple[Any, ...]:
        """Why a call reverts; fails if it does not."""
        try:
            answer = self.call(target, data, **how)
        except RpcError as refused:
            return named(refused.data)
        raise AssertionError(f"expected a revert, found {answer.hex()}")

    def call(self, target: Any, data: bytes, *, sender: Any = None, value: int = 0, gas: str = GAS) -> bytes:
        """What a call would return."""
        request = {
            "from": str((sender or self.desk.taker).address),
            "to": str(target.address),
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": gas,
        }
        return bytes.fromhex(self.rpc.call("eth_call", request, "latest")[2:])

    def holdings(self, *accounts: Any) -> list[tuple[int, ...]]:
        """Base, quote, WETH, USDC, DAI and ETH of each account."""
        tokens = (self.desk.base, self.desk.quote, self.desk.weth, self.usdc, self.dai)
        return [
            (*(int(token.balanceOf(account)) for token in tokens), int(account.balance))
            for account in accounts
        ]

    def fills(self, receipt: Any) -> list[tuple[Any, ...]]:
        """The arguments of every OrderFilled of a receipt; addresses in lower case."""
        return [
            (
                bytes(event.orderHash),
                str(event.taker).lower(),
                str(event.makerAsset).lower(),
                str(event.takerAsset).lower(),
                int(event.makingAmount),
                int(event.takingAmount),
            )
            for event in receipt.decode_logs(self.settlement.OrderFilled)
        ]

    def filled(self, order: RawOrder, taker: Any) -> tuple[Any, ...]:
        """What `fills` shows of a fill of the whole order."""
        return (
            order.digest(self.desk.domain),
            str(taker.address).lower(),
            f"0x{order.maker_asset:040x}",
            f"0x{order.taker_asset:040x}",
            order.making_amount,
            order.taking_amount,
        )

    def failures(self, receipt: Any) -> list[tuple[Any, ...]]:
        """Order hash, taker, index and decoded reason of every FillFailed of a receipt."""
        return [
            (bytes(event.orderHash), str(event.taker), int(event["index"]), named(bytes(event.reason)))
            for event in receipt.decode_logs(self.portal.FillFailed)
        ]


def changes(before: Sequence[tuple[int, ...]], after: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """How the balances of `PortalDesk.holdings` changed."""
    return [
        tuple(new - old for old, new in zip(old_row, new_row, strict=True))
        for old_row, new_row in zip(before, after, strict=True)
    ]


def row(
    *, base: int = 0, quote: int = 0, weth: int = 0, usdc: int = 0, dai: int = 0, eth: int = 0
) -> tuple[int, ...]:
    """A row of `changes`."""
    return (base, quote, weth, usdc, dai, eth)
