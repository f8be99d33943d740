"""A taker that fills orders of the desk in every way that moves its money differently."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from pmm.chain.rpc import JsonRpc
from pmm.domain import (
    USDC,
    WETH,
    Address,
    FillFunction,
    FundingPlan,
    FundingSource,
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    RouterHookTerms,
    SigningKey,
    TakerTraits,
    build_salt,
    encode_fill,
    oneinch_domain,
    parse_address,
    settlement_domain,
    sign_order,
)
from pmm.domain.hook_payloads import InventoryHedge, PostAction, PostHook
from pmm.localnet.addresses import keyless_account
from pmm.localnet.placement import ChainBuilder

TAKER = parse_address(keyless_account("hedge stage taker"))
_LANE, _LIFETIME_S = 1, 250


@dataclass
class TakerFills:
    """Signs as the desk and fills as the taker; each fill returns its transaction's hash."""

    rpc: JsonRpc
    settlement: Address
    hooks: Address
    signer: SigningKey
    nonce: int = 0

    def fill(self, *, sells: int = 0, buys: int = 0, price_usd: int, ether: bool = False) -> bytes:
        """Let the taker fill an order in which the desk sells or buys WETH; return the transaction's hash.

        With ``ether`` the taker pays or takes ether in its place.
        """
        traits = TakerTraits(threshold=0, unwrap_weth=ether and bool(sells))
        domain = settlement_domain(1, self.settlement)
        value = buys if ether else 0
        return self._fill(sells, buys, price_usd, domain=domain, traits=traits, value=value)

    def fill_hedged_inside(self, *, buys: int, price_usd: int, fee_pips: int = 500) -> bytes:
        """Let the taker fill an order on 1inch's contract whose hook sells what comes in; as :meth:`fill`."""
        plan = FundingPlan(
            source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=fee_pips, min_profit=0
        ).encode()
        hedge = InventoryHedge(share_bps=10_000, minimum_out=1, plan=plan)
        post = PostHook(action=PostAction.HEDGE, required=True, hedge=hedge).encode()
        terms = RouterHookTerms(hooks=self.hooks, post=post)
        return self._fill(
            0,
            buys,
            price_usd,
            domain=oneinch_domain(),
            traits=TakerTraits(threshold=0),
            extension=terms.encode(),
            order_traits=terms.trait_fields,
            function=FillFunction.FILL_CONTRACT_ORDER_ARGS,
        )

    def fill_funded(self, *, sells: int, price_usd: int, fee_pips: int = 500) -> bytes:
        """Let the taker fill an order out of a flash swap; as :meth:`fill`."""
        plan = FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=fee_pips, min_profit=1)
        return self._fill(
            sells,
            0,
            price_usd,
            domain=settlement_domain(1, self.settlement),
            traits=TakerTraits(threshold=0),
            extension=OwnDomainTerms(funding_plan=plan).encode(),
            order_traits={"has_extension": True},
            function=FillFunction.FILL_ORDER_FUNDED,
        )

    def _fill(
        self,
        sells: int,
        buys: int,
        price_usd: int,
        *,
        domain: OrderDomain,
        traits: TakerTraits,
        value: int = 0,
        extension: bytes = b"",
        order_traits: dict[str, bool] | None = None,
        function: FillFunction | None = None,
    ) -> bytes:
        weth = sells or buys
        usdc = weth * price_usd // 10**12
        given, taken = ((WETH, weth), (USDC, usdc)) if sells else ((USDC, usdc), (WETH, weth))
        self.nonce += 1
        plain = MakerTraits.for_quote(lane=_LANE, nonce=self.nonce, expiration_s=self._now_s() + _LIFETIME_S)
        order = RfqOrder(
            salt=build_salt(epoch=0, upper=secrets.randbits(64), extension=extension),
            maker=self.settlement,
            maker_asset=given[0].address,
            taker_asset=taken[0].address,
            making_amount=given[1],
            taking_amount=taken[1],
            maker_traits=replace(plain, **(order_traits or {})).encode(),
        )
        signed = sign_order(order, domain, self.signer, extension)
        data = encode_fill(
            signed,
            amount=order.taking_amount,
            taker_traits=replace(traits, threshold=given[1]),
            function=function,
        )
        with ChainBuilder(self.rpc) as chain:
            receipt = chain.send(domain.verifying_contract, data, sender=TAKER, value=value)
        return bytes.fromhex(receipt["transactionHash"][2:])

    def _now_s(self) -> int:
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
