"""One step of a published ladder."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Context, Decimal

from pmm.domain.tokens import Token
from pmm.domain.value_class import value_class
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

# A uint256 has 78 digits; Decimal's default of 28 would round amounts silently.
_WIDE = Context(prec=100, rounding=ROUND_FLOOR)
_RATE_DIGITS = 18


def whole_tokens(amount: int, token: Token) -> Decimal:
    """Return a base-unit amount in whole tokens, exactly."""
    return _WIDE.scaleb(Decimal(amount), -token.decimals)


@value_class(frozen=True, slots=True, kw_only=True)
class PriceLevel:
    """For ``taking_amount`` more of the taker asset we give ``making_amount`` more of the maker asset.

    Both are base units and belong to this level alone (not cumulative).
    """

    maker_asset: Token
    taker_asset: Token
    making_amount: int
    taking_amount: int

    def __post_init__(self) -> None:
        check_uint(self.making_amount, "makingAmount")
        if check_uint(self.taking_amount, "takingAmount") == 0:
            raise InvalidInput("takingAmount: expected at least 1 base unit, found 0")

    @property
    def making_per_taking_down(self) -> Decimal:
        """Maker asset we give per whole taker asset, in whole tokens, rounded down to 18 digits."""
        making = whole_tokens(self.making_amount, self.maker_asset)
        taking = whole_tokens(self.taking_amount, self.taker_asset)
        return _WIDE.divide(making, taking).quantize(Decimal(1).scaleb(-_RATE_DIGITS), context=_WIDE)
