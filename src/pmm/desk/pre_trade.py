"""The desk's risk as every firm quote of the quote server is held against it: made each turn, told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from pmm.desk.pre_trade_teller import PreTradeTeller
from pmm.domain import Address, Token
from pmm.execution.hedging import HedgeMarket
from pmm.risk.events import PositionValued
from pmm.risk.posture import Posture
from pmm.risk.pre_trade import Covariance, PreTradeState, pre_trade_state
from pmm.risk.returns import ReturnModel
from pmm.risk.settings import RiskSettings

_E6: Final = 1_000_000
_USD_E36: Final = 10**36
_PEG_BPS: Final = 200
"""A token within it of a dollar counts as one: what the risk clock takes for a dollar token."""
_BPS: Final = 10_000


class PreTradeDesk:
    """Makes the state and hands it to the quote servers.

    Args:
        tokens: of the desk.
        max_quote_usd: largest quote in normal times, PMM_MAX_QUOTE_USD.
        settings: lines.
        tellers: one for each quote server.
    """

    def __init__(
        self,
        tokens: Iterable[Token],
        *,
        max_quote_usd: Decimal,
        settings: RiskSettings,
        tellers: Sequence[PreTradeTeller],
    ) -> None:
        self._tokens = {token.symbol: token for token in tokens}
        self._max_quote_usd_e6 = int(max_quote_usd * _E6)
        self._settings = settings
        self.tellers = tuple(tellers)

    def start(self) -> None:
        """Begin to tell."""
        for one in self.tellers:
            one.start()

    def close(self) -> None:
        """Tell no more."""
        for one in self.tellers:
            one.close()

    def look(
        self,
        positions: Sequence[PositionValued] | None,
        market: HedgeMarket | None,
        *,
        block_number: int,
        posture: Posture,
        model: ReturnModel | None,
        now_ms: int,
    ) -> None:
        """Tell the state of this turn; nothing where a position or the market is unknown: quotes stop by its age."""
        if not self.tellers or positions is None or market is None:
            return
        state = self.state(
            positions, market, block_number=block_number, posture=posture, model=model, now_ms=now_ms
        )
        for one in self.tellers:
            one.tell(state)

    def state(
        self,
        positions: Sequence[PositionValued],
        market: HedgeMarket,
        *,
        block_number: int,
        posture: Posture,
        model: ReturnModel | None,
        now_ms: int,
    ) -> PreTradeState:
        """Return the state. Delta is measured as the monitor measures it, from what the desk wants to hold.

        A token that is neither hedged, nor what hedges are paid with, nor worth a dollar has no line and is no
        numeraire: quotes of it are refused.
        """
        deltas = {
            self._address(one): one.long_usd_e6 - one.short_usd_e6 - one.wanted_usd_e6
            for one in positions
            # Sold out and without a price its delta would read as none: then nobody watches it.
            if one.wanted_usd_e6 is not None and market.usd_per_unit_e36.get(self._address(one), 0) > 0
        }
        return pre_trade_state(
            now_ms=now_ms,
            block_number=block_number,
            posture=posture,
            deltas_usd_e6=deltas,
            numeraires=frozenset(
                self._address(one)
                for one in positions
                if one.wanted_usd_e6 is None and (one.numeraire or self._is_dollar(one.asset, market))
            ),
            dollars={self._address(one): (one.long_usd_e6 - one.short_usd_e6) / _E6 for one in positions},
            covariance=None if model is None else self._rows(model, deltas),
            inventory_usd_e6=sum(one.held_usd_e6 for one in positions),
            capital_usd_e6=sum(one.long_usd_e6 - one.short_usd_e6 for one in positions),
            max_quote_usd_e6=self._max_quote_usd_e6,
            settings=self._settings,
        )

    def _rows(self, model: ReturnModel, assets: Mapping[Address, int]) -> Covariance:
        tokens = [self._tokens[name].address for name in model.assets]
        matrix = model.covariance.tolist()
        return {
            token: {other: matrix[row][column] for column, other in enumerate(tokens) if other in assets}
            for row, token in enumerate(tokens)
            if token in assets
        }

    def _address(self, one: PositionValued) -> Address:
        return self._tokens[one.asset].address

    def _is_dollar(self, symbol: str, market: HedgeMarket) -> bool:
        token = self._tokens[symbol]
        price_e36: int = market.usd_per_unit_e36.get(token.address, 0) * 10**token.decimals
        return abs(price_e36 - _USD_E36) * _BPS <= _USD_E36 * _PEG_BPS
