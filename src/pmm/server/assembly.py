"""From settings to the parts of a server: policy, reading plan, nonces, codec."""

from __future__ import annotations

from pmm.chain.feeds import feeds_of
from pmm.chain.fill_hedging import FillHedging
from pmm.chain.inventory import first_unused_router_nonce
from pmm.chain.lending_reader import LendingPlan, find_lending
from pmm.chain.pool_reader import TickRules
from pmm.chain.quoter import Pool, find_pairs, find_pools
from pmm.chain.view_calls import ReaderPlan
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
    FillHedges,
    JournalState,
    LaneNonces,
    NodeIdentity,
    NonceKeeper,
    OutsideMarket,
    PairBook,
    Settlement,
)
from pmm.journal import Journal
from pmm.market_data import COINGECKO, OWN_COST, CoinGecko, CombinedMarket, LiveBooks, OperatorPrices
from pmm.pricing import (
    CapitalPolicy,
    FairValueRules,
    FillHedgeRules,
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
from pmm.settings import HookHedge, ServeSettings, parse_deviation, parse_pair
from pmm.settings_books import parse_book

# How many replicas find lanes where nothing else is set.
_REPLICAS = 4

Pairs = list[tuple[Token, Token]]


def desk_policy(
    settings: ServeSettings,
    identity: NodeIdentity,
    maker: Address,
    pairs: Pairs,
    *,
    hooks: Address | None = None,
    hedging: FillHedging | None = None,
) -> DeskPolicy:
    """Return what the desk may do; ``hedging`` is what the chain says of hedges inside fills."""
    return DeskPolicy(
        maker=maker,
        domains={
            Settlement.ONEINCH: oneinch_domain(identity.chain_id),
            Settlement.PMM: settlement_domain(identity.chain_id, maker),
        },
        pairs=PairBook(pair_policies(settings, pairs)),
        limits=quote_limits(settings),
        ttl_s=settings.quote_ttl_s,
        journal_timeout_s=settings.journal_timeout_ms / 1000,
        hooks=hooks,
        router_hooks=None if hedging is None else hedging.hooks,
        fill_hedges=None if hedging is None else fill_hedges(settings, hedging),
    )


def fill_hedges(settings: ServeSettings, hedging: FillHedging) -> FillHedges | None:
    """Return which fills may be hedged inside themselves, None where settings or chain allow none."""
    if settings.hook_hedge is HookHedge.OFF or hedging.hooks is None or not hedging.bands_bps:
        return None
    required = settings.hook_hedge is HookHedge.REQUIRED
    return FillHedges(
        hooks=hedging.hooks,
        rules={
            pair: FillHedgeRules(
                required=required,
                slippage_bps=settings.hook_hedge_slippage_bps,
                gas_floor=0 if required else settings.hook_hedge_gas_floor,
                band_bps=band_bps,
            )
            for pair, band_bps in hedging.bands_bps.items()
        },
    )


def quote_limits(settings: ServeSettings) -> QuoteLimits:
    """Return the pre-trade limits."""
    return QuoteLimits(
        min_quote_usd=settings.min_quote_usd,
        max_quote_usd=settings.max_quote_usd,
        max_open_usd=settings.max_open_usd,
        max_live_quotes=settings.max_live_quotes,
        max_taker_usd=settings.max_taker_usd,
    )


def pair_policies(settings: ServeSettings, pairs: Pairs) -> list[PairPolicy]:
    """Return how each pair is quoted."""
    return [_pair_policy(settings, base, quote) for base, quote in pairs]


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
            quotation=QuotationPolicy(rule=settings.quotation, max_age_ms=settings.exchange_max_age_ms),
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
            holding_s=settings.holding_s,
        ),
        fair=FairValueRules(
            feed_weight=settings.feed_weight,
            pool_weight=settings.pool_weight,
            heartbeat_grace_s=settings.heartbeat_grace_s,
            max_deviation_bps=_deviation_bps(settings, base, quote),
            min_pool_depth_usd=settings.min_pool_depth_usd,
            book_weight=settings.book_weight,
            aggregator_weight=settings.aggregator_weight,
            cost_weight=settings.cost_weight,
            max_depeg_bps=settings.max_depeg_bps,
        ),
        max_fee_bps=settings.max_fee_bps,
    )


def _deviation_bps(settings: ServeSettings, base: Token, quote: Token) -> int:
    """Return how far sources of a pair may be apart: the least that is set for one of its feeds, else the usual."""
    of_feeds = dict(parse_deviation(entry) for entry in settings.feed_deviation_bps)
    found = [of_feeds[token.symbol] for token in (base, quote) if token.symbol in of_feeds]
    return min(found, default=settings.max_deviation_bps)


def _model_of(settings: ServeSettings, base: Token, quote: Token) -> SpreadModel:
    models = dict(entry.split("=") for entry in settings.pair_models)
    return SpreadModel(models.get(f"{base.symbol}/{quote.symbol}", settings.spread_model))


_COINGECKO_TIMEOUT_S = 5.0
# Its own prices are up to a minute or two old; three questions may fail before it stops counting.
_COINGECKO_MAX_AGE_S = 300


def outside_market(settings: ServeSettings, books: LiveBooks) -> OutsideMarket:
    """Return the markets beyond the chain that the settings name, and the books; none of them by default."""
    sources: list[OutsideMarket] = [books] if books.books else []
    if settings.coingecko_url is not None:
        tokens = tokens_of([parse_pair(name) for name in settings.pairs])
        sources.append(
            CoinGecko(
                settings.coingecko_url,
                tokens,
                interval_s=settings.coingecko_interval_s,
                timeout_s=_COINGECKO_TIMEOUT_S,
                max_age_s=_COINGECKO_MAX_AGE_S,
            )
        )
    if settings.operator_prices is not None:
        sources.append(OperatorPrices(settings.operator_prices))
    return CombinedMarket(sources)


def outside_sources(settings: ServeSettings) -> tuple[str, ...]:
    """Return the names under which those markets tell prices of reference, which an operator may leave out."""
    coingecko = (COINGECKO,) if settings.coingecko_url is not None else ()
    books = tuple(parse_book(entry).name for entry in settings.books)
    return (*books, *coingecko, *((OWN_COST,) if settings.operator_prices is not None else ()))


def pools_of(settings: ServeSettings, node: Web3Node, pairs: Pairs) -> tuple[Pool, ...]:
    """Return the pools that are read."""
    v2 = find_pairs(node, pairs) if settings.uniswap_v2 else ()
    return (*find_pools(node, pairs), *v2)


def lending_of(settings: ServeSettings, node: Web3Node, maker: Address, pairs: Pairs) -> LendingPlan | None:
    """Return the lending account of the settlement if it may fund quotes."""
    return find_lending(node, maker, tokens_of(pairs)) if settings.lending else None


def tokens_of(pairs: Pairs) -> tuple[Token, ...]:
    """Return every token that is read; WETH whatever is quoted: its feed prices the gas."""
    return tuple(({token.address: token for pair in pairs for token in pair} | {WETH.address: WETH}).values())


def reader_plan(
    settings: ServeSettings,
    *,
    maker: Address,
    signer: Address,
    lanes: int,
    pairs: Pairs,
    pools: tuple[Pool, ...],
    lending: LendingPlan | None = None,
) -> ReaderPlan:
    """Return what is read from the chain."""
    tokens = tokens_of(pairs)
    return ReaderPlan(
        settlement=maker,
        signer=signer,
        lanes=lanes,
        tokens=tokens,
        feeds=feeds_of(tokens),
        pools=pools,
        ladder_usd=settings.ladder_usd,
        ticks=TickRules(words=settings.tick_words, most_ticks=settings.most_ticks)
        if settings.tick_words
        else None,
        lending=lending,
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
