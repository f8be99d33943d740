"""Levels as 1inch and OKX's earlier form write them: an object from ``"<base>_<quote>"`` to pairs of strings."""

from __future__ import annotations

from decimal import ROUND_UP, Context, Decimal, InvalidOperation
from typing import Any, Final

import orjson

from pmm.domain import Address, PriceLevel, parse_address
from pmm.domain.price_level import whole_tokens
from pmm.errors import InvalidInput
from pmm.execution import PublishedLadder
from pmm.relayers.codec import LevelOrder, ReadLadder, ReadLevel

_PRICE_DIGITS: Final = 24
_PRICE_CONTEXT: Final = Context(prec=_PRICE_DIGITS, rounding=ROUND_UP)


def level_pair(level: PriceLevel, order: LevelOrder) -> list[str]:
    """Return price (maker per taker token) and size (whole taker tokens) of a level, in a relayer's order.

    The price is rounded up to 24 digits: a firm quote, rounded down, is never better than what the ladder says.
    """
    making = whole_tokens(level.making_amount, level.maker_asset)
    size = whole_tokens(level.taking_amount, level.taker_asset)
    pair = [plain(_PRICE_CONTEXT.divide(making, size)), plain(size)]
    return pair if order is LevelOrder.PRICE_SIZE else pair[::-1]


def plain(value: Decimal) -> str:
    """Return a number without exponent and without zeros at its end."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def levels_by_pair(ladders: tuple[PublishedLadder, ...], order: LevelOrder) -> dict[str, list[list[str]]]:
    """Return the object of ``GET /levels``; levels are not cumulative."""
    return {
        f"{entry.taker_asset.address}_{entry.maker_asset.address}".lower(): [
            level_pair(level, order) for level in entry.levels
        ]
        for entry in ladders
    }


def read_levels_by_pair(body: bytes, order: LevelOrder) -> tuple[ReadLadder, ...]:
    """Read ``GET /levels`` as a client of the protocol does; raises InvalidInput where it would fail."""
    found = read_object(body)
    ladders = []
    for name, levels in found.items():
        base, _, quote = name.partition("_")
        if not isinstance(levels, list):
            raise InvalidInput(f"levels of {name}: expected a list, found {type(levels).__name__}")
        ladders.append(
            ReadLadder(
                taker_asset=parse_address(base, "base"),
                maker_asset=parse_address(quote, "quote"),
                levels=tuple(read_level(level, order) for level in levels),
            )
        )
    return tuple(ladders)


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; raises InvalidInput for anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"expected JSON, found {body[:40]!r}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"expected a JSON object, found {type(found).__name__}")
    return found


def read_level(level: Any, order: LevelOrder) -> ReadLevel:
    """Read a pair of strings; raises InvalidInput for anything else."""
    if not isinstance(level, list) or len(level) != 2 or not all(isinstance(text, str) for text in level):
        raise InvalidInput(f"level: expected two strings, found {str(level)[:60]}")
    first, second = (read_decimal(text, "level") for text in level)
    price, size = (first, second) if order is LevelOrder.PRICE_SIZE else (second, first)
    return ReadLevel(size=size, price=price)


def read_decimal(text: Any, name: str) -> Decimal:
    """Read a plain decimal above 0 from a string; raises InvalidInput for anything else."""
    try:
        value = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0 or "e" in str(text).lower():
        raise InvalidInput(f"{name}: expected a plain decimal string above 0, found {str(text)[:40]!r}")
    return value


def address_in(record: dict[str, Any], name: str) -> Address:
    """Return the address in a field; raises InvalidInput where there is none."""
    return parse_address(record.get(name), name)
