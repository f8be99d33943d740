"""Hedging on Aave V3: a short by ``DeltaHedger`` in one transaction, or a loan of the lending account sold by a swap.

Both keep a health of ``target_health_wad``; what is missing of margin for it moves to the lending account first, and
comes back where the second leg fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pmm.chain.abi import encode_call
from pmm.domain import Address
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
from pmm.pricing.fixed_point import E36, div_up
from pmm.pricing.hedge_venues import LendingReading, interest_share_up_e36
from pmm.venues.uniswap import SWAP_GAS, PoolTrade, swap_call, trade_on

MARKET = "aave_v3"
OPEN_SHORT = "openShort(address,address,uint256,uint256,uint256,uint256)"
CLOSE_SHORT = "closeShort(address,address,uint256,uint256,uint256)"
MOVE_TO_LENDING = "moveToLending(address,uint256)"
SWEEP = "sweep(address)"
BORROW = "borrow(uint256,address,uint256)"
REPAY = "repay(uint256,address,uint256)"
# docs/gas.md: a short of 10 WETH by flash swap. The last two have no row of their own there: estimates.
_OPEN_GAS, _CLOSE_GAS, _MOVE_GAS, _BORROW_GAS = 490_735, 455_481, 70_000, 330_000
_FLASH_SWAP, _AAVE_V3 = 1, 1
_WAD = 10**18
_OPENS, _CLOSES, _BORROWS = "aave_short_{}", "aave_close_short_{}", "aave_borrow_{}"
"""Names of the ways, by the fee of the pool that is swapped on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingContracts:
    """Our contracts; ``target_health_wad`` is what a loan for a hedge leaves at least, 1.6 by the risk book."""

    settlement: Address
    lending_account: Address
    delta_hedger: Address
    target_health_wad: int = 16 * 10**17


def delta_plan(*, fee_pips: int, min_health_wad: int) -> int:
    """Return DeltaHedger's plan word: flash swap on the Uniswap V3 pool of a fee, position on Aave V3."""
    return _FLASH_SWAP << 248 | fee_pips << 224 | _AAVE_V3 << 216 | min_health_wad


class AaveShortRoute:
    """``DeltaHedger``: sells what it borrows (a sell hedge), or buys and repays what is owed (a buy hedge)."""

    def __init__(self, contracts: LendingContracts) -> None:
        self._contracts = contracts

    def names(self, fees_pips: Iterable[int]) -> tuple[str, ...]:
        """Return the names of its ways over pools of these fees."""
        return tuple(name.format(fee) for fee in fees_pips for name in (_OPENS, _CLOSES))

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
        """Return a plan per pool."""
        plans = self._open if order.trade < 0 else self._close
        return tuple(plans(order, market))

    def _open(self, order: HedgeOrder, market: HedgeMarket) -> Iterator[RoutePlan | RouteRefused]:
        for pool, trade in _trades(order, market):
            name = _OPENS.format(pool.fee_pips)
            size = abs(order.trade)
            room = _room(order, market, size, proceeds=trade.amount_out, contracts=self._contracts)
            if isinstance(room, str):
                yield RouteRefused(route=name, why=room)
                continue
            health = self._contracts.target_health_wad
            # The price may move between plan and block: the contract asks for a tenth of the distance to 1 less.
            plan = delta_plan(fee_pips=pool.fee_pips, min_health_wad=health - (health - _WAD) // 10)
            gas = _OPEN_GAS + (_MOVE_GAS if room.margin else 0)
            cost = _cost(market, trade, gas, _interest(order, market, room.reading))
            least = trade.least_out(order.slippage_bps(cost, market, trade.worth_usd_wad(market)))
            opening = ContractCall(
                to=self._contracts.delta_hedger,
                data=encode_call(
                    OPEN_SHORT, order.asset.address, order.quote.address, size, least, room.margin, plan
                ),
                purpose=f"short {size} of {order.asset.symbol} for at least {least} of {order.quote.symbol}",
                gas_units=_OPEN_GAS,
            )
            legs = (*_margin_legs(order, room.margin, self._contracts), PlannedLeg(call=opening))
            yield RoutePlan(route=name, legs=legs, cost=cost)

    def _close(self, order: HedgeOrder, market: HedgeMarket) -> Iterator[RoutePlan | RouteRefused]:
        debt = market.debts.get((MARKET, order.asset.address), 0)
        for pool, trade in _trades(order, market):
            name = _CLOSES.format(pool.fee_pips)
            if order.trade > debt:
                yield RouteRefused(route=name, why=f"expected a debt of {order.trade}, found {debt}")
                continue
            plan = delta_plan(fee_pips=pool.fee_pips, min_health_wad=0)
            # A loan that ends saves its interest: that is not counted, as what a position may earn never is.
            cost = _cost(market, trade, _CLOSE_GAS, 0)
            most = trade.most_in(order.slippage_bps(cost, market, trade.worth_usd_wad(market)))
            closing = ContractCall(
                to=self._contracts.delta_hedger,
                data=encode_call(
                    CLOSE_SHORT, order.asset.address, order.quote.address, order.trade, most, plan
                ),
                purpose=f"repay {order.trade} of {order.asset.symbol} for at most {most} of {order.quote.symbol}",
                gas_units=_CLOSE_GAS,
            )
            yield RoutePlan(route=name, legs=(PlannedLeg(call=closing),), cost=cost)


class CollateralBorrowRoute:
    """The lending account borrows the asset against collateral it has, and the settlement contract sells it."""

    def __init__(self, contracts: LendingContracts) -> None:
        self._contracts = contracts

    def names(self, fees_pips: Iterable[int]) -> tuple[str, ...]:
        """Return the names of its ways over pools of these fees."""
        return tuple(_BORROWS.format(fee) for fee in fees_pips)

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
        """Return a plan per pool for a sell hedge; none for a buy hedge."""
        return tuple(self._plans(order, market)) if order.trade < 0 else ()

    def _plans(self, order: HedgeOrder, market: HedgeMarket) -> Iterator[RoutePlan | RouteRefused]:
        contracts = self._contracts
        for pool, trade in _trades(order, market):
            name = _BORROWS.format(pool.fee_pips)
            size = abs(order.trade)
            # What the sale brings stays in stock and carries no debt.
            room = _room(order, market, size, proceeds=0, contracts=contracts)
            if isinstance(room, str) or room.margin:
                why = (
                    room
                    if isinstance(room, str)
                    else f"the collateral lacks {room.margin} of {order.quote.symbol}"
                )
                yield RouteRefused(route=name, why=why)
                continue
            cost = _cost(market, trade, _BORROW_GAS + SWAP_GAS, _interest(order, market, room.reading))
            slippage_bps = order.slippage_bps(cost, market, trade.worth_usd_wad(market))
            swap = swap_call(contracts.settlement, pool, trade, max_slippage_bps=slippage_bps)
            yield RoutePlan(
                route=name, legs=(_borrow_leg(order, size, contracts), PlannedLeg(call=swap)), cost=cost
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """That the market lends, and the margin that has to move to the lending account for it."""

    margin: int
    reading: LendingReading


def _room(
    order: HedgeOrder, market: HedgeMarket, size: int, *, proceeds: int, contracts: LendingContracts
) -> _Room | str:
    readings = {(one.market, one.token): one for one in market.lending}
    lent = readings.get((MARKET, order.asset.address))
    collateral = readings.get((MARKET, order.quote.address))
    if lent is None or collateral is None or collateral.collateral_factor_wad == 0:
        return f"expected {order.asset.symbol} and {order.quote.symbol} on {MARKET}, found no reading of them"
    if size > lent.liquidity:
        return f"expected {size} to be lent, found {lent.liquidity}"
    owed_usd_wad = lent.debt_usd_wad + market.value_up(order.asset.address, size)
    if owed_usd_wad > lent.debt_cap_usd_wad:
        return f"expected at most {lent.debt_cap_usd_wad // _WAD} USD of debt, found {owed_usd_wad // _WAD}"
    # (collateral + factor * (proceeds + margin)) / owed >= target health.
    needed = div_up(owed_usd_wad * contracts.target_health_wad, _WAD) - lent.collateral_usd_wad
    worth = div_up(max(needed, 0) * _WAD, collateral.collateral_factor_wad)
    unit_e36 = market.usd_per_unit_e36[order.quote.address]
    margin = max(div_up(worth * _WAD, unit_e36) - proceeds, 0)
    held = market.inventory.get(order.quote.address, 0)
    if margin > held:
        return f"expected {margin} of {order.quote.symbol} as margin, found {held}"
    return _Room(margin=margin, reading=lent)


def _margin_legs(order: HedgeOrder, margin: int, contracts: LendingContracts) -> tuple[PlannedLeg, ...]:
    if margin == 0:
        return ()
    quote = order.quote
    move = ContractCall(
        to=contracts.settlement,
        data=encode_call(MOVE_TO_LENDING, quote.address, margin),
        purpose=f"move {margin} of {quote.symbol} to the lending account as margin",
        gas_units=_MOVE_GAS,
    )
    back = ContractCall(
        to=contracts.lending_account,
        data=encode_call(SWEEP, quote.address),
        purpose=f"bring the margin of {quote.symbol} back",
        gas_units=_MOVE_GAS,
    )
    return (PlannedLeg(call=move, undo=(back,)),)


def _borrow_leg(order: HedgeOrder, size: int, contracts: LendingContracts) -> PlannedLeg:
    asset, name = order.asset.address, order.asset.symbol

    def call(to: Address, signature: str, *arguments: object, gas: int, what: str) -> ContractCall:
        return ContractCall(to=to, data=encode_call(signature, *arguments), purpose=what, gas_units=gas)

    account = contracts.lending_account
    borrow = call(account, BORROW, _AAVE_V3, asset, size, gas=_BORROW_GAS, what=f"borrow {size} of {name}")
    undo = (
        call(
            contracts.settlement,
            MOVE_TO_LENDING,
            asset,
            size,
            gas=_MOVE_GAS,
            what=f"give back {size} of {name}",
        ),
        call(account, REPAY, _AAVE_V3, asset, size, gas=_BORROW_GAS, what=f"repay {size} of {name}"),
    )
    return PlannedLeg(call=borrow, undo=undo)


def _trades(order: HedgeOrder, market: HedgeMarket) -> Iterator[tuple[HedgePool, PoolTrade]]:
    for pool in market.pools:
        trade = trade_on(pool, order, market)
        if trade is not None:
            yield pool, trade


def _interest(order: HedgeOrder, market: HedgeMarket, lent: LendingReading) -> int:
    share = interest_share_up_e36(lent.borrow_rate_wad, order.holding_s)
    return div_up(market.value_up(order.asset.address, abs(order.trade)) * share, E36)


def _cost(market: HedgeMarket, trade: PoolTrade, gas_units: int, interest_usd_wad: int) -> RouteCost:
    return RouteCost(
        fee_usd_wad=trade.fee_usd_wad,
        slippage_usd_wad=trade.slippage_usd_wad,
        gas_usd_wad=market.gas_usd_wad(gas_units),
        interest_usd_wad=interest_usd_wad,
    )
