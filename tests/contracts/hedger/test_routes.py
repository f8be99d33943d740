"""Two fills in one transaction: the route of the first serves the first alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.domain import FundingSource, HedgeLeg
from tests.contracts.hedger.funded_fills import decode_error
from tests.contracts.hedger.hedges import HEDGES, ONE_PER_SOURCE, Hedge

ROUTED = tuple(hedge for hedge in HEDGES if hedge.pools or hedge.closed_on is HedgeLeg.SIGNED_ORDER)
ROUTE_LENGTH = {HedgeLeg.UNISWAP_V3_PATH: 26, HedgeLeg.SIGNED_ORDER: 320}


@pytest.mark.parametrize("hedge", ROUTED, ids=str)
def test_fund_fill__second_fill_brings_no_route__is_refused(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, error_types: Any
) -> None:
    fill = sell_weth(hedge)
    without = mock_settlement.fund.encode_input(replace(fill, route=b"").arguments())

    mock_settlement.fundThenCall(fill.arguments(), mock_settlement, without, sender=taker)

    assert not mock_settlement.succeeded()
    refusal = decode_error(error_types, bytes(mock_settlement.answer()))
    assert refusal == ("InvalidRoute", ROUTE_LENGTH[hedge.closed_on], 0)
    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("second", ROUTED, ids=str)
def test_fund_fill__second_fill_brings_a_route_of_its_own__is_closed_on_that(
    second: Hedge,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    balance_of: Any,
) -> None:
    """The first is closed on pools that the second does not touch, so that its cost stands."""
    pools = 2 if second.pools == 3 else 3
    first = sell_weth(Hedge(source=FundingSource.UNISWAP_V3_SWAP, leg=HedgeLeg.UNISWAP_V3_PATH, pools=pools))
    fill = sell_weth(second)
    again = mock_settlement.fund.encode_input(fill.arguments())
    before = balance_of(fill.maker_asset, taker)

    mock_settlement.fundThenCall(first.arguments(), mock_settlement, again, sender=taker)

    assert mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit
    assert balance_of(fill.maker_asset, taker) - before == 2 * fill.making_amount


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__any_two_fills_in_one_transaction__both_settle(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, balance_of: Any
) -> None:
    first, second = (sell_weth(hedge, profit=20 * 10**6) for _ in range(2))
    again = mock_settlement.fund.encode_input(second.arguments())
    before = balance_of(first.maker_asset, taker)

    mock_settlement.fundThenCall(first.arguments(), mock_settlement, again, sender=taker)

    assert mock_settlement.succeeded()
    assert balance_of(first.maker_asset, taker) - before == 2 * first.making_amount
    assert balance_of(first.maker_asset, probed) == balance_of(first.taker_asset, probed) == 0
