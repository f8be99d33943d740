"""The keeper within the desk's turn: what it may take, how often it looks, what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from pmm.chain.sender import TransactionIntent, TransactionRecord, TransactionState
from pmm.desk.lending_desk import CommandsBesideHedges, LendingDesk, SpareStock
from pmm.desk.lending_opening import inventory_left, keeper_policy
from pmm.desk.stock import Stock
from pmm.domain import USDC, WETH, Address
from pmm.domain.chain_events import LendingMarket
from pmm.errors import ChainError, InvalidInput
from pmm.execution.actions import ActionRefused
from pmm.execution.hedging import HedgedAsset, HedgeLimits, HedgeMarket, Immediate, Intent
from pmm.execution.lending import (
    AccountKey,
    AccountState,
    Command,
    KeeperPolicy,
    KeeperState,
    LendingBalance,
    SwapRoute,
    UnderWay,
)
from pmm.monitoring.desk.lending_events import LendingEvents
from pmm.settings_sections import DeskSettings
from tests.helpers.quoting import MAKER
from tests.unit.desk.stock_reading import reading

ETH, USD, WAD = 10**18, 10**6, 10**18
_PRICES = {WETH.address: 3_000 * 10**18, USDC.address: 10**30}
_ASSET = HedgedAsset(
    asset=WETH, quote=USDC, strategy=Immediate(), limits=HedgeLimits(max_slippage_bps=30, max_cost_bps=50)
)


def market(prices: Mapping[Address, int] = _PRICES) -> HedgeMarket:
    return HedgeMarket(
        block_number=1,
        at_s=1,
        gas_price_wei=1,
        native=WETH.address,
        usd_per_unit_e36=prices,
        inventory={},
        debts={},
    )


def intent(trade: int) -> Intent:
    return Intent(
        intent_id="1",
        asset=WETH.address,
        trade=trade,
        waived=0,
        route="r",
        strategy="s",
        reason="",
        created_ms=0,
        cost_usd_wad=0,
        edge_usd_wad=0,
    )


def spare(leaves: Mapping[Address, int] | None = None) -> SpareStock:
    stock = Stock(MAKER, None)
    stock.look(reading(weth=10 * ETH, usdc=50_000 * USD), [])
    return SpareStock(stock, (_ASSET,), leaves or {})


_BALANCES = {WETH.address: 10 * ETH, USDC.address: 50_000 * USD}


def test_spare__hedges_that_are_not_over__keep_what_they_sell() -> None:
    found = spare()
    found.hold((intent(-4 * ETH), intent(2 * ETH)), market())
    # 2 WETH at 3,000 USD and half a percent.
    assert found.of(_BALANCES) == {WETH.address: 6 * ETH, USDC.address: (50_000 - 6_030) * USD}
    found.hold((), market())
    assert found.of(_BALANCES) == _BALANCES


def test_spare__price_of_what_a_hedge_pays_with_is_not_known__all_of_it_stays() -> None:
    found = spare()
    found.hold((intent(2 * ETH),), market({WETH.address: 3_000 * 10**18}))
    assert found.of(_BALANCES) == {WETH.address: 10 * ETH, USDC.address: 0}


def test_spare__what_always_stays_and_newer_balances__are_kept_to() -> None:
    found = spare({WETH.address: 9 * ETH})
    assert found.of({WETH.address: 11 * ETH, USDC.address: 7}) == {WETH.address: ETH, USDC.address: 7}
    assert found.of({WETH.address: 8 * ETH}) == {WETH.address: 0}


class Chain:
    """Source and sender of the keeper."""

    def __init__(self) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.why_not = ""
        self.buffer_bps = 3_000
        self.stock: dict[Address, int] = {USDC.address: 5_000 * USD}

    def read(self) -> KeeperState:
        self.reads += 1
        if self.error is not None:
            raise self.error
        debt = 10_000 * WAD
        account = AccountState(
            address=MAKER,
            market=LendingMarket.AAVE_V3,
            weighted_usd_wad=debt * (10_000 + self.buffer_bps) // 10_000,
            debt_usd_wad=debt,
            floor_wad=WAD,
            debt_cap_usd_wad=0,
            borrow_power_usd_wad=0,
            balances=(
                LendingBalance(
                    token=USDC,
                    supplied=0,
                    owed=10_000 * USD,
                    liquidity=10**12,
                    usd_per_unit_e36=10**30,
                    weight_wad=0,
                    borrow_rate_wad=WAD // 20,
                ),
            ),
        )
        return KeeperState(block=7, accounts=(account,), stock=self.stock)

    def swaps(
        self, pairs: Sequence[tuple[LendingBalance, LendingBalance]]
    ) -> Mapping[tuple[Address, Address], SwapRoute]:
        return {}

    def under_way(self) -> Sequence[UnderWay]:
        return ()

    def send(self, command: Command, *, block: int) -> str:
        return self.why_not

    def hurry(self, account: AccountKey) -> None:
        """Nothing is under way."""


class Kept:
    """A keeper over a chain of the test's."""

    def __init__(self) -> None:
        self.chain, self.registry = Chain(), CollectorRegistry()
        self.commands = CommandsBesideHedges(self.chain, (MAKER, LendingMarket.AAVE_V3))
        self.desk = LendingDesk(
            source=self.chain,
            commands=self.commands,
            spare=spare(),
            events=LendingEvents(self.registry),
            policy=KeeperPolicy(),
        )

    def counted(self, action: str, outcome: str) -> float:
        labels = {"action": action, "outcome": outcome}
        return self.registry.get_sample_value("pmm_keeper_actions_total", labels) or 0.0


def test_look__once_per_block__and_again_where_it_failed() -> None:
    kept = Kept()
    kept.chain.error = ChainError("no price")
    assert kept.desk.look(5, market(), ()) is None
    assert "not kept: no price" in kept.desk.trouble
    kept.chain.error = None
    assert kept.desk.look(5, market(), ()) is not None
    assert kept.desk.trouble == ""
    assert kept.desk.look(5, market(), ()) is None
    assert kept.desk.look(6, market(), ()) is not None
    assert kept.chain.reads == 3
    assert b"pmm_keeper_rounds_total 2.0" in generate_latest(kept.registry)


def test_look__refused_and_short__are_counted_and_told() -> None:
    kept = Kept()
    kept.chain.why_not = "gas costs too much"
    kept.chain.stock = {USDC.address: 1_000 * USD}
    step = kept.desk.look(5, market(), ())
    assert step is not None
    assert [why for _, why in step.refused] == ["gas costs too much"]
    assert kept.counted("repay", "refused") == 1
    (short,) = kept.desk.shortfalls
    assert short.key == (MAKER, LendingMarket.AAVE_V3)
    # Told once while it lasts.
    kept.desk.look(6, market(), ())
    assert kept.counted("restore", "short") == 1
    labels = {"account": MAKER, "market": "aave_v3"}
    assert kept.registry.get_sample_value("pmm_lending_buffer_ratio", labels) == pytest.approx(0.3)
    kept.chain.why_not, kept.chain.buffer_bps, kept.chain.stock = "", 6_500, {}
    kept.desk.look(7, market(), ())
    assert kept.desk.shortfalls == ()


def test_look__a_hedge_works_on_the_account__leaves_it_alone_until_that_is_over() -> None:
    kept = Kept()
    short = replace(intent(-ETH), route="aave_short_500")
    step = kept.desk.look(5, market(), (short,))
    assert step is not None
    assert step.sent == ()
    assert kept.desk.busy
    spot = replace(intent(-ETH), route="uniswap_v3_500")
    step = kept.desk.look(6, market(), (spot,))
    assert step is not None
    assert len(step.sent) == 1
    assert not kept.desk.busy


def test_deleverage__on_demand__sends_what_the_keeper_would_and_says_so() -> None:
    kept = Kept()
    assert kept.desk.deleverage("*", "c1").startswith("sent repay 5000000000 of ")
    assert kept.desk.deleverage(MAKER, "c2").startswith("sent repay ")
    kept.chain.stock = {}
    kept.chain.buffer_bps = 6_500
    assert kept.desk.deleverage("*", "c3") == "nothing to repay"


def test_deleverage__a_hedge_works_on_the_account__says_that_it_is_busy() -> None:
    kept = Kept()
    kept.desk.look(5, market(), (replace(intent(-ETH), route="aave_short_500"),))
    assert kept.desk.deleverage("*", "c1") == "nothing to repay, commands are under way"


@pytest.mark.parametrize("account", ["0x" + "99" * 20, "nobody"])
def test_deleverage__no_account_of_ours__is_refused_at_once(account: str) -> None:
    with pytest.raises(ActionRefused, match="account"):
        Kept().desk.deleverage(account, "c1")


def test_deleverage__not_sent_or_not_read__fails_and_is_tried_again() -> None:
    kept = Kept()
    kept.chain.why_not = "gas costs too much"
    with pytest.raises(ChainError, match="repay: gas costs too much"):
        kept.desk.deleverage("*", "c1")
    kept.chain.error = ChainError("no price")
    with pytest.raises(ChainError, match="no price"):
        kept.desk.deleverage("*", "c1")


def test_transactions__of_the_keeper__are_counted_once_each_by_their_end() -> None:
    kept = Kept()
    key = f"lending:repay:{MAKER}:aave_v3:{USDC.address}:0:patient:7:{USD}"
    record = TransactionRecord(
        intent=TransactionIntent(key=key, purpose="p", to=MAKER),
        chain_id=1,
        sender=MAKER,
        nonce=0,
        attempts=(),
        state=TransactionState.PENDING,
    )
    hedge = replace(record, intent=TransactionIntent(key="hedge:1", purpose="p", to=MAKER))
    states = (TransactionState.PENDING, TransactionState.MINED, TransactionState.CONFIRMED)
    for state in states:
        changed = (replace(record, state=state), replace(hedge, state=state))
        kept.desk.transactions(changed, market())
    assert kept.counted("repay", "done") == 1
    kept.desk.transactions((replace(record, state=TransactionState.REVERTED),), None)
    assert kept.counted("repay", "failed") == 1


@pytest.mark.parametrize(
    ("last_block", "state", "outcome"),
    [
        (30, TransactionState.CANCELLED, "given_up"),
        (None, TransactionState.CANCELLED, "failed"),
        (30, TransactionState.DISPLACED, "failed"),
    ],
)
def test_transactions__patient_command_let_go__is_given_up__an_urgent_or_displaced_one_failed(
    last_block: int | None, state: TransactionState, outcome: str
) -> None:
    kept = Kept()
    key = f"lending:repay:{MAKER}:aave_v3:{USDC.address}:0:patient:5:{5_000 * USD}"
    record = TransactionRecord(
        intent=TransactionIntent(key=key, purpose="p", to=MAKER, last_block=last_block),
        chain_id=1,
        sender=MAKER,
        nonce=0,
        attempts=(),
        state=state,
    )
    kept.desk.transactions((record,), market())
    assert kept.counted("repay", outcome) == 1


def test_settings__what_the_keeper_leaves_and_its_lines__are_read() -> None:
    desk = DeskSettings.model_validate(
        {"keeper_leaves": "WETH:1.5, USDC:50000", "keeper_surplus_above_bps": 9_000}
    )
    assert inventory_left(desk) == {WETH.address: 15 * ETH // 10, USDC.address: 50_000 * USD}
    assert keeper_policy(desk) == KeeperPolicy(surplus_above_bps=9_000)


@pytest.mark.parametrize(
    "text", ["WETH", "WETH:", "WETH:x", "WETH:-1", "WETH:NaN", "USDC:0.0000001", "ABC:1"]
)
def test_settings__no_amount__is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"PMM_DESK_KEEPER_LEAVES: "):
        inventory_left(DeskSettings.model_validate({"keeper_leaves": text}))


def test_look__account_that_nothing_mends__is_a_gauge_until_it_is_mended() -> None:
    kept = Kept()
    kept.chain.stock = {}
    kept.desk.look(5, market(), ())
    labels = {"account": MAKER, "market": LendingMarket.AAVE_V3.value}
    assert kept.desk.shortfalls
    assert kept.registry.get_sample_value("pmm_lending_short", labels) == 1
    kept.chain.buffer_bps = 7_000
    kept.desk.look(6, market(), ())
    assert kept.registry.get_sample_value("pmm_lending_short", labels) == 0
