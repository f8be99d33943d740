"""Calldata that fills, cancels or looks at orders, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable

from pmm.cli.order_explain import amount_text, row
from pmm.domain import (
    BatchCall,
    BatchFill,
    CompactCall,
    FillArgs,
    FillCall,
    MakerTraits,
    OrderDomain,
    PlainCall,
    RfqOrder,
    TakerTraits,
    decode_permit,
    to_hex,
    word_hex,
)
from pmm.domain.fill_amounts import FillAmounts, fill_amounts, settlement_fill_amounts
from pmm.domain.permits import DaiPermit, Eip2612Permit, Permit
from pmm.domain.unix_time import utc_text
from pmm.errors import InvalidInput


def explain_fill(call: FillCall, domain: OrderDomain, now_s: int) -> list[str]:
    """Return the lines that describe the taker's side of a fill."""
    rows = [f"Call {call.function}"]
    rows.extend(_taker_rows(call.order, call.amount, call.taker_traits, domain, now_s))
    rows.extend(_args_rows(call.taker_traits, call.args))
    if call.permit:
        rows.extend(_permit_rows(call.permit, call.taker_traits))
    rows.extend(_trailing_rows(call.trailing))
    return rows


def explain_compact(call: CompactCall) -> list[str]:
    """Return the lines that describe a compact fill, of which the contract alone knows maker and tokens."""
    words = call.words
    return [
        "Call fillOrderCompact (a whole fill of a plain order)",
        row("amounts", word_hex(words.amounts)),
        row("terms", word_hex(words.terms)),
        row("gives", f"{words.amounts >> 128} base units of core token {words.maker_asset_index}"),
        row("wants", f"{words.amounts & (1 << 128) - 1} base units of core token {words.taker_asset_index}"),
        row("maker", "the contract called, whose coreTokens() the two numbers count"),
        *_trailing_rows(call.trailing),
    ]


def explain_batch(call: BatchCall) -> list[str]:
    """Return the lines that stand before those of each entry."""
    optional = ", ".join(str(index) for index in sorted(call.optional)) or "none"
    return [
        f"Call fillOrders ({len(call.fills)} fills)",
        row("optional", f"{optional}: skipped where they fail; any other failure reverts them all"),
        row("value", f"{call.value_wei} wei lent to the entries together"),
    ]


def explain_entry(index: int, entry: BatchFill, domain: OrderDomain, now_s: int) -> list[str]:
    """Return the lines that describe the taker's side of one entry of a batch."""
    rows = [f"Fill {index}"]
    rows.extend(_taker_rows(entry.order, entry.amount, entry.taker_traits, domain, now_s))
    rows.extend(_args_rows(entry.taker_traits, entry.args))
    if entry.value_wei:
        rows.append(row("value", f"{entry.value_wei} wei"))
    return rows


def _args_rows(traits: TakerTraits, args: bytes) -> Iterable[str]:
    try:
        parts = FillArgs.decode(traits, args)
    except InvalidInput:
        return  # stands among the reasons
    if parts.target is not None:
        yield row("target", f"{parts.target} gets the maker asset")
    if parts.interaction:
        yield row("interaction", f"{len(parts.interaction)} bytes {to_hex(parts.interaction[:32])}")


def _trailing_rows(trailing: bytes) -> Iterable[str]:
    if trailing:
        yield row("trailing", f"{len(trailing)} bytes after the call: {to_hex(trailing[:32])}")


def _permit_rows(data: bytes, traits: TakerTraits) -> Iterable[str]:
    try:
        permit = decode_permit(data)
    except InvalidInput as error:
        yield row("permit", f"{error}; the contract ignores it, an allowance must stand without it")
        return
    yield row("permit", _permit_text(permit))
    yield row("", "one that fails is ignored: then an allowance must stand without it")
    by_permit2 = not isinstance(permit, Eip2612Permit | DaiPermit)
    if by_permit2 != traits.use_permit2:
        bit, how = ("set", "Permit2") if traits.use_permit2 else ("clear", "the token itself")
        yield row("", f"it is of no use here: USE_PERMIT2 is {bit}, so the settlement pulls by {how}")


def _permit_text(permit: Permit) -> str:
    if isinstance(permit, Eip2612Permit):
        return f"EIP-2612, {permit.value} base units until {utc_text(permit.deadline_s)}"
    if isinstance(permit, DaiPermit):
        until = utc_text(permit.expiry_s) if permit.expiry_s else "for ever"
        return f"DAI, no limit, nonce {permit.nonce}, {until}"
    return (
        f"Permit2, {permit.amount} base units until {utc_text(permit.expiration_s)}, nonce {permit.nonce}, "
        f"to be used until {utc_text(permit.sig_deadline_s)}"
    )


def _taker_rows(
    order: RfqOrder, amount: int, traits: TakerTraits, domain: OrderDomain, now_s: int
) -> Iterable[str]:
    gives, wants, chain_id = order.maker_asset, order.taker_asset, domain.chain_id
    yield row("takerTraits", word_hex(traits.encode()))
    yield row("", f"flags: {', '.join(traits.flag_names()) or 'none'}")
    if traits.maker_amount:
        asked, limit = f"receive {amount_text(amount, gives, chain_id)}", "paying at most"
        limit_asset = wants
    else:
        asked, limit = f"pay {amount_text(amount, wants, chain_id)}", "for at least"
        limit_asset = gives
    yield row("taker", f"to {asked}")
    bound = (
        amount_text(traits.threshold, limit_asset, chain_id)
        if traits.threshold
        else "any amount (threshold 0)"
    )
    yield row("", f"{limit} {bound}")
    try:
        moved = _moved(order, amount, traits, domain, now_s)
    except InvalidInput:
        return  # stands among the reasons
    yield row("moves", f"{amount_text(moved.making_amount, gives, chain_id)} to the taker")
    yield row("", f"{amount_text(moved.taking_amount, wants, chain_id)} to the maker")


def _moved(order: RfqOrder, amount: int, traits: TakerTraits, domain: OrderDomain, now_s: int) -> FillAmounts:
    if domain.is_own:
        return settlement_fill_amounts(order, amount, traits, now_s=now_s)
    return fill_amounts(order, amount, traits)


def explain_plain_call(call: PlainCall) -> list[str]:
    """Return the lines that describe a cancel, an epoch change or a view."""
    rows = [f"Call {call.function} (fills nothing)"]
    for name, value in call.arguments.items():
        if isinstance(value, RfqOrder):
            rows.extend(row(key, text) for key, text in value.to_dict().items())
        elif isinstance(value, list):
            rows.extend(row(name, _argument(item)) for item in value)
        else:
            rows.append(row(name, _argument(value)))
            if name == "makerTraits" and isinstance(value, int):
                traits = MakerTraits.decode(value)
                rows.append(row("", f"series {traits.series}, nonce or epoch {traits.nonce_or_epoch}"))
    return rows


def _argument(value: int | bytes | str) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
