"""Prices that the operator gives in a JSON file: what was negotiated, and what our inventory cost.

    {"otc": [{"counterparty": "acme", "give": "WETH", "get": "USDC", "price": "2990.5", "most": "50",
              "valid_until": 1767225600, "fee_bps": 1}],
     "cost": [{"asset": "WETH", "in": "USDC", "price": "2950", "at": 1767139200, "max_age_s": 86400}]}

``price`` is in whole tokens of ``get`` per whole token of ``give`` (or of ``in`` per ``asset``), as decimal strings;
``most`` is in whole tokens of ``give``. The file is read again when it changes; one that cannot be read gives no
prices and says why.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import structlog

from pmm.domain import MAINNET_TOKENS, Token
from pmm.errors import InvalidInput, PmmError
from pmm.execution import NOTHING_OUTSIDE, Outside
from pmm.pricing import OtcQuote, ReferencePrice, SourceKind
from pmm.pricing.fixed_point import E36

OWN_COST: Final = "own_cost"
"""Name under which what our inventory cost is told."""
_LOG = structlog.get_logger()
_EXACT = Context(prec=80)
_OTC_FIELDS = {"counterparty", "give", "get", "price", "most", "valid_until", "fee_bps"}
_COST_FIELDS = {"asset", "in", "price", "at", "max_age_s"}


def read_operator_prices(path: Path) -> Outside:
    """Read the file; raise InvalidInput naming the entry that is wrong. Unknown fields are refused."""
    try:
        raw = json.loads(path.read_text(), parse_float=Decimal)
    except OSError as error:
        raise InvalidInput(f"operator prices: expected a file at {path}, found: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"operator prices: expected JSON in {path}, found {error}") from error
    if not isinstance(raw, dict) or set(raw) - {"otc", "cost"}:
        raise InvalidInput(f"operator prices: expected the fields otc and cost in {path}, found {raw!r:.80}")
    return Outside(
        otc=tuple(_entry("otc", index, one, _otc) for index, one in enumerate(raw.get("otc", ()))),
        references=tuple(_entry("cost", index, one, _cost) for index, one in enumerate(raw.get("cost", ()))),
    )


def _entry(kind: str, index: int, raw: Any, build: Any) -> Any:
    try:
        return build(raw)
    except (KeyError, TypeError, ValueError, ArithmeticError, PmmError) as error:
        raise InvalidInput(f"operator prices: {kind}[{index}]: {error}") from error


def _otc(raw: dict[str, Any]) -> OtcQuote:
    _refuse_unknown(raw, _OTC_FIELDS)
    give, get = MAINNET_TOKENS.get(raw["give"], "give"), MAINNET_TOKENS.get(raw["get"], "get")
    fee_bps = int(raw.get("fee_bps", 0))
    if not 0 <= fee_bps < 10_000:
        raise ValueError(f"fee_bps: expected 0 to 9999, found {fee_bps}")
    return OtcQuote(
        counterparty=str(raw["counterparty"]),
        taker_asset=give.address,
        maker_asset=get.address,
        rate_e36=_rate_e36(raw["price"], per=give, unit=get),
        max_taking_amount=int(_EXACT.scaleb(_positive(raw["most"], "most"), give.decimals)),
        valid_until_s=int(raw["valid_until"]),
        fee_bps=fee_bps,
    )


def _cost(raw: dict[str, Any]) -> ReferencePrice:
    _refuse_unknown(raw, _COST_FIELDS)
    asset, unit = MAINNET_TOKENS.get(raw["asset"], "asset"), MAINNET_TOKENS.get(raw["in"], "in")
    return ReferencePrice(
        source=OWN_COST,
        kind=SourceKind.COST,
        token=asset.address,
        unit=unit.address,
        rate_e36=_rate_e36(raw["price"], per=asset, unit=unit),
        observed_at_s=int(raw["at"]),
        max_age_s=int(raw["max_age_s"]),
    )


def _refuse_unknown(raw: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(raw) - known):
        raise ValueError(f"expected {', '.join(sorted(known))}, found {unknown[0]!r}")


def _positive(text: Any, name: str) -> Decimal:
    if not isinstance(text, str):
        raise ValueError(f"{name}: expected a decimal string, found {text!r}")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{name}: expected a decimal string, found {text!r}") from error
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name}: expected a number above 0, found {text!r}")
    return value


def _rate_e36(text: Any, *, per: Token, unit: Token) -> int:
    return int(_EXACT.scaleb(_positive(text, "price") * E36, unit.decimals - per.decimals))


class OperatorPrices:
    """The file, read again when it changes; implements ``OutsideMarket``. Raises InvalidInput when first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._known = read_operator_prices(path)

    def current(self) -> Outside:
        """Return the prices of the file as it is now; none from a file that cannot be read any more."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._known = read_operator_prices(self._path)
            except InvalidInput as error:
                self._known = NOTHING_OUTSIDE
                _LOG.error("operator_prices_unreadable", error=str(error))
        return self._known

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
