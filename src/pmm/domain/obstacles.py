"""Why an order would not fill now, as far as order, extension, time and call tell without a chain.

Codes are stable; details name the contract's error so that they can be searched for. Sources: 1inch OrderMixin and
OrderLib; contracts/README.md for our own domain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pmm.domain.calldata import FillCall, FillFunction
from pmm.domain.eip712 import OrderDomain
from pmm.domain.extension import Extension, OwnDomainTerms, salt_matches_extension
from pmm.domain.fill_amounts import fill_amounts
from pmm.domain.maker_traits import LANES, MakerTraits
from pmm.domain.orders import RfqOrder
from pmm.domain.tokens import ZERO_ADDRESS, Address
from pmm.domain.unix_time import relative_text, utc_text
from pmm.errors import InvalidInput

_REFUSED_ON_OWN_DOMAIN = (
    "allow_multiple_fills",
    "unused_253",
    "pre_interaction",
    "post_interaction",
    "need_epoch_check",
    "use_permit2",
    "unwrap_weth",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason, as a stable code and a sentence."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def extension_obstacles(order: RfqOrder, extension: bytes) -> list[Obstacle]:
    """Return contradictions between traits, salt and extension; nothing that passes time can repair them."""
    flagged = order.traits.has_extension
    if flagged and not extension:
        return [
            _obstacle("extension_missing", "HAS_EXTENSION is set and none was given (MissingOrderExtension)")
        ]
    if not extension:
        return []
    found = []
    if not flagged:
        found.append(
            _obstacle(
                "extension_unexpected", "given although HAS_EXTENSION is clear (UnexpectedOrderExtension)"
            )
        )
    if not salt_matches_extension(order.salt, extension):
        found.append(
            _obstacle(
                "extension_hash",
                "the salt does not end in 160 bits of the extension's hash (InvalidExtensionHash)",
            )
        )
    try:
        Extension.decode(extension)
    except InvalidInput as error:
        found.append(_obstacle("extension_malformed", str(error)))
    return found


def order_obstacles(
    order: RfqOrder, domain: OrderDomain, *, extension: bytes, now_s: int, taker: Address | None = None
) -> list[Obstacle]:
    """Return every reason known off chain why the order would not fill at ``now_s``, for ``taker`` if given."""
    return [
        *extension_obstacles(order, extension),
        *_time_obstacles(order.traits, now_s),
        *_sender_obstacles(order.traits, taker),
        *(
            _own_domain_obstacles(order, domain, extension, taker)
            if domain.is_own
            else _oneinch_obstacles(order)
        ),
    ]


def fill_obstacles(call: FillCall, domain: OrderDomain) -> list[Obstacle]:
    """Return the reasons that lie in the call itself: amount, threshold, args, choice of function."""
    found = []
    try:
        extension = call.fill_args.extension
    except InvalidInput as error:
        return [_obstacle("args", str(error))]
    described = len(call.fill_args.interaction) + len(extension) + 20 * call.taker_traits.args_has_target
    if domain.is_own:
        if len(call.args) > described:
            found.append(
                _obstacle("args", f"{len(call.args) - described} bytes beyond takerTraits (BadArgs)")
            )
        if call.taker_traits.use_permit2:
            found.append(_obstacle("taker_traits", "USE_PERMIT2 is refused (UnsupportedTakerTraits)"))
        found.extend(_funding_obstacles(call, extension))
    elif call.function is FillFunction.FILL_ORDER_FUNDED:
        found.append(_obstacle("function", "fillOrderFunded does not exist on 1inch's contract"))
    if _has_amount_getters(extension):
        return found
    try:
        fill_amounts(call.order, call.amount, call.taker_traits)
    except InvalidInput as error:
        found.append(_obstacle("amount", str(error)))
    return found


def _obstacle(code: str, detail: str) -> Obstacle:
    return Obstacle(code=code, detail=detail)


def _has_amount_getters(extension: bytes) -> bool:
    try:
        decoded = Extension.decode(extension)
    except InvalidInput:
        return True  # reported by extension_obstacles; amounts cannot be told
    return bool(decoded.making_amount_data or decoded.taking_amount_data)


def _time_obstacles(traits: MakerTraits, now_s: int) -> Iterator[Obstacle]:
    if traits.is_expired(now_s):
        when = f"{utc_text(traits.expiration_s)}, {relative_text(traits.expiration_s, now_s)}"
        yield _obstacle("expired", f"at {when} (OrderExpired)")


def _sender_obstacles(traits: MakerTraits, taker: Address | None) -> Iterator[Obstacle]:
    if taker is not None and not traits.allows_sender(taker):
        yield _obstacle(
            "private",
            f"only a caller ending in {traits.allowed_sender:020x} may fill, not {taker} (PrivateOrder)",
        )


def _oneinch_obstacles(order: RfqOrder) -> Iterator[Obstacle]:
    if order.traits.need_epoch_check and order.traits.use_bit_invalidator:
        yield _obstacle(
            "epoch_and_nonce_bit",
            "NEED_CHECK_EPOCH_MANAGER needs ALLOW_MULTIPLE_FILLS and partial fills "
            "(EpochManagerAndBitInvalidatorsAreIncompatible)",
        )


def _own_domain_obstacles(
    order: RfqOrder, domain: OrderDomain, extension: bytes, taker: Address | None
) -> Iterator[Obstacle]:
    traits = order.traits
    settlement = domain.verifying_contract
    if order.maker != settlement:
        yield _obstacle("maker", f"expected the settlement {settlement}, found {order.maker} (BadMaker)")
    if order.receiver not in (ZERO_ADDRESS, settlement):
        yield _obstacle("receiver", f"expected zero or the settlement, found {order.receiver} (BadReceiver)")
    if order.maker_asset == order.taker_asset:
        yield _obstacle("same_asset", f"maker and taker asset are both {order.maker_asset} (SameAsset)")
    refused = [name for name in _REFUSED_ON_OWN_DOMAIN if getattr(traits, name)]
    if traits.own_domain_bits:
        refused.append("reserved bits 200-246")
    if refused:
        yield _obstacle("traits", f"{', '.join(refused)} must be clear on our own domain (UnsupportedTraits)")
    if traits.expiration_s == 0:
        yield _obstacle("no_expiry", "an expiry is mandatory on our own domain (OrderExpired)")
    if traits.series >= LANES:
        yield _obstacle(
            "lane", f"expected a lane (series) of 0 to {LANES - 1}, found {traits.series} (UnknownLane)"
        )
    if traits.nonce_or_epoch >> 32:
        yield _obstacle(
            "nonce", f"expected a nonce below 2^32, found {traits.nonce_or_epoch} (NonceOutOfRange)"
        )
    try:
        terms = OwnDomainTerms.decode(extension)
    except InvalidInput as error:
        yield _obstacle("extension_terms", f"{error} (BadExtension)")
        return
    if terms.private_taker is not None and taker is not None and terms.private_taker != taker:
        yield _obstacle("private", f"only {terms.private_taker} may fill, not {taker} (PrivateOrder)")


def _funding_obstacles(call: FillCall, extension: bytes) -> Iterator[Obstacle]:
    funded_call = call.function is FillFunction.FILL_ORDER_FUNDED
    try:
        plan = OwnDomainTerms.decode(extension).funding_plan
    except InvalidInput:
        return  # reported as extension_terms
    if funded_call and plan is None:
        yield _obstacle("function", "fillOrderFunded needs an order with a funding plan (NoFundingPlan)")
    if not funded_call and plan is not None:
        yield _obstacle("function", "an order with a funding plan fills by fillOrderFunded only (FundedOnly)")
    if funded_call and call.taker_traits.interaction_length:
        yield _obstacle("args", "a funded fill takes no interaction (BadArgs)")
