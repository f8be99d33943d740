"""The composition root: from settings to a server that is ready to listen."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from pmm.chain.deployments import Deployment, fork_record_path, live_record_path, load_deployment
from pmm.chain.fill_hedging import FillHedging, find_fill_hedging
from pmm.chain.hedger import hedger_fault
from pmm.chain.market_reader import MarketReader, identify
from pmm.chain.rpc import JsonRpc
from pmm.chain.signer_keys import register_by_impersonation, revoke_by_impersonation
from pmm.chain.web3_node import Web3Node
from pmm.domain import (
    Address,
    parse_address,
    require_native_backends,
)
from pmm.errors import ChainError, UnsafeToSign
from pmm.execution import (
    NO_STAGES,
    AdmissionDesk,
    ChainView,
    DeskPolicy,
    GuardedSigner,
    JournalState,
    JournalUnavailable,
    MarketConditions,
    NodeIdentity,
    NonceWords,
    QuoteDesk,
    ReservationBook,
    Settlement,
    SigningMode,
    Stage,
    choose_signing_mode,
)
from pmm.execution.kill_switches import parse_switch
from pmm.execution.otc import OtcDesk, OtcPolicy
from pmm.journal import Journal, PostgresJournal, SqliteJournal
from pmm.market_data import LiveBooks, SwitchedMarket
from pmm.models import find_model
from pmm.monitoring.book_gauges import BookGauges
from pmm.monitoring.counted_desk import counted
from pmm.monitoring.events import Events
from pmm.monitoring.measured import measured
from pmm.pricing import StatePolicy, StateTracker, market_rate_e36
from pmm.pricing.funding import WITHOUT_HEDGER
from pmm.pricing.jump_filter import JumpFilterPolicy
from pmm.pricing.latency_gate import LatencyPolicy
from pmm.relayers.registry import open_codecs
from pmm.server.access.request_body import AsgiApp
from pmm.server.app import build_app
from pmm.server.assembly import (
    Pairs,
    desk_policy,
    lending_of,
    nonce_keeper,
    outside_market,
    outside_sources,
    pools_of,
    reader_plan,
    relayer_settings,
)
from pmm.server.book_watch import BookWatch
from pmm.server.clock import SystemClock
from pmm.server.control_plane import (
    ControlPlane,
    Loader,
    OperatorSide,
    front_door,
    open_control_plane,
    open_keyring,
    operator_side,
)
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.feed_watch import feed_policy, open_feed_watch
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from pmm.server.okx_maker import SIGNING, OkxMaker, contract_quotes, okx_desk, open_okx_maker
from pmm.server.operator.api import OperatorParts, operator_api
from pmm.server.random_pool import RandomPool
from pmm.server.refresher import MarketRefresher, ViewReader
from pmm.server.relayer_routes import RelayerRoutes
from pmm.server.signing_key import has_lasting_key, lanes_reader, on_chain_stop, open_lanes, order_key
from pmm.settings import HookHedge, ServeSettings, parse_pair
from pmm.settings_books import open_books
from pmm.toolchain import project_root

_LOG = structlog.get_logger()
_CONTRACT = "RfqSettlement"
# Deeper than any reorganisation of mainnet since proof of stake; a fill frees inventory after 2.4 minutes.
_LIVE_CONFIRMATIONS = 12
_REVOKE_TIMEOUT_S = 0.5
# Methods whose time is a stage.
_READING: Final = {"current": Stage.MARKET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Everything that a server run consists of."""

    app: AsgiApp
    routes: QuoteRoutes
    desk: QuoteDesk
    health: Health
    journal: Journal
    refresher: MarketRefresher
    signer: GuardedSigner
    maker: Address
    node: NodeIdentity
    settings: ServeSettings
    plane: ControlPlane
    side: OperatorSide
    books: LiveBooks
    book_watch: BookWatch
    okx: QuoteDesk | None = None

    def start(self) -> None:
        """Begin to read the market; called inside the event loop."""
        self.refresher.start(self._on_view)
        self.book_watch.start()

    def close(self) -> None:
        """Stop reading, close the journal, and on a development node give the signer's place back."""
        self.refresher.stop()
        self.books.close()
        self.journal.close()
        self.plane.close()
        if self.signer.mode is SigningMode.DEVELOPMENT:
            self._give_place_back()

    def _give_place_back(self) -> None:
        try:
            with JsonRpc(self.settings.rpc_url, timeout_s=_REVOKE_TIMEOUT_S) as rpc:
                revoke_by_impersonation(rpc, self.maker, self.signer.address)
        except (ChainError, UnsafeToSign) as error:
            # The next run that finds no place free revokes it.
            _LOG.info("signer_not_revoked", reason=str(error))

    async def _on_view(self, view: ChainView) -> NonceWords:
        desks = (self.desk,) if self.okx is None else (self.desk, self.okx)
        for desk in desks:
            try:
                await desk.settle(view)
                await desk.keep(view)
            except JournalUnavailable as error:
                _LOG.error("journal_behind", error=str(error))
        await self.plane.on_view(view, self.side.rotation)
        # No two desks issue nonces of one settlement contract.
        return NonceWords({word: bits for desk in desks for word, bits in desk.live_nonces().words.items()})


def open_runtime(settings: ServeSettings, load: Loader | None = None) -> Runtime:
    """Check node, deployment and key, open the journal, and put the server together.

    Args:
        settings: what to run with.
        load: reads the settings again for a reload; without it a reload finds nothing new.

    Raises:
        UnsafeToSign: the node, the deployed code or the key is not what it must be.
        SetupError, InvalidInput, ChainError: something else must be put right first; the message says what.
    """
    require_native_backends()
    node = Web3Node(settings.rpc_url, timeout_s=settings.rpc_timeout_ms / 1000)
    identity = identify(node)
    deployment = _deployment(settings, identity)
    mode = choose_signing_mode(
        node=identity,
        record_chain_id=deployment.chain_id,
        live=settings.live,
        keystore=has_lasting_key(settings),
    )
    # Before anything is opened: without keys a real node is not served.
    open_keyring(settings, identity)
    maker = parse_address(deployment.address(_CONTRACT), _CONTRACT)
    with JsonRpc(settings.rpc_url, timeout_s=settings.rpc_timeout_ms / 1000) as rpc:
        deployment.check_code(rpc, _CONTRACT)
        journal = _open_journal(settings, identity, maker)
        try:
            key = order_key(settings, mode)
            if mode is SigningMode.DEVELOPMENT:
                keep = [str(signer) for signer in deployment.parameters.get("signers", ())]
                register_by_impersonation(rpc, maker, key.address, lanes=settings.lanes, keep=keep)
            signer = GuardedSigner(key, mode=mode, node=identity)
            fault = hedger_fault(rpc, deployment, maker)
            hedging = _fill_hedging(settings, node, maker, fault)
            running = _with_funding(settings, fault)
            okx = open_okx_maker(settings, rpc, mode=mode, node=identity)
            return _join(
                running, node, identity, maker, signer, journal, okx, hedging, load or (lambda: settings)
            )
        except BaseException:
            journal.close()
            raise


def _with_funding(settings: ServeSettings, fault: str | None) -> ServeSettings:
    """Return the settings, without the flash sources that need the hedger when there is none to use."""
    left = tuple(source for source in settings.funding_sources if source in WITHOUT_HEDGER)
    if fault is None or left == settings.funding_sources:
        return settings
    _LOG.warning("flash_funding_off", reason=fault, left=[source.name.lower() for source in left])
    return settings.model_copy(update={"funding_sources": left})


def _fill_hedging(settings: ServeSettings, node: Web3Node, maker: Address, fault: str | None) -> FillHedging:
    """Return what the settlement lets fills be hedged by inside themselves; say what it does not, if it is asked."""
    pairs = [parse_pair(name) for name in settings.pairs]
    found = find_fill_hedging(node, maker, pairs, hedger_fault=fault)
    if settings.hook_hedge is not HookHedge.OFF and found.faults:
        left = [
            f"{base.symbol}/{quote.symbol}"
            for base, quote in pairs
            if (base.address, quote.address) in found.bands_bps
        ]
        _LOG.warning("hook_hedge_off", reason="; ".join(found.faults), left=left)
    return found


def _join(
    settings: ServeSettings,
    node: Web3Node,
    identity: NodeIdentity,
    maker: Address,
    signer: GuardedSigner,
    journal: Journal,
    okx: OkxMaker | None,
    hedging: FillHedging,
    load: Loader,
) -> Runtime:
    pairs = [parse_pair(name) for name in settings.pairs]
    lending = lending_of(settings, node, maker, pairs)
    plan = reader_plan(
        settings,
        maker=maker,
        signer=signer.address,
        lanes=open_lanes(settings, node, maker, signer.address),
        pairs=pairs,
        pools=pools_of(settings, node, pairs),
        lending=lending,
    )
    state, clock, random = journal.recover(), SystemClock(), RandomPool()
    plane = open_control_plane(settings, identity, _switches_file(identity, journal), clock)
    books = open_books(settings)

    def sources_off() -> frozenset[str]:
        return plane.shape.shaping.sources_off

    outside = SwitchedMarket(outside_market(settings, books), sources_off)
    if plane.metrics is not None:
        plane.metrics.registry.register(BookGauges(books))
    reader = MarketReader(node, plan, outside, reread=settings.reread_block)
    stages = plane.metrics or NO_STAGES
    for guarded in (signer,) if okx is None else (signer, okx.signer):
        guarded.on_fault = partial(plane.board.latch, parse_switch("signer", guarded.address))
    keeper = nonce_keeper(settings, journal, node, maker, signer.address, state)
    # The lanes as they are on chain say which nonces are gone, beside what the journal says.
    keeper.start(reader.read(()).lanes)
    policy_of = partial(
        desk_policy,
        identity=identity,
        maker=maker,
        pairs=pairs,
        hooks=lending.hooks if lending else None,
        hedging=hedging,
    )
    policy = policy_of(settings)
    tracker = StateTracker(
        StatePolicy(
            latency=feed_policy(settings, identity) or LatencyPolicy(),
            jump=JumpFilterPolicy(
                max_divergence_bps=settings.jump_divergence_bps, pause_ms=settings.jump_pause_ms
            ),
        )
    )
    conditions = MarketConditions(clock=clock, pairs=policy.pairs.policies, tracker=tracker)
    admission = AdmissionDesk(
        policy=policy,
        signer=measured(signer, stages, SIGNING) if plane.metrics else signer,
        book=_resumed_book(settings, identity, state),
        router_nonces=keeper.router_nonces,
        lane_nonces=keeper.lane_nonces,
        random_bits=random.bits,
        conditions=conditions,
        model=find_model(settings.model),
        switches=plane.board.switches,
        shaping=plane.shape.shaping,
        pre_trade=plane.pre_trade,
        stages=stages,
    )
    whole = reader if okx is None else okx.reader(reader, node, plan.tokens)

    def prepare(view: ChainView) -> None:
        for pair in admission.policy.pairs.policies:
            market_rate_e36(view.market, pair)

    on_chain = on_chain_stop(settings, identity, maker)
    slow = open_feed_watch(
        settings,
        identity,
        board=plane.board,
        gate=conditions.observe_round_trip,
        void=None if on_chain is None else partial(on_chain.stop, signer.address, "cancel"),
    )
    refresher = _refresher(settings, whole, clock, prepare, slow.observe)
    market = measured(refresher, stages, _READING) if plane.metrics else refresher
    desk = QuoteDesk(market=market, journal=journal, admission=admission, clock=clock, keeper=keeper)
    desk.ends.resume(state.cursor)
    second = (
        None
        if okx is None
        else okx_desk(
            okx,
            policy=policy,
            ttl_s=settings.okx_quote_ttl_s,
            confirmations=_confirmations(settings, identity),
            market=market,
            journal=journal,
            live=state.live,
            clock=clock,
            chain_id=identity.chain_id,
            random_bits=random.bits,
            model=admission.model,
            conditions=conditions,
            switches=plane.board.switches,
            shaping=plane.shape.shaping,
            pre_trade=plane.pre_trade,
            stages=stages,
        )
    )
    health = Health(admission=admission, journal=journal, refresher=refresher, clock=clock)
    side = operator_side(
        plane,
        settings,
        load=load,
        health=health,
        admission=admission,
        refresher=refresher,
        signer=signer,
        clock=clock,
        policy_of=policy_of,
        lanes_of=lanes_reader(settings, maker),
        confirmations=_confirmations(settings, identity),
        on_chain=on_chain,
        sources=outside_sources(settings),
        others=[]
        if okx is None or second is None
        else [(second.admission, partial(_okx_policy, okx, identity, maker, pairs))],
    )
    desks = {Settlement.ONEINCH: desk} | ({} if second is None else {Settlement.OKX: second})

    def new_id() -> str:
        return random.timed_id(clock.wall_ms())

    otc = OtcDesk(
        counted(desk, plane.events) if plane.metrics else desk,
        chain_id=identity.chain_id,
        policy=OtcPolicy(**settings.otc.model_dump()),
        new_id=new_id,
    )
    routes = _app(settings, identity, desks, health, replace(side.parts, otc=otc), plane.events, new_id)
    side.target.door = door = front_door(routes, plane, settings, clock)
    return Runtime(
        app=door,
        routes=routes,
        desk=desk,
        health=health,
        journal=journal,
        refresher=refresher,
        signer=signer,
        maker=maker,
        node=identity,
        settings=settings,
        plane=plane,
        side=side,
        books=books,
        book_watch=BookWatch(
            books,
            conditions,
            policy.pairs.policies,
            jump_bps=settings.jump_divergence_bps,
            sources_off=sources_off,
        ),
        okx=second,
    )


def _okx_policy(
    okx: OkxMaker, identity: NodeIdentity, maker: Address, pairs: Pairs, new: ServeSettings
) -> DeskPolicy:
    policy = desk_policy(new, identity, maker, pairs)
    return okx.policy(policy, ttl_s=new.okx_quote_ttl_s, chain_id=identity.chain_id)


def _resumed_book(settings: ServeSettings, identity: NodeIdentity, state: JournalState) -> ReservationBook:
    book = ReservationBook(confirmations=_confirmations(settings, identity))
    for quote in contract_quotes(state.live):
        book.add(quote)
    return book


def _confirmations(settings: ServeSettings, identity: NodeIdentity) -> int:
    if settings.confirmations is not None:
        return settings.confirmations
    return 0 if identity.development else _LIVE_CONFIRMATIONS


def _refresher(
    settings: ServeSettings,
    reader: ViewReader,
    clock: SystemClock,
    prepare: Callable[[ChainView], None],
    on_read: Callable[[int], None],
) -> MarketRefresher:
    return MarketRefresher(
        reader,
        clock=clock,
        interval_s=settings.refresh_interval_ms / 1000,
        max_age_s=settings.max_market_age_ms / 1000,
        wait_s=settings.market_wait_ms / 1000,
        prepare=prepare,
        on_read=on_read,
    )


def _app(
    settings: ServeSettings,
    identity: NodeIdentity,
    desks: Mapping[Settlement, QuoteDesk],
    health: Health,
    parts: OperatorParts,
    events: Events,
    new_id: Callable[[], str],
) -> QuoteRoutes:
    metrics = parts.metrics
    relayers = [
        QuoteEndpoints(
            desk=behind if metrics is None else counted(behind, events),
            codec=codec,
            new_id=new_id,
            stages=metrics or NO_STAGES,
        )
        for codec in open_codecs(relayer_settings(settings, identity))
        if (behind := desks.get(codec.profile.settlement)) is not None
    ]
    return build_app(
        endpoints=RelayerRoutes(relayers),
        health=health,
        max_body=settings.max_body_bytes,
        body_timeout_s=settings.body_timeout_ms / 1000,
        operator=operator_api(parts),
        public_health=identity.development and settings.auth.keys_file is None,
    )


def _deployment(settings: ServeSettings, identity: NodeIdentity) -> Deployment:
    default = fork_record_path() if identity.development else live_record_path(identity.chain_id)
    return load_deployment(settings.deployment or default)


def _open_journal(settings: ServeSettings, identity: NodeIdentity, maker: Address) -> Journal:
    url = settings.database_url
    if url is not None:
        return PostgresJournal(url.get_secret_value(), chain_id=identity.chain_id, maker=maker)
    return SqliteJournal(
        settings.journal or _default_journal(identity), chain_id=identity.chain_id, maker=maker
    )


def _switches_file(identity: NodeIdentity, journal: Journal) -> Path:
    """Return where the kill switches are kept: beside a journal that is a file, else by chain."""
    if isinstance(journal.path, Path):
        return journal.path.with_suffix(".switches.sqlite")
    kind = "fork-" if identity.development else ""
    return project_root() / ".pmm" / "switches" / f"{kind}{identity.chain_id}.sqlite"


def _default_journal(identity: NodeIdentity) -> Path:
    folder = project_root() / ".pmm" / "journal"
    if identity.development:
        # A fork forgets: the quotes of an earlier run mean nothing on the next.
        return folder / f"fork-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.sqlite"
    return folder / f"{identity.chain_id}.sqlite"
