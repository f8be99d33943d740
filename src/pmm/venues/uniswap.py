"""Hedging on Uniswap V3 out of the inventory: ``swapInventory`` of the settlement contract, by its operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pmm.chain.abi import encode_call
from pmm.domain import Address, FundingPlan, FundingSource
from pmm.execution.hedging.records import ContractCall
from pmm.execution.hedging.routes import (
    HedgeMarket,
    HedgeOrder,
    HedgePool,
    PlannedLeg,
    RouteCost,
    RoutePlan,
    RouteRefused,
)
from pmm.pricing.fixed_point import BPS, div_up

SWAP_INVENTORY = "swapInventory(address,address,uint256,uint256,uint256,bytes)"
# docs/gas.md: "plain fill + swapInventory, two transactions" less the plain fill.
SWAP_GAS = 173_000
_PIPS = 1_000_000
_NAME = "uniswap_v3_{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTrade:
    """What a pool does for an order: exact amounts by its own maths, in base units.

    ``amount_in`` is paid, ``amount_out`` comes out, fee included; costs are against fair value, US dollars in wad.
    """

    token_in: Address
    token_out: Address
    amount_in: int
    amount_out: int
    fee_usd_wad: int
    slippage_usd_wad: int

    def worth_usd_wad(self, market: HedgeMarket) -> int:
        """Return what changes hands, the larger side, rounded up."""
        return max(
            market.value_up(self.token_in, self.amount_in), market.value_up(self.token_out, self.amount_out)
        )

    def least_out(self, max_slippage_bps: int) -> int:
        """Return the least output that is accepted, rounded up."""
        return div_up(self.amount_out * (BPS - max_slippage_bps), BPS)

    def most_in(self, max_slippage_bps: int) -> int:
        """Return the most input that is accepted, rounded down."""
        return self.amount_in * (BPS + max_slippage_bps) // BPS


def trade_on(pool: HedgePool, order: HedgeOrder, market: HedgeMarket) -> PoolTrade | None:
    """Return what the pool does for the order; None where it is another pair's or too shallow."""
    tokens = {pool.token0.address, pool.token1.address}
    asset, quote = order.asset.address, order.quote.address
    if tokens != {asset, quote}:
        return None
    sells = order.trade < 0
    token_in, token_out = (asset, quote) if sells else (quote, asset)
    zero_for_one = token_in == pool.token0.address
    size = abs(order.trade)
    walk = pool.state.out_for_in if sells else pool.state.in_for_out
    other = walk(size, zero_for_one=zero_for_one)
    if not other:
        return None
    amount_in, amount_out = (size, other) if sells else (other, size)
    paid = market.value_up(token_in, amount_in)
    fee = div_up(paid * pool.fee_pips, _PIPS)
    shortfall = paid - market.value_down(token_out, amount_out)
    return PoolTrade(
        token_in=token_in,
        token_out=token_out,
        amount_in=amount_in,
        amount_out=amount_out,
        fee_usd_wad=fee,
        slippage_usd_wad=shortfall - fee,
    )


def swap_call(
    settlement: Address, pool: HedgePool, trade: PoolTrade, *, max_slippage_bps: int
) -> ContractCall:
    """Return the operator's call of ``swapInventory`` for a trade."""
    plan = FundingPlan(
        source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=pool.fee_pips, min_profit=0
    ).encode()
    least = trade.least_out(max_slippage_bps)
    arguments = (trade.token_in, trade.token_out, trade.amount_in, least, plan, b"")
    return ContractCall(
        to=settlement,
        data=encode_call(SWAP_INVENTORY, *arguments),
        purpose=f"swap {trade.amount_in} of {trade.token_in} for at least {least} of {trade.token_out}",
        gas_units=SWAP_GAS,
    )


class UniswapRoute:
    """Every pool of the pair is a way of its own."""

    def __init__(self, settlement: Address) -> None:
        self._settlement = settlement

    def names(self, fees_pips: Iterable[int]) -> tuple[str, ...]:
        """Return the names of its ways over pools of these fees."""
        return tuple(_NAME.format(fee) for fee in fees_pips)

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
        """Return a plan per pool."""
        return tuple(self._plans(order, market))

    def _plans(self, order: HedgeOrder, market: HedgeMarket) -> Iterator[RoutePlan | RouteRefused]:
        for pool in market.pools:
            name = _NAME.format(pool.fee_pips)
            trade = trade_on(pool, order, market)
            if trade is None:
                if {pool.token0.address, pool.token1.address} == {order.asset.address, order.quote.address}:
                    yield RouteRefused(route=name, why="the pool is too shallow")
                continue
            held = market.inventory.get(trade.token_in, 0)
            if trade.amount_in > held:
                yield RouteRefused(
                    route=name, why=f"expected {trade.amount_in} of {trade.token_in} in stock, found {held}"
                )
                continue
            cost = RouteCost(
                fee_usd_wad=trade.fee_usd_wad,
                slippage_usd_wad=trade.slippage_usd_wad,
                gas_usd_wad=market.gas_usd_wad(SWAP_GAS),
            )
            slippage_bps = order.slippage_bps(cost, market, trade.worth_usd_wad(market))
            call = swap_call(self._settlement, pool, trade, max_slippage_bps=slippage_bps)
            yield RoutePlan(route=name, legs=(PlannedLeg(call=call),), cost=cost)
