"""CoinGecko's ``GET /simple/price`` as a slow cross-check: asked seldom, in a thread of its own, never waited for.

Fields: https://docs.coingecko.com/reference/simple-price. Prices are US dollars; ``last_updated_at`` is unix time.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final

import httpx
import structlog

from pmm.domain import DAI, USDC, USDT, WBTC, WETH, Address, Token
from pmm.errors import ChainError, InvalidInput
from pmm.execution import Outside
from pmm.pricing import ReferencePrice, SourceKind

COINGECKO: Final = "coingecko"
"""Name under which its prices are told."""
_LOG = structlog.get_logger()
COIN_IDS: Final[Mapping[Address, str]] = {
    WETH.address: "weth",
    WBTC.address: "wrapped-bitcoin",
    USDC.address: "usd-coin",
    USDT.address: "tether",
    DAI.address: "dai",
}
_EXACT = Context(prec=80)
_TOO_MANY = 429
_LONGEST_PAUSE_S = 600.0
_MOST_BYTES = 1_000_000


class MarketDataUnavailable(ChainError):
    """A source beyond the chain did not answer, or answered something that cannot be right."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def fetch_prices(
    client: httpx.Client, url: str, tokens: Sequence[Token], *, max_age_s: int
) -> tuple[ReferencePrice, ...]:
    """Ask once; raises MarketDataUnavailable. Tokens that the answer lacks are left out."""
    wanted = [token for token in tokens if token.address in COIN_IDS]
    parameters = {
        "ids": ",".join(COIN_IDS[token.address] for token in wanted),
        "vs_currencies": "usd",
        "include_last_updated_at": "true",
        "precision": "full",
    }
    try:
        answer = client.get(f"{url.rstrip('/')}/simple/price", params=parameters)
    except httpx.HTTPError as error:
        raise MarketDataUnavailable(
            f"expected an answer of CoinGecko, found {type(error).__name__}"
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise MarketDataUnavailable(
            f"expected status 200 of CoinGecko, found {answer.status_code}",
            retry_after_s=_retry_after_s(answer) if answer.status_code == _TOO_MANY else None,
        )
    if len(answer.content) > _MOST_BYTES:
        raise MarketDataUnavailable(f"expected prices of CoinGecko, found {len(answer.content)} bytes")
    try:
        # Decimal and not float: what the source said, digit by digit.
        body = json.loads(answer.content, parse_float=Decimal)
        if not isinstance(body, dict):
            raise TypeError(f"expected an object, found {type(body).__name__}")
        return tuple(
            _reference(token, body[COIN_IDS[token.address]], max_age_s)
            for token in wanted
            if COIN_IDS[token.address] in body
        )
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise MarketDataUnavailable(f"expected prices of CoinGecko, found {error!r}") from error


def _reference(token: Token, entry: Mapping[str, Any], max_age_s: int) -> ReferencePrice:
    usd = Decimal(entry["usd"])
    if not usd.is_finite() or usd <= 0:
        raise ValueError(f"a price of {usd} for {token.symbol}")
    return ReferencePrice(
        source=COINGECKO,
        kind=SourceKind.AGGREGATOR,
        token=token.address,
        unit=None,
        rate_e36=int(_EXACT.scaleb(usd, 36 - token.decimals)),
        observed_at_s=int(entry["last_updated_at"]),
        max_age_s=max_age_s,
    )


def _retry_after_s(answer: httpx.Response) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), _LONGEST_PAUSE_S) if value.isascii() and value.isdigit() else None


class CoinGecko:
    """Asks every ``interval_s`` at most and keeps what it heard; implements ``OutsideMarket``.

    After a failure the pause doubles, up to ten minutes; a ``Retry-After`` is kept. An old price ages out by its own
    time, ``max_age_s`` after the source's last update.
    """

    def __init__(
        self, url: str, tokens: Sequence[Token], *, interval_s: float, timeout_s: float, max_age_s: int
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput("coingecko: expected an http or https address")
        self._url, self._tokens, self._max_age_s = url, tuple(tokens), max_age_s
        self._interval_s = interval_s
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._known: tuple[ReferencePrice, ...] = ()
        self._failures = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Outside:
        """Return what was heard last; the first call starts the asking."""
        if self._thread is None:
            # A daemon: an answer that does not come must not delay the exit.
            self._thread = threading.Thread(target=self._run, name="coingecko", daemon=True)
            self._thread.start()
        return Outside(references=self._known)

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()

    def ask_once(self) -> float:
        """Ask and return how long to wait before the next time; a failure is logged when it begins."""
        try:
            self._known = fetch_prices(self._client, self._url, self._tokens, max_age_s=self._max_age_s)
        except MarketDataUnavailable as error:
            self._failures += 1
            if self._failures == 1:
                _LOG.warning("coingecko_failed", error=str(error))
            pause_s = min(self._interval_s * float(1 << min(self._failures, 16)), _LONGEST_PAUSE_S)
            return max(pause_s, error.retry_after_s or 0.0, self._interval_s)
        if self._failures:
            _LOG.info("coingecko_back")
        self._failures = 0
        return self._interval_s

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            pause_s = self.ask_once()
            self._stop.wait(max(pause_s - (time.monotonic() - started), 0))
