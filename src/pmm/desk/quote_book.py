"""Firm quotes of the joined journal, as risk hears of them: each once, also those of before the desk's start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from pmm.domain import Address
from pmm.errors import InvalidInput, SetupError
from pmm.journal.given_quotes import GivenQuote, GivenQuotes
from pmm.risk.events import QuoteExecuted, QuoteGiven

_MOST_A_LOOK: Final = 1_000
"""Requests of one turn: some ten milliseconds, and more than a server answers in a second for long."""
_DAY_MS: Final = 86_400_000
_KEPT_S: Final = 3_600
_E6_OF_WAD: Final = 10**12
_LOG = structlog.get_logger()


class QuoteBook:
    """Reads on from where it was; its first look goes back a day. One thread.

    Args:
        quotes: the journal's; None where none is joined: nothing is known then.
        pairs: names of pairs by their two tokens.
        symbols: of tokens; others go by their address.
    """

    def __init__(
        self,
        quotes: GivenQuotes | None,
        *,
        pairs: Mapping[frozenset[Address], str],
        symbols: Mapping[Address, str],
    ) -> None:
        self._quotes, self._pairs, self._symbols = quotes, pairs, symbols
        self._place: int | None = None
        self._silent = ""
        self._fillable: dict[str, int] = {}
        self.caught_up = quotes is None
        """Whether the last look came to the journal's end."""

    def given(self, now_ms: int) -> list[QuoteGiven]:
        """Return what was given since the last look; nothing while the journal cannot be read: it comes later."""
        if self._quotes is None:
            return []
        try:
            if self._place is None:
                self._place = self._quotes.before(now_ms - _DAY_MS)
            before = self._place
            self._place, found = self._quotes.behind(before, most=_MOST_A_LOOK)
        except (SetupError, InvalidInput) as error:
            self._say(error)
            self.caught_up = False
            return []
        self._silent, self.caught_up = "", self._place < before + _MOST_A_LOOK
        self._fillable.update((one.salt, one.expires_s) for one in found)
        return [
            QuoteGiven(one.given_ms, one.relayer, self.pair(one), one.taker, one.usd_wad // _E6_OF_WAD)
            for one in found
        ]

    def fillable(self, now_ms: int) -> dict[str, int]:
        """Return the ends of validity, unix seconds, of quotes that a newer block may name, by their salts."""
        oldest_s = now_ms // 1_000 - _KEPT_S
        self._fillable = {salt: until_s for salt, until_s in self._fillable.items() if until_s >= oldest_s}
        return self._fillable

    def find(self, order_hash: bytes) -> tuple[bool, GivenQuote | None]:
        """Return whether the journal could be asked, and the quote of an order."""
        if self._quotes is None:
            return True, None
        try:
            return True, self._quotes.find(order_hash)
        except (SetupError, InvalidInput) as error:
            self._say(error)
            return False, None

    def executed(self, quote: GivenQuote, at_ms: int) -> QuoteExecuted:
        """Return that a quote was filled, for what it was given for: the same amount stands above and below."""
        value = quote.usd_wad // _E6_OF_WAD
        return QuoteExecuted(at_ms, quote.relayer, self.pair(quote), quote.taker, value)

    def pair(self, quote: GivenQuote) -> str:
        """Return the name of a quote's pair, the same in both directions."""
        name = self._pairs.get(frozenset((quote.maker_asset, quote.taker_asset)))
        return name or "/".join(
            sorted(self._symbols.get(one, one) for one in (quote.maker_asset, quote.taker_asset))
        )

    def _say(self, error: Exception) -> None:
        if str(error) != self._silent:
            _LOG.warning("quotes_not_read", why=str(error))
        self._silent = str(error)
