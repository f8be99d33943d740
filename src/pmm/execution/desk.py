"""The quote desk: decide, make it durable, then let the signature leave; so that a crash never leaves more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from pmm.domain import Decision, FirmQuote, RefusalReason, Signature, SignedOrder
from pmm.domain.value_class import value_class
from pmm.errors import UnsafeToSign
from pmm.execution.admission import Admission, AdmissionDesk, promisable
from pmm.execution.admission_rules import key_conflict
from pmm.execution.answers import AnswerMemory
from pmm.execution.chain_view import ChainView, NonceKey
from pmm.execution.desk_policy import DeskPolicy
from pmm.execution.durable_records import DurableRecords
from pmm.execution.ladders import PublishedLadder, published_ladders
from pmm.execution.live_index import NonceWords
from pmm.execution.nonce_keeper import NonceKeeper
from pmm.execution.ports import Clock, MarketSource, OrderSigner, QuoteJournal
from pmm.execution.quote_ends import QuoteEnds
from pmm.execution.records import AdmittedQuote, Claim, LadderRecord, QuoteRecord, Receipt, StoredQuote
from pmm.execution.requests import FirmQuoteRequest


@value_class(frozen=True, slots=True, kw_only=True)
class AnsweredQuote:
    """A firm quote with what the answer and the journal say about it."""

    quote_id: str
    firm: FirmQuote
    admitted: AdmittedQuote


class QuoteDesk:
    """Answers requests for firm quotes and for ladders. Belongs to one event loop.

    Of desks that share their conditions one ``observes`` the market for all of them.
    """

    def __init__(
        self,
        *,
        market: MarketSource,
        journal: QuoteJournal,
        admission: AdmissionDesk,
        clock: Clock,
        keeper: NonceKeeper | None = None,
        observes: bool = True,
    ) -> None:
        self._market = market
        self._observes = observes
        self._admission = admission
        self._signer = admission.signer
        self._signs_here = not self._signer.is_remote
        self._book = admission.book
        self._clock = clock
        self._keeper = keeper
        self._answers: AnswerMemory[AnsweredQuote | Decision] = AnswerMemory()
        self.ends = QuoteEnds(journal=journal, admission=admission, clock=clock, on_end=self._answers.forget)
        self._records = DurableRecords(journal=journal, admission=admission, on_lost=self.ends.never_written)

    @property
    def admission(self) -> AdmissionDesk:
        """Who decides on its quotes."""
        return self._admission

    @property
    def policy(self) -> DeskPolicy:
        """What the desk may do."""
        return self._policy

    @property
    def signer(self) -> OrderSigner:
        """Who signs its orders."""
        return self._signer

    @property
    def _policy(self) -> DeskPolicy:
        # A reload swaps it between two requests.
        return self._admission.policy

    async def firm_quote(self, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
        """Return a signed order, or why there is none; either is in the journal before this returns.

        A request whose idempotency key stands for a live quote gets that quote again.
        """
        if request.idempotency_key is None:
            return await self._quote_once(request)
        key = (request.relayer, request.idempotency_key)
        if self._answers.is_other(key, request.body):
            refusal = key_conflict(request.idempotency_key)
            failed = await self._records.append(self._refused(request, refusal))
            return failed or refusal
        return await self._answers.once(key, request.body, partial(self._quote_once, request), _hash_of)

    async def _quote_once(self, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
        received_at_ms = self._clock.wall_ms()
        view = await self._market.current()
        if isinstance(view, Decision):
            admission, market, claim = Admission(decision=view), None, None
        else:
            now_s = view.chain_now_s(self._clock.monotonic_s())
            admission, market = self._admission.admit(view, request, now_s=now_s), view.market
            claim = self._claim(view, admission.quote)
            if self._keeper is not None:
                self._keeper.refill_soon()
        record = QuoteRecord(
            quote_id=request.quote.request_id,
            received_at_ms=received_at_ms,
            relayer=request.relayer,
            body=request.body,
            decision=admission.decision,
            market=market,
            admitted=admission.quote,
            losing=admission.losing,
            idempotency_key=request.idempotency_key,
            claim=claim,
            inputs=admission.inputs,
        )
        pending, started_ns = self._records.hand_over(record)
        early = self._signed_early(record, pending)
        receipt = await self._records.receipt(record, pending, started_ns)
        if isinstance(receipt, Decision):
            return receipt
        if receipt.earlier is not None:
            self._records.take_back(admission.quote)
            return await self._sign_again(request, receipt.earlier, view)
        if admission.quote is None:
            return receipt.decision
        if not receipt.decision.accepted:
            self._records.take_back(admission.quote)
            return receipt.decision
        return await self._sign(request, admission.quote, early)

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
        return await self._records.append(record) or Decision.accept()

    async def ladders(self) -> tuple[ChainView, tuple[PublishedLadder, ...]] | Decision:
        """Return the ladder of every direction on 1inch's venue, at the state of now, or why there is none."""
        view = await self._market.current()
        if isinstance(view, Decision):
            return view
        gate = self._admission.gate(view)
        if not gate.accepted:
            return gate
        published = published_ladders(self._admission, view)
        return published if isinstance(published, Decision) else (view, published)

    def ladders_lost(self, relayer: str) -> int:
        """Return how many ladders of a relayer did not reach the journal since the start."""
        return self._records.ladders_lost(relayer)

    async def record_ladder(self, view: ChainView, *, relayer: str, body: bytes) -> Decision:
        """Give a published ladder to the journal; refuse when the journal cannot take it."""
        record = LadderRecord(
            published_at_ms=self._clock.wall_ms(), relayer=relayer, market=view.market, body=body
        )
        return await self._records.append_ladder(record) or Decision.accept()

    async def settle(self, view: ChainView) -> None:
        """End the quotes that the chain shows to be over, and journal them with their signatures.

        Raises JournalUnavailable when they could not be journaled; inventory is free again all the same, and
        the next call tries them again.
        """
        if self._observes and self._admission.conditions is not None:
            self._admission.conditions.observe(view)
        await self.ends.settle(view)

    async def keep(self, view: ChainView) -> None:
        """Renew leases, and take over what other replicas admitted and ended; raises JournalUnavailable."""
        if self._keeper is not None:
            await self._keeper.keep(view.lanes, now_s=self._clock.monotonic_s())
            if self._keeper.leases.shared:
                await self.ends.pull(self._keeper.leases)

    async def not_selected(self, order_hash: bytes) -> bool:
        """Note that a relayer chose another maker: the fill is less likely, the reservation stays.

        Return False when no such quote is live. Raises JournalUnavailable.
        """
        return await self.ends.not_selected(order_hash)

    def watched(self) -> tuple[NonceKey, ...]:
        """Return the nonces of live quotes."""
        return tuple(quote.nonce for quote in self._book)

    def live_nonces(self) -> NonceWords:
        """Return the same as bits of words, which costs next to nothing."""
        return self._book.nonces()

    def _claim(self, view: ChainView, quote: AdmittedQuote | None) -> Claim | None:
        if quote is None:
            return None
        balance, limit = view.balances.get(quote.maker_asset.address, 0), quote.offer.promise_limit
        return Claim(
            balance=balance,
            ceiling=promisable(view, quote.maker_asset, quote.settlement) if limit is None else limit,
            provided=0 if limit is None else max(limit - balance, 0),
            block_number=view.market.block_number,
            limits=self._policy.limits,
        )

    def _refused(self, request: FirmQuoteRequest, decision: Decision) -> QuoteRecord:
        return QuoteRecord(
            quote_id=request.quote.request_id,
            received_at_ms=self._clock.wall_ms(),
            relayer=request.relayer,
            body=request.body,
            decision=decision,
            idempotency_key=request.idempotency_key,
        )

    async def _sign_again(
        self, request: FirmQuoteRequest, stored: StoredQuote, view: ChainView | Decision
    ) -> AnsweredQuote | Decision:
        """Answer once more with a quote that another process admitted: the same order, while nothing is paused."""
        safe = view if isinstance(view, Decision) else self._admission.is_open(view, request)
        if not safe.accepted:
            return safe
        if stored.signer != self._signer.address:
            return Decision.refuse(
                RefusalReason.IDEMPOTENCY_CONFLICT,
                f"expected the key of signer {stored.signer}, who signed the quote of idempotency key "
                f"{request.idempotency_key!r}, found {self._signer.address}",
            )
        quote = stored.admitted(maker_asset=request.quote.maker_asset, taker_asset=request.quote.taker_asset)
        self.ends.hold(quote.live)
        asked = replace(request.quote, request_id=stored.quote_id)
        return await self._sign(replace(request, quote=asked), quote)

    def _signed_early(
        self, record: QuoteRecord, pending: asyncio.Future[Receipt]
    ) -> Signature | UnsafeToSign | None:
        """Sign while the disk is at work; none with a remote signer, from whom a signature could leave at once.

        The signature stays here until the record is durable, and is forgotten if it never is.
        """
        quote = record.admitted
        if quote is None or not self._signs_here:
            return None
        domain = self._policy.domains[quote.settlement]
        try:
            made = self._signer.sign_order(quote.order, domain, quote.order_hash)
        except UnsafeToSign as error:
            return error
        except BaseException:
            # Whatever it is goes on its way; only nobody else would hear what became of the record.
            self._records.give_up(record, pending)
            raise
        return made if isinstance(made, Signature) else None

    async def _sign(
        self,
        request: FirmQuoteRequest,
        quote: AdmittedQuote,
        early: Signature | UnsafeToSign | None = None,
    ) -> AnsweredQuote | Decision:
        # The record is durable; from here on the reservation stands until the chain ends it.
        domain = self._policy.domains[quote.settlement]
        try:
            if isinstance(early, UnsafeToSign):
                raise early
            made = early or self._signer.sign_order(quote.order, domain, quote.order_hash)
            signature = made if isinstance(made, Signature) else await made
        except UnsafeToSign as error:
            return Decision.refuse(RefusalReason.UNSAFE_TO_SIGN, str(error))
        self.ends.signed(quote.order_hash, signature.to_bytes65())
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


def _hash_of(answer: AnsweredQuote | Decision) -> bytes | None:
    return answer.admitted.order_hash if isinstance(answer, AnsweredQuote) else None
