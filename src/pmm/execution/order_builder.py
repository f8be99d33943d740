"""The eight words of a quote on either venue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pmm.domain import (
    Address,
    FundingPlan,
    MakerTraits,
    OkxDecay,
    OkxOrder,
    OrderDomain,
    OwnDomainTerms,
    QuoteRequest,
    RfqOrder,
    RouterHookTerms,
    allowed_sender_of,
    build_salt,
    order_hash,
)
from pmm.domain.hook_payloads import InventorySource, PostHook, PreHook
from pmm.errors import InvariantViolated
from pmm.execution.chain_view import NonceKey, Settlement
from pmm.execution.requests import FirmQuoteRequest
from pmm.pricing import PricedAmounts

RandomBits = Callable[[int], int]
_PMM: Final = Settlement.PMM
_OKX: Final = Settlement.OKX
_NOTHING: Final = InventorySource.NONE
# 2001 in unix seconds: no start of a decay lies before it, no duration is as long.
_LEAST_UNIX_S = 10**9


def order_digest(order: RfqOrder, extension: bytes, domain: OrderDomain, settlement: Settlement) -> bytes:
    """Return the 32-byte digest that is signed for an order in the form the desk keeps it."""
    if settlement is _OKX:
        return OkxOrder.from_kept(order, extension).digest(domain)
    return order_hash(order, domain)


def build_okx_order(
    request: FirmQuoteRequest, priced: PricedAmounts, *, maker: Address, expiration_s: int, now_s: int
) -> tuple[RfqOrder, bytes]:
    """Return an order for OKX's contract, in the form the desk keeps, and its extension.

    Raises InvariantViolated for a request without the relayer's id, which is the order's nonce.
    """
    if request.relayer_nonce is None:
        raise InvariantViolated("an order for OKX's contract needs the rfqId of its request")
    decay = request.decay or OkxDecay()
    if 0 < decay.start_s < _LEAST_UNIX_S:
        decay = OkxDecay(start_s=now_s + decay.start_s, weight_e6_s=decay.weight_e6_s, cap_e6=decay.cap_e6)
    order = OkxOrder(
        rfq_id=request.relayer_nonce,
        expiry_s=expiration_s,
        maker=maker,
        maker_asset=request.quote.maker_asset.address,
        taker_asset=request.quote.taker_asset.address,
        making_amount=priced.making_amount,
        taking_amount=priced.taking_amount,
        decay=decay,
    )
    return order.kept(taker=request.quote.taker)


def build_order(
    request: QuoteRequest,
    priced: PricedAmounts,
    *,
    maker: Address,
    nonce: NonceKey,
    lane: int,
    epoch: int,
    expiration_s: int,
    private: bool,
    plan: FundingPlan | None,
    random_bits: RandomBits,
    provide: InventorySource = InventorySource.NONE,
    hooks: Address | None = None,
    hedge: PostHook | None = None,
    counted: bool = False,
) -> tuple[RfqOrder, bytes]:
    """Return the order and its extension.

    Only ``request.taker`` may fill it: 80 bits of the address stand in the traits, all of it in the extension
    where ``private`` asks for it or where those bits are zero. A funded order fills whole or not at all, because
    its signed minimum profit is for the whole. ``provide`` lets the hooks take what is missing at the fill from the
    lending account, ``hedge`` lets them sell what came in, ``counted`` has them hold the caps, all on 1inch's domain.

    Raises InvariantViolated for a taker of zero bits on 1inch, which has no room for the rest of the address.
    """
    own = nonce.settlement is _PMM
    # Zero bits in the traits let anybody fill: such a taker must be named in full.
    allowed_sender = allowed_sender_of(request.taker)
    private = private or allowed_sender == 0
    if private and not own:
        raise InvariantViolated(f"taker {request.taker}: its order on 1inch could be filled by others")
    extension = b""
    if own:
        taker = request.taker if private else None
        extension = OwnDomainTerms(private_taker=taker, funding_plan=plan).encode()
    pre = PreHook(source=provide) if counted or provide is not _NOTHING else None
    if pre is not None or hedge is not None:
        extension = _hooked(pre, hedge, hooks, own=own)
    traits = MakerTraits(
        no_partial_fills=plan is not None,
        has_extension=bool(extension),
        pre_interaction=pre is not None,
        post_interaction=hedge is not None,
        series=lane,
        nonce_or_epoch=nonce.nonce,
        expiration_s=expiration_s,
        allowed_sender=allowed_sender,
    )
    order = RfqOrder(
        # 64 random bits beside the nonce tell orders apart; zeros below are cheaper as calldata.
        salt=build_salt(epoch=epoch, upper=random_bits(64), extension=extension),
        maker=maker,
        maker_asset=request.maker_asset.address,
        taker_asset=request.taker_asset.address,
        making_amount=priced.making_amount,
        taking_amount=priced.taking_amount,
        maker_traits=traits.encode(),
    )
    return order, extension


def _hooked(pre: PreHook | None, post: PostHook | None, hooks: Address | None, *, own: bool) -> bytes:
    if own or hooks is None:
        found = " and ".join(type(one).__name__ for one in (pre, post) if one is not None)
        raise InvariantViolated(f"order: hooks are called on 1inch's domain only, found {found}")
    payloads = {"pre": pre.encode() if pre else None, "post": post.encode() if post else None}
    return RouterHookTerms(hooks=hooks, **payloads).encode()
