"""From settings to the parts of a server: policy, reading plan, nonces, codec."""

from __future__ import annotations

from pmm.chain.feeds import feeds_of
from pmm.chain.inventory import first_unused_router_nonce
from pmm.chain.market_reader import ReaderPlan
from pmm.chain.quoter import Pool
from pmm.chain.web3_node import Web3Node
from pmm.domain import (
    MAINNET_TOKENS,
    WETH,
    ZERO_ADDRESS,
    Address,
    Token,
    oneinch_domain,
    settlement_domain,
)
from pmm.execution import (
    BlockNonces,
    DeskPolicy,
    JournalState,
    LaneNonces,
    NodeIdentity,
    NonceKeeper,
    PairBook,
    Settlement,
)
from pmm.journal import Journal
from pmm.pricing import (
    CapitalPolicy,
    FairValueRules,
    FundingPolicy,
    ModelParameters,
    OptionPolicy,
    PairPolicy,
    QuotationPolicy,
    SpreadModel,
    SpreadPolicy,
)
from pmm.relayers.registry import RelayerSettings
from pmm.risk import QuoteLimits
from pmm.settings import ServeSettings

# How many replicas find lanes where nothing else is set.
_REPLICAS = 4

Pairs = list[tuple[Token, Token]]


def desk_policy(settings: ServeSettings, identity: NodeIdentity, maker: Address, pairs: Pairs) -> DeskPolicy:
    """Return what the desk may do."""
    return DeskPolicy(
        maker=maker,
        domains={
            Settlement.ONEINCH: oneinch_domain(identity.chain_id),
            Settlement.PMM: settlement_domain(identity.chain_id, maker),
        },
        pairs=PairBook(_pair_policy(settings, base, quote) for base, quote in pairs),
        limits=QuoteLimits(
            min_quote_usd=settings.min_quote_usd,
            max_quote_usd=settings.max_quote_usd,
            max_open_usd=settings.max_open_usd,
            max_live_quotes=settings.max_live_quotes,
            max_taker_usd=settings.max_taker_usd,
        ),
        ttl_s=settings.quote_ttl_s,
        journal_timeout_s=settings.journal_timeout_ms / 1000,
    )


def _pair_policy(settings: ServeSettings, base: Token, quote: Token) -> PairPolicy:
    return PairPolicy(
        base=base,
        quote=quote,
        gas_asset=WETH,
        spread=SpreadPolicy(
            half_spread_bps=settings.half_spread_bps,
            min_edge_bps=settings.min_edge_bps,
            max_skew_bps=settings.max_skew_bps,
            impact_share_bps=settings.impact_share_bps,
            hedge_gas_units=settings.hedge_gas_units,
            hedge_batch_usd=settings.hedge_batch_usd,
            model=_model_of(settings, base, quote),
            parameters=ModelParameters(
                gamma=settings.spread_gamma,
                k=settings.spread_k,
                horizon_s=settings.spread_horizon_s,
                intensity=settings.spread_intensity,
                lot_usd=settings.lot_usd,
                max_lots=settings.max_lots,
            ),
            quotation=QuotationPolicy(rule=settings.quotation),
            option=OptionPolicy(share_bps=settings.option_share_bps),
            capital=None
            if settings.capital_usd is None
            else CapitalPolicy(allocated_usd=settings.capital_usd, markets=len(settings.pairs)),
        ),
        funding=FundingPolicy(
            sources=settings.funding_sources,
            half_spread_bps=settings.funded_half_spread_bps,
            min_profit_bps=settings.min_profit_bps,
            signed_profit_share_bps=settings.signed_profit_share_bps,
        ),
        fair=FairValueRules(
            feed_weight=settings.feed_weight,
            pool_weight=settings.pool_weight,
            heartbeat_grace_s=settings.heartbeat_grace_s,
            max_deviation_bps=settings.max_deviation_bps,
            min_pool_depth_usd=settings.min_pool_depth_usd,
        ),
        max_fee_bps=settings.max_fee_bps,
    )


def _model_of(settings: ServeSettings, base: Token, quote: Token) -> SpreadModel:
    models = dict(entry.split("=") for entry in settings.pair_models)
    return SpreadModel(models.get(f"{base.symbol}/{quote.symbol}", settings.spread_model))


def reader_plan(
    settings: ServeSettings,
    *,
    maker: Address,
    signer: Address,
    lanes: int,
    pairs: Pairs,
    pools: tuple[Pool, ...],
) -> ReaderPlan:
    """Return what is read from the chain."""
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


def nonce_keeper(
    settings: ServeSettings,
    journal: Journal,
    node: Web3Node,
    maker: Address,
    signer: Address,
    state: JournalState,
) -> NonceKeeper:
    """Return the nonces of both domains, behind what journal and chain have seen; none is leased yet."""
    known = state.next_nonces.get((ZERO_ADDRESS, Settlement.ONEINCH, 0), 0)
    share = max(settings.lanes // _REPLICAS, 1) if journal.shared else settings.lanes
    return NonceKeeper(
        journal,
        signer=signer,
        lane_nonces=LaneNonces(signer, {}),
        router_nonces=BlockNonces(),
        most_lanes=settings.replica_lanes or share,
        first_router_nonce=first_unused_router_nonce(node, maker, known=known),
    )


def relayer_settings(settings: ServeSettings, identity: NodeIdentity) -> RelayerSettings:
    """Return what the codecs of all relayers are made from; development nodes get the price components too."""
    components = settings.answer_components
    return RelayerSettings(
        tokens=MAINNET_TOKENS,
        chain_id=identity.chain_id,
        level_order=settings.level_order,
        error_form=settings.error_form,
        answer_components=identity.development if components is None else components,
        oneinch_level_order=settings.oneinch_level_order,
        oneinch_error_form=settings.oneinch_error_form,
        oneinch_time_budget_ms=settings.oneinch_time_budget_ms,
        okx_level_order=settings.okx_level_order,
        okx_time_budget_ms=settings.okx_time_budget_ms,
    )
