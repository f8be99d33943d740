"""An order, or calldata that fills or cancels one, in words for a person."""

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
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    TakerTraits,
    Token,
    salt_epoch,
    to_hex,
    whole_tokens,
    word_hex,
)
from pmm.domain.calldata import FillCall, PlainCall
from pmm.domain.fill_amounts import fill_amounts
from pmm.domain.unix_time import relative_text, utc_text
from pmm.domain.verification import Verification
from pmm.errors import InvalidInput

_SHORT = Context(prec=8, rounding=ROUND_HALF_EVEN)


def _row(label: str, value: str) -> str:
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
    yield _row("price", f"{_decimal(wants / gives)} {taker.symbol} per {maker.symbol}")
    yield _row("", f"{_decimal(gives / wants)} {maker.symbol} per {taker.symbol}")


def _decimal(value: Decimal) -> str:
    return f"{_SHORT.normalize(value):,f}"


def _trait_rows(traits: MakerTraits, word: int, own: bool, now_s: int) -> Iterable[str]:
    yield _row("makerTraits", word_hex(word))
    yield _row("", f"flags: {', '.join(traits.flag_names()) or 'none'}")
    spent = "spent by its first fill" if traits.use_bit_invalidator else "may fill in several parts"
    partial = "only in full" if traits.no_partial_fills else "in full or in part"
    yield _row("", f"fills {partial}; {spent}")
    if own:
        yield _row("", f"lane (series) {traits.lane}, nonce {traits.nonce}")
    elif traits.need_epoch_check:
        yield _row("", f"series {traits.series}, epoch {traits.nonce_or_epoch}")
    else:
        where = f"word {traits.nonce_word}, bit {traits.nonce_bit} of the maker's bitmap"
        yield _row("", f"series {traits.series}, nonce {traits.nonce_or_epoch} ({where})")
    if traits.own_domain_bits:
        yield _row("", f"reserved/own-domain bits 200-246: 0x{traits.own_domain_bits:x} (1inch ignores them)")
    if traits.allowed_sender:
        yield _row(
            "allowed", f"only a caller whose address ends in {traits.allowed_sender:020x} (private order)"
        )
    else:
        yield _row("allowed", "any caller")
    if traits.expiration_s:
        when = f"{utc_text(traits.expiration_s)} ({relative_text(traits.expiration_s, now_s)})"
        yield _row("expires", f"{when}, that second included")
    else:
        yield _row("expires", "never")


def _extension_rows(extension: bytes, own: bool) -> Iterable[str]:
    if not extension:
        yield _row("extension", "none")
        return
    yield _row("extension", f"{len(extension)} bytes")
    try:
        decoded = Extension.decode(extension)
    except InvalidInput:
        return  # stands among the reasons
    for field in fields(decoded):
        part: bytes = getattr(decoded, field.name)
        if part:
            shown = to_hex(part[:32]) + ("..." if len(part) > 32 else "")
            yield _row("", f"{field.name}: {len(part)} bytes {shown}")
    if own:
        yield from _terms_rows(extension)


def _terms_rows(extension: bytes) -> Iterable[str]:
    try:
        terms = OwnDomainTerms.decode(extension)
    except InvalidInput:
        return  # stands among the reasons
    if terms.private_taker is not None:
        yield _row("", f"private: only {terms.private_taker} may fill")
    if terms.funding_plan is not None:
        plan = terms.funding_plan
        yield _row(
            "",
            f"funding plan: {plan.source.name}, swap pool fee {plan.swap_fee_pips} pips, lending pool fee "
            f"{plan.lending_fee_pips} pips, minimum profit {plan.min_profit} base units of the taker asset",
        )


def _signature_rows(record: OrderRecord, check: Verification) -> Iterable[str]:
    data = record.claim.signature
    if not data:
        yield _row("signature", "none")
        return
    form = (
        "packed ERC-1271"
        if check.by_contract
        else {64: "r, vs", 65: "r, s, v"}.get(len(data), "unknown form")
    )
    verdict = "valid" if check.valid else "NOT VALID"
    if [fault.code for fault in check.faults] == ["signer_unknown"]:
        verdict = "well formed; whether the maker accepts this signer is not known here"
    yield _row("signature", f"{len(data)} bytes ({form}): {verdict}")
    if check.signer is not None:
        who = " (the maker)" if check.signer == record.order.maker else " (not the maker)"
        yield _row("signer", f"{check.signer}{who}")


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
        _row("domain", _domain_text(domain) + domain_note),
        _row("digest", to_hex(check.order_hash)),
        _row("maker", order.maker),
        _row("gives", amount_text(order.making_amount, order.maker_asset, domain.chain_id)),
        _row("wants", amount_text(order.taking_amount, order.taker_asset, domain.chain_id)),
        *_price_rows(order, domain.chain_id),
        _row("receiver", receiver),
        _row("salt", salt),
        *_trait_rows(order.traits, order.maker_traits, domain.is_own, now_s),
        *_extension_rows(record.claim.extension, domain.is_own),
        *_signature_rows(record, check),
        *_reason_rows([*check.reasons, *more_reasons], asked_node),
    ]


def _domain_text(domain: OrderDomain) -> str:
    return f"{domain.name}, version {domain.version}, chain {domain.chain_id}, contract {domain.verifying_contract}"


def explain_fill(call: FillCall, chain_id: int) -> list[str]:
    """Return the lines that describe the taker's side of a fill."""
    traits = call.taker_traits
    rows = [f"Call {call.function}", _row("takerTraits", word_hex(traits.encode()))]
    rows.append(_row("", f"flags: {', '.join(traits.flag_names()) or 'none'}"))
    rows.extend(_amount_rows(call, traits, chain_id))
    try:
        args = call.fill_args
    except InvalidInput:
        return rows  # stands among the reasons
    if args.target is not None:
        rows.append(_row("target", f"{args.target} gets the maker asset"))
    if args.interaction:
        rows.append(_row("interaction", f"{len(args.interaction)} bytes {to_hex(args.interaction[:32])}"))
    if call.trailing:
        rows.append(
            _row("trailing", f"{len(call.trailing)} bytes after the call: {to_hex(call.trailing[:32])}")
        )
    return rows


def _amount_rows(call: FillCall, traits: TakerTraits, chain_id: int) -> Iterable[str]:
    gives, wants = call.order.maker_asset, call.order.taker_asset
    if traits.maker_amount:
        asked, limit = f"receive {amount_text(call.amount, gives, chain_id)}", "paying at most"
        limit_asset = wants
    else:
        asked, limit = f"pay {amount_text(call.amount, wants, chain_id)}", "for at least"
        limit_asset = gives
    yield _row("taker", f"to {asked}")
    bound = (
        amount_text(traits.threshold, limit_asset, chain_id)
        if traits.threshold
        else "any amount (threshold 0)"
    )
    yield _row("", f"{limit} {bound}")
    try:
        moved = fill_amounts(call.order, call.amount, traits)
    except InvalidInput:
        return  # stands among the reasons
    yield _row("moves", f"{amount_text(moved.making_amount, gives, chain_id)} to the taker")
    yield _row("", f"{amount_text(moved.taking_amount, wants, chain_id)} to the maker")


def explain_plain_call(call: PlainCall) -> list[str]:
    """Return the lines that describe a cancel, an epoch change or a view."""
    rows = [f"Call {call.function} (fills nothing)"]
    for name, value in call.arguments.items():
        if isinstance(value, RfqOrder):
            rows.extend(_row(key, text) for key, text in value.to_dict().items())
        elif isinstance(value, list):
            rows.extend(_row(name, _argument(item)) for item in value)
        else:
            rows.append(_row(name, _argument(value)))
            if name == "makerTraits" and isinstance(value, int):
                traits = MakerTraits.decode(value)
                rows.append(_row("", f"series {traits.series}, nonce or epoch {traits.nonce_or_epoch}"))
    return rows


def _argument(value: int | bytes | str) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
