"""The composition root: from settings to a desk that can step."""

from __future__ import annotations

import time
from uuid import uuid4

import structlog

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.indexer import EventDecoder, Indexer, IndexPolicy, IndexStore
from pmm.chain.node_pool import NodePool
from pmm.chain.quoter import find_pools
from pmm.chain.rpc import JsonRpc, shown_url
from pmm.chain.sender import (
    LedgerTransactionStore,
    TransactionKey,
    read_identity,
    same_node,
)
from pmm.desk.acting import DeskActions
from pmm.desk.action_ports import (
    HedgerActions,
    PoolFailover,
    SenderCancel,
    make_guardian,
    quoting_of,
    shaping_of,
)
from pmm.desk.alerting import desk_alerts
from pmm.desk.audited import DeskAudit
from pmm.desk.backlog import Backlog
from pmm.desk.business_opening import (
    both,
    join_business,
    say_unmeasured,
    unmeasured,
    watched_server,
    watched_transactions,
)
from pmm.desk.closing import OpenedParts
from pmm.desk.console import DeskConsole
from pmm.desk.desk import Desk
from pmm.desk.gauges import DeskGauges
from pmm.desk.heads import join_heads
from pmm.desk.hedge_transactions import HedgeTransactions
from pmm.desk.joined_journal import KnownOrders, promised_inventory
from pmm.desk.lending_opening import join_lending, lending_routes
from pmm.desk.operator_key import operator_key
from pmm.desk.paper_perps import PaperPerpDesk
from pmm.desk.past_prices import PastPrices
from pmm.desk.pending import PendingDesk
from pmm.desk.performance import PerformanceDesk
from pmm.desk.pre_trade import PreTradeDesk
from pmm.desk.pre_trade_teller import tellers_of
from pmm.desk.price_history_file import read_price_history
from pmm.desk.risk_clock import RiskClock
from pmm.desk.risk_desk import RiskDesk
from pmm.desk.scene import Scene
from pmm.desk.sources import DeskSources
from pmm.desk.stock import Stock, StockedSender
from pmm.desk.strategy import hedged_assets
from pmm.desk.venue_times import VenueTimes
from pmm.domain import WETH, parse_address
from pmm.errors import InvalidInput, SetupError, UnsafeToSign
from pmm.execution.actions import ActionPorts, executors_of
from pmm.execution.book import InventoryBook
from pmm.execution.hedging import HedgedAsset, HedgeLedger, Hedger, HedgerPolicy, LegDesk
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents, MetricsPort
from pmm.monitoring.history import GaugeHistory
from pmm.settings import ServeSettings
from pmm.settings_risk import risk_settings
from pmm.sources import node_endpoints
from pmm.venues.book_reader import BookReader
from pmm.venues.hedge_market import HedgeMarketReader
from pmm.venues.uniswap import UniswapRoute

_LOG = structlog.get_logger()
_LOOK_MS = 1_000
"""What a turn takes at a slow node."""


def open_desk(settings: ServeSettings) -> Desk:
    """Check node, deployment and key, open the ledger, and join everything.

    Raises:
        UnsafeToSign: the node, the deployed code or the key is not what it must be.
        SetupError, InvalidInput, ChainError: something else must be put right first; the message says what.
    """
    opened = OpenedParts()
    try:
        scene = opened.keep(Scene.find(settings))
        urls = node_urls(scene)
        settlement = parse_address(scene.settlement)
        ledger = opened.keep(
            open_ledger(scene.ledger_place, chain_id=scene.identity.chain_id, maker=settlement)
        )
        # Behind the ledger: a second desk is refused before it takes the operator's place.
        key = operator_key(settings, scene.rpc, scene.identity, scene.deployment, scene.settlement)
        if scene.identity.development:
            make_guardian(scene.rpc, settlement, key.address)
        return _join(scene, ledger, urls, key, opened)
    except BaseException:
        opened.abandon()
        raise


def node_urls(scene: Scene) -> list[str]:
    """Return the nodes that the chain is followed on; raise UnsafeToSign for one of another chain or kind."""
    settings, found = scene.settings, [scene.settings.rpc_url]
    more = settings.desk.backup_nodes
    urls = more.get_secret_value().split(",") if more else []
    if not scene.identity.development:
        # A provider's node is of mainnet, and knows nothing of a fork.
        urls += [one.http.get_secret_value() for one in node_endpoints(settings.sources)]
    for url in urls:
        address = url.strip()
        if not address.startswith(("http://", "https://")):
            raise InvalidInput("PMM_DESK_BACKUP_NODES: expected http:// or https:// addresses by comma")
        with JsonRpc(address, timeout_s=settings.rpc_timeout_ms / 1000) as rpc:
            other = read_identity(rpc)
        mine = scene.identity
        if (other.chain_id, other.development) != (mine.chain_id, mine.development):
            raise UnsafeToSign(
                f"expected a node like {mine.client_version} of chain {mine.chain_id} at {shown_url(address)}, found "
                f"{other.client_version} of chain {other.chain_id}; correct PMM_DESK_BACKUP_NODES"
            )
        found.append(address)
    return found


def _join(scene: Scene, ledger: Ledger, urls: list[str], key: TransactionKey, opened: OpenedParts) -> Desk:
    settings, watch, events = scene.settings, scene.watch, DeskEvents()
    clock = opened.keep(
        RiskClock(
            ledger,
            events.risk,
            settings=risk_settings(settings.risk),
            tokens=scene.tokens,
            every_ms=settings.desk.var_every_ms,
            price_every_ms=settings.desk.price_every_ms,
            least=settings.desk.var_least_prices,
            past=_past_prices(scene),
            now_ms=_now_ms(),
        )
    )
    assets, hedges = hedged_assets(settings.desk, clock.record), HedgeLedger(ledger)
    pending = opened.keep(PendingDesk.of(scene, events.book))
    gauges = DeskGauges(events, scene.tokens, scene.names, hedges, hedged=assets)
    gauges.expect_fills(scene.pairs, (parse_address(scene.settlement), parse_address(ONEINCH_ROUTER)))
    stock = opened.keep(Stock(scene.settlement, promised_inventory(scene)))
    timed = watched_transactions(ledger)
    sender = StockedSender(
        stock=stock,
        node=scene.rpc,
        key=key,
        store=LedgerTransactionStore(ledger),
        chain_id=scene.identity.chain_id,
        allowed=same_node(scene.rpc, scene.identity),
        watch=both(gauges.transaction, timed.seen),
    )
    paper = PaperPerpDesk(
        ledger,
        events,
        settings=settings.desk,
        hedged=assets,
        tokens=scene.tokens,
        development=scene.identity.development,
    )
    perps = VenueTimes(paper.venue, clock_ms=_now_ms)
    timed.begin(one.intent.key for one in sender.open_records)
    markets = _markets(scene, assets)
    routes = (UniswapRoute(scene.settlement), *lending_routes(scene), *paper.routes)
    gauges.expect_hedges(name for one in routes for name in one.names(markets.fees_pips))
    hedger = Hedger(
        ledger=hedges,
        routes=routes,
        # Also where it is no longer offered: an order of an earlier process may be on its way to its end.
        desk=LegDesk(HedgeTransactions(sender, stock), (perps,)),
        policy=HedgerPolicy(accounts=frozenset(watch.accounts), assets=assets),
    )
    heads = join_heads(scene)
    pool = opened.keep(NodePool(urls, timeout_s=settings.rpc_timeout_ms / 1000))
    store = IndexStore(ledger)
    # A development chain is rolled back at will; one under consensus does not get shorter.
    policy = IndexPolicy(rollback_after_s=0) if scene.identity.development else IndexPolicy()
    orders = opened.keep(KnownOrders.of(scene))
    decoder = EventDecoder(watch, orders)
    indexer = Indexer(nodes=pool, store=store, watch=watch, decoder=decoder, policy=policy)
    alerts = opened.keep(
        desk_alerts(
            settings.alerts,
            ledger,
            watch=events.alerts,
            names=scene.names,
            symbols={token.address: token.symbol for token in scene.tokens},
            clock_ms=_now_ms,
        )
    )
    audit = DeskAudit(ledger, events.alerts, now_ms=_now_ms())
    risk = RiskDesk(
        ledger,
        events,
        settings=risk_settings(settings.risk),
        tokens=scene.tokens,
        hedged=assets,
        expect=_expected(scene, pool, assets),
        lending_account=scene.lending.account if scene.lending else "",
        clock=clock,
        now_ms=_now_ms(),
        trail=audit,
    )
    performance = PerformanceDesk(
        ledger,
        events.book,
        tokens=scene.tokens,
        accounts=frozenset(watch.accounts),
        numeraires=frozenset(one.quote.address for one in assets),
        # Two looks: the first one after a horizon may just have begun.
        lateness_ms=2 * round(heads.longest_pause_s * 1000) + _LOOK_MS,
        now_ms=_now_ms(),
        perps=(paper.venue,),
    )
    lending = join_lending(scene, sender, stock, events.lending, assets)
    shaping = shaping_of(settings.desk)
    ports = ActionPorts(
        quoting=quoting_of(settings.desk, shaping),
        hedges=HedgerActions(hedger, assets, lambda: gauges.market, _now_ms),
        cancel=SenderCancel(sender, scene.rpc, scene.settlement),
        nodes=PoolFailover(pool),
        lending=lending,
        sources=shaping,
    )
    actions = opened.keep(
        DeskActions(
            risk.record,
            risk.monitor,
            executors_of(ports),
            clock_ms=_now_ms,
            events=events.risk,
            alerts=alerts,
        )
    )
    book = InventoryBook(scope=scene.scope)
    say_unmeasured(scene)
    sources = opened.keep(DeskSources(settings, scene.tokens, events.sources, lambda: gauges.market, _now_ms))
    availability = watched_server(settings.desk, _now_ms)
    if availability is not None:
        opened.keep(availability)
    business = join_business(scene, ledger, orders, timed, (perps,), now_ms=_now_ms())
    # Last: nobody is let in before the desk is whole.
    metrics = opened.keep(MetricsPort(events.registry, port=settings.desk.metrics_port))
    console = _console(scene, actions)
    if console is not None:
        opened.keep(console)
    return Desk(
        opened=opened,
        scene=scene,
        ledger=ledger,
        pool=pool,
        heads=heads,
        indexer=indexer,
        orders=orders,
        store=store,
        reader=BookReader(scene.node, scene.scope, scene.lending),
        markets=markets,
        book=book,
        hedger=hedger,
        backlog=Backlog(ledger, book, hedger),
        sender=sender,
        stock=stock,
        lending=lending,
        risk=risk,
        availability=availability,
        pre_trade=opened.keep(
            PreTradeDesk(
                scene.tokens,
                max_quote_usd=settings.max_quote_usd,
                settings=risk_settings(settings.risk),
                tellers=tellers_of(settings.desk, events.risk),
            )
        ),
        paper=paper,
        pending=pending,
        performance=performance,
        business=business,
        sources=sources,
        gauges=gauges,
        history=GaugeHistory(ledger, events.registry, run=uuid4().hex),
        alerts=alerts,
        actions=actions,
        audit=audit,
        metrics=metrics,
    )


def _past_prices(scene: Scene) -> PastPrices:
    file, assets = scene.settings.desk.price_history, sorted(one.symbol for one in scene.tokens)
    return PastPrices(read_price_history(file, assets, now_ms=_now_ms()) if file else None)


def _console(scene: Scene, actions: DeskActions) -> DeskConsole | None:
    """Return the desk's door; a desk whose default place is no place for a socket runs without one."""
    place = scene.console_place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return DeskConsole(place, actions)
    except (SetupError, OSError) as error:
        if scene.settings.desk.console is not None:
            raise
        _LOG.error("desk_without_console", why=str(error))
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _markets(scene: Scene, assets: tuple[HedgedAsset, ...]) -> HedgeMarketReader:
    pools = find_pools(scene.node, [(one.asset, one.quote) for one in assets])
    return HedgeMarketReader(
        scene.node,
        tokens=scene.tokens,
        native=WETH.address,
        settlement=scene.settlement,
        pools=pools,
        plan=scene.lending,
        heartbeat_grace_s=scene.settings.heartbeat_grace_s,
    )


def _expected(scene: Scene, pool: NodePool, assets: tuple[HedgedAsset, ...]) -> dict[str, tuple[str, ...]]:
    """Return the keys that risk must hear of: unknown until it does."""
    found = {
        "net_delta_pct": tuple(one.asset.symbol for one in assets),
        "node_health_pct": tuple(one.name for one in pool.nodes),
    }
    # Nobody tells of them: there is nothing to know.
    found |= dict.fromkeys(unmeasured(scene), ())
    if scene.lending is not None:
        found |= dict.fromkeys(("liquidation_buffer_pct", "health_factor"), (scene.lending.account,))
    return found
