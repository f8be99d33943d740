"""The market as a maker of ours beside the settlement contract sees it."""

from __future__ import annotations

from pmm.domain import Decision, RefusalReason
from pmm.execution.chain_view import ChainView, Settlement
from pmm.execution.ports import MarketSource


class AccountMarket:
    """A market source whose views show one maker account; implements ``MarketSource``."""

    def __init__(self, source: MarketSource, settlement: Settlement) -> None:
        self._source = source
        self._settlement = settlement

    async def current(self) -> ChainView | Decision:
        """Return a view that is young enough to quote on, or why there is none."""
        view = await self._source.current()
        if isinstance(view, Decision):
            return view
        found = view.of_account(self._settlement)
        if found is None:
            return Decision.refuse(
                RefusalReason.NODE_UNAVAILABLE,
                f"expected the balances of the maker on {self._settlement.value}, found none read yet",
            )
        return found
