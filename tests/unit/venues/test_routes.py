"""What each route costs, plans and refuses, to the unit where units are exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.abi import decode_result
from pmm.chain.sender import FeePolicy, GasMarket
from pmm.domain import USDC, WBTC, WETH, Address, parse_address
from pmm.domain.hook_payloads import InventorySource
from pmm.errors import InvalidInput
from pmm.execution.hedging import (
    ChargeKind,
    ContractCall,
    HedgeLimits,
    HedgeMarket,
    HedgeOrder,
    HedgePool,
    PerpOrder,
    ReportState,
    RoutePlan,
    RouteRefused,
    rank,
)
from pmm.execution.hedging.routes import RouteCost
from pmm.ledger import open_ledger
from pmm.pricing import DepthCurve, PerpQuote
from pmm.pricing.hedge_venues import LendingReading
from pmm.pricing.tick_map import TickMap
from pmm.pricing.tick_math import sqrt_ratio_at_tick_x96
from pmm.venues.aave import AaveShortRoute, CollateralBorrowRoute, LendingContracts
from pmm.venues.paper import PaperPerp, PerpBook, PerpRoute
from pmm.venues.uniswap import UniswapRoute
from tests.helpers.hedging import ETHER, LENDING, PRICE_USD_E36, SETTLEMENT

DELTA = Address("0x00000000000000000000000000000000000000A3")
CONTRACTS = LendingContracts(settlement=SETTLEMENT, lending_account=LENDING, delta_hedger=DELTA)
_WAD = 10**18
# USDC is token0 of the pair; at tick 196250 a WETH is about 3,001 USDC.
_TICK = 196_250


def pool(fee_pips: int = 500, liquidity: int = 10**20) -> HedgePool:
    return HedgePool(
        address=Address("0x00000000000000000000000000000000000000c1"),
        token0=USDC,
        token1=WETH,
        fee_pips=fee_pips,
        state=TickMap(
            sqrt_x96=sqrt_ratio_at_tick_x96(_TICK),
            tick=_TICK,
            liquidity=liquidity,
            fee_pips=fee_pips,
            tick_spacing=10,
            ticks=(190_000, 200_000),
            net_liquidity=(liquidity, -liquidity),
            lowest_tick=190_000,
            highest_tick=200_000,
        ),
    )


def lending(token: Address, **changes: int) -> LendingReading:
    fields = {
        "supplied": 0,
        "liquidity": 10**24,
        "supply_rate_wad": 0,
        "borrow_rate_wad": 5 * 10**16,
        "collateral_usd_wad": 0,
        "debt_usd_wad": 0,
        "borrow_power_usd_wad": 0,
        "collateral_factor_wad": 78 * 10**16,
        "health_floor_wad": 11 * 10**17,
        "debt_cap_usd_wad": 10**7 * _WAD,
        **changes,
    }
    return LendingReading(
        market="aave_v3",
        token=token,
        withdraw_source=InventorySource.AAVE_WITHDRAW,
        borrow_source=InventorySource.AAVE_BORROW,
        **fields,
    )


def market(**changes: object) -> HedgeMarket:
    fields: dict[str, object] = {
        "block_number": 1,
        "at_s": 1_000,
        "gas_price_wei": 10**9,
        "native": WETH.address,
        "usd_per_unit_e36": PRICE_USD_E36,
        "inventory": {WETH.address: 10 * ETHER, USDC.address: 10**11},
        "pools": (pool(),),
        "lending": (lending(WETH.address), lending(USDC.address)),
        "debts": {},
        **changes,
    }
    return HedgeMarket(**fields)  # type: ignore[arg-type]


def order(trade: int, *, max_cost_bps: int = 10_000) -> HedgeOrder:
    return HedgeOrder(
        asset=WETH,
        quote=USDC,
        trade=trade,
        max_slippage_bps=30,
        max_cost_bps=max_cost_bps,
        holding_s=3_600,
    )


def only(found: Sequence[RoutePlan | RouteRefused]) -> RoutePlan:
    assert len(found) == 1
    plan = found[0]
    assert isinstance(plan, RoutePlan), plan
    return plan


def why(found: Sequence[RoutePlan | RouteRefused]) -> str:
    assert len(found) == 1
    one = found[0]
    assert isinstance(one, RouteRefused), one
    return one.why


@pytest.mark.parametrize("trade", [-ETHER, ETHER])
def test_swap__amounts_are_the_pools_own__and_costs_add_up(trade: int) -> None:
    plan = only(UniswapRoute(SETTLEMENT).plans(order(trade), market()))
    (leg,) = plan.legs
    assert isinstance(leg.call, ContractCall)
    token_in, _, paid, least, _, _ = decode_result(
        ("address", "address", "uint256", "uint256", "uint256", "bytes"), leg.call.data[4:]
    )
    state = pool().state
    if trade < 0:
        out = state.out_for_in(ETHER, zero_for_one=False)
        assert (paid, token_in) == (ETHER, WETH.address.lower())
    else:
        out = ETHER
        assert (paid, token_in) == (state.in_for_out(ETHER, zero_for_one=True), USDC.address.lower())
    assert out is not None
    assert least == -(-out * 9_970 // 10_000)
    cost = plan.cost
    assert cost.fee_usd_wad >= 1_4 * 10**17
    assert cost.total_usd_wad == cost.fee_usd_wad + cost.slippage_usd_wad + cost.gas_usd_wad
    assert cost.gas_usd_wad == 173_000 * 10**9 * 3_000


def test_swap__more_than_is_in_stock__is_refused() -> None:
    assert "in stock" in why(UniswapRoute(SETTLEMENT).plans(order(-11 * ETHER), market()))


def test_swap__pool_too_shallow__is_refused__and_other_pairs_are_passed_over() -> None:
    shallow = market(pools=(pool(liquidity=10**9),))
    assert "shallow" in why(UniswapRoute(SETTLEMENT).plans(order(-ETHER), shallow))
    assert UniswapRoute(SETTLEMENT).plans(order(-ETHER), market(pools=())) == ()


def test_short__margin_makes_the_target_health() -> None:
    plan = only(AaveShortRoute(CONTRACTS).plans(order(-ETHER), market()))
    move, short = plan.legs
    assert isinstance(move.call, ContractCall)
    assert isinstance(short.call, ContractCall)
    assert (move.call.to, short.call.to) == (SETTLEMENT, DELTA)
    assert len(move.undo) == 1
    _, _, size, _, margin, _ = decode_result(("address",) * 2 + ("uint256",) * 4, short.call.data[4:])
    proceeds = pool().state.out_for_in(ETHER, zero_for_one=False)
    assert proceeds is not None
    assert size == ETHER
    debt_usd = 3_000
    assert (proceeds + margin) * 0.78 / 1e6 / debt_usd == pytest.approx(1.6, abs=1e-5)
    assert plan.cost.interest_usd_wad == pytest.approx(3_000 * 0.05 / 8_760 * 1e18, rel=1e-3)


def test_short__collateral_enough__needs_no_margin_leg() -> None:
    rich = lending(WETH.address, collateral_usd_wad=10**6 * _WAD)
    plan = only(AaveShortRoute(CONTRACTS).plans(order(-ETHER), market(lending=(rich, lending(USDC.address)))))
    assert len(plan.legs) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lending": ()}, "no reading"),
        ({"lending": (lending(WETH.address, liquidity=1), lending(USDC.address))}, "to be lent"),
        ({"lending": (lending(WETH.address, debt_cap_usd_wad=_WAD), lending(USDC.address))}, "of debt"),
        ({"inventory": {}}, "as margin"),
    ],
)
def test_short__what_is_missing__is_said(changes: dict[str, object], said: str) -> None:
    assert said in why(AaveShortRoute(CONTRACTS).plans(order(-ETHER), market(**changes)))


def test_close_short__up_to_the_debt__beyond_it_refused() -> None:
    owes = market(debts={("aave_v3", WETH.address): ETHER})
    plan = only(AaveShortRoute(CONTRACTS).plans(order(ETHER), owes))
    assert len(plan.legs) == 1
    assert "expected a debt" in why(AaveShortRoute(CONTRACTS).plans(order(ETHER + 1), owes))


def test_collateral_borrow__two_legs_with_a_way_back__sells_only() -> None:
    rich = lending(WETH.address, collateral_usd_wad=10**6 * _WAD)
    plan = only(
        CollateralBorrowRoute(CONTRACTS).plans(order(-ETHER), market(lending=(rich, lending(USDC.address))))
    )
    borrow, swap = plan.legs
    assert [len(borrow.undo), len(swap.undo)] == [2, 0]
    assert CollateralBorrowRoute(CONTRACTS).plans(order(ETHER), market()) == ()
    assert "lacks" in why(CollateralBorrowRoute(CONTRACTS).plans(order(-ETHER), market()))


def perp_quote(**changes: int) -> PerpQuote:
    fields = {"fee_pips": 450, "funding_rate_e36_per_hour": 10**31, "observed_at_s": 995, "max_age_s": 10}
    return PerpQuote(
        venue="paper",
        taker_asset=WETH.address,
        maker_asset=USDC.address,
        depth=DepthCurve(knots=((ETHER, 2_999 * 10**6), (3 * ETHER, 8_990 * 10**6))),
        **{**fields, **changes},
    )


def test_perp__fee_slippage_and_funding__in_full() -> None:
    plan = only(PerpRoute("paper").plans(order(-2 * ETHER), market(perps=(perp_quote(),))))
    # 2,999 and half of the next 5,991.
    assert plan.cost.slippage_usd_wad == (6_000 - 5_994_500_000 / 10**6) * 10**18
    assert plan.cost.fee_usd_wad == 6_000 * 450 * 10**12
    assert plan.cost.funding_usd_wad == 6_000 * 10**18 // 10**5
    paid_to_us = market(perps=(perp_quote(funding_rate_e36_per_hour=-(10**31)),))
    assert only(PerpRoute("paper").plans(order(-ETHER), paid_to_us)).cost.funding_usd_wad == 0


def test_perp__old_or_shallow_quote__is_refused() -> None:
    old = market(perps=(perp_quote(observed_at_s=0),))
    assert "at most 10 s" in why(PerpRoute("paper").plans(order(-ETHER), old))
    assert "shallow" in why(PerpRoute("paper").plans(order(-4 * ETHER), market(perps=(perp_quote(),))))
    assert PerpRoute("paper").plans(order(ETHER), market(perps=(perp_quote(),))) == ()


def test_ranking__full_cost_decides__limits_refuse() -> None:
    routes = (UniswapRoute(SETTLEMENT), AaveShortRoute(CONTRACTS), PerpRoute("paper"))
    cheap = market(pools=(pool(3_000), pool(500)), perps=(perp_quote(),))
    good, _ = rank(routes, order(-ETHER), cheap, HedgeLimits(), edge_usd_wad=0)
    assert {one.route for one in good[1:]} == {
        "aave_short_500",
        "perp_paper",
        "uniswap_v3_3000",
        "aave_short_3000",
    }
    assert good[0].route == "uniswap_v3_500"
    costs = [one.cost.total_usd_wad for one in good]
    assert costs == sorted(costs)
    none, refused = rank(routes, order(-ETHER), cheap, HedgeLimits(max_cost_bps=0), edge_usd_wad=0)
    assert none == ()
    assert all("cost: expected at most 0 bps" in one.why for one in refused)
    dear = replace(cheap, gas_price_wei=10**12)
    by_gas, _ = rank(routes, order(-ETHER), dear, HedgeLimits(), edge_usd_wad=0)
    assert [one.route for one in by_gas] == ["perp_paper"]


def test_ranking__a_route_lacks_a_price__is_refused_with_its_reason_and_the_others_stand() -> None:
    routes = (UniswapRoute(SETTLEMENT), AaveShortRoute(CONTRACTS), PerpRoute("paper"))
    # Gas cannot be valued: what costs none can still be judged.
    blind = market(native=WBTC.address, unpriced={WBTC.address: "BTC / USD is stale"}, perps=(perp_quote(),))
    good, refused = rank(routes, order(-ETHER), blind, HedgeLimits(), edge_usd_wad=0)
    assert [one.route for one in good] == ["perp_paper"]
    assert {one.route for one in refused} == {"UniswapRoute", "AaveShortRoute"}
    assert all("BTC / USD is stale" in one.why for one in refused)
    with pytest.raises(InvalidInput, match="expected a price"):
        rank(routes, order(-ETHER), market(usd_per_unit_e36={}), HedgeLimits(), edge_usd_wad=0)


class _Costs:
    """A way that costs this much."""

    def __init__(self, **cost: int) -> None:
        self._cost = RouteCost(**cost)

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan]:
        return (RoutePlan(route="fixed", legs=(), cost=self._cost),)


def _accepted(**cost: int) -> bool:
    """Tell whether a hedge of 3,000 dollars may cost that much with a limit of 50 bps: 15 dollars."""
    return bool(rank((_Costs(**cost),), order(-ETHER), market(), HedgeLimits(), edge_usd_wad=0)[0])


def test_ranking__leg_that_costs_gas__has_room_for_the_next_block_and_a_basis_point_of_the_price() -> None:
    # 8 dollars of gas may be 9 in the next block, and a basis point of 3,000 dollars is 30 cents.
    gas, rest = 8 * _WAD, 5_700 * _WAD // 1_000
    assert _accepted(gas_usd_wad=gas, fee_usd_wad=rest)
    assert not _accepted(gas_usd_wad=gas, fee_usd_wad=rest + 1)
    # What costs no gas is not sent to the chain: nothing moves between plan and block.
    assert _accepted(fee_usd_wad=15 * _WAD)
    assert not _accepted(fee_usd_wad=15 * _WAD + 1)


def test_ranking__gas_that_is_accepted__leaves_each_leg_that_room() -> None:
    gas, rest = 8 * _WAD, 5_700 * _WAD // 1_000
    within = order(-ETHER, max_cost_bps=50)
    cost = RouteCost(gas_usd_wad=gas, fee_usd_wad=rest)
    room = within.room(cost, market())
    assert room.gas_usd_wad >= gas // 8
    assert within.slippage_bps(cost, market(), 3_000 * _WAD) >= 1


@given(
    base_fee=st.integers(8, 300 * 10**9),
    tip=st.integers(0, 20 * 10**9),
    sold=st.integers(1, 20_000),
    max_cost_bps=st.integers(1, 200),
)
def test_ranking__whatever_is_accepted__is_sent_by_the_look_it_was_planned_by(
    base_fee: int, tip: int, sold: int, max_cost_bps: int
) -> None:
    policy, gas = FeePolicy(cap_wei=10**13), GasMarket(base_fee_wei=base_fee, priority_fee_wei=tip)
    now = market(gas_price_wei=policy.price_wei(gas), inventory={WETH.address: 100 * ETHER})
    wanted = order(-sold * ETHER // 1_000, max_cost_bps=max_cost_bps)
    limits = HedgeLimits(max_cost_bps=max_cost_bps, max_slippage_bps=10_000)
    good, _ = rank((UniswapRoute(SETTLEMENT),), wanted, now, limits, edge_usd_wad=0)
    for plan in good:
        call = plan.bounded(wanted, now, last_block=9).legs[0].call
        assert isinstance(call, ContractCall)
        assert policy.first(gas, cap_wei=call.gas_price_cap_wei) is not None


def test_paper_perp__fills_within_the_limit_once__and_remembers(tmp_path: object) -> None:
    ledger = open_ledger(f"{tmp_path}/ledger.sqlite", chain_id=1, maker=SETTLEMENT)
    venue = PaperPerp(ledger)
    venue.books[WETH.address] = PerpBook(
        bid_usd_e36=2_999 * 10**18, ask_usd_e36=3_001 * 10**18, bid_size=5 * ETHER, ask_size=5 * ETHER
    )

    def sell(amount: int, limit: int = 2_990) -> PerpOrder:
        return PerpOrder(
            venue="paper", asset=WETH.address, amount=amount, limit_usd_e36=limit * 10**18, purpose="test"
        )

    for _ in range(2):
        assert venue.submit("a", sell(-ETHER)).filled == -ETHER
    assert venue.submit("b", sell(-ETHER, limit=3_000)).state is ReportState.REFUSED
    assert venue.submit("c", sell(-6 * ETHER)).state is ReportState.REFUSED
    assert venue.report("d").state is ReportState.ABSENT
    again = PaperPerp(ledger)
    (position,) = again.positions()
    assert (position.amount, position.entry_usd_e36) == (-ETHER, 2_999 * 10**18)
    ledger.close()


def test_paper_perp__funding_and_fees__are_charged_once_with_their_sign(tmp_path: object) -> None:
    ledger = open_ledger(f"{tmp_path}/ledger.sqlite", chain_id=1, maker=SETTLEMENT)
    venue = PaperPerp(ledger)
    price = 3_000 * 10**18
    venue.books[WETH.address] = PerpBook(
        bid_usd_e36=price, ask_usd_e36=price, bid_size=5 * ETHER, ask_size=5 * ETHER
    )
    venue.fund(WETH.address, 10**31, 0, 3_600)
    assert venue.charges() == ()
    order = PerpOrder(venue="paper", asset=WETH.address, amount=-2 * ETHER, limit_usd_e36=price, purpose="t")
    venue.submit("a", order)
    # Longs pay a short a thousandth of 6,000 dollars for two hours of half of it each; then the short pays.
    for rate, until_s in ((5 * 10**32, 7_200), (5 * 10**32, 7_200), (-(10**33), 10_800)):
        venue.fund(WETH.address, rate, until_s - 3_600 * (1 + (rate > 0)), until_s)
    found = PaperPerp(ledger).charges()
    assert [(one.kind, one.usd_wad) for one in found] == [
        (ChargeKind.FEE, -27 * 10**17),
        (ChargeKind.FUNDING, 6 * 10**18),
        (ChargeKind.FUNDING, -6 * 10**18),
    ]
    assert len({one.key for one in found}) == 3
    ledger.close()


def test_ranking__slippage_beyond_its_limit__is_refused_whatever_it_costs() -> None:
    # The pool asks about 3,001 for a WETH of 3,000: three basis points.
    routes = (UniswapRoute(SETTLEMENT),)
    limits = HedgeLimits(max_slippage_bps=1, max_cost_bps=10_000)
    good, (refused,) = rank(routes, order(ETHER), market(), limits, edge_usd_wad=0)
    assert good == ()
    assert "slippage: expected at most 1 bps" in refused.why
    good, _ = rank(routes, order(ETHER), market(), HedgeLimits(max_cost_bps=10_000), edge_usd_wad=0)
    assert len(good) == 1


def test_close_short__pays_at_most_what_the_pool_asks_and_the_slippage() -> None:
    owes = market(debts={("aave_v3", WETH.address): ETHER})
    (leg,) = only(AaveShortRoute(CONTRACTS).plans(order(ETHER), owes)).legs
    assert isinstance(leg.call, ContractCall)
    _, _, size, most, _ = decode_result(("address",) * 2 + ("uint256",) * 3, leg.call.data[4:])
    asked = pool().state.in_for_out(ETHER, zero_for_one=True)
    assert asked is not None
    assert (size, most) == (ETHER, asked * 10_030 // 10_000)


def test_short__contract_holds_a_health_of_1_54() -> None:
    short = only(AaveShortRoute(CONTRACTS).plans(order(-ETHER), market())).legs[-1]
    assert isinstance(short.call, ContractCall)
    *_, plan = decode_result(("address",) * 2 + ("uint256",) * 4, short.call.data[4:])
    assert plan % 2**216 == 154 * 10**16


@pytest.mark.parametrize(("trade", "usd", "bps"), [(-ETHER, 2_999, 9_970), (ETHER, 3_001, 10_030)])
def test_perp__worst_price__is_the_expected_one_and_the_slippage_against_us(
    trade: int, usd: int, bps: int
) -> None:
    quote = perp_quote()
    if trade > 0:
        knots = ((usd * 10**6, ETHER),)
        quote = replace(
            quote, taker_asset=USDC.address, maker_asset=WETH.address, depth=DepthCurve(knots=knots)
        )
    (leg,) = only(PerpRoute("paper").plans(order(trade), market(perps=(quote,)))).legs
    assert isinstance(leg.call, PerpOrder)
    assert (leg.call.amount, leg.call.limit_usd_e36) == (trade, usd * 10**18 * bps // 10_000)


def worst_usd_wad(call: ContractCall, seen: HedgeMarket) -> int:
    """What a swap costs at the least output and the gas price that its call accepts."""
    token_in, token_out, paid, least, _, _ = decode_result(
        ("address", "address", "uint256", "uint256", "uint256", "bytes"), call.data[4:]
    )
    assert call.gas_price_cap_wei is not None
    lost = seen.value_up(parse_address(token_in), paid) - seen.value_down(parse_address(token_out), least)
    return lost + seen.value_up(seen.native, call.gas_units * call.gas_price_cap_wei)


@given(
    sells=st.booleans(),
    milliether=st.integers(50, 10_000),
    gwei_tenths=st.integers(1, 500),
    max_cost_bps=st.integers(1, 300),
)
def test_swap__at_the_worst_that_its_call_accepts__costs_at_most_the_limit(
    sells: bool, milliether: int, gwei_tenths: int, max_cost_bps: int
) -> None:
    size = milliether * 10**15
    asked = order(-size if sells else size, max_cost_bps=max_cost_bps)
    seen = market(gas_price_wei=gwei_tenths * 10**8)
    limits = HedgeLimits(max_cost_bps=max_cost_bps)
    good, _ = rank((UniswapRoute(SETTLEMENT),), asked, seen, limits, edge_usd_wad=0)
    for plan in good:
        call = plan.bounded(asked, seen, last_block=9).legs[0].call
        assert isinstance(call, ContractCall)
        assert worst_usd_wad(call, seen) * 10_000 <= size * 3_000 * max_cost_bps
        # The next block's gas never stops what was planned.
        assert call.gas_price_cap_wei is not None
        assert call.gas_price_cap_wei * 8 >= seen.gas_price_wei * 9


def test_swap__room_enough__gas_may_triple_and_slippage_is_its_own_limit() -> None:
    asked = order(-ETHER, max_cost_bps=60)
    plan = only(UniswapRoute(SETTLEMENT).plans(asked, market()))
    call = plan.bounded(asked, market(), last_block=9).legs[0].call
    assert isinstance(call, ContractCall)
    assert (call.last_block, call.gas_price_cap_wei) == (9, 3 * 10**9)
    out = pool().state.out_for_in(ETHER, zero_for_one=False)
    assert out is not None
    assert f"at least {-(-out * 9_970 // 10_000)} of" in call.purpose


@pytest.mark.parametrize("trade", [-ETHER, ETHER])
def test_names__of_every_way_that_is_planned_or_refused__are_known_beforehand(trade: int) -> None:
    now = market(
        pools=(pool(3_000), pool(500)), perps=(perp_quote(),), debts={("aave_v3", WETH.address): 2 * ETHER}
    )
    routes = (UniswapRoute(SETTLEMENT), AaveShortRoute(CONTRACTS), CollateralBorrowRoute(CONTRACTS))
    for route in (*routes, PerpRoute("paper")):
        names = route.names((3_000, 500))
        assert {one.route for one in route.plans(order(trade), now)} <= set(names)
        assert len(set(names)) == len(names)
