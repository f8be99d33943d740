"""An order in words for a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from decimal import ROUND_HALF_EVEN, Context, Decimal

from pmm.cli.order_input import OrderRecord
from pmm.domain import (
    MAINNET_TOKENS,
    ZERO_ADDRESS,
    Address,
    Extension,
    FundingPlan,
    HedgeLeg,
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    RouterHookTerms,
    Token,
    salt_epoch,
    to_hex,
    whole_tokens,
    word_hex,
)
from pmm.domain.contract_signature import SHORT_CONTRACT_SIGNATURE_LENGTH
from pmm.domain.fill_amounts import MIN_FILL_UNIT, effective_making_amount_down
from pmm.domain.unix_time import relative_text, utc_text
from pmm.domain.verification import Verification
from pmm.errors import InvalidInput

_SHORT = Context(prec=8, rounding=ROUND_HALF_EVEN)


def row(label: str, value: str) -> str:
    """Return one line of an explanation, label and value in columns."""
    return f"  {label:<13} {value}" if label else f"  {'':<13} {value}"


def _token(address: Address, chain_id: int) -> Token | None:
    # The same address on another chain is another token, or none.
    return MAINNET_TOKENS.find(address) if chain_id == 1 else None


def amount_text(amount: int, address: Address, chain_id: int) -> str:
    """Return ``0.2275 WETH (227500000000000000 base units)``; base units alone for an unknown token."""
    token = _token(address, chain_id)
    if token is None:
        return f"{amount} base units of unknown token {address}"
    return f"{whole_tokens(amount, token).normalize():,f} {token.symbol} ({amount} base units)"


def _price_rows(order: RfqOrder, chain_id: int) -> Iterable[str]:
    maker, taker = _token(order.maker_asset, chain_id), _token(order.taker_asset, chain_id)
    if maker is None or taker is None:
        return
    gives, wants = whole_tokens(order.making_amount, maker), whole_tokens(order.taking_amount, taker)
    yield row("price", f"{_decimal(wants / gives)} {taker.symbol} per {maker.symbol}")
    yield row("", f"{_decimal(gives / wants)} {maker.symbol} per {taker.symbol}")


def _decimal(value: Decimal) -> str:
    return f"{_SHORT.normalize(value):,f}"


def _trait_rows(traits: MakerTraits, word: int, own: bool, now_s: int) -> Iterable[str]:
    yield row("makerTraits", word_hex(word))
    yield row("", f"flags: {', '.join(traits.flag_names()) or 'none'}")
    spent = "spent by its first fill" if traits.use_bit_invalidator else "may fill in several parts"
    partial = "only in full" if traits.no_partial_fills else "in full or in part"
    yield row("", f"fills {partial}; {spent}")
    if own:
        yield row("", f"lane (series) {traits.lane}, nonce {traits.nonce}")
    elif traits.need_epoch_check:
        yield row("", f"series {traits.series}, epoch {traits.nonce_or_epoch}")
    else:
        where = f"word {traits.nonce_word}, bit {traits.nonce_bit} of the maker's bitmap"
        yield row("", f"series {traits.series}, nonce {traits.nonce_or_epoch} ({where})")
    yield from _own_field_rows(traits, own)
    if traits.allowed_sender:
        yield row(
            "allowed", f"only a caller whose address ends in {traits.allowed_sender:020x} (private order)"
        )
    else:
        yield row("allowed", "any caller")
    if traits.expiration_s:
        when = f"{utc_text(traits.expiration_s)} ({relative_text(traits.expiration_s, now_s)})"
        yield row("expires", f"{when}, that second included")
    else:
        yield row("expires", "never")


def _own_field_rows(traits: MakerTraits, own: bool) -> Iterable[str]:
    if not traits.own_domain_bits:
        return
    if not own:
        yield row("", f"bits 200-246: 0x{traits.own_domain_bits:x} (ours; 1inch itself ignores them)")
    if traits.min_fill_255ths:
        share = _decimal(Decimal(100 * traits.min_fill_255ths) / MIN_FILL_UNIT)
        yield row("", f"smallest fill {traits.min_fill_255ths}/{MIN_FILL_UNIT} ({share} %) of what it gives")
    if traits.has_decay_bits:
        slope = _decimal(Decimal(traits.decay_slope_centi_bps_s) / 100)
        cap = _decimal(Decimal(traits.decay_cap_tenth_bps) / 10)
        yield row(
            "",
            f"gives {slope} bps less each second from {traits.decay_start_s} s before the expiration on, "
            f"at most {cap} bps less",
        )


def _decayed_rows(order: RfqOrder, domain: OrderDomain, now_s: int) -> Iterable[str]:
    if not domain.is_own or not order.traits.has_decay_bits:
        return
    try:
        left = effective_making_amount_down(order, now_s)
    except InvalidInput:
        return  # stands among the reasons where a fill is judged
    yield row("gives now", amount_text(left, order.maker_asset, domain.chain_id))


def _extension_rows(extension: bytes, own: bool, by_contract: bool) -> Iterable[str]:
    if not extension:
        yield row("extension", "none")
        return
    yield row("extension", f"{len(extension)} bytes")
    try:
        decoded = Extension.decode(extension)
    except InvalidInput:
        return  # stands among the reasons
    for field in fields(decoded):
        part: bytes = getattr(decoded, field.name)
        if part:
            shown = to_hex(part[:32]) + ("..." if len(part) > 32 else "")
            yield row("", f"{field.name}: {len(part)} bytes {shown}")
    if own:
        yield from _terms_rows(extension)
    elif by_contract:
        yield from _hook_rows(extension)


def _terms_rows(extension: bytes) -> Iterable[str]:
    try:
        terms = OwnDomainTerms.decode(extension)
    except InvalidInput:
        return  # stands among the reasons
    if terms.private_taker is not None:
        yield row("", f"private: only {terms.private_taker} may fill")
    if terms.funding_plan is not None:
        yield row("", f"funding plan: {_plan_in_words(terms.funding_plan)}")
    if terms.route:
        yield row("", f"route: {len(terms.route)} bytes {to_hex(terms.route[:32])}")


def _plan_in_words(plan: FundingPlan) -> str:
    """Say what the plan uses; fields it has no use for are left out."""
    parts = [plan.source.name]
    if plan.leg is not HedgeLeg.UNISWAP_V3_POOL:
        parts.append(f"closed on {plan.leg.name}")
    if plan.swap_fee_pips:
        parts.append(f"swap pool fee {plan.swap_fee_pips} pips")
    if plan.lending_fee_pips:
        parts.append(f"lending pool fee {plan.lending_fee_pips} pips")
    if plan.tick_spacing:
        currency = "ether" if plan.trades_ether else "WETH"
        parts.append(f"tick spacing {plan.tick_spacing}, trading {currency}")
    parts.append(f"minimum profit {plan.min_profit} base units of the taker asset")
    return ", ".join(parts)


def _hook_rows(extension: bytes) -> Iterable[str]:
    try:
        terms = RouterHookTerms.decode(extension)
    except InvalidInput:
        return  # an order of another maker, or it stands among the reasons
    for when, payload in (("before", terms.pre), ("after", terms.post)):
        if payload is not None:
            said = f"{len(payload)} bytes {to_hex(payload[:32])}" if payload else "nothing"
            yield row("", f"hook {when} the maker leg: {terms.hooks} is told {said}")


def _signature_rows(record: OrderRecord, check: Verification) -> Iterable[str]:
    data = record.claim.signature
    if not data:
        yield row("signature", "none")
        return
    form = (
        f"packed ERC-1271, {'short' if len(data) == SHORT_CONTRACT_SIGNATURE_LENGTH else 'long'} form"
        if check.by_contract
        else {64: "r, vs", 65: "r, s, v"}.get(len(data), "unknown form")
    )
    verdict = "valid" if check.valid else "NOT VALID"
    if [fault.code for fault in check.faults] == ["signer_unknown"]:
        verdict = "well formed; whether the maker accepts this signer is not known here"
    yield row("signature", f"{len(data)} bytes ({form}): {verdict}")
    if check.signer is not None:
        who = " (the maker)" if check.signer == record.order.maker else " (not the maker)"
        yield row("signer", f"{check.signer}{who}")


def _reason_rows(reasons: list[str], asked_node: bool) -> Iterable[str]:
    if reasons:
        yield "  would not fill now:"
        yield from (f"    - {reason}" for reason in reasons)
    else:
        yield "  would fill now, as far as this can tell."
    if not asked_node:
        yield "  Not looked at: nonce, balances, allowances (name a node with --rpc)."


def explain_order(
    record: OrderRecord,
    check: Verification,
    *,
    now_s: int,
    more_reasons: Iterable[str] = (),
    asked_node: bool = False,
    domain_note: str = "",
) -> list[str]:
    """Return the lines that describe an order, its signature and every reason why it would not fill."""
    order, domain = record.order, record.domain
    receiver = "the maker" if order.receiver in (ZERO_ADDRESS, order.maker) else order.receiver
    salt = word_hex(order.salt) + (f" (signer epoch {salt_epoch(order.salt)})" if domain.is_own else "")
    return [
        "Order",
        row("domain", _domain_text(domain) + domain_note),
        row("digest", to_hex(check.order_hash)),
        row("maker", order.maker),
        row("gives", amount_text(order.making_amount, order.maker_asset, domain.chain_id)),
        *_decayed_rows(order, domain, now_s),
        row("wants", amount_text(order.taking_amount, order.taker_asset, domain.chain_id)),
        *_price_rows(order, domain.chain_id),
        row("receiver", receiver),
        row("salt", salt),
        *_trait_rows(order.traits, order.maker_traits, domain.is_own, now_s),
        *_extension_rows(record.claim.extension, domain.is_own, check.by_contract),
        *_signature_rows(record, check),
        *_reason_rows([*check.reasons, *more_reasons], asked_node),
    ]


def _domain_text(domain: OrderDomain) -> str:
    return f"{domain.name}, version {domain.version}, chain {domain.chain_id}, contract {domain.verifying_contract}"
