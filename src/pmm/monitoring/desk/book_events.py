"""Events of the books: fills, balances, exposure, profit and loss, differences from the chain."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_MARKOUT_BPS = (-100, -50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100)


class BookEvents:
    """Counts what the books say."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        pair, place = ("venue", "pair"), ("token", "place")
        self._fills = Counter(
            "pmm_desk_fills", "Fills by settling contract and pair.", pair, registry=registry
        )
        self._volume = Counter("pmm_desk_volume_usd", "Filled volume, US dollars.", pair, registry=registry)
        self._removed = Counter(
            "pmm_desk_fills_removed", "Fills that a reorganisation took back.", pair, registry=registry
        )
        self._removed_volume = Counter(
            "pmm_desk_volume_removed_usd", "Their volume, US dollars.", pair, registry=registry
        )
        self._inventory = Gauge("pmm_desk_inventory", "Balance, whole tokens.", place, registry=registry)
        self._inventory_usd = Gauge(
            "pmm_desk_inventory_usd", "The same in US dollars.", place, registry=registry
        )
        self._delta = Gauge(
            "pmm_desk_delta_ratio", "Net delta relative to inventory.", ("asset",), registry=registry
        )
        self._delta_usd = Gauge("pmm_desk_delta_usd", "Net delta, US dollars.", ("asset",), registry=registry)
        self._pnl = Gauge(
            "pmm_desk_pnl_usd",
            "Profit and loss since the start, US dollars; costs are negative.",
            ("token", "component"),
            registry=registry,
        )
        self._value = Gauge("pmm_desk_portfolio_usd", "Value of everything less debt.", registry=registry)
        self._markouts = Histogram(
            "pmm_desk_markout_bps",
            "What fills were worth later.",
            ("horizon_s",),
            buckets=_MARKOUT_BPS,
            registry=registry,
        )
        self._off_by = Gauge(
            "pmm_desk_reconciliation_off_by", "Books less chain, base units.", place, registry=registry
        )
        self._checks = Counter(
            "pmm_desk_reconciliations", "Comparisons with the chain.", ("outcome",), registry=registry
        )

        self._pending = Gauge(
            "pmm_pending_quotes", "Signed quotes that count in the net position.", registry=registry
        )
        self._pending_known = Gauge(
            "pmm_pending_quotes_known", "0 while they should count and cannot be read.", registry=registry
        )
        self._pending_delta = Gauge(
            "pmm_pending_delta",
            "What they bring by fill probability, whole tokens.",
            ("asset",),
            registry=registry,
        )
        self._pending_known.set(1)

    def pending_counted(self, *, quotes: int) -> None:
        """So many signed quotes may still be filled and count in the net position."""
        self._pending.set(quotes)
        self._pending_known.set(1)
        self._log.debug("pending_counted", quotes=quotes)

    def pending_unknown(self) -> None:
        """The journal cannot be read: none counts, and how many there are is not known."""
        self._pending_known.set(0)
        self._log.debug("pending_unknown")

    def pending_changed(self, *, asset: str, amount: float) -> None:
        """What signed quotes bring of an asset (negative: take) by their fill probability."""
        self._pending_delta.labels(asset).set(amount)
        self._log.debug("pending_changed", asset=asset, amount=amount)

    def fills_expected(self, *, venue: str, pair: str) -> None:
        """Fills may come: counted from zero, for Prometheus sees no increase in a series that begins with one."""
        for counter in (self._fills, self._volume, self._removed, self._removed_volume):
            counter.labels(venue, pair)
        self._log.debug("fills_expected", venue=venue, pair=pair)

    def fill_recorded(self, *, venue: str, pair: str, usd: float) -> None:
        """One of our orders was filled."""
        self._fills.labels(venue, pair).inc()
        self._volume.labels(venue, pair).inc(usd)
        self._log.info("fill_recorded", venue=venue, pair=pair, usd=round(usd, 2))

    def fill_removed(self, *, venue: str, pair: str, usd: float) -> None:
        """A reorganisation took a fill back; counters only rise, so it counts beside those recorded."""
        self._removed.labels(venue, pair).inc()
        self._removed_volume.labels(venue, pair).inc(usd)
        self._log.warning("fill_removed", venue=venue, pair=pair)

    def inventory_changed(self, *, token: str, place: str, amount: float, usd: float) -> None:
        """A balance is another one; ``place`` is the contract, wallet or market where it lies."""
        self._inventory.labels(token, place).set(amount)
        self._inventory_usd.labels(token, place).set(usd)
        self._log.debug("inventory_changed", token=token, place=place)

    def exposure_changed(self, *, asset: str, delta_ratio: float, delta_usd: float) -> None:
        """The net delta of an asset is another one; 0.05 is five per cent of inventory."""
        self._delta.labels(asset).set(delta_ratio)
        self._delta_usd.labels(asset).set(delta_usd)
        self._log.debug("exposure_changed", asset=asset, delta_ratio=delta_ratio)

    def pnl_booked(self, *, token: str, component: str, usd: float) -> None:
        """An amount was earned (positive) or spent (negative)."""
        self._pnl.labels(token, component).inc(usd)
        self._log.info("pnl_booked", token=token, component=component, usd=round(usd, 2))

    def portfolio_valued(self, *, usd: float) -> None:
        """The whole was valued anew."""
        self._value.set(usd)
        self._log.debug("portfolio_valued", usd=round(usd, 2))

    def markout_measured(self, *, horizon_s: int, bps: float) -> None:
        """A fill was looked at again, ``horizon_s`` later."""
        self._markouts.labels(str(horizon_s)).observe(bps)
        self._log.debug("markout_measured", horizon_s=horizon_s, bps=bps)

    def reconciled(self, *, token: str, place: str, off_by: int, cause: str = "") -> None:
        """A balance of the books was held against the chain; ``off_by`` is books less chain in base units."""
        self._off_by.labels(token, place).set(off_by)
        self._checks.labels("equal" if off_by == 0 else "different").inc()
        if off_by:
            self._log.error("books_differ", token=token, place=place, off_by=off_by, cause=cause)
        else:
            self._log.debug("reconciled", token=token, place=place)
