"""How the settings name order books of exchanges: ``binance:ETHUSDC=WETH/USDC``, ``hyperliquid:ETH=WETH/USD``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from pmm.domain import MAINNET_TOKENS
from pmm.errors import InvalidInput
from pmm.market_data import BOOK_VENUES, LiveBook, LiveBooks

if TYPE_CHECKING:
    from pmm.settings import ServeSettings

DOLLARS: Final = "USD"
"""Stands for US dollars where a quote token is expected."""
_SYMBOL = re.compile(r"[A-Za-z0-9@_/-]{1,40}")


def parse_book(entry: str) -> LiveBook:
    """Return the book of ``VENUE:SYMBOL=BASE/QUOTE``; raises InvalidInput saying what is expected."""
    venue, _, rest = entry.partition(":")
    symbol, _, tokens = rest.partition("=")
    base, slash, quote = tokens.partition("/")
    if venue not in BOOK_VENUES or not _SYMBOL.fullmatch(symbol) or not slash or base == quote:
        raise InvalidInput(
            f"expected VENUE:SYMBOL=BASE/QUOTE with a venue among {', '.join(BOOK_VENUES)}, found {entry!r}"
        )
    return LiveBook(
        venue=venue,
        symbol=symbol,
        base=MAINNET_TOKENS.get(base, "books"),
        quote=None if quote == DOLLARS else MAINNET_TOKENS.get(quote, "books"),
    )


def book_addresses(setting: SecretStr | None) -> dict[str, str]:
    """Return addresses by venue of ``VENUE=wss://host/path``, by comma; raises InvalidInput, without an address."""
    found: dict[str, str] = {}
    for entry in setting.get_secret_value().split(",") if setting is not None else ():
        venue, _, address = entry.strip().partition("=")
        if venue not in BOOK_VENUES or venue in found or not _is_websocket(address):
            raise InvalidInput(
                f"expected VENUE=wss://host/path, each venue of {', '.join(BOOK_VENUES)} once, found otherwise"
            )
        found[venue] = address
    return found


def _is_websocket(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_books(books: tuple[str, ...]) -> tuple[str, ...]:
    """Return them if each is well formed and named once; raises InvalidInput."""
    names = [parse_book(entry).name for entry in books]
    if len(set(names)) < len(names):
        raise InvalidInput(f"expected each book once, found {', '.join(names)}")
    return books


def open_books(settings: ServeSettings) -> LiveBooks:
    """Return the order books of exchanges that the settings name; none by default."""
    return LiveBooks(
        [parse_book(entry) for entry in settings.books],
        max_age_s=settings.book_max_age_s,
        addresses=book_addresses(settings.book_addresses),
    )
