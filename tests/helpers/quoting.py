"""A small market, a settlement contract that stands still, and ports that live in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pmm.domain import (
    USDC,
    WETH,
    ZERO_ADDRESS,
    Address,
    Decision,
    QuoteRequest,
    SigningKey,
    Token,
    address_from_bytes,
    oneinch_domain,
    settlement_domain,
)
from pmm.execution import (
    AdmissionDesk,
    AnsweredQuote,
    ChainView,
    DeskPolicy,
    FirmQuoteRequest,
    GuardedSigner,
    JournalState,
    JournalUnavailable,
    LadderRecord,
    LaneNonces,
    LaneState,
    NodeIdentity,
    NonceKey,
    PairBook,
    QuoteDesk,
    QuoteOutcome,
    QuoteRecord,
    Receipt,
    ReservationBook,
    Selection,
    SequentialNonces,
    Settlement,
    SigningMode,
)
from pmm.pricing import DepthCurve, FeedReading, MarketSnapshot, PairPolicy, PoolReading
from pmm.pricing.fixed_point import E36
from pmm.risk import QuoteLimits

MAKER = address_from_bytes(b"\x11" * 20)
TAKER = address_from_bytes(b"\x22" * 20)
CHAIN_TIME_S = 1_750_000_000
ANVIL = NodeIdentity(client_version="anvil/v1.7.1", chain_id=1, development=True)
GETH = NodeIdentity(client_version="Geth/v1.16.0", chain_id=1, development=False)
ETH_USD = 3_000 * 10**8
POOL_DEPTH_WETH = 30_000 * 10**18


def pool_out(amount_in: int, reserve_in: int, reserve_out: int, fee_pips: int) -> int:
    """Return what a constant-product pool pays out, rounded down."""
    kept = amount_in * (1_000_000 - fee_pips)
    return reserve_out * kept // (reserve_in * 1_000_000 + kept)


def pool_reading(
    taker: Token,
    maker: Token,
    *,
    eth_usd: int = ETH_USD,
    fee_pips: int = 500,
    depth_weth: int = POOL_DEPTH_WETH,
    ladder_usd: tuple[int, ...] = (100, 1_000, 10_000, 50_000, 200_000, 600_000),
) -> PoolReading:
    """Return one direction of a WETH/USDC pool with USDC at one dollar."""
    reserves = {WETH.address: depth_weth, USDC.address: depth_weth * eth_usd // 10**20}
    reserve_in, reserve_out = reserves[taker.address], reserves[maker.address]
    unit = {WETH.address: 10**26 // eth_usd, USDC.address: 10**6}[taker.address]
    amounts = [usd * unit for usd in ladder_usd]
    return PoolReading(
        pool=address_from_bytes(fee_pips.to_bytes(20, "big")),
        fee_pips=fee_pips,
        spot_rate_e36=reserve_out * E36 // reserve_in,
        depth=DepthCurve(
            knots=tuple((amount, pool_out(amount, reserve_in, reserve_out, fee_pips)) for amount in amounts)
        ),
    )


def feed(name: str, answer: int, **changes: int) -> FeedReading:
    """Return a feed reading that is 60 s old."""
    reading = FeedReading(
        name=name, answer=answer, decimals=8, updated_at_s=CHAIN_TIME_S - 60, heartbeat_s=3_600
    )
    return replace(reading, **changes) if changes else reading  # type: ignore[arg-type]


def market(
    *,
    eth_usd: int = ETH_USD,
    pool_eth_usd: int | None = None,
    fee_tiers: tuple[int, ...] = (500, 3_000),
    feeds: Mapping[Address, FeedReading] | None = None,
    **changes: object,
) -> MarketSnapshot:
    """Return a WETH/USDC market; ``pool_eth_usd`` lets the pools disagree with the feed."""
    pool_price = pool_eth_usd or eth_usd
    directions = ((WETH, USDC), (USDC, WETH))
    snapshot = MarketSnapshot(
        snapshot_id=f"snapshot-{eth_usd}-{pool_price}",
        block_number=100,
        block_timestamp_s=CHAIN_TIME_S,
        chain_time_s=CHAIN_TIME_S,
        gas_price_wei=2 * 10**9,
        feeds=feeds
        if feeds is not None
        else {WETH.address: feed("ETH / USD", eth_usd), USDC.address: feed("USDC / USD", 10**8)},
        pools={
            (taker.address, maker.address): tuple(
                pool_reading(taker, maker, eth_usd=pool_price, fee_pips=fee) for fee in fee_tiers
            )
            for taker, maker in directions
        },
    )
    return replace(snapshot, **changes) if changes else snapshot  # type: ignore[arg-type]


def lane_state(lane: int, **changes: object) -> LaneState:
    """Return an open lane that nothing has been filled in."""
    state = LaneState(lane=lane, authorised=True, paused=False, epoch=0, base=0, window=0, max_expiry_s=300)
    return replace(state, **changes) if changes else state  # type: ignore[arg-type]


def chain_view(snapshot: MarketSnapshot | None = None, **changes: object) -> ChainView:
    """Return a view with 40 WETH and 120,000 USDC in the settlement, all of it allowed to 1inch."""
    snapshot = snapshot or market()
    holdings = {WETH.address: 40 * 10**18, USDC.address: 120_000 * 10**6}
    view = ChainView(
        market=snapshot,
        balances=holdings,
        router_allowances=holdings,
        tradable=frozenset(holdings),
        lanes=(lane_state(0), lane_state(1)),
        spent=frozenset(),
        node=ANVIL,
        expiry_clock_s=snapshot.chain_time_s,
        read_at_s=0.0,
    )
    return replace(view, **changes) if changes else view  # type: ignore[arg-type]


@dataclass
class FakeMarket:
    """A market source that gives what it is told to."""

    answer: ChainView | Decision

    async def current(self) -> ChainView | Decision:
        return self.answer


@dataclass
class ManualClock:
    """A clock that stands until it is moved."""

    now_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ms(self) -> int:
        return CHAIN_TIME_S * 1000 + int(self.now_s * 1000)


@dataclass
class MemoryJournal:
    """A journal in lists; ``fails`` makes every append fail with that text."""

    records: list[QuoteRecord] = field(default_factory=list)
    ladders: list[LadderRecord] = field(default_factory=list)
    outcomes: list[QuoteOutcome] = field(default_factory=list)
    fails: str | None = None

    def _check(self) -> None:
        if self.fails is not None:
            raise JournalUnavailable(self.fails)

    async def append(self, record: QuoteRecord) -> None:
        self._check()
        self.records.append(record)

    async def admit(self, record: QuoteRecord) -> Receipt:
        await self.append(record)
        return Receipt(decision=record.decision)

    async def append_selection(self, selection: Selection) -> None:
        self._check()

    async def append_ladder(self, record: LadderRecord) -> None:
        self._check()
        self.ladders.append(record)

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        self._check()
        self.outcomes.extend(outcomes)


@dataclass
class Desk:
    """A desk and everything around it that a test wants to look at."""

    desk: QuoteDesk
    admission: AdmissionDesk
    book: ReservationBook
    market: FakeMarket
    journal: MemoryJournal
    clock: ManualClock
    signer: GuardedSigner
    policy: DeskPolicy

    async def settle(self, view: ChainView) -> None:
        """Let the chain move on."""
        self.market.answer = view
        await self.desk.settle(view)


class NoRandomness:
    """A counter in the place of random bits: orders differ, tests repeat."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, bits: int) -> int:
        self._count += 1
        return self._count & (1 << bits) - 1


def signing_key() -> SigningKey:
    """Return a key that signs nothing of value."""
    return SigningKey(b"\x01" * 32)


def open_test_desk(
    view: ChainView | None = None,
    *,
    pair: PairPolicy | None = None,
    limits: QuoteLimits | None = None,
    confirmations: int = 0,
    lanes: tuple[int, ...] = (0, 1),
    journal: MemoryJournal | None = None,
    resume: JournalState | None = None,
) -> Desk:
    """Return a desk over ``view`` with everything in memory."""
    view = view or chain_view()
    signer = GuardedSigner(signing_key(), mode=SigningMode.DEVELOPMENT, node=view.node)
    policy = DeskPolicy(
        maker=MAKER,
        domains={
            Settlement.ONEINCH: oneinch_domain(1),
            Settlement.PMM: settlement_domain(1, MAKER),
        },
        pairs=PairBook((pair or PairPolicy(base=WETH, quote=USDC, gas_asset=WETH),)),
        limits=limits or QuoteLimits(),
    )
    book = ReservationBook(confirmations=confirmations)
    resume = resume or JournalState(live=(), next_nonces={})
    for quote in resume.live:
        book.add(quote)
    used = resume.next_nonces
    first = {lane: used.get((signer.address, Settlement.PMM, lane), 0) for lane in lanes}
    admission = AdmissionDesk(
        policy=policy,
        signer=signer,
        book=book,
        router_nonces=SequentialNonces(used.get((ZERO_ADDRESS, Settlement.ONEINCH, 0), 0)),
        lane_nonces=LaneNonces(signer.address, first, live=(quote.nonce for quote in resume.live)),
        random_bits=NoRandomness(),
    )
    source, clock, journal = FakeMarket(view), ManualClock(), journal or MemoryJournal()
    desk = QuoteDesk(market=source, journal=journal, admission=admission, clock=clock)
    return Desk(
        desk=desk,
        admission=admission,
        book=book,
        market=source,
        journal=journal,
        clock=clock,
        signer=signer,
        policy=policy,
    )


def answered_quote() -> AnsweredQuote:
    """Return a firm quote of one WETH for USDC on our own domain."""
    quote = QuoteRequest(
        request_id="r", chain_id=1, maker_asset=USDC, taker_asset=WETH, taker=TAKER, taking_amount=10**18
    )
    request = FirmQuoteRequest(quote=quote, settlement=Settlement.PMM)
    found = asyncio.run(open_test_desk().desk.firm_quote(request))
    assert isinstance(found, AnsweredQuote)
    return found


def spent_views(nonce: NonceKey, *, blocks: int) -> list[ChainView]:
    """Return views of as many blocks, in all of which the nonce is dead."""
    return [chain_view(market(block_number=100 + block), spent=frozenset({nonce})) for block in range(blocks)]
