"""Enters negotiated trades at the quote desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pmm.domain import Decision, QuoteRequest
from pmm.execution.chain_view import Settlement
from pmm.execution.desk import AnsweredQuote
from pmm.execution.otc.negotiated_price import NegotiatedPrice, OtcPolicy
from pmm.execution.otc.trade import OtcTrade
from pmm.execution.requests import FirmQuoteRequest

OTC = "otc"
"""The relayer that a negotiated trade counts as: in the journal, in metrics, for kill switches."""


class FirmQuotes(Protocol):
    """Who signs: :class:`pmm.execution.QuoteDesk`."""

    async def firm_quote(self, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
        """Return a signed order, or why there is none."""
        ...


class OtcDesk:
    """Turns a trade into a firm quote of its own amounts, through the same admission as every other.

    Args:
        desk: the quote desk, whose reservations, nonces, limits, journal and key it uses.
        chain_id: the chain it settles on.
        policy: how far a price may be from the fair value.
        new_id: names each entry in the journal.
    """

    def __init__(
        self, desk: FirmQuotes, *, chain_id: int, policy: OtcPolicy, new_id: Callable[[], str]
    ) -> None:
        self._desk, self._chain_id, self._new_id = desk, chain_id, new_id
        self.policy = policy

    async def enter(self, trade: OtcTrade) -> AnsweredQuote | Decision:
        """Return the signed order, or why there is none; either is in the journal before this returns.

        Only the counterparty's address fills it, on our own contract. Entered again while it lives, the same trade
        gives the same order; another one under its reference is refused.
        """
        request = FirmQuoteRequest(
            quote=QuoteRequest(
                request_id=self._new_id(),
                chain_id=self._chain_id,
                maker_asset=trade.maker_asset,
                taker_asset=trade.taker_asset,
                taking_amount=trade.taking_amount,
                taker=trade.taker,
            ),
            settlement=Settlement.PMM,
            private=True,
            ttl_s=trade.life_s,
            relayer=OTC,
            body=trade.body(),
            idempotency_key=trade.reference,
            negotiated=NegotiatedPrice(trade, self.policy),
        )
        return await self._desk.firm_quote(request)
