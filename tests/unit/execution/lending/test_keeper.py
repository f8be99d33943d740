"""The driver: what is under way is neither doubled nor counted as stock, and is hurried when danger comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pmm.domain import USDC, WETH, Address
from pmm.execution.lending import (
    AccountKey,
    Command,
    Deleverage,
    KeeperState,
    LendingBalance,
    LendingKeeper,
    Repay,
    SwapRoute,
    UnderWay,
    Withdraw,
)
from tests.unit.execution.lending.lending_model import ACCOUNT
from tests.unit.execution.lending.test_deciding import AAVE, COMPOUND, USD, leveraged, state


@dataclass
class Outside:
    """Source and sender of a test."""

    now: KeeperState
    moving: tuple[UnderWay, ...] = ()
    refuses: str = ""
    sent: list[Command] = field(default_factory=list)
    hurried: list[AccountKey] = field(default_factory=list)
    asked: list[Sequence[tuple[LendingBalance, LendingBalance]]] = field(default_factory=list)

    def read(self) -> KeeperState:
        return self.now

    def swaps(
        self, pairs: Sequence[tuple[LendingBalance, LendingBalance]]
    ) -> Mapping[tuple[Address, Address], SwapRoute]:
        self.asked.append(pairs)
        return {(WETH.address, USDC.address): SwapRoute(fee_pips=500, most_bought=10**12, cost_bps=20)}

    def under_way(self) -> Sequence[UnderWay]:
        return self.moving

    def send(self, command: Command, *, block: int) -> str:
        assert block == self.now.block
        self.sent.append(command)
        return self.refuses

    def hurry(self, account: AccountKey) -> None:
        self.hurried.append(account)


def _keeper(outside: Outside) -> LendingKeeper:
    return LendingKeeper(source=outside, sender=outside)


def _moving(*, urgent: bool = False, moved: int = 0) -> UnderWay:
    return UnderWay(account=(ACCOUNT, AAVE), token=USDC.address, moved=moved, urgent=urgent)


def test_step__below_the_line__asks_for_ways_and_sends() -> None:
    outside = Outside(now=state(leveraged(1_000)))
    step = _keeper(outside).step()
    assert [type(command) for command in outside.sent] == [Deleverage]
    assert step.sent == tuple(outside.sent)
    assert len(outside.asked) == 1


def test_step__well__asks_for_no_ways() -> None:
    outside = Outside(now=state(leveraged(6_000)))
    assert _keeper(outside).step().sent == ()
    assert outside.asked == []


def test_step__account_under_way__sends_nothing_for_it_and_hurries_it_in_danger() -> None:
    outside = Outside(now=state(leveraged(1_000)), moving=(_moving(),))
    _keeper(outside).step()
    assert (outside.sent, outside.hurried) == ([], [(ACCOUNT, AAVE)])
    calm = Outside(now=state(leveraged(6_000)), moving=(_moving(),))
    _keeper(calm).step()
    assert calm.hurried == []
    urgent = Outside(now=state(leveraged(1_000)), moving=(_moving(urgent=True),))
    _keeper(urgent).step()
    assert urgent.hurried == []


def test_step__stock_on_its_way_elsewhere__is_not_given_twice() -> None:
    outside = Outside(
        now=state(leveraged(6_000), leveraged(6_000, market=COMPOUND), stock={USDC.address: 30_000 * USD}),
        moving=(_moving(moved=20_000 * USD),),
    )
    (repay,) = _keeper(outside).step().sent
    assert isinstance(repay, Repay)
    assert (repay.market, repay.amount) == (COMPOUND, 10_000 * USD)


def test_step__refused_command__is_said_with_its_reason() -> None:
    outside = Outside(now=state(leveraged(1_000)), refuses="it would revert: ...")
    step = _keeper(outside).step()
    assert step.sent == ()
    assert [reason for _, reason in step.refused] == ["it would revert: ..."]


def test_provide__more_than_there_is__sends_what_there_is() -> None:
    outside = Outside(now=state(leveraged(30_000)))
    step = _keeper(outside).provide(WETH.address, 10**24)
    assert [type(command) for command in step.sent] == [Withdraw]
