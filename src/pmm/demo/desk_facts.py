"""What the desk did along the demo's day, in numbers: hedges, repayments, what risk said."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from pmm.demo.quote_watch import Asked
from pmm.domain import MAINNET_TOKENS, WETH

BAND_USD = 3_000
"""Delta at which the demo's desk hedges."""
AAVE = 1
"""Aave V3 in our contracts' numbering."""
_SHOWN = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """One swap of the inventory on Uniswap; amounts in base units, from the pool's own event.

    Attributes:
        number: the request whose fill it takes back.
        sold, bought: token addresses.
        cost_usd: what was sold less what was bought, at the feeds' prices.
        delta_usd, delta_after_usd: delta before it, and with it in the books, US dollars.
        inventory_before, inventory_at_fill, inventory_after: WETH of the settlement contract.
        transaction_hash: of the swap.
    """

    number: int
    sold: str
    sold_amount: int
    bought: str
    bought_amount: int
    cost_usd: Decimal
    delta_usd: Decimal
    delta_after_usd: Decimal
    inventory_before: int
    inventory_at_fill: int
    inventory_after: int
    transaction_hash: str

    def describe(self) -> str:
        """Return it for a person."""
        fell = self.inventory_at_fill < self.inventory_before
        before, at_fill, after = (
            whole(WETH.address, amount)
            for amount in (self.inventory_before, self.inventory_at_fill, self.inventory_after)
        )
        return (
            f"delta {self.delta_usd:+,.2f} USD left its band of {BAND_USD:,}, inventory "
            f"{'fell' if fell else 'rose'} from {before} to {at_fill}; sold {whole(self.sold, self.sold_amount)} for "
            f"{whole(self.bought, self.bought_amount)} on Uniswap; delta {self.delta_after_usd:.2f} USD, inventory "
            f"{after} again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTrade:
    """One order that the paper perp venue filled, from its books.

    Attributes:
        number: the request whose fill it takes back.
        amount: base units of WETH, negative where it was sold.
        price_usd: per whole token.
        delta_usd, delta_after_usd: delta before it, and with it in the books, US dollars.
        position: base units held there behind it.
    """

    number: int
    amount: int
    price_usd: Decimal
    delta_usd: Decimal
    delta_after_usd: Decimal
    position: int

    def describe(self) -> str:
        """Return it for a person."""
        verb = "bought" if self.amount > 0 else "sold"
        traded = f"{verb} {whole(WETH.address, abs(self.amount))} at {self.price_usd:,.2f} USD"
        return (
            f"delta {self.delta_usd:+,.2f} USD left its band of {BAND_USD:,}; {traded} "
            f"on the paper perp, which cost least (paper money); delta {self.delta_after_usd:.2f} USD, "
            f"{whole(WETH.address, self.position)} held there"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """What a method says may be lost in a day at 99 %, US dollars, and what it is worth over the days replayed."""

    method: str
    var_usd: Decimal
    shortfall_usd: Decimal
    verdict: str

    def describe(self) -> str:
        """Return it for a person."""
        return (
            f"value at risk {self.var_usd:,.0f} USD, expected shortfall {self.shortfall_usd:,.0f} USD "
            f"({self.method.replace('_', ' ')}); {self.verdict}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """A debt on Aave that the keeper repaid, base units; what is owed is what our contract reads from Aave."""

    token: str
    owed_before: int
    repaid: int
    owed_after: int

    def describe(self) -> str:
        """Return it for a person, to the cent: interest is less."""
        before, repaid, after = (
            f"{Decimal(amount).scaleb(-MAINNET_TOKENS.get(self.token).decimals):,.2f}"
            for amount in (self.owed_before, self.repaid, self.owed_after)
        )
        symbol = MAINNET_TOKENS.get(self.token).symbol
        return f"{before} {symbol} owed on Aave; the keeper repaid {repaid} out of the inventory, {after} are owed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A metric that left normal and came back, as the desk's ledger has it.

    Attributes:
        metric: name and subject.
        phases: where its state machine went in turn.
        worst_pct, after_pct: the value furthest from zero at a transition, and that at the last one.
        asked: what risk asked for, each with its outcome.
        lasted_s: from the first transition to the last.
    """

    number: int
    metric: str
    phases: tuple[str, ...]
    worst_pct: Decimal
    asked: tuple[str, ...]
    after_pct: Decimal
    lasted_s: Decimal

    def describe(self) -> str:
        """Return it for a person."""
        return (
            f"{self.metric} normal, {', '.join(self.phases)}: {self.worst_pct:.2f} %, risk asked for "
            f"{', '.join(self.asked) or 'nothing'}; {self.after_pct:.2f} % after {self.lasted_s:.1f} s"
        )


@dataclass(slots=True)
class DeskFacts:
    """Everything of the day.

    Attributes:
        quotes: what the quote server would have quoted before, in and after each change that the desk made to it.
        possible: what may be lost at the end of the day, by each method.
        moves: what the desk moved, base units per account and asset.
        differences: how often its book did not equal the chain.
        owed: USDC base units owed on Aave at the end.
    """

    hedges: list[Hedge] = field(default_factory=list)
    paper: list[PaperTrade] = field(default_factory=list)
    possible: list[Possible] = field(default_factory=list)
    repayments: list[Repayment] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    quotes: list[Asked] = field(default_factory=list)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: int = 0
    owed: int = 0

    @property
    def clean(self) -> bool:
        """Whether the desk's book equalled the chain in every turn, and nothing is owed any more."""
        return self.differences == 0 and self.owed == 0

    @property
    def hedging_cost_usd(self) -> Decimal:
        """What all hedges cost against the feeds, gas left out."""
        return sum((one.cost_usd for one in self.hedges), Decimal(0))

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON file can hold: every number as a decimal string."""

        def shown(values: dict[str, Any]) -> dict[str, Any]:
            return {
                key: str(one) if isinstance(one, int | Decimal) and not isinstance(one, bool) else one
                for key, one in values.items()
            }

        return {
            "hedges": [shown(asdict(one)) for one in self.hedges],
            "paper": [shown(asdict(one)) for one in self.paper],
            "possible": [shown(asdict(one)) for one in self.possible],
            "repayments": [shown(asdict(one)) for one in self.repayments],
            "warnings": [shown(asdict(one)) for one in self.warnings],
            "quotes": [shown(asdict(one)) for one in self.quotes],
            "differences": str(self.differences),
            "owed": str(self.owed),
        }


def whole(token: str, amount: int) -> str:
    """Return an amount in whole tokens, to four places, with its symbol."""
    known = MAINNET_TOKENS.get(token)
    value = Decimal(amount).scaleb(-known.decimals).quantize(_SHOWN).normalize()
    return f"{value:,f} {known.symbol}"
