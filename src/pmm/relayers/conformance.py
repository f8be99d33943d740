"""What a relayer would say about this server: its rules, checked on real answers of the real routes.

Pure: :mod:`pmm.server.maker_status` makes the requests and hands over what came back. The list is made of
the acceptance rules that 1inch's, OKX's, Hashflow's and Bebop's makers are held to, docs/relayers.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from eth_account.messages import encode_typed_data

from pmm.domain import Address, Signature, keccak256, recover_signer
from pmm.errors import InvalidInput
from pmm.relayers.codec import Ask, ReadLadder, ReadLevel, ReadQuote, RelayerCodec, Route, Rules, WireAnswer

BPS: Final = Decimal(10_000)
# A ladder further from the price feed than this is in wrong units; spreads and depeg gates are far narrower.
_MAX_OFF: Final = Decimal("0.2")
# The quote that was just reserved moved the inventory, and with it the skew.
_MAX_BIAS_BPS: Final = Decimal(10)
# 64 bytes in hex are the least that a signature has.
_SIGNATURE: Final = re.compile(rb"0x[0-9a-fA-F]{128}")
USD: Final = Address("USD")
"""In the place of a maker asset, asks a :data:`ReferencePrice` for US dollars."""

ReferencePrice = Callable[[Address, Address], Decimal | None]
"""Maker tokens per taker token by the price feeds, whole tokens; arguments are taker asset, maker asset."""


class Check(msgspec.Struct, kw_only=True, frozen=True):
    """One rule: whether it holds, what was expected, what was found."""

    name: str
    passed: bool
    expected: str
    found: str


class Report(msgspec.Struct, kw_only=True, frozen=True):
    """Every check of one relayer; ``passed`` when all of them do."""

    relayer: str
    passed: bool
    checks: list[Check]


def report(relayer: str, checks: Sequence[Check]) -> Report:
    """Return the report of some checks; none at all is a failure."""
    return Report(
        relayer=relayer,
        passed=bool(checks) and all(check.passed for check in checks),
        checks=list(checks),
    )


def as_text(found: Report) -> str:
    """Return a report for a person."""
    head = f"{found.relayer}: {'everything passes' if found.passed else 'NOT conformant'}"
    lines = [
        f"  {'pass' if check.passed else 'FAIL'}  {check.name}: {check.found} (expected {check.expected})"
        for check in found.checks
    ]
    return "\n".join((head, *lines)) + "\n"


def read_ladders(
    codec: RelayerCodec, route: Route, answer: WireAnswer
) -> tuple[Check, tuple[ReadLadder, ...]]:
    """Read an answer with levels as the relayer does."""
    expected = "200 and levels in the relayer's form"
    if answer.status != 200:
        return _check("levels_form", False, expected, f"status {answer.status}"), ()
    try:
        ladders = codec.read_levels(route, answer.body)
    except InvalidInput as error:
        return _check("levels_form", False, expected, str(error)), ()
    return _check("levels_form", True, expected, f"{len(ladders)} directions"), ladders


def check_ladders(
    ladders: Sequence[ReadLadder], rules: Rules, *, age_s: Decimal, reference: ReferencePrice
) -> list[Check]:
    """Check levels against the relayer's rules and the price feeds."""
    return [
        _fresh(rules, age_s),
        _depth(ladders, rules, reference),
        _units(ladders, reference),
        _best_first(ladders),
        _uncrossed(ladders),
    ]


def _fresh(rules: Rules, age_s: Decimal) -> Check:
    expected = f"a market at most {rules.max_levels_age_s} s old"
    return _check("levels_fresh", age_s <= rules.max_levels_age_s, expected, f"{age_s:.2f} s")


def _depth(ladders: Sequence[ReadLadder], rules: Rules, reference: ReferencePrice) -> Check:
    expected = "levels in every direction" + (
        f", each worth more than {rules.min_depth_usd} USD" if rules.min_depth_usd else ""
    )
    if not ladders:
        return _check("levels_depth", False, expected, "no direction")
    empty = [_name(ladder) for ladder in ladders if not ladder.levels]
    if empty:
        return _check("levels_depth", False, expected, f"none in {', '.join(empty)}")
    if not rules.min_depth_usd:
        return _check("levels_depth", True, expected, f"levels in {len(ladders)} directions")
    worth = {
        _name(ladder): sum((level.size for level in ladder.levels), Decimal(0))
        * (reference(ladder.taker_asset, USD) or Decimal(0))
        for ladder in ladders
    }
    least = min(worth, key=lambda name: worth[name])
    return _check(
        "levels_depth", worth[least] > rules.min_depth_usd, expected, f"{worth[least]:.2f} USD in {least}"
    )


def _units(ladders: Sequence[ReadLadder], reference: ReferencePrice) -> Check:
    expected = "prices near the feeds: whole maker tokens per whole taker token"
    for ladder in ladders:
        fair = reference(ladder.taker_asset, ladder.maker_asset)
        if fair is None:
            return _check("levels_units", False, expected, f"no feed for {_name(ladder)}")
        for level in ladder.levels:
            if not _near(level.price, fair):
                swapped = ", price and size swapped" if _near(level.size, fair) else ""
                found = f"{level.price:.8g} in {_name(ladder)}, the feeds say {fair:.8g}{swapped}"
                return _check("levels_units", False, expected, found)
    return _check("levels_units", True, expected, f"all of {sum(len(one.levels) for one in ladders)} levels")


def _near(price: Decimal, fair: Decimal) -> bool:
    return abs(price / fair - 1) <= _MAX_OFF


def _best_first(ladders: Sequence[ReadLadder]) -> Check:
    expected = "the best price first, each level its own"
    for ladder in ladders:
        prices = [level.price for level in ladder.levels]
        if prices != sorted(prices, reverse=True):
            return _check(
                "levels_order", False, expected, f"a better price behind a worse in {_name(ladder)}"
            )
    return _check("levels_order", True, expected, "falling prices")


def _uncrossed(ladders: Sequence[ReadLadder]) -> Check:
    expected = "the highest bid below the lowest ask"
    best = {
        (ladder.taker_asset, ladder.maker_asset): ladder.levels[0].price
        for ladder in ladders
        if ladder.levels
    }
    for (taker, maker), price in best.items():
        back = best.get((maker, taker))
        if back is not None and price * back >= 1:
            return _check(
                "levels_uncrossed", False, expected, f"{taker} and back gains {price * back - 1:.6f}"
            )
    return _check("levels_uncrossed", True, expected, "no round trip gains")


def check_quote(
    quote: ReadQuote,
    ask: Ask,
    *,
    ladder: ReadLadder,
    decimals: tuple[int, int],
    rules: Rules,
    now_s: int,
    signers: Sequence[Address],
) -> list[Check]:
    """Check a signed order against its request, the ladder and the relayer's rules.

    ``decimals`` are those of taker and maker asset; ``signers`` who may sign for us.
    """
    return [
        _answers(quote, ask),
        _signed(quote, rules, signers),
        _life(quote, rules, now_s),
        _bias(quote, ladder, decimals),
    ]


def _answers(quote: ReadQuote, ask: Ask) -> Check:
    wanted = (ask.taker_asset, ask.maker_asset, ask.taking_amount)
    found = (quote.taker_asset, quote.maker_asset, quote.taking_amount)
    text = f"{found[2]} base units of {found[0]} for {found[1]}"
    return _check(
        "quote_answers_request",
        wanted == found,
        f"{wanted[2]} base units of {wanted[0]} for {wanted[1]}",
        text,
    )


def _signed(quote: ReadQuote, rules: Rules, signers: Sequence[Address]) -> Check:
    expected = "a signature of ours over the order" + ("" if rules.is_contract_maker else ", by its maker")
    message = encode_typed_data(full_message=dict(quote.typed_data))
    digest = keccak256(b"\x19" + message.version + message.header + message.body)
    try:
        recovered = recover_signer(digest, Signature.from_bytes(quote.signature))
    except InvalidInput as error:
        return _check("quote_signed", False, expected, str(error))
    fits = recovered in signers and (rules.is_contract_maker or recovered == quote.maker)
    return _check("quote_signed", fits, expected, f"signed by {recovered}")


def _life(quote: ReadQuote, rules: Rules, now_s: int) -> Check:
    life_s = quote.expiration_s - now_s
    most = rules.max_life_s
    expected = "a life above 0 s" + ("" if most is None else f", at most {most} s")
    return _check("quote_life", 0 < life_s <= (most or life_s), expected, f"{life_s} s")


def _bias(quote: ReadQuote, ladder: ReadLadder, decimals: tuple[int, int]) -> Check:
    expected = f"never better than the ladder, at most {_MAX_BIAS_BPS} bps worse"
    size = Decimal(quote.taking_amount).scaleb(-decimals[0])
    given = Decimal(quote.making_amount).scaleb(-decimals[1])
    shown = shown_amount(ladder.levels, size)
    if shown is None:
        return _check("quote_matches_levels", False, expected, f"{size} is more than the ladder has")
    bias_bps = (shown - given) / shown * BPS
    return _check(
        "quote_matches_levels", 0 <= bias_bps <= _MAX_BIAS_BPS, expected, f"{bias_bps:.4f} bps worse"
    )


def shown_amount(levels: Sequence[ReadLevel], size: Decimal) -> Decimal | None:
    """Return what a ladder promises for ``size`` taker tokens, None beyond its depth."""
    given = Decimal(0)
    for level in levels:
        part = min(size, level.size)
        given += part * level.price
        size -= part
        if size <= 0:
            return given
    return None


def check_refusal(codec: RelayerCodec, route: Route, answer: WireAnswer, *, name: str, what: str) -> Check:
    """Check that an answer is the relayer's signal for no quote, and holds no signature."""
    said = codec.is_no_quote(route, answer)
    unsigned = _SIGNATURE.search(answer.body) is None
    found = f"status {answer.status}, {answer.body[:80].decode(errors='replace')}"
    return _check(name, said and unsigned, f"an explicit refusal of {what}", found)


def check_in_time(took_ms: int, budget_ms: int | None) -> Check:
    """Check that answers came inside 80 % of the relayer's time."""
    if budget_ms is None:
        return _check("in_time", True, "no limit is published", f"{took_ms} ms")
    most = budget_ms * 8 // 10
    return _check("in_time", took_ms <= most, f"at most {most} ms", f"{took_ms} ms")


def failed(name: str, expected: str, found: str) -> Check:
    """Return a check that did not pass."""
    return _check(name, False, expected, found)


def _check(name: str, passed: bool, expected: str, found: str) -> Check:
    return Check(name=name, passed=passed, expected=expected, found=found)


def _name(ladder: ReadLadder) -> str:
    return f"{ladder.taker_asset}_{ladder.maker_asset}"
