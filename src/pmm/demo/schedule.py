"""Which requests the taker makes along the day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pmm.demo.price_day import PriceDay

SELLS, BUYS = "sells", "buys"
ONEINCH, PMM = "1inch", "pmm"
# What happens to the answer: it is filled, kept until it has expired, or expected to be a refusal.
FILL, LET_EXPIRE, EXPECT_REFUSAL = "fill", "let expire", "expect refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request: the taker ``sells`` or ``buys`` WETH against USDC at a point of the day."""

    number: int
    time_s: int
    market_usd: Decimal
    side: str
    weth: Decimal
    settlement: str
    intent: str = FILL

    def describe(self) -> str:
        """Return the request for a person."""
        return f"taker {self.side} {self.weth.normalize():f} WETH"


# (side, WETH, settlement, intent). Sizes beyond the demo's inventory are flash-funded; the last is beyond anything.
# The first leaves the desk's band of delta, the second also crosses the risk book's critical line of 5 % of it.
_CYCLE = (
    (SELLS, Decimal("1.5"), ONEINCH, FILL),
    (BUYS, Decimal("6"), PMM, FILL),
    (BUYS, Decimal("60"), PMM, FILL),
    (BUYS, Decimal("0.75"), ONEINCH, FILL),
    (SELLS, Decimal("2.25"), PMM, FILL),
    (SELLS, Decimal("70"), PMM, FILL),
)
_ONCE = (
    _CYCLE[0],
    _CYCLE[1],
    _CYCLE[2],
    (SELLS, Decimal("1"), PMM, LET_EXPIRE),
    (BUYS, Decimal("900000"), PMM, EXPECT_REFUSAL),
)
_DAY_STEPS = 24


def plan_steps(day: PriceDay, *, once: bool) -> list[Step]:
    """Return the requests of a whole day (24, one an hour), or of one round with each kind of ending once.

    A round has a fill on 1inch, one on pmm, one flash-funded, one quote that expires and one refusal; a day has
    the fills in turn, and ends with the same expiry and refusal.
    """
    if once:
        wanted = list(_ONCE)
    else:
        fills = _DAY_STEPS - 2
        wanted = [_CYCLE[i % len(_CYCLE)] for i in range(fills)] + list(_ONCE[-2:])
    points = day.sample(len(wanted))
    return [
        Step(
            number=i,
            time_s=time_s,
            market_usd=price,
            side=side,
            weth=weth,
            settlement=settlement,
            intent=intent,
        )
        for i, ((time_s, price), (side, weth, settlement, intent)) in enumerate(
            zip(points, wanted, strict=True), 1
        )
    ]
