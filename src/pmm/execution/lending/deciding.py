"""What the keeper does about a state. Pure: state in, commands out.

Order: accounts below the line, worst first, by repaying, then supplying, then selling collateral; then what lies in
the inventory repays what is owed, worst account first; then surplus collateral comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pmm.execution.lending.books import AccountBook, Funds, share
from pmm.execution.lending.commands import (
    Command,
    Deleverage,
    KeeperDecision,
    Repay,
    Shortfall,
    Supply,
    Withdraw,
)
from pmm.execution.lending.policy import KeeperPolicy
from pmm.execution.lending.state import BPS, WAD, AccountKey, KeeperState, LendingBalance


def decide(
    state: KeeperState, policy: KeeperPolicy, *, busy: frozenset[AccountKey] = frozenset()
) -> KeeperDecision:
    """Return what is to be done.

    Args:
        state: as read.
        policy: the lines.
        busy: accounts with transactions under way; they are left alone, for their state is about to change.
    """
    keeper = _Keeper(state, policy)
    books = [AccountBook(account) for account in state.accounts if account.key not in busy]
    below = [book for book in books if book.rank < policy.rebalance_below_bps]
    shortfalls: list[Shortfall] = []
    commands: list[Command] = []
    for book in sorted(below, key=_rank):
        urgent = book.rank < policy.deleverage_below_bps
        commands += keeper.restore(book, urgent=urgent)
        if book.rank < policy.deleverage_below_bps:
            shortfalls.append(_shortfall(book))
    for book in sorted(books, key=_rank):
        commands += keeper.repay_promptly(book)
    moving = {command.key for command in commands}
    for book in books:
        buffer = book.buffer_bps
        # One step after the other: an exit is simulated on the block before the repayment.
        if book.key not in moving and buffer is not None and buffer > policy.surplus_above_bps:
            commands += keeper.bring_back(book)
    return KeeperDecision(commands=_merged(commands), shortfalls=tuple(shortfalls))


class _Keeper:
    def __init__(self, state: KeeperState, policy: KeeperPolicy) -> None:
        self._state, self._policy = state, policy
        self._funds = Funds(state)

    def restore(self, book: AccountBook, *, urgent: bool) -> Iterator[Command]:
        """Bring an account to the working buffer by stock, and when urgent by its own collateral."""
        why = f"liquidation buffer {book.rank} bps, working buffer {self._policy.working_buffer_bps} bps"
        yield from self._repay_up_to_target(book, urgent=urgent, why=why)
        yield from self._supply_up_to_target(book, urgent=urgent, why=why)
        if urgent:
            yield from self._sell_collateral(book, why=why)

    def repay_promptly(self, book: AccountBook) -> Iterator[Command]:
        """Repay what is owed out of what lies in the inventory."""
        for one in _dearest(book):
            owed = book.owed[one.token.address]
            if owed == 0:
                continue
            amount = self._payable(book, one, _with_interest(owed), urgent=False)
            if self._worth_it(one, amount, urgent=False):
                yield self._repay(book, one, amount, urgent=False, why="the asset is in the inventory")

    def bring_back(self, book: AccountBook) -> Iterator[Command]:
        """Return collateral above the working buffer to the inventory."""
        target = max(self._policy.target_wad, book.state.floor_wad)
        for one in sorted(book.balances.values(), key=lambda one: -one.usd_wad_down(one.supplied)):
            amount = book.spare(one, target)
            if one.weight_wad == 0 or not self._worth_it(one, amount, urgent=False):
                continue
            buffer = book.rank
            book.withdraw(one, amount)
            yield Withdraw(
                address=book.state.address,
                market=book.state.market,
                token=one.token.address,
                amount=amount,
                why=f"liquidation buffer {buffer} bps, more than needed",
            )

    def _repay_up_to_target(self, book: AccountBook, *, urgent: bool, why: str) -> Iterator[Command]:
        for one in _dearest(book):
            missing = book.missing_usd_wad(self._policy.target_wad)
            if missing <= 0:
                return
            # target x (debt - paid) = weighted, so paid = missing / target.
            needed = one.amount_up(-(-missing * WAD // self._policy.target_wad)) + 1
            wanted = min(needed, book.owed[one.token.address])
            amount = self._payable(book, one, wanted, urgent=urgent)
            if self._worth_it(one, amount, urgent=urgent):
                yield self._repay(book, one, amount, urgent=urgent, why=why)

    def _supply_up_to_target(self, book: AccountBook, *, urgent: bool, why: str) -> Iterator[Command]:
        for one in sorted(book.balances.values(), key=lambda one: -one.weight_wad):
            missing = book.missing_usd_wad(self._policy.target_wad)
            if missing <= 0:
                return
            if one.weight_wad == 0:
                continue
            needed = one.amount_up(-(-missing * WAD // one.weight_wad)) + 1
            amount = min(needed, self._funds.of(book, one.token.address))
            if not self._worth_it(one, amount, urgent=urgent):
                continue
            moved = self._funds.take(book, one.token.address, amount)
            book.supply(one, amount)
            yield Supply(
                address=book.state.address,
                market=book.state.market,
                token=one.token.address,
                amount=amount,
                moved=moved,
                urgent=urgent,
                why=why,
            )

    def _sell_collateral(self, book: AccountBook, *, why: str) -> Iterator[Command]:
        for debt in _dearest(book):
            for collateral in sorted(
                book.balances.values(), key=lambda one: -one.usd_wad_down(book.supplied[one.token.address])
            ):
                command = self._sale(book, debt, collateral, why)
                if command is not None:
                    yield command

    def _sale(
        self, book: AccountBook, debt: LendingBalance, collateral: LendingBalance, why: str
    ) -> Deleverage | None:
        route = self._state.swaps.get((collateral.token.address, debt.token.address))
        target = self._policy.target_wad
        missing = book.missing_usd_wad(target)
        if route is None or missing <= 0:
            return None
        # weighted - sold x weight = target x (debt - bought), and sold = bought x (1 + cost).
        lost_wad = collateral.weight_wad * (BPS + route.cost_bps) // BPS
        wanted_usd_wad = -(-missing * WAD // (target - lost_wad))
        sellable = min(book.supplied[collateral.token.address], book.liquidity[collateral.token.address])
        most_usd_wad = collateral.usd_wad_down(sellable) * BPS // (BPS + route.cost_bps)
        bought = min(
            debt.amount_up(wanted_usd_wad) + 1,
            book.owed[debt.token.address],
            route.most_bought,
            debt.amount_down(most_usd_wad),
        )
        if bought <= 0:
            return None
        sold = min(collateral.amount_up(share(debt.usd_wad_up(bought), BPS + route.cost_bps)), sellable)
        if not _reaches_floor(book, debt, bought, collateral, sold):
            return None
        book.repay(debt, bought)
        book.withdraw(collateral, sold)
        return Deleverage(
            address=book.state.address,
            market=book.state.market,
            token=debt.token.address,
            amount=bought,
            collateral=collateral.token.address,
            most_sold=sold,
            fee_pips=route.fee_pips,
            min_health_wad=book.state.floor_wad,
            urgent=True,
            why=why,
        )

    def _payable(self, book: AccountBook, one: LendingBalance, wanted: int, *, urgent: bool) -> int:
        """Return what is repaid of an amount wanted, out of what is there, without leaving a rest too small to repay.

        Such a rest would cost interest for ever: all of it is repaid where the stock does, else so much less that
        the rest is worth a transaction later. What is urgent does not care.
        """
        owed, there = book.owed[one.token.address], self._funds.of(book, one.token.address)
        amount, whole = min(wanted, there), _with_interest(owed)
        if amount >= whole or one.usd_wad_down(max(owed - amount, 0)) >= self._policy.least_usd_wad:
            return amount
        if there >= whole:
            return whole
        return amount if urgent else max(owed - one.amount_up(self._policy.least_usd_wad), 0)

    def _repay(self, book: AccountBook, one: LendingBalance, amount: int, *, urgent: bool, why: str) -> Repay:
        moved = self._funds.take(book, one.token.address, amount)
        book.repay(one, amount)
        return Repay(
            address=book.state.address,
            market=book.state.market,
            token=one.token.address,
            amount=amount,
            moved=moved,
            urgent=urgent,
            why=why,
        )

    def _worth_it(self, one: LendingBalance, amount: int, *, urgent: bool) -> bool:
        if amount <= 0:
            return False
        usd_wad = one.usd_wad_down(amount)
        if urgent:
            return True
        return usd_wad >= self._policy.least_usd_wad and self._policy.gas_is_fine(
            usd_wad, self._state.gas_usd_wad
        )


def needed_swaps(state: KeeperState, policy: KeeperPolicy) -> Sequence[tuple[LendingBalance, LendingBalance]]:
    """Return collateral and debt of accounts that may have to sell, so that only their ways are looked at."""
    found: dict[tuple[str, str], tuple[LendingBalance, LendingBalance]] = {}
    for account in state.accounts:
        buffer = account.buffer_bps
        if buffer is None or buffer >= policy.deleverage_below_bps:
            continue
        for collateral in account.balances:
            for debt in account.balances:
                if collateral.supplied and debt.owed and collateral.token != debt.token:
                    pair = collateral.token.address, debt.token.address
                    known = found.get(pair)
                    if known is None or known[1].owed < debt.owed:
                        found[pair] = collateral, debt
    return tuple(found.values())


def _reaches_floor(
    book: AccountBook, debt: LendingBalance, bought: int, collateral: LendingBalance, sold: int
) -> bool:
    """Tell whether the contract will let a sale pass: what stays below its floor reverts and only burns gas."""
    owed_usd_wad = max(book.debt_usd_wad - debt.usd_wad_down(bought), 0)
    lost_usd_wad = -(-collateral.usd_wad_up(sold) * collateral.weight_wad // WAD)
    return (book.weighted_usd_wad - lost_usd_wad) * WAD >= owed_usd_wad * book.state.floor_wad


def _merged(commands: Iterable[Command]) -> tuple[Command, ...]:
    """Return the commands with repayments of one debt as one."""
    merged: dict[object, Command] = {}
    for command in commands:
        name: object = (command.key, command.token) if isinstance(command, Repay) else command
        before = merged.get(name)
        if isinstance(command, Repay) and isinstance(before, Repay):
            command = replace(
                before, amount=before.amount + command.amount, moved=before.moved + command.moved
            )
        merged[name] = command
    return tuple(merged.values())


def _with_interest(owed: int) -> int:
    """Return a debt as it may be at the block, a little more than now: the contract takes no more than is owed."""
    return owed + share(owed, 1)


def _dearest(book: AccountBook) -> Iterable[LendingBalance]:
    return sorted(book.balances.values(), key=lambda one: -one.borrow_rate_wad)


def _rank(book: AccountBook) -> int:
    return book.rank


def _shortfall(book: AccountBook) -> Shortfall:
    return Shortfall(
        key=book.key,
        buffer_bps=book.rank,
        detail=f"expected funds or pools that bring {book.state.market.value} of {book.state.address} to the working "
        f"buffer, found too little: {book.rank} bps remain; add collateral, or repay by hand",
    )
