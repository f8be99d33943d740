"""The paper perp venue in the desk: its prices from the feeds, its funding by the hour, its place in the book.

Paper money: nothing is traded anywhere. It is offered on development nodes alone, for on a real one it would take the
place of hedges that are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pmm.domain import Address, BlockRef, Token
from pmm.errors import UnsafeToSign
from pmm.execution.book import BookDifference, Cause, PerpKey, Side
from pmm.execution.hedging import HedgedAsset, HedgeMarket, LegState, PerpPosition
from pmm.ledger import Ledger
from pmm.monitoring.desk import DeskEvents
from pmm.pricing import DepthCurve, PerpQuote
from pmm.pricing.fixed_point import BPS, E36, div_up
from pmm.settings_sections import DeskSettings
from pmm.venues.paper import PaperPerp, PerpBook, PerpRoute

VENUE = "paper"
_WAD = 10**18
_HOUR_S = 3_600
_MAX_AGE_S = 60
_PIPS_TO_E36 = 10**30
_E6_OF_WAD = 10**12
_UNKNOWN = (LegState.SENDING.value, LegState.SUBMITTED.value, LegState.UNKNOWN.value)
_ORDERS = (
    "SELECT o.asset, o.filled, l.got, l.state FROM hedging_paper_orders o "
    "LEFT JOIN hedging_legs l ON l.leg_key = o.order_key WHERE o.venue = ?"
)
# Legs that the hedger has for done and the venue never had.
_LOST = (
    "SELECT i.asset, l.got FROM hedging_legs l JOIN hedging_intents i ON i.intent_id = l.intent_id "
    "WHERE l.state = 'final' AND l.call LIKE ? AND NOT EXISTS "
    "(SELECT 1 FROM hedging_paper_orders o WHERE o.order_key = l.leg_key)"
)


class PaperPerpDesk:
    """One thread. Positions of earlier processes count also where the venue is no longer offered.

    Raises UnsafeToSign where it is offered on a node that is not for development.
    """

    def __init__(
        self,
        ledger: Ledger,
        events: DeskEvents,
        *,
        settings: DeskSettings,
        hedged: Sequence[HedgedAsset],
        tokens: Iterable[Token],
        development: bool,
    ) -> None:
        self.offered = settings.paper_perp
        if self.offered and not development:
            raise UnsafeToSign(
                "PMM_DESK_PAPER_PERP: expected a development node, found a real one; hedges on paper are none: turn "
                "it off"
            )
        self.venue = PaperPerp(ledger, venue=VENUE, fee_pips=settings.paper_perp_fee_pips)
        self._ledger, self._events, self._settings, self._hedged = ledger, events, settings, hedged
        self._tokens = {one.address: one for one in tokens}

    @property
    def routes(self) -> tuple[PerpRoute, ...]:
        """The route for the hedger, none where it is not offered."""
        return (PerpRoute(VENUE),) if self.offered else ()

    def quoted(self, market: HedgeMarket | None) -> HedgeMarket | None:
        """Set the venue's prices by a market, settle funding that is due, and return the market with its quotes.

        Without a market, or a price, there is no trade there either. Raises SetupError while the ledger is down.
        """
        self.venue.books.clear()
        if market is None:
            return None
        quotes: list[PerpQuote] = []
        for one in self._hedged:
            asset, quote = one.asset.address, one.quote.address
            price, dollar = (market.usd_per_unit_e36.get(token, 0) for token in (asset, quote))
            if price <= 0 or dollar <= 0:
                continue
            book = self._book(price)
            self.venue.books[asset] = book
            self._fund(asset, market.at_s)
            if self.offered and book.bid_size > 0:
                quotes += self._quotes(asset, quote, book, dollar, market.at_s)
        return replace(market, perps=(*market.perps, *quotes)) if quotes else market

    def positions(self) -> tuple[PerpPosition, ...]:
        """Return the positions; raises SetupError while the ledger is down."""
        return self.venue.positions()

    def won_usd_e6(self, prices_e36: Mapping[Address, int]) -> int:
        """Return what trades there won at prices of now, with every fee and funding, rounded down."""
        return self.venue.won_usd_wad(prices_e36) // _E6_OF_WAD

    def told(self, positions: Iterable[PerpPosition], prices_e36: Mapping[Address, int]) -> None:
        """Tell metrics of every asset that may have a position."""
        held = {one.asset: one.amount for one in positions}
        for asset in {*held, *(one.asset.address for one in self._hedged if self.offered)}:
            amount, token = held.get(asset, 0), self._tokens.get(asset)
            if token is None:
                continue
            self._events.hedges.paper_perp(
                asset=token.symbol,
                amount=amount / 10**token.decimals,
                usd=amount * prices_e36.get(asset, 0) / E36,
            )

    def differences(self, block: BlockRef) -> tuple[BookDifference, ...]:
        """Hold what the hedger has for done against what the venue says; a leg under way explains its order."""
        booked: dict[Address, int] = {}
        found: dict[Address, int] = {}
        for asset, filled, got, state in self._ledger.read(_ORDERS, (VENUE,)):
            found[asset] = found.get(asset, 0) + int(filled)
            known = filled if state in _UNKNOWN else got or 0
            booked[asset] = booked.get(asset, 0) + int(known)
        for asset, got in self._ledger.read(_LOST, (f'%"{VENUE}"%',)):
            booked[asset] = booked.get(asset, 0) + int(got)
        return tuple(
            BookDifference(
                key=PerpKey(VENUE, asset),
                side=Side.PERP,
                booked=booked.get(asset, 0),
                found=found.get(asset, 0),
                cause=Cause.MISSED_ORDER,
                block=block,
                detail="paper money",
            )
            for asset in sorted({*booked, *found})
            if booked.get(asset, 0) != found.get(asset, 0)
        )

    # ---------------------------------------------------------------------------------------------- internal

    def _book(self, price_e36: int) -> PerpBook:
        half = self._settings.paper_perp_half_spread_bps
        size = int(self._settings.paper_perp_size_usd * _WAD) * _WAD // price_e36
        return PerpBook(
            bid_usd_e36=price_e36 * (BPS - half) // BPS,
            ask_usd_e36=div_up(price_e36 * (BPS + half), BPS),
            bid_size=size,
            ask_size=size,
        )

    def _quotes(
        self, asset: Address, quote: Address, book: PerpBook, dollar_e36: int, at_s: int
    ) -> tuple[PerpQuote, PerpQuote]:
        rate = self._settings.paper_perp_funding_pips * _PIPS_TO_E36
        sold = (book.bid_size, book.bid_size * book.bid_usd_e36 // dollar_e36)
        bought = (div_up(book.ask_size * book.ask_usd_e36, dollar_e36), book.ask_size)

        def of(taker: Address, maker: Address, knot: tuple[int, int], ours: int) -> PerpQuote:
            return PerpQuote(
                venue=VENUE,
                taker_asset=taker,
                maker_asset=maker,
                depth=DepthCurve(knots=(knot,)),
                # In and out.
                fee_pips=2 * self._settings.paper_perp_fee_pips,
                funding_rate_e36_per_hour=ours,
                observed_at_s=at_s,
                max_age_s=_MAX_AGE_S,
            )

        return of(asset, quote, sold, -rate), of(quote, asset, bought, rate)

    def _fund(self, asset: Address, at_s: int) -> None:
        """Settle funding at each whole hour of the chain, also of hours in which the desk stood still."""
        hour_s, last_s = at_s - at_s % _HOUR_S, self.venue.funded_until(asset)
        rate = self._settings.paper_perp_funding_pips * _PIPS_TO_E36
        if last_s is None:
            if self.offered:
                # From here on: the first hour of a ledger is written down, nothing is paid for it.
                self.venue.fund(asset, 0, hour_s - _HOUR_S, hour_s)
        elif hour_s > last_s:
            self.venue.fund(asset, rate, last_s, hour_s)
