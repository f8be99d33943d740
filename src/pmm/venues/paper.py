"""A perp venue on paper: orders fill against the quote as last heard, at once and whole, or not at all.

It keeps what it filled in the desk's ledger, so that a restart of the desk finds its positions and no order is
filled twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pmm.domain import Address
from pmm.execution.hedging.ports import ChargeKind, PerpCharge, PerpPosition, Report, ReportState
from pmm.execution.hedging.records import PerpOrder
from pmm.execution.hedging.routes import (
    HedgeMarket,
    HedgeOrder,
    PlannedLeg,
    RouteCost,
    RoutePlan,
    RouteRefused,
)
from pmm.execution.ledger import DeskLedger
from pmm.pricing.depth import DepthCurve
from pmm.pricing.fixed_point import BPS, E36, div_up
from pmm.pricing.hedge_venues import PerpQuote

_PIPS = 1_000_000
_HOUR_S = 3_600
_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpBook:
    """Prices of the venue for one asset, US dollars per base unit scaled by 10**36; size in base units each way."""

    bid_usd_e36: int
    ask_usd_e36: int
    bid_size: int
    ask_size: int


@dataclass
class PaperPerp:
    """Our account on the paper venue. ``books`` are its prices now; a test or the composition root sets them."""

    ledger: DeskLedger
    venue: str = "paper"
    fee_pips: int = 450
    books: dict[Address, PerpBook] = field(default_factory=dict)

    def submit(self, key: str, order: PerpOrder) -> Report:
        """Fill an order at the best price where limit and size allow; the same key gives the first answer again."""
        known = self.report(key)
        if known.state is not ReportState.ABSENT:
            return known
        book = self.books.get(order.asset)
        if book is None:
            return Report(state=ReportState.REFUSED, detail=f"{self.venue} has no perp of {order.asset}")
        buys = order.amount > 0
        price, size = (book.ask_usd_e36, book.ask_size) if buys else (book.bid_usd_e36, book.bid_size)
        beyond = price > order.limit_usd_e36 if buys else price < order.limit_usd_e36
        if beyond or abs(order.amount) > size:
            why = f"expected {order.amount} at {order.limit_usd_e36}, found {size} at {price}"
            return Report(state=ReportState.REFUSED, detail=f"{self.venue}: {why}")
        fee = div_up(abs(order.amount) * price * self.fee_pips, _WAD * _PIPS)
        with self.ledger.transaction() as transaction:
            transaction.execute(
                "INSERT INTO hedging_paper_orders (order_key, venue, asset, filled, price_usd_e36, fee_usd_wad) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (key, self.venue, order.asset, str(order.amount), str(price), str(fee)),
            )
        return self.report(key)

    def report(self, key: str) -> Report:
        """Return what became of an order."""
        rows = self.ledger.read(
            "SELECT filled FROM hedging_paper_orders WHERE order_key = ? AND venue = ?", (key, self.venue)
        )
        if not rows:
            return Report(state=ReportState.ABSENT)
        return Report(state=ReportState.DONE, references=(key.encode(),), filled=int(rows[0][0]))

    def positions(self) -> tuple[PerpPosition, ...]:
        """Return net positions; the entry price is the mean of what opened them, rounded down."""
        return tuple(
            PerpPosition(venue=self.venue, asset=asset, amount=amount, entry_usd_e36=paid // amount)
            for asset, (amount, paid) in self._net().items()
            if amount
        )

    def won_usd_wad(self, usd_per_unit_e36: Mapping[Address, int]) -> int:
        """Return what trades, closed ones too, won at prices of now, with every fee and funding; rounded down."""
        moved = sum(
            amount * usd_per_unit_e36.get(asset, 0) - paid for asset, (amount, paid) in self._net().items()
        )
        return moved // _WAD + sum(one.usd_wad for one in self.charges())

    def fund(self, asset: Address, rate_e36_per_hour: int, from_s: int, until_s: int) -> None:
        """Settle funding of a position for a time, at the mid price; once for each ``until_s``.

        A positive rate is paid by longs to shorts, per hour and dollar of the position. Rounded against us. Without a
        position the time is written down alone, without a price nothing is.
        """
        held = next((one.amount for one in self.positions() if one.asset == asset), 0)
        book = self.books.get(asset)
        if book is None or until_s <= from_s:
            return
        mid_usd_e36 = (book.bid_usd_e36 + book.ask_usd_e36) // 2
        paid = -held * mid_usd_e36 * rate_e36_per_hour * (until_s - from_s) // (_WAD * E36 * _HOUR_S)
        with self.ledger.transaction() as transaction:
            transaction.execute(
                "INSERT INTO hedging_paper_funding (venue, asset, until_s, usd_wad) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (venue, asset, until_s) DO NOTHING",
                (self.venue, asset, until_s, str(paid)),
            )

    def funded_until(self, asset: Address) -> int | None:
        """Return up to when funding of an asset is settled, None where it never was."""
        rows = self.ledger.read(
            "SELECT max(until_s) FROM hedging_paper_funding WHERE venue = ? AND asset = ?",
            (self.venue, asset),
        )
        return None if rows[0][0] is None else int(rows[0][0])

    def charges(self) -> tuple[PerpCharge, ...]:
        """Return the fee of every fill and every funding payment."""
        fees = self.ledger.read(
            "SELECT order_key, asset, fee_usd_wad FROM hedging_paper_orders WHERE venue = ? ORDER BY order_key",
            (self.venue,),
        )
        funding = self.ledger.read(
            "SELECT until_s, asset, usd_wad FROM hedging_paper_funding WHERE venue = ? ORDER BY until_s, asset",
            (self.venue,),
        )
        return (
            *(self._charge(ChargeKind.FEE, key, asset, -int(usd)) for key, asset, usd in fees),
            *(
                self._charge(ChargeKind.FUNDING, f"{asset}:{until_s}", asset, int(usd))
                for until_s, asset, usd in funding
                if int(usd)
            ),
        )

    def _net(self) -> dict[Address, tuple[int, int]]:
        """Return the position in each asset and what was paid for it, US dollars x 10**36."""
        rows = self.ledger.read(
            "SELECT asset, filled, price_usd_e36 FROM hedging_paper_orders WHERE venue = ? ORDER BY order_key",
            (self.venue,),
        )
        net: dict[Address, tuple[int, int]] = {}
        for asset, filled, price in rows:
            amount, paid = net.get(Address(asset), (0, 0))
            net[Address(asset)] = (amount + int(filled), paid + int(filled) * int(price))
        return net

    def _charge(self, kind: ChargeKind, key: str, asset: str, usd_wad: int) -> PerpCharge:
        return PerpCharge(key=key, venue=self.venue, asset=Address(asset), kind=kind, usd_wad=usd_wad)


class PerpRoute:
    """Hedging on a perp: fee both ways, funding for the holding time where our side pays it."""

    def __init__(self, venue: str) -> None:
        self._venue = venue

    def names(self, _fees_pips: Iterable[int] = ()) -> tuple[str]:
        """Return its name."""
        return (f"perp_{self._venue}",)

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> Sequence[RoutePlan | RouteRefused]:
        """Return the plan on this venue; none without a quote of the direction."""
        asset, quote = order.asset.address, order.quote.address
        wanted = (asset, quote) if order.trade < 0 else (quote, asset)
        for one in market.perps:
            if one.venue == self._venue and (one.taker_asset, one.maker_asset) == wanted:
                return (self._plan(order, market, one),)
        return ()

    def _plan(self, order: HedgeOrder, market: HedgeMarket, quote: PerpQuote) -> RoutePlan | RouteRefused:
        (name,) = self.names()
        age_s = market.at_s - quote.observed_at_s
        if age_s > quote.max_age_s:
            return RouteRefused(
                route=name, why=f"expected a quote of at most {quote.max_age_s} s, found {age_s} s"
            )
        size, sells = abs(order.trade), order.trade < 0
        other = out_down(quote.depth, size) if sells else quote.depth.in_up(size)
        if other is None:
            return RouteRefused(route=name, why="the venue is too shallow")
        asset, usd = order.asset.address, order.quote.address
        value = market.value_up(asset, size)
        slippage = value - market.value_down(usd, other) if sells else market.value_up(usd, other) - value
        fee = div_up(value * quote.fee_pips, _PIPS)
        rate = max(quote.funding_rate_e36_per_hour, 0)
        funding = div_up(value * rate * order.holding_s, E36 * _HOUR_S)
        # Worst price: expected one and the slippage allowed on top.
        price_e36 = market.value_up(usd, other) * _WAD // size
        cost = RouteCost(fee_usd_wad=fee, slippage_usd_wad=slippage, funding_usd_wad=funding)
        slippage_bps = order.slippage_bps(cost, market, max(value, market.value_up(usd, other)))
        room = BPS - slippage_bps if sells else BPS + slippage_bps
        limit = price_e36 * room // BPS
        call = PerpOrder(
            venue=self._venue,
            asset=asset,
            amount=order.trade,
            limit_usd_e36=limit,
            purpose=f"{'sell' if sells else 'buy'} {size} of {order.asset.symbol} on {self._venue}",
        )
        return RoutePlan(route=name, legs=(PlannedLeg(call=call),), cost=cost)


def out_down(depth: DepthCurve, amount_in: int) -> int | None:
    """Return what a venue pays for an exact amount in, rounded down; None beyond the last knot."""
    paid = 0
    for step in depth.steps:
        if amount_in <= step.amount_in:
            return paid + amount_in * step.amount_out // step.amount_in
        amount_in -= step.amount_in
        paid += step.amount_out
    return None if amount_in else paid
