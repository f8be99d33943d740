"""Fills on genuine contracts, hedged there, and a book that equals the chain to the unit after each."""

from __future__ import annotations

import pytest

from desk_bench.hedge_stage import HedgeStage
from pmm.domain import WETH
from pmm.execution.book import Origin
from pmm.execution.hedging import BandHedge, NoticeKind
from pmm.ledger import Ledger
from pmm.venues.aave import AaveShortRoute, CollateralBorrowRoute
from pmm.venues.uniswap import UniswapRoute
from tests.fork.hedging.conftest import PRICE_USD
from tests.fork.hedging.desk import ForkDesk

ETHER = 10**18


@pytest.mark.parametrize("direction", ["sells", "buys"])
def test_fill__is_hedged_by_a_swap__delta_is_back_in_its_band(
    stage: HedgeStage, ledger: Ledger, direction: str
) -> None:
    desk = ForkDesk.open(
        stage,
        ledger,
        routes=(UniswapRoute(stage.settlement),),
        strategy=BandHedge(inner=0, outer=ETHER // 100),
    )
    stage.fill(**{direction: 3 * ETHER}, price_usd=PRICE_USD)
    outcome = desk.turn()
    assert outcome.clean
    assert NoticeKind.DONE in [one.kind for one in desk.turn_notices()]
    assert desk.turn().clean
    exposure = desk.exposure(WETH.address)
    assert abs(exposure.delta) <= ETHER // 100
    assert desk.hedger.live_intents() == ()
