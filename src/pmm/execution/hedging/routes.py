"""Ways to hedge, ranked by what each costs in full. Pure.

Costs are US dollars scaled by 10**18 against fair value, rounded against the route; a negative slippage is a pool
that pays more than fair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pmm.domain import Address, Token
from pmm.errors import InvalidInput
from pmm.execution.hedging.cost_room import CostRoom, next_block_gas_usd_wad
from pmm.execution.hedging.records import ContractCall, LegCall
from pmm.pricing.fixed_point import BPS, div_up
from pmm.pricing.hedge_venues import LendingReading, PerpQuote
from pmm.pricing.tick_map import TickMap

WAD = 10**18

# What a price may move between plan and block before a leg that costs gas reverts.
_LEAST_ROOM_BPS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePool:
    """A Uniswap V3 pool with its exact state; ``token0`` has the lower address."""

    address: Address
    token0: Token
    token1: Token
    fee_pips: int
    state: TickMap


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeMarket:
    """What routes are judged by, as of one block.

    Attributes:
        usd_per_unit_e36: fair value per base unit.
        inventory: what the settlement contract holds and has not promised, base units.
        debts: what the lending account owes, per lending market and token, base units.
        native: the token that gas is worth the same as (WETH).
        unpriced: why a token has no fair value.
        lending_unknown: why a lending market is not in ``lending``, though the account may stand in it.
    """

    block_number: int
    at_s: int
    gas_price_wei: int
    native: Address
    usd_per_unit_e36: Mapping[Address, int]
    inventory: Mapping[Address, int]
    pools: tuple[HedgePool, ...] = ()
    lending: tuple[LendingReading, ...] = ()
    debts: Mapping[tuple[str, Address], int]
    perps: tuple[PerpQuote, ...] = ()
    unpriced: Mapping[Address, str] = field(default_factory=dict)
    lending_unknown: Mapping[str, str] = field(default_factory=dict)

    def value_down(self, token: Address, amount: int) -> int:
        """Return US dollars of an amount, wad, rounded down; raises InvalidInput without a price."""
        return amount * self._price(token) // WAD

    def value_up(self, token: Address, amount: int) -> int:
        """Return US dollars of an amount, wad, rounded up; raises InvalidInput without a price."""
        return div_up(amount * self._price(token), WAD)

    def gas_usd_wad(self, units: int) -> int:
        """Return what gas costs, rounded up."""
        return self.value_up(self.native, units * self.gas_price_wei)

    def _price(self, token: Address) -> int:
        price = self.usd_per_unit_e36.get(token, 0)
        if price <= 0:
            why = self.unpriced.get(token, "check its feed")
            raise InvalidInput(f"hedge market: expected a price of {token}, found none; {why}")
        return price


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeOrder:
    """Change our position in ``asset`` by ``trade`` base units against ``quote``; negative: sell."""

    asset: Token
    quote: Token
    trade: int
    max_slippage_bps: int
    max_cost_bps: int
    holding_s: int

    def room(self, cost: RouteCost, market: HedgeMarket) -> CostRoom:
        """Return what is left of the most that this order may cost; raises InvalidInput without a price."""
        notional = market.value_down(self.asset.address, abs(self.trade))
        return CostRoom.of(
            limit_usd_wad=notional * self.max_cost_bps // BPS,
            total_usd_wad=cost.total_usd_wad,
            gas_usd_wad=cost.gas_usd_wad,
        )

    def slippage_bps(self, cost: RouteCost, market: HedgeMarket, worth_usd_wad: int) -> int:
        """Return how far a leg may execute below its expected output, of that worth, within both limits."""
        return min(self.max_slippage_bps, self.room(cost, market).slippage_bps_down(worth_usd_wad))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLeg:
    """One call of a route and the calls that would take it back."""

    call: LegCall
    undo: tuple[LegCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCost:
    """The parts of what a route costs, US dollars in wad."""

    fee_usd_wad: int = 0
    slippage_usd_wad: int = 0
    gas_usd_wad: int = 0
    interest_usd_wad: int = 0
    funding_usd_wad: int = 0

    @property
    def total_usd_wad(self) -> int:
        """All of it."""
        return (
            self.fee_usd_wad
            + self.slippage_usd_wad
            + self.gas_usd_wad
            + self.interest_usd_wad
            + self.funding_usd_wad
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlan:
    """A route that can do it."""

    route: str
    legs: tuple[PlannedLeg, ...]
    cost: RouteCost

    def bounded(self, order: HedgeOrder, market: HedgeMarket, *, last_block: int) -> RoutePlan:
        """Return the plan with transactions that are good up to a block, and a gas price within the most it may cost.

        What takes them back is good for ever, at any price. Raises InvalidInput without a price.
        """
        gas = self.cost.gas_usd_wad
        cap_wei = order.room(self.cost, market).gas_price_cap_wei(market.gas_price_wei, gas)
        legs = (
            replace(leg, call=replace(leg.call, last_block=last_block, gas_price_cap_wei=cap_wei))
            if isinstance(leg.call, ContractCall)
            else leg
            for leg in self.legs
        )
        return replace(self, legs=tuple(legs))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRefused:
    """A route that cannot, or that the limits forbid, and why."""

    route: str
    why: str


class HedgeRoute(Protocol):
    """A way to hedge. Pure: what it says follows from its arguments."""

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
        """Return the ways it has for this order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeLimits:
    """What a hedge may cost.

    Attributes:
        max_slippage_bps: how far below its expected output a leg may execute; also the most that its expected
            slippage may be.
        max_cost_bps: full cost over the value hedged, at the worst price and gas price that the legs accept.
        min_profit_usd_wad: what must be left of the fills' edge after the hedge; None does not ask.
    """

    max_slippage_bps: int = 30
    max_cost_bps: int = 50
    min_profit_usd_wad: int | None = None


def rank(
    routes: Sequence[HedgeRoute],
    order: HedgeOrder,
    market: HedgeMarket,
    limits: HedgeLimits,
    *,
    edge_usd_wad: int,
    forced: bool = False,
) -> tuple[tuple[RoutePlan, ...], tuple[RouteRefused, ...]]:
    """Return the plans within the limits, cheapest first (by name where equal), and the refused ones.

    ``forced`` hedges without regard to profit: risk has asked for it. A route that lacks a price is refused, and the
    others stand. Raises InvalidInput without a price of the asset itself: nothing can be judged then.
    """
    good: list[RoutePlan] = []
    refused: list[RouteRefused] = []
    notional = market.value_down(order.asset.address, abs(order.trade))
    for found in (one for route in routes for one in _ways(route, order, market)):
        if isinstance(found, RouteRefused):
            refused.append(found)
            continue
        why = _over_limit(found.cost, notional, limits, None if forced else edge_usd_wad)
        if why is None:
            good.append(found)
        else:
            refused.append(RouteRefused(route=found.route, why=why))
    good.sort(key=lambda plan: (plan.cost.total_usd_wad, plan.route))
    return tuple(good), tuple(refused)


def _ways(route: HedgeRoute, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
    try:
        return route.plans(order, market)
    except InvalidInput as error:
        return (RouteRefused(route=type(route).__name__, why=str(error)),)


def _over_limit(cost: RouteCost, notional: int, limits: HedgeLimits, edge_usd_wad: int | None) -> str | None:
    if cost.slippage_usd_wad * BPS > notional * limits.max_slippage_bps:
        return (
            f"slippage: expected at most {limits.max_slippage_bps} bps of {notional // WAD} USD, found "
            f"{cost.slippage_usd_wad * BPS // max(notional, 1)} bps"
        )
    # Dearer gas in the next block and a price that moves a little are part of it: else nothing would be sent that is
    # mined, or what is mined would revert and cost its gas for nothing.
    total = cost.total_usd_wad + next_block_gas_usd_wad(cost.gas_usd_wad)
    if cost.gas_usd_wad:
        total += div_up(notional * _LEAST_ROOM_BPS, BPS)
    if total * BPS > notional * limits.max_cost_bps:
        return (
            f"cost: expected at most {limits.max_cost_bps} bps of {notional // WAD} USD, found "
            f"{total * BPS // max(notional, 1)} bps"
        )
    if edge_usd_wad is None or limits.min_profit_usd_wad is None:
        return None
    left = edge_usd_wad - cost.total_usd_wad
    if left < limits.min_profit_usd_wad:
        return (
            f"profit: expected at least {limits.min_profit_usd_wad / WAD:.2f} USD after the hedge, found "
            f"{left / WAD:.2f}"
        )
    return None
