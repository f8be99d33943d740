"""Joins what tells risk of quotes, fills, hedges and transactions; says what nobody can tell here."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pmm.chain.sender import TransactionRecord
from pmm.desk.availability import QuoteServerWatch
from pmm.desk.business import BusinessDesk, BusinessParts
from pmm.desk.business_ledger import BusinessLedger
from pmm.desk.failed_settlements import FailedSettlements
from pmm.desk.joined_journal import KnownOrders
from pmm.desk.own_transactions import OwnTransactions
from pmm.desk.quote_book import QuoteBook
from pmm.desk.scene import Scene
from pmm.desk.venue_times import VenueTimes
from pmm.ledger import Ledger
from pmm.settings_sections import DeskSettings, Hedging

_LOG = structlog.get_logger()


def unmeasured(scene: Scene) -> dict[str, str]:
    """Return the metrics that this desk cannot know, with the reason: risk neither expects them nor warns of them."""
    desk = scene.settings.desk
    found: dict[str, str] = {}
    if not desk.paper_perp:
        found["trade_latency_ms"] = "no exchange venue is joined, nor the one on paper (PMM_DESK_PAPER_PERP)"
    if desk.quote_server_url is None:
        found["uptime_pct"] = "PMM_DESK_QUOTE_SERVER_URL names no quote server"
        found["quote_response_ms"] = found["uptime_pct"]
    elif not _key(desk):
        found["quote_response_ms"] = "no PMM_DESK_QUOTE_SERVER_KEY reads the quote server's metrics"
    if desk.hedging is Hedging.NONE and not desk.keeper:
        why = "PMM_DESK_HEDGING=none and no keeper: the desk sends transactions only where risk commands it"
        found |= dict.fromkeys(("submission_latency_ms", "inclusion_blocks"), why)
    if scene.journal_place is None:
        why = "no journal of a quote server is joined"
        found |= dict.fromkeys(("quote_acceptance_pct", "quote_to_fill_pct", "realised_edge_pct"), why)
    return found


def say_unmeasured(scene: Scene) -> None:
    """Write down, once, what is not measured and why."""
    for metric, why in unmeasured(scene).items():
        _LOG.info("not_measured", metric=metric, why=why)


def watched_transactions(ledger: Ledger) -> OwnTransactions:
    """Return the clock of our transactions, with what an earlier process measured."""
    return OwnTransactions(BusinessLedger(ledger).submissions())


def both(
    *watches: Callable[[TransactionRecord], None],
) -> Callable[[TransactionRecord], None]:
    """Return a watch of the sender that tells each of these."""

    def tell(record: TransactionRecord) -> None:
        for watch in watches:
            watch(record)

    return tell


def join_business(
    scene: Scene,
    ledger: Ledger,
    orders: KnownOrders,
    transactions: OwnTransactions,
    venues: tuple[VenueTimes, ...],
    *,
    now_ms: int,
) -> BusinessDesk:
    """Return it, over the journal that ``orders`` reads and closes, and the venues whose orders are timed."""
    pairs = {
        frozenset((one.address, other.address)): f"{one.symbol}/{other.symbol}" for one, other in scene.pairs
    }
    quotes = QuoteBook(
        orders.quotes, pairs=pairs, symbols={token.address: token.symbol for token in scene.tokens}
    )
    looked = BusinessLedger(ledger).looked_through()
    failures = FailedSettlements(scene.rpc, settlement=scene.settlement, place=looked)
    parts = BusinessParts(
        quotes=quotes,
        transactions=transactions,
        accounts=frozenset(scene.watch.accounts),
        failures=failures if orders.quotes is not None else None,
        hedges=scene.settings.desk.hedging is not Hedging.NONE,
        venues=venues,
    )
    return BusinessDesk(ledger, parts, now_ms=now_ms)


def watched_server(desk: DeskSettings, clock_ms: Callable[[], int]) -> QuoteServerWatch | None:
    """Return who watches the quote server; None where none is named."""
    url = desk.quote_server_url
    return QuoteServerWatch(url, clock_ms=clock_ms, key=_key(desk)) if url else None


def _key(desk: DeskSettings) -> str:
    return desk.quote_server_key.get_secret_value() if desk.quote_server_key else ""
