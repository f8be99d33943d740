"""The quote desk: decide, make it durable, then sign; in that order, so that a crash never leaves more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pmm.domain import (
    Decision,
    FirmQuote,
    PriceLevel,
    RefusalReason,
    Signature,
    SignedOrder,
    Token,
)
from pmm.errors import UnsafeToSign
from pmm.execution.admission import Admission, AdmissionDesk
from pmm.execution.chain_view import ChainView, NonceKey, Settlement
from pmm.execution.desk_policy import DeskPolicy
from pmm.execution.ports import Clock, JournalUnavailable, MarketSource, QuoteJournal
from pmm.execution.records import (
    AdmittedQuote,
    LadderRecord,
    QuoteOutcome,
    QuoteRecord,
)
from pmm.execution.requests import FirmQuoteRequest
from pmm.pricing import ladder
from pmm.risk import check_size

_BPS = 10_000
_SMALL = RefusalReason.AMOUNT_TOO_SMALL


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLadder:
    """The ladder of one direction; no levels when there is nothing to sell."""

    maker_asset: Token
    taker_asset: Token
    levels: tuple[PriceLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuote:
    """A firm quote with what the answer and the journal say about it."""

    quote_id: str
    firm: FirmQuote
    admitted: AdmittedQuote


class QuoteDesk:
    """Answers requests for firm quotes and for ladders. Belongs to one event loop."""

    def __init__(
        self,
        *,
        market: MarketSource,
        journal: QuoteJournal,
        admission: AdmissionDesk,
        clock: Clock,
    ) -> None:
        self._market = market
        self._journal = journal
        self._admission = admission
        self._signer = admission.signer
        self._book = admission.book
        self._clock = clock
        self._signatures: dict[bytes, bytes] = {}
        self._unwritten: tuple[QuoteOutcome, ...] = ()

    @property
    def _policy(self) -> DeskPolicy:
        # A reload swaps it between two requests.
        return self._admission.policy

    async def firm_quote(self, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
        """Return a signed order, or why there is none; either is in the journal before this returns."""
        received_at_ms = self._clock.wall_ms()
        view = await self._market.current()
        if isinstance(view, Decision):
            admission, market = Admission(decision=view), None
        else:
            now_s = view.chain_now_s(self._clock.monotonic_s())
            admission, market = self._admission.admit(view, request, now_s=now_s), view.market
        record = QuoteRecord(
            quote_id=request.quote.request_id,
            received_at_ms=received_at_ms,
            relayer=request.relayer,
            body=request.body,
            decision=admission.decision,
            market=market,
            admitted=admission.quote,
            losing=admission.losing,
        )
        failed = await self._make_durable(record)
        if failed is not None:
            if admission.quote is not None:
                self._admission.release(admission.quote)
            return failed
        if admission.quote is None:
            return admission.decision
        return await self._sign(request, admission.quote)

    async def unreadable(
        self, *, quote_id: str, relayer: str, body: bytes, code: str, detail: str
    ) -> Decision:
        """Record a request that is no request; return an accepting decision, or the journal's refusal."""
        record = QuoteRecord(
            quote_id=quote_id,
            received_at_ms=self._clock.wall_ms(),
            relayer=relayer,
            body=body,
            decision=Decision(detail=detail),
            unreadable_code=code,
        )
        return await self._make_durable(record) or Decision.accept()

    async def ladders(self) -> tuple[ChainView, tuple[PublishedLadder, ...]] | Decision:
        """Return the ladder of every direction on 1inch's venue, at the state of now, or why there is none."""
        view = await self._market.current()
        if isinstance(view, Decision):
            return view
        gate = self._admission.gate(view)
        if not gate.accepted:
            return gate
        published: list[PublishedLadder] = []
        refusals: list[Decision] = []
        for taker_asset, maker_asset, pair in self._policy.pairs.directions():
            terms = self._admission.terms(view, pair, maker_asset=maker_asset, taker_asset=taker_asset)
            if isinstance(terms, Decision):
                refusals.append(terms)
                continue
            limit = self._ladder_limit(view, maker_asset=maker_asset, taker_asset=taker_asset)
            published.append(
                PublishedLadder(
                    maker_asset=maker_asset,
                    taker_asset=taker_asset,
                    levels=ladder(terms, making_limit=limit),
                )
            )
        if not published and refusals:
            return refusals[0]
        return view, tuple(published)

    def _ladder_limit(self, view: ChainView, *, maker_asset: Token, taker_asset: Token) -> int:
        """Return how much of the maker asset the ladder may show; none that is too little for a quote."""
        if not {maker_asset.address, taker_asset.address} <= view.tradable:
            return 0
        inventory = self._admission.inventory(view, maker_asset, Settlement.ONEINCH)
        limit = inventory.free * self._policy.ladder_share_bps // _BPS
        worth = view.market.usd_wad(maker_asset, limit)
        return (
            limit if check_size(quote_usd_wad=worth, limits=self._policy.limits).reason is not _SMALL else 0
        )

    async def record_ladder(self, view: ChainView, *, relayer: str, body: bytes) -> Decision:
        """Make a published ladder durable; refuse when the journal cannot."""
        record = LadderRecord(
            published_at_ms=self._clock.wall_ms(), relayer=relayer, market=view.market, body=body
        )
        try:
            async with asyncio.timeout(self._policy.journal_timeout_s):
                await self._journal.append_ladder(record)
        except (JournalUnavailable, TimeoutError) as error:
            return _journal_refusal(error)
        return Decision.accept()

    async def settle(self, view: ChainView) -> None:
        """End the quotes that the chain shows to be over, and journal them with their signatures.

        Raises JournalUnavailable when they could not be journaled; inventory is free again all the same, and
        the next call tries them again.
        """
        for end in self._book.end_by(view):
            self._admission.release_nonce(end.quote.nonce)
            outcome = QuoteOutcome(
                order_hash=end.quote.order_hash,
                kind=end.kind,
                at_ms=self._clock.wall_ms(),
                block_number=end.block_number,
                signature=self._signatures.pop(end.quote.order_hash, None),
            )
            self._unwritten = (*self._unwritten, outcome)
        outcomes, self._unwritten = self._unwritten, ()
        if not outcomes:
            return
        try:
            async with asyncio.timeout(self._policy.journal_timeout_s):
                await self._journal.append_outcomes(outcomes)
        except (JournalUnavailable, TimeoutError) as error:
            self._unwritten = (*outcomes, *self._unwritten)
            if isinstance(error, JournalUnavailable):
                raise
            # Written twice is as good as once: the journal ignores an outcome that it has.
            raise JournalUnavailable("the journal did not confirm the outcomes in time") from error

    def watched(self) -> tuple[NonceKey, ...]:
        """Return the nonces of live quotes."""
        return tuple(quote.nonce for quote in self._book)

    async def _make_durable(self, record: QuoteRecord) -> Decision | None:
        try:
            async with asyncio.timeout(self._policy.journal_timeout_s):
                await self._journal.append(record)
        except (JournalUnavailable, TimeoutError) as error:
            return _journal_refusal(error)
        return None

    async def _sign(self, request: FirmQuoteRequest, quote: AdmittedQuote) -> AnsweredQuote | Decision:
        # The record is durable; from here on the reservation stands until the chain ends it.
        domain = self._policy.domains[quote.settlement]
        try:
            made = self._signer.sign_order(quote.order, domain, quote.order_hash)
            signature = made if isinstance(made, Signature) else await made
        except UnsafeToSign as error:
            return Decision.refuse(RefusalReason.UNSAFE_TO_SIGN, str(error))
        self._signatures[quote.order_hash] = signature.to_bytes65()
        signed = SignedOrder(
            order=quote.order,
            domain=domain,
            order_hash=quote.order_hash,
            signer=quote.signer,
            signature=signature,
            extension=quote.extension,
        )
        firm = FirmQuote(request=request.quote, signed_order=signed)
        return AnsweredQuote(quote_id=request.quote.request_id, firm=firm, admitted=quote)


def _journal_refusal(error: BaseException) -> Decision:
    detail = str(error) or "the journal did not confirm the record in time"
    return Decision.refuse(RefusalReason.JOURNAL_UNAVAILABLE, detail)
