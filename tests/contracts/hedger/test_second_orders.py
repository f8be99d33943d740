"""Closing on somebody else's RFQ order, which 1inch's genuine contract settles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.domain import USDC, WBTC, WETH, Address, FundingSource, HedgeLeg, MakerTraits, lender_route
from tests.contracts.hedger.funded_fills import ONE_WETH, FundedFill, moved
from tests.contracts.hedger.hedges import HEDGES, Hedge
from tests.contracts.hedger.second_orders import OrderMaker, cost_of, fill_on_router

ON_ORDERS = tuple(hedge for hedge in HEDGES if hedge.closed_on is HedgeLeg.SIGNED_ORDER)
TAKING = 3_000 * 10**6
pytestmark = [pytest.mark.usefixtures("probed"), pytest.mark.parametrize("hedge", ON_ORDERS, ids=str)]


@pytest.fixture
def with_order(sell_weth: Any, order_maker: OrderMaker, mock_lender: Any) -> Callable[..., FundedFill]:
    """A fill of 1 WETH for 3,300 USDC whose route is that order."""

    def _with(hedge: Hedge, order: Any, route: bytes = b"") -> FundedFill:
        fill: FundedFill = sell_weth(hedge)
        route = route or order_maker.route(order)
        if hedge.source is FundingSource.ERC3156_LOAN:
            route = lender_route(Address(mock_lender.address), route)
        cost = cost_of(order, fill.making_amount + fill.fee)
        return replace(fill, route=route, cost=cost, taking_amount=TAKING * 11 // 10)

    return _with


@pytest.fixture
def refusal(mock_settlement: Any, taker: Any, refusal_of: Any) -> Callable[[FundedFill], tuple[Any, ...]]:
    return lambda fill: refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)


def test_fund_fill__the_whole_order__pays_what_it_asks(
    hedge: Hedge,
    with_order: Any,
    sell_weth: Any,
    order_maker: OrderMaker,
    mock_settlement: Any,
    taker: Any,
    balance_of: Any,
) -> None:
    whole = ONE_WETH + sell_weth(hedge).fee
    fill = with_order(hedge, order_maker.order(WETH.address, USDC.address, whole, TAKING))

    def read() -> dict[str, int]:
        tokens = {"WETH": WETH.address, "USDC": USDC.address}
        return {name: balance_of(token, order_maker.address) for name, token in tokens.items()}

    before = read()

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert moved(before, read()) == {"WETH": -whole, "USDC": TAKING}
    assert mock_settlement.profit() == fill.taking_amount - TAKING


@pytest.mark.parametrize("extra", [1, 7, ONE_WETH - 1, 10**21])
def test_fund_fill__part_of_the_order__pays_rounded_up_as_1inch_does(
    extra: int,
    hedge: Hedge,
    with_order: Any,
    order_maker: OrderMaker,
    mock_settlement: Any,
    probed_hedger: Any,
    taker: Any,
    sell_weth: Any,
    balance_of: Any,
) -> None:
    amount = ONE_WETH + sell_weth(hedge).fee
    making = amount + extra
    order = order_maker.order(WETH.address, USDC.address, making, TAKING * making // amount + 1)
    fill = with_order(hedge, order)
    before = balance_of(USDC.address, order_maker.address)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(USDC.address, order_maker.address) - before == fill.cost
    assert mock_settlement.profit() == fill.profit
    assert balance_of(USDC.address, probed_hedger) == balance_of(WETH.address, probed_hedger) == 0


def test_fund_fill__order_one_unit_too_small__reverts(
    hedge: Hedge, with_order: Any, sell_weth: Any, order_maker: OrderMaker, refusal: Any
) -> None:
    wanted = ONE_WETH + sell_weth(hedge).fee
    order = order_maker.order(WETH.address, USDC.address, wanted - 1, TAKING)

    found = refusal(with_order(hedge, order))

    assert found == ("PoolTooShallow", ONEINCH_ROUTER.lower(), wanted, wanted - 1)


def test_fund_fill__order_of_other_assets__reverts(
    hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any
) -> None:
    for maker_asset, taker_asset in (
        (USDC.address, WETH.address),
        (WBTC.address, USDC.address),
        (WETH.address, WBTC.address),
    ):
        order = order_maker.order(maker_asset, taker_asset, 10 * ONE_WETH, TAKING)

        found = refusal(with_order(hedge, order))

        assert found == ("ForeignOrder", int(maker_asset, 16), int(taker_asset, 16))


@pytest.mark.parametrize("word", [3, 4])
def test_fund_fill__asset_word_with_dirt_above_the_address__reverts(
    word: int, hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any
) -> None:
    order = order_maker.order(WETH.address, USDC.address, 10 * ONE_WETH, TAKING)
    route = bytearray(order_maker.route(order))
    route[word * 32 + 11] = 1

    found = refusal(with_order(hedge, order, bytes(route)))

    dirt = [1 << 160 if at == word else 0 for at in (3, 4)]
    assert found == ("ForeignOrder", int(WETH.address, 16) + dirt[0], int(USDC.address, 16) + dirt[1])


def test_fund_fill__order_expired__reverts(
    hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any, now_s: Any
) -> None:
    amounts = (10 * ONE_WETH, 10 * TAKING)
    order = order_maker.order(WETH.address, USDC.address, *amounts, expiration_s=now_s() - 1)

    assert refusal(with_order(hedge, order)) == ("OrderExpired",)


def test_fund_fill__order_filled_before__reverts(
    hedge: Hedge,
    with_order: Any,
    order_maker: OrderMaker,
    refusal: Any,
    taker: Any,
    tokens: Any,
    rpc: Any,
) -> None:
    order = order_maker.order(WETH.address, USDC.address, 10 * ONE_WETH, 10 * TAKING)
    fill = with_order(hedge, order)
    tokens[USDC.address].approve(ONEINCH_ROUTER, 2**255, sender=taker)
    request = {
        "from": taker.address,
        "to": ONEINCH_ROUTER,
        "data": "0x" + fill_on_router(order, order_maker.route(order), ONE_WETH).hex(),
    }
    assert rpc.call("eth_sendTransactionSync", request)["status"] == "0x1"

    assert refusal(fill) == ("BitInvalidatedOrder",)


def test_fund_fill__order_that_nobody_signed__reverts(
    hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any
) -> None:
    order = order_maker.order(WETH.address, USDC.address, 10 * ONE_WETH, 10 * TAKING)
    cheaper = replace(order, taking_amount=10 * TAKING - 1)
    route = cheaper.encode() + order_maker.route(order)[256:]

    assert refusal(with_order(hedge, cheaper, route)) == ("BadSignature",)


def test_fund_fill__part_of_an_order_that_is_all_or_nothing__reverts(
    hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any
) -> None:
    amounts = (10 * ONE_WETH, 10 * TAKING)
    order = order_maker.order(WETH.address, USDC.address, *amounts, no_partial_fills=True)

    assert refusal(with_order(hedge, order)) == ("PartialFillNotAllowed",)


def test_fund_fill__order_for_one_filler__fills_where_that_is_the_hedger(
    hedge: Hedge,
    with_order: Any,
    order_maker: OrderMaker,
    refusal: Any,
    mock_settlement: Any,
    probed_hedger: Any,
    taker: Any,
) -> None:
    def order_for(filler: Any) -> Any:
        order = order_maker.order(WETH.address, USDC.address, 10 * ONE_WETH, 10 * TAKING)
        traits = replace(MakerTraits.decode(order.maker_traits), allowed_sender=int(filler.address[-20:], 16))
        return replace(order, maker_traits=traits.encode())

    assert refusal(with_order(hedge, order_for(taker))) == ("PrivateOrder",)
    fill = with_order(hedge, order_for(probed_hedger))

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit


def test_fund_fill__maker_of_the_order_cannot_deliver__reverts(
    hedge: Hedge, with_order: Any, order_maker: OrderMaker, refusal: Any, deal: Any
) -> None:
    order = order_maker.order(WETH.address, USDC.address, 10 * ONE_WETH, 10 * TAKING)
    deal(WETH.address, order_maker.address, ONE_WETH - 1)

    assert refusal(with_order(hedge, order)) == ("TransferFromMakerToTakerFailed",)
