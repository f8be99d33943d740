"""Somebody else's RFQ orders on 1inch's contract, which a hedge buys from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from pmm.chain.abi import encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import (
    USDC,
    WETH,
    Address,
    MakerTraits,
    RfqOrder,
    SigningKey,
    oneinch_domain,
    sign_order,
)
from pmm.localnet.funding import add, allow
from pmm.localnet.placement import ChainBuilder

_PLENTY = {WETH.address: 10**22, USDC.address: 10**14}
_LIFETIME_S = 600
MAKING_MULTIPLE, MAKING_EXTRA = 3, 7


@dataclass(slots=True)
class OrderMaker:
    """An account that signs orders under 1inch's domain and can deliver what it signs."""

    key: SigningKey
    chain_id: int
    now_s: Callable[[], int]
    nonces: count[int]

    @classmethod
    def place(cls, rpc: JsonRpc, key: SigningKey, chain_id: int, now_s: Callable[[], int]) -> OrderMaker:
        """Give it both tokens and let 1inch's contract take them."""
        with ChainBuilder(rpc) as chain:
            chain.fund(key.address)
            for token, amount in _PLENTY.items():
                add(chain, token, key.address, amount)
                allow(chain, token, key.address, ONEINCH_ROUTER, 2**255)
        return cls(key=key, chain_id=chain_id, now_s=now_s, nonces=count(1))

    @property
    def address(self) -> str:
        return str(self.key.address)

    def order(
        self,
        maker_asset: str,
        taker_asset: str,
        making_amount: int,
        taking_amount: int,
        *,
        expiration_s: int = 0,
        no_partial_fills: bool = False,
    ) -> RfqOrder:
        """An order that may be filled once, in part as well."""
        traits = MakerTraits(
            no_partial_fills=no_partial_fills,
            nonce_or_epoch=next(self.nonces),
            expiration_s=expiration_s or self.now_s() + _LIFETIME_S,
        )
        return RfqOrder(
            salt=1,
            maker=Address(self.address),
            maker_asset=Address(maker_asset),
            taker_asset=Address(taker_asset),
            making_amount=making_amount,
            taking_amount=taking_amount,
            maker_traits=traits.encode(),
        )

    def route(self, order: RfqOrder) -> bytes:
        """The order as it stands behind a plan word."""
        signature = sign_order(order, oneinch_domain(self.chain_id), self.key).signature
        return order.encode() + signature.r_bytes + signature.vs_bytes


def fill_on_router(order: RfqOrder, route: bytes, amount: int) -> bytes:
    """Calldata by which anybody else fills such an order on 1inch's contract."""
    words = tuple(int.from_bytes(order.encode()[at : at + 32], "big") for at in range(0, 256, 32))
    signature = f"fillOrder(({','.join(['uint256'] * 8)}),bytes32,bytes32,uint256,uint256)"
    return encode_call(signature, words, route[256:288], route[288:], amount, 1 << 255)


def cost_of(order: RfqOrder, amount: int) -> int:
    """What 1inch asks for that part of an order, rounded up."""
    return -(-amount * order.taking_amount // order.making_amount)
