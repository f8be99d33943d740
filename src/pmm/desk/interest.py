"""Interest that lending positions earned and cost since the last look, US dollars. Pure but for what it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pmm.domain import Address, ChainChange, LendingAction, LendingChanged
from pmm.execution.book import InventoryBook, LendingKey
from pmm.risk.events import PnlBooked, PnlComponent

_E6_OF_E36 = 10**30
_SIGNS = {
    LendingAction.SUPPLY: (1, 0),
    LendingAction.WITHDRAW: (-1, 0),
    LendingAction.BORROW: (0, 1),
    LendingAction.REPAY: (0, -1),
}


class AccruedInterest:
    """What a position grew by that nobody moved. A position that was liquidated begins anew."""

    def __init__(self, symbols: Mapping[Address, str]) -> None:
        self._symbols = symbols
        self._base: dict[LendingKey, tuple[int, int]] = {}
        self._told: dict[LendingKey, tuple[int, int]] = {}

    def moved(self, changes: Iterable[ChainChange]) -> None:
        """Take in what events moved, and what a reorganisation took back."""
        for change in changes:
            for event in change.removed:
                self._move(event, -1)
            for event in change.added:
                self._move(event, 1)

    def accrued(
        self, book: InventoryBook, prices_e36: Mapping[Address, int], now_s: int, now_ms: int
    ) -> list[PnlBooked]:
        """Return interest that is not booked, earned less paid; what is below a millionth of a dollar waits.

        It comes again with the next call unless ``booked`` is called behind its commit.
        """
        found: list[PnlBooked] = []
        self._told = {}
        for key, position in book.lending.items():
            now = position.supplied_at(now_s), position.owed_at(now_s)
            before = self._base.setdefault(key, now)
            price = prices_e36.get(key.token, 0)
            grown = (now[0] - before[0]) - (now[1] - before[1])
            amount = grown * price // _E6_OF_E36
            if price <= 0 or abs(grown * price) < _E6_OF_E36:
                continue
            self._told[key] = now
            symbol = self._symbols.get(key.token, key.token)
            found.append(PnlBooked(now_ms, symbol, PnlComponent.BORROW_INTEREST, amount))
        return found

    def booked(self) -> None:
        """Say that what ``accrued`` returned last is written."""
        self._base |= self._told
        self._told = {}

    def _move(self, event: object, sign: int) -> None:
        if not isinstance(event, LendingChanged):
            return
        if event.action is LendingAction.LIQUIDATION:
            self._base = {key: one for key, one in self._base.items() if key.account != event.account}
            return
        key = LendingKey(event.market, event.account, event.token)
        before = self._base.get(key)
        if before is not None and event.action in _SIGNS:
            supplied, owed = _SIGNS[event.action]
            amount = sign * event.amount
            self._base[key] = (before[0] + supplied * amount, before[1] + owed * amount)
