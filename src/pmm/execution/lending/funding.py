"""Where an amount that the inventory lacks comes from: withdraw first, then borrow where it is cheapest. Pure."""

from __future__ import annotations

from pmm.domain import Address
from pmm.execution.lending.books import AccountBook
from pmm.execution.lending.commands import Borrow, Command, Withdraw
from pmm.execution.lending.policy import KeeperPolicy
from pmm.execution.lending.state import AccountKey, KeeperState


def provide(
    state: KeeperState,
    policy: KeeperPolicy,
    token: Address,
    amount: int,
    *,
    busy: frozenset[AccountKey] = frozenset(),
) -> tuple[tuple[Command, ...], int]:
    """Return commands that bring an amount to the settlement contract, and what they leave missing.

    Every account keeps the working buffer, its floor, its cap and what its market can pay.

    Args:
        state: as read.
        policy: the lines.
        token: what is wanted.
        amount: how much, base units.
        busy: accounts with transactions under way.
    """
    commands: list[Command] = []
    books = [
        AccountBook(account)
        for account in state.accounts
        if account.key not in busy and any(one.token.address == token for one in account.balances)
    ]
    missing = amount
    for book in sorted(books, key=lambda book: -book.rank):
        taken = min(book.spare(book.balances[token], _target(book, policy)), missing)
        if taken > 0:
            book.withdraw(book.balances[token], taken)
            commands.append(
                Withdraw(address=book.state.address, market=book.state.market, token=token, amount=taken)
            )
            missing -= taken
    for book in sorted(books, key=lambda book: book.balances[token].borrow_rate_wad):
        taken = min(room_in(book, policy, token), missing)
        if taken > 0:
            book.borrow(book.balances[token], taken)
            commands.append(
                Borrow(address=book.state.address, market=book.state.market, token=token, amount=taken)
            )
            missing -= taken
    return tuple(commands), missing


def room_in(book: AccountBook, policy: KeeperPolicy, token: Address) -> int:
    """Return what may be borrowed of a token without leaving the working buffer: the hedger asks before a short."""
    return book.room(book.balances[token], _target(book, policy))


def _target(book: AccountBook, policy: KeeperPolicy) -> int:
    return max(policy.target_wad, book.state.floor_wad)
