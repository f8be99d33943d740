"""Why an order would not fill now, as far as order, extension, time and call tell without a chain.

Codes are stable; details name the contract's error so that they can be searched for. Sources: 1inch OrderMixin and
OrderLib; contracts/README.md for our own domain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pmm.domain.calldata import FillCall, FillFunction
from pmm.domain.eip712 import OrderDomain
from pmm.domain.extension import Extension, OwnDomainTerms, RouterHookTerms, salt_matches_extension
from pmm.domain.fill_amounts import fill_amounts, settlement_fill_amounts
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
# What our settlement, as maker on 1inch's domain, refuses in isValidSignature whatever else the order says.
_REFUSED_ON_ONEINCH = (
    "allow_multiple_fills",
    "unused_253",
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


def settlement_maker_obstacles(order: RfqOrder, extension: bytes) -> list[Obstacle]:
    """Return why our settlement would not accept a signature on 1inch's domain, as far as the order tells.

    For orders with a packed contract signature, whose maker is the settlement. What needs its storage (signer, lane,
    caps, band, the address of its hooks) is not judged here.
    """
    traits = order.traits
    found = []
    refused = [name for name in _REFUSED_ON_ONEINCH if getattr(traits, name)]
    if traits.has_decay_bits:
        refused.append("decay (bits 208-246), which 1inch would ignore")
    if traits.min_fill_255ths and not traits.pre_interaction:
        refused.append("minimum fill (bits 200-207) without our pre-interaction, which alone enforces it")
    if refused:
        found.append(
            _obstacle("traits", f"refused in our orders on 1inch: {'; '.join(refused)} (UnsupportedTraits)")
        )
    if order.receiver != ZERO_ADDRESS:
        found.append(
            _obstacle(
                "receiver", f"expected zero, the settlement itself, found {order.receiver} (BadReceiver)"
            )
        )
    found.extend(_settlement_basics(order))
    if extension or traits.pre_interaction or traits.post_interaction:
        found.extend(_hook_obstacles(traits, extension))
    return found


def fill_obstacles(call: FillCall, domain: OrderDomain, *, now_s: int) -> list[Obstacle]:
    """Return the reasons that lie in the call itself: amount, threshold, args, choice of function.

    ``now_s`` counts on our own domain, where the making amount may decay.
    """
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
        found.extend(_funding_obstacles(call, extension))
    elif call.function.is_own:
        found.append(_obstacle("function", f"{call.function} does not exist on 1inch's contract"))
    if _has_amount_getters(extension):
        return found
    try:
        if domain.is_own:
            settlement_fill_amounts(call.order, call.amount, call.taker_traits, now_s=now_s)
        else:
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
    refused = [name for name in _REFUSED_ON_OWN_DOMAIN if getattr(traits, name)]
    if refused:
        yield _obstacle("traits", f"{', '.join(refused)} must be clear on our own domain (UnsupportedTraits)")
    yield from _settlement_basics(order)
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


def _settlement_basics(order: RfqOrder) -> Iterator[Obstacle]:
    """What our settlement wants as maker on either domain."""
    traits = order.traits
    if order.maker_asset == order.taker_asset:
        yield _obstacle("same_asset", f"maker and taker asset are both {order.maker_asset} (SameAsset)")
    if traits.expiration_s == 0:
        yield _obstacle("no_expiry", "an expiry is mandatory in our orders (OrderExpired)")
    if traits.series >= LANES:
        yield _obstacle(
            "lane", f"expected a lane (series) of 0 to {LANES - 1}, found {traits.series} (UnknownLane)"
        )


def _hook_obstacles(traits: MakerTraits, extension: bytes) -> Iterator[Obstacle]:
    if not extension:
        yield _obstacle("hooks", "an interaction is flagged and no extension holds it (BadExtension)")
        return
    try:
        expected = RouterHookTerms.decode(extension).trait_fields
    except InvalidInput as error:
        yield _obstacle("hooks", f"{error} (BadExtension)")
        return
    for name, flagged in expected.items():
        if getattr(traits, name) != flagged:
            has = "holds" if flagged else "does not hold"
            yield _obstacle("hooks", f"{name} must say whether the extension {has} one (BadExtension)")


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
