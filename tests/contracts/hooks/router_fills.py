"""Orders of a contract maker on 1inch's own contract, with hooks, in raw words so that malformed ones can be said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import selector
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import Address, RouterHookTerms, extension_low_bits
from pmm.domain.hook_payloads import PostHook, PreHook
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    LIFETIME_S,
    MAKER_AMOUNT,
    MAKING,
    TAKING,
    RawOrder,
    traits,
    word,
)

PRE = 1 << 252
POST = 1 << 251
GAS = 3_000_000
_INTERFACES = Path(__file__).parents[3] / "contracts" / "interfaces"
_CONTRACTS = ("RouterHooks", "MockHookedSettlement", "MockLendingAccount", "MockOddToken", "RfqSettlement")


@cache
def _error_types() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    known = {"Error": ("string",), "Panic": ("uint256",)}
    for name in _CONTRACTS:
        for error in getattr(ape.project, name).contract_type.errors:
            known[error.name] = tuple(item.canonical_type for item in error.inputs)
    # Vyper's ABIs lack the errors raised by raw_revert.
    for name in ("LendingAccountErrors", "AtomicHedgerErrors"):
        for entry in json.loads((_INTERFACES / f"{name}.json").read_text()):
            known[entry["name"]] = tuple(item["type"] for item in entry["inputs"])
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known.items()}


def decode_error(data: str | bytes | None) -> tuple[Any, ...]:
    """Return (error name, *values), or (selector,) of an error that is not ours; a bare revert is ("",)."""
    data = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
    if not data:
        return ("",)
    known = _error_types().get(data[:4])
    if known is None:
        return ("0x" + data[:4].hex(),)
    return (known[0], *decode(known[1], data[4:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class HookedOrder:
    """An order and the extension its salt commits to."""

    order: RawOrder
    extension: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterDesk:
    """A maker with inventory and hooks, 1inch's contract, a taker who approved it; base is sold for quote."""

    maker: Any
    hooks: Any
    router: Any
    base: Any
    quote: Any
    taker: Any
    rpc: JsonRpc
    now_s: Callable[[], int]
    contract_signature: Callable[[HookedOrder], bytes]
    making: int = MAKING
    taking: int = TAKING

    def order(
        self,
        *,
        pre: PreHook | bytes | None = None,
        post: PostHook | bytes | None = None,
        listener: Any = None,
        ratio: int = 0,
        nonce: int = 0,
        flags: int = 0,
        **changes: Any,
    ) -> HookedOrder:
        """A sound order with the hooks given."""
        address = Address(str((listener or self.hooks).address))

        def payload(hook: PreHook | PostHook | bytes | None) -> bytes | None:
            return hook.encode() if isinstance(hook, PreHook | PostHook) else hook

        extension = b""
        if pre is not None or post is not None:
            extension = RouterHookTerms(hooks=address, pre=payload(pre), post=payload(post)).encode()
        flags |= PRE * (pre is not None) | POST * (post is not None) | HAS_EXTENSION * bool(extension)
        order = RawOrder(
            salt=extension_low_bits(extension) if extension else 0,
            maker=word(self.maker),
            maker_asset=word(self.base),
            taker_asset=word(self.quote),
            making_amount=self.making,
            taking_amount=self.taking,
            maker_traits=ratio << 200
            | traits(expiration_s=self.now_s() + LIFETIME_S, nonce=nonce, flags=flags),
        )
        return HookedOrder(order=replace(order, **changes), extension=extension)

    def arguments(
        self, hooked: HookedOrder, *, making: int | None = None, interaction: bytes = b""
    ) -> list[Any]:
        """What ``fillContractOrderArgs`` takes to fill ``making``, or all."""
        amount = hooked.order.making_amount if making is None else making
        taker_traits = MAKER_AMOUNT | len(hooked.extension) << 224 | len(interaction) << 200
        return [
            hooked.order.words,
            self.contract_signature(hooked),
            amount,
            taker_traits,
            hooked.extension + interaction,
        ]

    def fill(
        self, hooked: HookedOrder, *, sender: Any = None, gas: int = GAS, value: int = 0, **how: Any
    ) -> Any:
        """Send a fill that must succeed; returns Ape's receipt."""
        values = self.arguments(hooked, **how)
        return self.router.fillContractOrderArgs(
            *values, sender=sender or self.taker, gas_limit=gas, value=value
        )

    def fill_refusal(
        self, hooked: HookedOrder, *, sender: Any = None, gas: int = GAS, **how: Any
    ) -> tuple[Any, ...]:
        """Why a fill reverts; fails if it does not."""
        return self.refusal(
            self.router.fillContractOrderArgs,
            *self.arguments(hooked, **how),
            sender=sender or self.taker,
            gas=gas,
        )

    def refusal(self, method: Any, *values: Any, sender: Any, gas: int = GAS) -> tuple[Any, ...]:
        """Why a call reverts; fails if it does not."""
        request = {
            "from": str(getattr(sender, "address", sender)),
            "to": str(method.contract.address),
            "data": method.encode_input(*values).to_0x_hex(),
            "gas": hex(gas),
        }
        try:
            answer = self.rpc.call("eth_call", request, "latest")
        except RpcError as refused:
            return decode_error(refused.data)
        raise AssertionError(f"expected a revert, found {answer}")

    def hook_call(self, hooked: HookedOrder, payload: bytes, **changes: Any) -> list[Any]:
        """The arguments with which 1inch calls either hook in a full fill."""
        making = changes.get("making", hooked.order.making_amount)
        taking = changes.get("taking", hooked.order.taking_amount)
        taker = changes.get("taker", self.taker)
        return [hooked.order.words, hooked.extension, bytes(32), taker, making, taking, making, payload]

    def holdings(self) -> list[tuple[int, int]]:
        """Base and quote of the maker and of the taker."""
        return [
            (int(self.base.balanceOf(account)), int(self.quote.balanceOf(account)))
            for account in (self.maker, self.taker)
        ]


FILLED = [(-MAKING, TAKING), (MAKING, -TAKING)]
BAD_SIGNATURE = ("BadSignature",)  # 1inch's (the selector equals ours), for whatever isValidSignature says
