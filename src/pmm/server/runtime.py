"""The composition root: from settings to a server that is ready to listen."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from pmm.chain.deployments import Deployment, fork_record_path, live_record_path, load_deployment
from pmm.chain.feeds import feeds_of
from pmm.chain.inventory import first_unused_router_nonce, lane_count
from pmm.chain.market_reader import MarketReader, ReaderPlan, identify
from pmm.chain.quoter import Pool, find_pools
from pmm.chain.rpc import JsonRpc
from pmm.chain.signer_keys import generated_key, keystore_key, register_by_impersonation
from pmm.chain.web3_node import Web3Node
from pmm.domain import (
    MAINNET_TOKENS,
    WETH,
    ZERO_ADDRESS,
    Address,
    SigningKey,
    Token,
    oneinch_domain,
    parse_address,
    require_native_backends,
    settlement_domain,
)
from pmm.errors import UnsafeToSign
from pmm.execution import (
    AdmissionDesk,
    ChainView,
    DeskPolicy,
    GuardedSigner,
    JournalState,
    JournalUnavailable,
    LaneNonces,
    NodeIdentity,
    NonceKey,
    PairBook,
    QuoteDesk,
    ReservationBook,
    SequentialNonces,
    Settlement,
    SigningMode,
    choose_signing_mode,
)
from pmm.journal import SqliteJournal
from pmm.pricing import FairValueRules, FundingPolicy, PairPolicy, SpreadPolicy
from pmm.relayers.oneinch import OneInchCodec
from pmm.risk import QuoteLimits
from pmm.server.app import build_app
from pmm.server.clock import SystemClock
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from pmm.server.refresher import MarketRefresher
from pmm.settings import ServeSettings, parse_pair
from pmm.toolchain import project_root

_LOG = structlog.get_logger()
_CONTRACT = "RfqSettlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Everything that a server run consists of."""

    app: QuoteRoutes
    desk: QuoteDesk
    health: Health
    journal: SqliteJournal
    refresher: MarketRefresher
    signer: GuardedSigner
    maker: Address
    node: NodeIdentity

    def start(self) -> None:
        """Begin to read the market; called inside the event loop."""
        self.refresher.start(self._on_view)

    def close(self) -> None:
        """Stop reading and close the journal."""
        self.refresher.stop()
        self.journal.close()

    async def _on_view(self, view: ChainView) -> tuple[NonceKey, ...]:
        try:
            await self.desk.settle(view)
        except JournalUnavailable as error:
            _LOG.error("outcomes_not_journaled", error=str(error))
        return self.desk.watched()


def open_runtime(settings: ServeSettings) -> Runtime:
    """Check node, deployment and key, open the journal, and put the server together.

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
        keystore=settings.keystore is not None,
    )
    maker = parse_address(deployment.address(_CONTRACT), _CONTRACT)
    with JsonRpc(settings.rpc_url, timeout_s=settings.rpc_timeout_ms / 1000) as rpc:
        deployment.check_code(rpc, _CONTRACT)
        journal = SqliteJournal(
            settings.journal or _default_journal(identity), chain_id=identity.chain_id, maker=maker
        )
        try:
            key = _key(settings, mode)
            if mode is SigningMode.DEVELOPMENT:
                register_by_impersonation(rpc, maker, key.address, lanes=settings.lanes)
            signer = GuardedSigner(key, mode=mode, node=identity)
            return _join(settings, node, identity, maker, signer, journal)
        except BaseException:
            journal.close()
            raise


def _lanes(settings: ServeSettings, node: Web3Node, maker: Address, signer: Address) -> int:
    lanes = min(lane_count(node, maker, signer), settings.lanes)
    if lanes == 0:
        raise UnsafeToSign(
            f"expected lanes of signer {signer} on {maker}, found none; "
            "the owner must call initLanes, or PMM_KEYSTORE must name a registered signer"
        )
    return lanes


def _join(
    settings: ServeSettings,
    node: Web3Node,
    identity: NodeIdentity,
    maker: Address,
    signer: GuardedSigner,
    journal: SqliteJournal,
) -> Runtime:
    lanes = _lanes(settings, node, maker, signer.address)
    pairs = [parse_pair(name) for name in settings.pairs]
    policy = _policy(settings, identity, maker, pairs)
    reader = MarketReader(
        node, _reader_plan(settings, maker, signer.address, lanes, pairs, find_pools(node, pairs))
    )
    # The lanes as they are on chain say which nonces are gone, beside what the journal says.
    first_view = reader.read(())
    state = journal.recover()
    book = ReservationBook(confirmations=settings.confirmations)
    for quote in state.live:
        book.add(quote)
    admission = AdmissionDesk(
        policy=policy,
        signer=signer,
        book=book,
        router_nonces=_router_nonces(node, maker, state),
        lane_nonces=_lane_nonces(first_view, signer.address, state),
        random_bits=secrets.randbits,
    )
    clock = SystemClock()
    refresher = MarketRefresher(
        reader,
        clock=clock,
        interval_s=settings.refresh_interval_ms / 1000,
        max_age_s=settings.max_market_age_ms / 1000,
        wait_s=settings.market_wait_ms / 1000,
    )
    desk = QuoteDesk(
        policy=policy,
        market=refresher,
        journal=journal,
        signer=signer,
        admission=admission,
        book=book,
        clock=clock,
    )
    health = Health(
        policy=policy,
        admission=admission,
        book=book,
        signer=signer,
        journal=journal,
        refresher=refresher,
        clock=clock,
    )
    endpoints = QuoteEndpoints(desk=desk, codec=_codec(settings, identity), new_id=_new_id)
    return Runtime(
        app=build_app(endpoints=endpoints, health=health, max_body=settings.max_body_bytes),
        desk=desk,
        health=health,
        journal=journal,
        refresher=refresher,
        signer=signer,
        maker=maker,
        node=identity,
    )


def _deployment(settings: ServeSettings, identity: NodeIdentity) -> Deployment:
    default = fork_record_path() if identity.development else live_record_path(identity.chain_id)
    return load_deployment(settings.deployment or default)


def _key(settings: ServeSettings, mode: SigningMode) -> SigningKey:
    if mode is SigningMode.DEVELOPMENT:
        return generated_key()
    assert settings.keystore is not None
    password = settings.keystore_password
    return keystore_key(settings.keystore, password.get_secret_value() if password else "")


def _default_journal(identity: NodeIdentity) -> Path:
    folder = project_root() / ".pmm" / "journal"
    if identity.development:
        # A fork forgets: the quotes of an earlier run mean nothing on the next.
        return folder / f"fork-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.sqlite"
    return folder / f"{identity.chain_id}.sqlite"


def _policy(
    settings: ServeSettings, identity: NodeIdentity, maker: Address, pairs: list[tuple[Token, Token]]
) -> DeskPolicy:
    spread = SpreadPolicy(
        half_spread_bps=settings.half_spread_bps,
        min_edge_bps=settings.min_edge_bps,
        max_skew_bps=settings.max_skew_bps,
        impact_share_bps=settings.impact_share_bps,
        hedge_gas_units=settings.hedge_gas_units,
        hedge_batch_usd=settings.hedge_batch_usd,
    )
    funding = FundingPolicy(
        sources=settings.funding_sources,
        half_spread_bps=settings.funded_half_spread_bps,
        min_profit_bps=settings.min_profit_bps,
        signed_profit_share_bps=settings.signed_profit_share_bps,
    )
    fair = FairValueRules(
        feed_weight=settings.feed_weight,
        pool_weight=settings.pool_weight,
        heartbeat_grace_s=settings.heartbeat_grace_s,
        max_deviation_bps=settings.max_deviation_bps,
    )
    return DeskPolicy(
        maker=maker,
        domains={
            Settlement.ONEINCH: oneinch_domain(identity.chain_id),
            Settlement.PMM: settlement_domain(identity.chain_id, maker),
        },
        pairs=PairBook(
            PairPolicy(
                base=base,
                quote=quote,
                gas_asset=WETH,
                spread=spread,
                funding=funding,
                fair=fair,
                max_fee_bps=settings.max_fee_bps,
            )
            for base, quote in pairs
        ),
        limits=QuoteLimits(
            min_quote_usd=settings.min_quote_usd,
            max_quote_usd=settings.max_quote_usd,
            max_open_usd=settings.max_open_usd,
            max_live_quotes=settings.max_live_quotes,
        ),
        ttl_s=settings.quote_ttl_s,
        journal_timeout_s=settings.journal_timeout_ms / 1000,
    )


def _reader_plan(
    settings: ServeSettings,
    maker: Address,
    signer: Address,
    lanes: int,
    pairs: list[tuple[Token, Token]],
    pools: tuple[Pool, ...],
) -> ReaderPlan:
    # WETH is read whatever is quoted: its feed prices the gas.
    tokens = {token.address: token for pair in pairs for token in pair} | {WETH.address: WETH}
    return ReaderPlan(
        settlement=maker,
        signer=signer,
        lanes=lanes,
        tokens=tuple(tokens.values()),
        feeds=feeds_of(tokens.values()),
        pools=pools,
        ladder_usd=settings.ladder_usd,
    )


def _router_nonces(node: Web3Node, maker: Address, state: JournalState) -> SequentialNonces:
    known = state.next_nonces.get((ZERO_ADDRESS, Settlement.ONEINCH, 0), 0)
    return SequentialNonces(first_unused_router_nonce(node, maker, known=known))


def _lane_nonces(view: ChainView, signer: Address, state: JournalState) -> LaneNonces:
    first = {
        lane.lane: max(lane.next_unused, state.next_nonces.get((signer, Settlement.PMM, lane.lane), 0))
        for lane in view.lanes
    }
    return LaneNonces(signer, first, live=(quote.nonce for quote in state.live))


def _codec(settings: ServeSettings, identity: NodeIdentity) -> OneInchCodec:
    components = settings.answer_components
    return OneInchCodec(
        tokens=MAINNET_TOKENS,
        chain_id=identity.chain_id,
        level_order=settings.level_order,
        error_form=settings.error_form,
        answer_components=identity.development if components is None else components,
    )


def _new_id() -> str:
    return secrets.token_hex(16)
