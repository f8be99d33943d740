"""Fills on genuine contracts, hedged there, and a book that equals the chain to the unit after each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk_bench.hedge_stage import HedgeStage
from pmm.domain import USDC, WETH, keccak256
from pmm.execution.book import Cause, Origin
from pmm.execution.hedging import BandHedge, LegState, NoticeKind
from pmm.ledger import Ledger
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price
from pmm.venues.aave import AaveShortRoute, CollateralBorrowRoute
from pmm.venues.uniswap import UniswapRoute
from tests.fork.hedging.conftest import PRICE_USD
from tests.fork.hedging.desk import ForkDesk

ETHER = 10**18
MIL = ETHER // 1_000


def _kinds(desk: ForkDesk) -> list[NoticeKind]:
    return [one.kind for one in desk.notices]


@pytest.mark.parametrize("direction", ["sells", "buys"])
def test_fill__is_hedged_by_a_swap__delta_is_back_in_its_band(
    stage: HedgeStage, ledger: Ledger, direction: str
) -> None:
    routes = (UniswapRoute(stage.settlement),)
    desk = ForkDesk.open(stage, ledger, routes=routes, strategy=BandHedge(inner=0, outer=10 * MIL))
    sells, buys = (3 * ETHER, 0) if direction == "sells" else (0, 3 * ETHER)
    stage.taker.fill(sells=sells, buys=buys, price_usd=PRICE_USD)
    desk.clean_turns(2)
    assert _kinds(desk) == [NoticeKind.DONE]
    assert abs(desk.exposure(WETH.address).delta) <= 10 * MIL
    assert desk.exposure(WETH.address).delta == desk.hedger.open_delta(WETH.address)
    assert desk.hedger.live_intents() == ()


def test_short__opened_by_one_fill_and_closed_by_another__on_aave(stage: HedgeStage, ledger: Ledger) -> None:
    desk = ForkDesk.open(stage, ledger, routes=(AaveShortRoute(stage.lending),))
    stage.taker.fill(buys=4 * ETHER, price_usd=PRICE_USD)
    # Margin first, then the short: two legs, each in a turn of its own.
    desk.clean_turns(3)
    exposure = desk.exposure(WETH.address)
    assert exposure.by_origin[Origin.LENDING_DEBT] == -4 * ETHER
    assert exposure.delta == 0
    assert desk.exposure(USDC.address).by_origin[Origin.LENDING_SUPPLY] > 10_000 * 10**6
    health = ChainBuilder(stage.rpc).read(stage.lending.lending_account, "health(uint256)", 1)
    assert health >= 159 * 10**16
    # Interest accrues, exactly as the market says, and is no alert.
    stage.rpc.call("anvil_mine", "0x32", "0xc")
    later = desk.turn()
    assert later.clean
    assert any(one.amount for one in later.interest)
    assert desk.exposure(WETH.address).by_origin[Origin.LENDING_DEBT] < -4 * ETHER
    stage.taker.fill(sells=4 * ETHER, price_usd=PRICE_USD)
    desk.clean_turns(3)
    assert -MIL < desk.exposure(WETH.address).by_origin.get(Origin.LENDING_DEBT, 0) < 0
    assert abs(desk.exposure(WETH.address).delta) < MIL
    assert _kinds(desk) == [NoticeKind.DONE, NoticeKind.DONE]


def test_collateral_borrow__lends_and_sells(stage: HedgeStage, ledger: Ledger) -> None:
    desk = ForkDesk.open(stage, ledger, routes=(CollateralBorrowRoute(stage.lending),))
    stage.taker.fill(buys=2 * ETHER, price_usd=PRICE_USD)
    desk.turn()
    assert _kinds(desk) == [NoticeKind.NO_ROUTE]
    assert "collateral lacks" in desk.notices[0].detail
    _supply(stage, 50_000 * 10**6)
    desk.clean_turns(4)
    exposure = desk.exposure(WETH.address)
    assert exposure.by_origin[Origin.LENDING_DEBT] <= -2 * ETHER
    assert abs(exposure.delta) < MIL
    assert _kinds(desk)[-1] is NoticeKind.DONE


def test_swap_after_a_loan_fails__the_loan_is_paid_back(stage: HedgeStage, ledger: Ledger) -> None:
    _supply(stage, 50_000 * 10**6)
    desk = ForkDesk.open(stage, ledger, routes=(CollateralBorrowRoute(stage.lending),))
    stage.taker.fill(buys=2 * ETHER, price_usd=PRICE_USD)
    desk.take_in(desk.market())
    assert [leg.number for leg in desk.hedger.legs_in_flight()] == [0]
    # The pools leave the feed: beyond the band of the contract no swap goes through, so no repair does either.
    set_price(stage.rpc, "ETH", Decimal(PRICE_USD) * Decimal("1.2"), pools=False)
    for _ in range(8):
        desk.turn()
    assert NoticeKind.UNWINDING in _kinds(desk)
    assert NoticeKind.FAILED in _kinds(desk)
    exposure = desk.exposure(WETH.address)
    assert -MIL < exposure.by_origin.get(Origin.LENDING_DEBT, 0) <= 0
    assert desk.hedger.open_delta(WETH.address) == 2 * ETHER
    assert abs(exposure.delta - 2 * ETHER) < MIL


def test_price_moves_between_decision_and_block__is_refused_and_repaired(
    stage: HedgeStage, ledger: Ledger
) -> None:
    desk = ForkDesk.open(stage, ledger, routes=(UniswapRoute(stage.settlement),))
    stage.taker.fill(buys=2 * ETHER, price_usd=PRICE_USD)
    market = desk.market()
    # 1 % lower after the market was read, feed and pools: the least output of the old market is out of reach.
    set_price(stage.rpc, "ETH", Decimal(PRICE_USD) * Decimal("0.99"))
    desk.take_in(market)
    desk.clean_turns(3)
    assert _kinds(desk) == [NoticeKind.REPAIRED, NoticeKind.DONE]
    assert desk.exposure(WETH.address).delta == 0


def test_fill_on_1inch__hedged_by_its_own_hook__is_not_hedged_again(
    stage: HedgeStage, ledger: Ledger
) -> None:
    desk = ForkDesk.open(stage, ledger)
    stage.taker.fill_hedged_inside(buys=2 * ETHER, price_usd=PRICE_USD - 10)
    desk.clean_turns(2)
    assert desk.exposure(WETH.address).delta == 0
    assert desk.notices == []
    entries = ledger.read("SELECT kind, amount FROM hedging_entries")
    assert entries == [("fill", "0")]
    assert ledger.read("SELECT count(*) FROM sent_transactions") == [(0,)]


def test_funded_fill__leaves_profit_alone__and_no_delta(stage: HedgeStage, ledger: Ledger) -> None:
    desk = ForkDesk.open(stage, ledger)
    before = desk.exposure(USDC.address).net
    stage.taker.fill_funded(sells=60 * ETHER, price_usd=PRICE_USD + 30)
    desk.clean_turns(2)
    assert desk.exposure(WETH.address).delta == 0
    assert desk.exposure(USDC.address).net > before
    assert desk.notices == []
    assert ledger.read("SELECT count(*) FROM sent_transactions") == [(0,)]


def test_cheapest_route__is_the_pool_with_the_lower_fee(stage: HedgeStage, ledger: Ledger) -> None:
    desk = ForkDesk.open(stage, ledger)
    stage.taker.fill(buys=ETHER, price_usd=PRICE_USD)
    desk.turn()
    rows = ledger.read("SELECT route FROM hedging_intents")
    assert rows == [("uniswap_v3_500",)]


def test_reorg__takes_a_hedged_fill__the_opposite_trade_follows(stage: HedgeStage, ledger: Ledger) -> None:
    routes = (UniswapRoute(stage.settlement),)
    desk = ForkDesk.open(stage, ledger, routes=routes, strategy=BandHedge(inner=0, outer=10 * MIL))
    before = stage.rpc.call("evm_snapshot")
    stage.taker.fill(sells=3 * ETHER, price_usd=PRICE_USD)
    height = int(stage.rpc.call("eth_blockNumber"), 16)
    desk.turn()
    desk.turn()
    assert _kinds(desk) == [NoticeKind.DONE]
    # The taker's fill never happened; the hedge is in the pool again and is mined by itself.
    raw = [
        stage.rpc.call("eth_getRawTransactionByHash", "0x" + one.settled_by.hex())
        for one in desk.hedger._books.accounts.legs((LegState.SETTLED,))
    ]
    stage.rpc.call("evm_revert", before)
    stage.rpc.call("anvil_mine", hex(1), hex(13))
    for one in raw:
        stage.rpc.call("eth_sendRawTransaction", one)
    assert int(stage.rpc.call("eth_blockNumber"), 16) >= height
    outcomes = [desk.turn() for _ in range(4)]
    assert outcomes[-1].clean
    assert _kinds(desk).count(NoticeKind.UNDONE) == 1
    assert abs(desk.exposure(WETH.address).delta) <= 10 * MIL
    trades = [int(row[0]) for row in ledger.read("SELECT trade FROM hedging_intents ORDER BY seq")]
    assert trades[0] == 3 * ETHER
    assert trades[1] < 0
    assert abs(sum(trades)) <= 10 * MIL


def test_crash_after_sending__a_new_hedger_finds_it_and_sends_nothing(
    stage: HedgeStage, ledger: Ledger
) -> None:
    routes, strategy = (UniswapRoute(stage.settlement),), BandHedge(inner=0, outer=10 * MIL)
    desk = ForkDesk.open(stage, ledger, routes=routes, strategy=strategy)
    stage.taker.fill(sells=ETHER, price_usd=PRICE_USD)
    submit = desk.sender.submit

    def dies(intent: object) -> object:
        submit(intent)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    desk.sender.submit = dies  # type: ignore[assignment, method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.turn()
    nonce = int(stage.rpc.call("eth_getTransactionCount", stage.operator.address, "pending"), 16)
    again = ForkDesk.open(stage, ledger, routes=routes, strategy=strategy)
    again.turn()
    assert int(stage.rpc.call("eth_getTransactionCount", stage.operator.address, "pending"), 16) == nonce
    assert again.hedger.live_intents() == ()
    assert _kinds(again) == [NoticeKind.DONE]


def test_book__tokens_appear_without_a_log__is_told_once_with_its_cause(
    stage: HedgeStage, ledger: Ledger
) -> None:
    desk = ForkDesk.open(stage, ledger)
    before = desk.exposure(USDC.address).net
    # FiatToken keeps balances in mapping 9: a balance that no Transfer tells of.
    deal_silently(stage, 1)
    (difference,) = desk.turn().differences
    assert (difference.difference, difference.cause) == (1, Cause.UNSEEN_TRANSFER)
    desk.clean_turns(1)
    assert desk.exposure(USDC.address).net == before + 1


@pytest.mark.parametrize("direction", ["sells", "buys"])
def test_taker_pays_or_gets_ether__counts_and_is_hedged_like_any_other(
    stage: HedgeStage, ledger: Ledger, direction: str
) -> None:
    routes = (UniswapRoute(stage.settlement),)
    desk = ForkDesk.open(stage, ledger, routes=routes, strategy=BandHedge(inner=0, outer=10 * MIL))
    amount = 2 * ETHER
    sells, buys = (amount, 0) if direction == "sells" else (0, amount)
    stage.taker.fill(sells=sells, buys=buys, price_usd=PRICE_USD, ether=True)
    desk.clean_turns(2)
    assert _kinds(desk) == [NoticeKind.DONE]
    assert abs(desk.exposure(WETH.address).delta) <= 10 * MIL


def deal_silently(stage: HedgeStage, amount: int) -> None:
    chain = ChainBuilder(stage.rpc)
    held = balance_of(stage.rpc, USDC.address, stage.settlement)
    slot = int.from_bytes(
        keccak256(bytes.fromhex(stage.settlement[2:]).rjust(32, b"\0") + (9).to_bytes(32, "big"))
    )
    chain.set_storage(USDC.address, slot, held + amount)
    stage.rpc.call("anvil_mine", "0x1")
    assert balance_of(stage.rpc, USDC.address, stage.settlement) == held + amount


def _supply(stage: HedgeStage, usdc: int) -> None:
    account = stage.lending.lending_account
    deal(stage.rpc, USDC.address, account, usdc)
    with ChainBuilder(stage.rpc) as chain:
        chain.transact(
            account,
            "supply(uint256,address,uint256)",
            *(1, USDC.address, usdc),
            sender=stage.operator.address,
        )
