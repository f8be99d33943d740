"""One firm quote from price to reservation, without a pause in between: nothing else runs meanwhile."""

from __future__ import annotations

from typing import Final

from pmm.domain import Decision, Inventory, PriceLevel, RefusalReason, RfqOrder, Token
from pmm.domain.value_class import value_class
from pmm.execution.admission_rules import lane_for, no_nonce, open_lane, switched_off
from pmm.execution.chain_view import ChainView, LaneState, NonceKey, Settlement
from pmm.execution.choice import judge, priced
from pmm.execution.desk_policy import DeskPolicy
from pmm.execution.kill_switches import KillSwitches
from pmm.execution.market_conditions import MarketConditions, flow_of
from pmm.execution.nonces import LaneNonces, RouterNonces
from pmm.execution.order_builder import RandomBits, build_okx_order, build_order, order_digest
from pmm.execution.ports import OrderSigner
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.execution.quote_inputs import QuoteInputs, quote_inputs
from pmm.execution.quote_shaping import QuoteShaping
from pmm.execution.records import AdmittedQuote
from pmm.execution.relayer_nonces import RelayerNonces
from pmm.execution.requests import FirmQuoteRequest
from pmm.execution.reservations import ReservationBook
from pmm.execution.stages import NO_STAGES, Stage, StageWatch
from pmm.pricing import (
    DirectionTerms,
    ModelInputs,
    Offer,
    PairPolicy,
    QuoteModel,
    RejectedOffer,
    StandardModel,
)
from pmm.pricing.markouts import Flow
from pmm.pricing.state import NEUTRAL_STATE

# A block's own clock may lag the time we expect of it: stay this far inside the contract's maximum expiry.
_EXPIRY_MARGIN_S: Final = 2
_ACCEPT: Final = Decision.accept()
# Members by a name of their own: reaching one through its class takes longer than comparing it.
_ONEINCH: Final = Settlement.ONEINCH
_PMM: Final = Settlement.PMM
_OKX: Final = Settlement.OKX
_PRICE: Final = Stage.PRICE
_RISK: Final = Stage.RISK


def promisable(view: ChainView, token: Token, settlement: Settlement) -> int:
    """Return what quotes on a venue may promise of a token in all; 1inch's contract can move its allowance only."""
    balance = view.balances.get(token.address, 0)
    if settlement is _ONEINCH:
        return min(balance, view.router_allowances.get(token.address, 0))
    return balance


@value_class(frozen=True, slots=True, kw_only=True)
class Admission:
    """The decision, the reserved quote if accepted, and the ways to fund it that lost."""

    decision: Decision
    quote: AdmittedQuote | None = None
    losing: tuple[RejectedOffer | Offer, ...] = ()
    inputs: QuoteInputs | None = None


class AdmissionDesk:
    """Prices, checks, reserves and numbers one quote at a time.

    Not thread-safe and without ``await``: called from one event loop, each call is one atomic step.
    """

    def __init__(
        self,
        *,
        policy: DeskPolicy,
        signer: OrderSigner,
        book: ReservationBook,
        router_nonces: RouterNonces,
        lane_nonces: LaneNonces,
        random_bits: RandomBits,
        conditions: MarketConditions | None = None,
        relayer_nonces: RelayerNonces | None = None,
        model: QuoteModel | None = None,
        switches: KillSwitches | None = None,
        shaping: QuoteShaping | None = None,
        pre_trade: PreTradeGate | None = None,
        stages: StageWatch = NO_STAGES,
    ) -> None:
        self.conditions = conditions
        self.policy = policy
        self.switches = switches or KillSwitches()
        self.shaping = shaping or QuoteShaping()
        self.pre_trade = pre_trade
        if pre_trade is not None:
            book.watch(pre_trade)
        self.stages = stages
        self.signer = signer
        # One signer has one address; asked for here, as each quote needs it.
        self._address = signer.address
        self.book = book
        self._router_nonces = router_nonces
        self._lane_nonces = lane_nonces
        self._relayer_nonces = relayer_nonces
        self._random_bits = random_bits
        self.model: QuoteModel = model or StandardModel()

    def inventory(self, view: ChainView, token: Token, settlement: Settlement) -> Inventory:
        """Return what quotes on a venue may promise of a token; 1inch's contract can move its allowance only."""
        balance = promisable(view, token, settlement)
        return Inventory(token=token, balance=balance, reserved=self.book.reserved(token.address))

    def model_inputs(
        self,
        view: ChainView,
        pair: PairPolicy,
        settlement: Settlement,
        *,
        maker_asset: Token,
        taker_asset: Token,
        flow: Flow | None = None,
    ) -> ModelInputs:
        """Return what the model is given for a direction on a venue, as inventory and conditions stand now."""
        deliverable = self.inventory(view, maker_asset, _PMM)
        stock = {
            maker_asset.address: deliverable,
            taker_asset.address: self.inventory(view, taker_asset, _PMM),
        }
        allowance = None
        if settlement is _ONEINCH:
            allowance = view.router_allowances.get(maker_asset.address, 0)
            # Where the allowance leaves the balance whole, both venues can deliver the same.
            if allowance < deliverable.balance:
                deliverable = self.inventory(view, maker_asset, settlement)
        return ModelInputs(
            snapshot=view.market,
            pair=pair,
            maker_asset=maker_asset,
            taker_asset=taker_asset,
            stock=stock,
            deliverable=deliverable,
            own_domain=settlement is _PMM,
            can_provide=self.policy.hooks is not None,
            allowance=allowance,
            state=self.conditions.state(pair, flow) if self.conditions is not None else NEUTRAL_STATE,
            shape=self.shaping.of(pair),
            fill_hedge=None if allowance is None else self.policy.fill_hedge(pair),
        )

    def terms(
        self,
        view: ChainView,
        pair: PairPolicy,
        *,
        maker_asset: Token,
        taker_asset: Token,
        flow: Flow | None = None,
    ) -> DirectionTerms | Decision:
        """Return the built-in model's terms as inventory and conditions stand now, for whoever ``flow`` names."""
        switched = switched_off(self.switches, self._address, view, pair, maker_asset=maker_asset)
        if not switched.accepted:
            return switched
        inputs = self.model_inputs(
            view, pair, Settlement.PMM, maker_asset=maker_asset, taker_asset=taker_asset, flow=flow
        )
        return StandardModel().terms(inputs)

    def levels(
        self, view: ChainView, pair: PairPolicy, *, maker_asset: Token, taker_asset: Token, making_limit: int
    ) -> tuple[PriceLevel, ...] | Decision:
        """Return the model's ladder of a direction on 1inch's venue."""
        switched = switched_off(self.switches, self._address, view, pair, maker_asset=maker_asset)
        if not switched.accepted:
            return switched
        inputs = self.model_inputs(
            view, pair, Settlement.ONEINCH, maker_asset=maker_asset, taker_asset=taker_asset
        )
        return self.model.levels(inputs, making_limit=making_limit)

    def gate(self, view: ChainView, *tokens: Token) -> Decision:
        """Accept when the node is safe to sign on, a lane is open and the tokens are settled."""
        safe = self.signer.check(view)
        if not safe.accepted:
            return safe
        switched = self.switches.check(chain=view.node.chain_id, signer=self._address)
        if not switched.accepted:
            return switched
        watched = self.pre_trade.look() if self.pre_trade is not None else switched
        if not watched.accepted:
            return watched
        if open_lane(view) is None:
            return Decision.refuse(
                RefusalReason.PAUSED,
                f"the settlement contract accepts no order of signer {self._address}: "
                "no lane is authorised, or all are paused",
            )
        for token in tokens:
            if token.address not in view.tradable:
                return Decision.refuse(
                    RefusalReason.PAIR_NOT_QUOTED, f"the settlement contract does not settle {token.symbol}"
                )
        return _ACCEPT

    def is_open(self, view: ChainView, request: FirmQuoteRequest) -> Decision:
        """Accept when the gate is open for a request's tokens and no kill switch stops its pair or relayer."""
        quote = request.quote
        pair = self.policy.pairs.find(maker_asset=quote.maker_asset, taker_asset=quote.taker_asset)
        return self._is_open(view, request, pair)

    def _is_open(self, view: ChainView, request: FirmQuoteRequest, pair: PairPolicy | None) -> Decision:
        quote = request.quote
        gate = self.gate(view, quote.maker_asset, quote.taker_asset)
        if not gate.accepted or pair is None:
            return gate
        return switched_off(
            self.switches,
            self._address,
            view,
            pair,
            maker_asset=quote.maker_asset,
            relayer=request.relayer,
        )

    def admit(self, view: ChainView, request: FirmQuoteRequest, *, now_s: int) -> Admission:
        """Decide on a request and, if accepted, reserve inventory and a nonce for it."""
        quote = request.quote
        pair = self.policy.pairs.find(maker_asset=quote.maker_asset, taker_asset=quote.taker_asset)
        refusal = self._refusal(view, request, pair)
        if refusal is not None:
            return Admission(decision=refusal)
        assert pair is not None
        flow = flow_of(request)
        started_ns = self.stages.now_ns()
        inputs = self.model_inputs(
            view,
            pair,
            request.settlement,
            maker_asset=quote.maker_asset,
            taker_asset=quote.taker_asset,
            flow=flow,
        )
        # An agreed price stands; what an operator asks for beyond it is for other quotes.
        agreed = request.negotiated
        found = priced(self.model, inputs, quote) if agreed is None else agreed.offers(inputs, quote)
        priced_ns = self.stages.took(_PRICE, started_ns)
        open_quotes = self.book.open_quotes(quote.taker)
        limits = self.policy.limits
        choice = judge(found, inputs, quote, open_quotes=open_quotes, limits=limits)
        self.stages.took(_RISK, priced_ns)
        kept = (
            quote_inputs(
                model=self.model.name,
                inputs=inputs,
                request=quote,
                open_quotes=open_quotes,
                limits=limits,
                choice=choice,
            )
            # No model made an agreed price, so none makes it again in a replay.
            if agreed is None
            else None
        )
        if choice.offer is None:
            return Admission(decision=choice.decision, losing=choice.losing, inputs=kept)
        bears = self.bears(request, choice.offer, choice.usd_wad)
        if not bears.accepted:
            return Admission(decision=bears, losing=(*choice.losing, choice.offer), inputs=kept)
        return self._reserve(
            view,
            request,
            pair,
            flow,
            choice.offer,
            losing=choice.losing,
            usd_wad=choice.usd_wad,
            now_s=now_s,
            inputs=kept,
        )

    def bears(self, request: FirmQuoteRequest, offer: Offer, usd_wad: int) -> Decision:
        """Accept an offer that the risk desk's newest state can bear beside all live quotes."""
        if self.pre_trade is None:
            return _ACCEPT
        quote = request.quote
        # Flash funds come and go within the fill: nothing of it stays with us.
        return self.pre_trade.check(
            quote.maker_asset.address, quote.taker_asset.address, usd_wad, stays=not offer.plan
        )

    def release(self, quote: AdmittedQuote) -> None:
        """Take back a reservation whose order was never signed. Its nonce stays burnt."""
        self.book.remove(quote.order_hash)
        if self.conditions is not None:
            self.conditions.forget(quote.order_hash)
        self.release_nonce(quote.nonce)

    def hold_nonce(self, nonce: NonceKey) -> None:
        """Say that a quote with this nonce may be filled, though it was not admitted just now."""
        self._lane_nonces.hold(nonce)

    def release_nonce(self, nonce: NonceKey) -> None:
        """Say that the quote with this nonce can no longer be filled."""
        self._lane_nonces.release(nonce)
        if self._relayer_nonces is not None:
            self._relayer_nonces.release(nonce)

    def _refusal(
        self, view: ChainView, request: FirmQuoteRequest, pair: PairPolicy | None
    ) -> Decision | None:
        quote = request.quote
        if quote.chain_id != view.node.chain_id:
            return Decision.refuse(
                RefusalReason.UNKNOWN_CHAIN,
                f"expected chain {view.node.chain_id}, found {quote.chain_id}",
            )
        if request.settlement not in self.policy.domains:
            served = ", ".join(self.policy.domains)
            return Decision.refuse(
                RefusalReason.PAIR_NOT_QUOTED,
                f"expected a settlement of {served}, found {request.settlement.value}",
            )
        if pair is None:
            return Decision.refuse(
                RefusalReason.PAIR_NOT_QUOTED,
                f"{quote.taker_asset.symbol} for {quote.maker_asset.symbol} is not quoted",
            )
        if quote.fee_bps > pair.max_fee_bps:
            return Decision.refuse(
                RefusalReason.FEE_TOO_HIGH,
                f"expected a fee of at most {pair.max_fee_bps} bps, found {quote.fee_bps}",
            )
        if self._relayer_nonces is not None:
            unused = self._relayer_nonces.check(request.relayer_nonce)
            if not unused.accepted:
                return unused
        gate = self._is_open(view, request, pair)
        return None if gate.accepted else gate

    def _reserve(
        self,
        view: ChainView,
        request: FirmQuoteRequest,
        pair: PairPolicy,
        flow: Flow,
        offer: Offer,
        *,
        losing: tuple[RejectedOffer | Offer, ...],
        usd_wad: int,
        now_s: int,
        inputs: QuoteInputs | None,
    ) -> Admission:
        nonce = self._take_nonce(request)
        if nonce is None:
            return Admission(decision=no_nonce(view), losing=(*losing, offer), inputs=inputs)
        try:
            quote = self._number(view, request, offer, nonce, usd_wad=usd_wad, now_s=now_s)
        except BaseException:
            self.release_nonce(nonce)
            raise
        if isinstance(quote, Decision):
            self.release_nonce(nonce)
            return Admission(decision=quote, losing=(*losing, offer), inputs=inputs)
        self.book.add(quote.live)
        if self.conditions is not None:
            self.conditions.admitted(pair, quote, flow)
        return Admission(decision=_ACCEPT, quote=quote, losing=losing, inputs=inputs)

    def _number(
        self,
        view: ChainView,
        request: FirmQuoteRequest,
        offer: Offer,
        nonce: NonceKey,
        *,
        usd_wad: int,
        now_s: int,
    ) -> AdmittedQuote | Decision:
        lane = lane_for(view, nonce)
        if lane is None:
            return Decision.refuse(
                RefusalReason.PAUSED, f"lane {nonce.lane} of signer {self._address} is closed"
            )
        expiration_s = self._expiration_s(request, lane, now_s)
        if isinstance(expiration_s, Decision):
            return expiration_s
        if request.settlement is _OKX:
            order, extension = build_okx_order(
                request, offer.priced, maker=self.policy.maker, expiration_s=expiration_s, now_s=now_s
            )
            return self._admitted(request, offer, order, extension, nonce, usd_wad)
        counted = lane.caps and request.settlement is _ONEINCH
        hooks = self.policy.hooks_of(offer)
        if counted and hooks is None:
            return Decision.refuse(
                RefusalReason.UNSAFE_TO_SIGN,
                "caps are on, which RouterHooks counts on 1inch's contract, and the settlement has none: "
                "deploy it by `ape run deploy hooks`",
            )
        order, extension = build_order(
            request.quote,
            offer.priced,
            maker=self.policy.maker,
            nonce=nonce,
            lane=lane.lane,
            epoch=lane.epoch,
            expiration_s=expiration_s,
            private=request.private,
            plan=offer.plan,
            provide=offer.provide,
            hooks=hooks,
            counted=counted,
            hedge=None if offer.hedge is None else offer.hedge.hook,
            random_bits=self._random_bits,
        )
        return self._admitted(request, offer, order, extension, nonce, usd_wad)

    def _admitted(
        self,
        request: FirmQuoteRequest,
        offer: Offer,
        order: RfqOrder,
        extension: bytes,
        nonce: NonceKey,
        usd_wad: int,
    ) -> AdmittedQuote:
        domain = self.policy.domains[request.settlement]
        return AdmittedQuote(
            order=order,
            order_hash=order_digest(order, extension, domain, request.settlement),
            extension=extension,
            settlement=request.settlement,
            settled_by=domain.verifying_contract,
            chain_id=domain.chain_id,
            signer=self._address,
            nonce=nonce,
            expiration_s=order.expiration_s,
            maker_asset=request.quote.maker_asset,
            taker_asset=request.quote.taker_asset,
            reserved_amount=0 if offer.plan else order.making_amount,
            usd_wad=usd_wad,
            offer=offer,
        )

    def _take_nonce(self, request: FirmQuoteRequest) -> NonceKey | None:
        if self._relayer_nonces is not None and request.relayer_nonce is not None:
            return self._relayer_nonces.take(request.relayer_nonce)
        if request.settlement is _PMM:
            # What lives long holds its lane up: all of it shares one.
            return self._lane_nonces.take(lane_by_lane=request.negotiated is not None)
        return self._router_nonces.take()

    def _expiration_s(self, request: FirmQuoteRequest, lane: LaneState, now_s: int) -> int | Decision:
        most = lane.max_expiry_s - _EXPIRY_MARGIN_S
        if request.negotiated is None:
            most = min(self.policy.ttl_s, most)
        elif request.ttl_s is not None and request.ttl_s > most:
            return Decision.refuse(
                RefusalReason.LIMIT_REACHED,
                f"expected a life of at most {most} s, which lane {lane.lane} allows, found {request.ttl_s} s; "
                "shorten it, or the owner raises setMaxExpiry",
            )
        ttl_s = most if request.ttl_s is None else min(request.ttl_s, most)
        if ttl_s < self.policy.min_ttl_s:
            return Decision.refuse(
                RefusalReason.LIMIT_REACHED,
                f"expected a life of at least {self.policy.min_ttl_s} s, found {ttl_s} s",
            )
        return now_s + ttl_s
