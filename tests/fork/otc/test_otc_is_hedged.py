"""A negotiated trade is hedged as any fill is: entered through the desk's admission, filled, followed, hedged."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from desk_bench.hedge_stage import HedgeStage
from desk_bench.taker_fills import TAKER
from pmm.domain import USDC, WETH, SigningKey, TakerTraits, encode_fill, settlement_domain
from pmm.execution import (
    AdmissionDesk,
    AnsweredQuote,
    ChainView,
    GuardedSigner,
    LaneNonces,
    QuoteDesk,
    SequentialNonces,
    Settlement,
    SigningMode,
)
from pmm.execution.hedging import BandHedge, NoticeKind
from pmm.execution.otc import OtcDesk, OtcPolicy, OtcTrade
from pmm.ledger import Ledger
from pmm.localnet.placement import ChainBuilder
from pmm.venues.uniswap import UniswapRoute
from tests.fork.hedging.conftest import PRICE_USD
from tests.fork.hedging.desk import ForkDesk
from tests.helpers.quoting import (
    ANVIL,
    FakeMarket,
    ManualClock,
    MemoryJournal,
    NoRandomness,
    chain_view,
    feed,
    lane_state,
    market,
    open_test_desk,
)

_ETHER, _MIL = 10**18, 10**15
_LANES = (0, 1, 2, 3)


def _view(now_s: int) -> ChainView:
    """Return the stage as the quote server would read it."""
    prices = ((WETH, PRICE_USD), (USDC, 1))
    feeds = {token.address: feed(token.symbol, usd * 10**8, updated_at_s=now_s - 60) for token, usd in prices}
    snapshot = market(eth_usd=PRICE_USD * 10**8, feeds=feeds, block_timestamp_s=now_s, chain_time_s=now_s)
    return chain_view(snapshot, lanes=tuple(lane_state(lane) for lane in _LANES), expiry_clock_s=now_s)


def _otc(stage: HedgeStage, key: SigningKey) -> OtcDesk:
    """Return the OTC desk of the stage's contract and signer."""
    shape = open_test_desk()
    admission = AdmissionDesk(
        policy=replace(
            shape.policy,
            maker=stage.settlement,
            domains={Settlement.PMM: settlement_domain(1, stage.settlement)},
        ),
        signer=GuardedSigner(key, mode=SigningMode.DEVELOPMENT, node=ANVIL),
        book=shape.book,
        router_nonces=SequentialNonces(0),
        lane_nonces=LaneNonces(key.address, dict.fromkeys(_LANES, 0)),
        random_bits=NoRandomness(),
    )
    desk = QuoteDesk(
        market=FakeMarket(_view(stage.now_s())),
        journal=MemoryJournal(),
        admission=admission,
        clock=ManualClock(),
    )
    return OtcDesk(desk, chain_id=1, policy=OtcPolicy(), new_id=lambda: "otc")


def test_otc__filled__is_hedged_back_into_the_band(stage: HedgeStage, ledger: Ledger) -> None:
    desk = ForkDesk.open(
        stage,
        ledger,
        routes=(UniswapRoute(stage.settlement),),
        strategy=BandHedge(inner=0, outer=10 * _MIL),
    )
    trade = OtcTrade(
        reference="T-1",
        counterparty="acme",
        taker=TAKER,
        maker_asset=USDC,
        taker_asset=WETH,
        making_amount=20 * (PRICE_USD - 5) * 10**6,
        taking_amount=20 * _ETHER,
        life_s=200,
    )
    answer = asyncio.run(_otc(stage, stage.signer).enter(trade))
    assert isinstance(answer, AnsweredQuote), answer
    data = encode_fill(
        answer.firm.signed_order,
        amount=trade.taking_amount,
        taker_traits=TakerTraits(threshold=trade.making_amount),
    )
    desk.turn()
    with ChainBuilder(stage.rpc) as chain:
        chain.send(stage.settlement, data, sender=TAKER)
    desk.take_in(desk.market())
    assert desk.exposure(WETH.address).delta == 20 * _ETHER
    desk.clean_turns(2)
    assert [notice.kind for notice in desk.notices] == [NoticeKind.DONE]
    assert abs(desk.exposure(WETH.address).delta) <= 10 * _MIL
