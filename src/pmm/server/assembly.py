"""From settings to the parts of a server: policy, reading plan, nonces, codec."""

from __future__ import annotations

from pmm.chain.feeds import feeds_of
from pmm.chain.inventory import first_unused_router_nonce
from pmm.chain.lending_reader import LendingPlan, find_lending
from pmm.chain.market_reader import ReaderPlan
from pmm.chain.pool_reader import TickRules
from pmm.chain.quoter import Pool, find_pairs, find_pools
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
    ChainView,
    DeskPolicy,
    JournalState,
    LaneNonces,
    NodeIdentity,
    OutsideMarket,
    PairBook,
    SequentialNonces,
    Settlement,
)
from pmm.market_data import CoinGecko, CombinedMarket, OperatorPrices
from pmm.pricing import FairValueRules, FundingPolicy, PairPolicy, SpreadPolicy
from pmm.relayers.oneinch import OneInchCodec
from pmm.risk import QuoteLimits
from pmm.settings import ServeSettings, parse_pair

Pairs = list[tuple[Token, Token]]


def desk_policy(
    settings: ServeSettings,
    identity: NodeIdentity,
    maker: Address,
    pairs: Pairs,
    *,
    hooks: Address | None = None,
) -> DeskPolicy:
    """Return what the desk may do."""
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
            max_deviation_bps=settings.max_deviation_bps,
            min_pool_depth_usd=settings.min_pool_depth_usd,
            book_weight=settings.book_weight,
            aggregator_weight=settings.aggregator_weight,
            cost_weight=settings.cost_weight,
            max_depeg_bps=settings.max_depeg_bps,
        ),
        max_fee_bps=settings.max_fee_bps,
    )


_COINGECKO_TIMEOUT_S = 5.0
# Its own prices are up to a minute or two old; three questions may fail before it stops counting.
_COINGECKO_MAX_AGE_S = 300


def outside_market(settings: ServeSettings) -> OutsideMarket:
    """Return the markets beyond the chain that the settings name; none of them by default."""
    sources: list[OutsideMarket] = []
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


def router_nonces(node: Web3Node, maker: Address, state: JournalState) -> SequentialNonces:
    """Return the nonces of 1inch's domain, behind what journal and chain have seen."""
    known = state.next_nonces.get((ZERO_ADDRESS, Settlement.ONEINCH, 0), 0)
    return SequentialNonces(first_unused_router_nonce(node, maker, known=known))


def lane_nonces(view: ChainView, signer: Address, state: JournalState) -> LaneNonces:
    """Return the nonces of our own domain, behind what journal and chain have seen."""
    first = {
        lane.lane: max(lane.next_unused, state.next_nonces.get((signer, Settlement.PMM, lane.lane), 0))
        for lane in view.lanes
    }
    return LaneNonces(signer, first, live=(quote.nonce for quote in state.live))


def codec(settings: ServeSettings, identity: NodeIdentity) -> OneInchCodec:
    """Return the codec of 1inch's protocol; development nodes get the price components too."""
    components = settings.answer_components
    return OneInchCodec(
        tokens=MAINNET_TOKENS,
        chain_id=identity.chain_id,
        level_order=settings.level_order,
        error_form=settings.error_form,
        answer_components=identity.development if components is None else components,
    )
