"""What a stolen signer key can lose at most in an hour, out of the settlement's on-chain settings.

Per token as maker asset, under the switches as they are:

| caps | band          | loss per hour                                                        |
|------|---------------|----------------------------------------------------------------------|
| on   | on            | leaves * widest band * price                                         |
| on   | pair unlimited | leaves * price                                                      |
| on   | off           | min(leaves, inventory) * price: the thief pays next to nothing       |
| off  | any           | unbounded: the whole inventory                                       |

leaves = min(cap of a window * windows that cover an hour, cap of a block * blocks of an hour). The rolling cap holds
for any span as long as its window, so ceil(3600 / window) of them cover an hour. Both venues count against the same
caps; without caps 1inch's contract can take its allowance, as far as the inventory goes. While a band holds, a token
can leave, be bought back and leave again: only all tokens together are bounded by the inventory. Sources:
contracts/README.md, contracts/modules/CapBook.sol and PriceBand.sol. Money is rounded up: these are bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pmm.chain.lens import NO_LIMIT, DeskLimits, TokenLimits
from pmm.domain import ZERO_ADDRESS, Address

HOUR_S = 3_600
SLOT_S = 12
"""Shortest time between two blocks of Ethereum mainnet."""
WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A USD price: value of ``amount`` base units = amount * answer / 10^exponent; ``source`` says whose it is."""

    answer: int
    exponent: int
    source: str

    def cents_up(self, amount: int) -> int:
        """Return the value in cents, rounded up."""
        scale: int = 10**self.exponent
        return -(-100 * amount * self.answer // scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLoss:
    """Bound of one token. Amounts in base units, money in cents, None where there is no price.

    ``leaves`` is what can go out in an hour, None where nothing but the inventory bounds it. ``share_bps`` is the
    part of it that is lost: 10,000 where the thief need not pay.
    """

    limits: TokenLimits
    price: Price | None
    leaves: int | None
    share_bps: int
    loss_amount: int
    unbounded: bool
    formula: str

    @property
    def loss_cents(self) -> int | None:
        """The bound in money."""
        return self.price.cents_up(self.loss_amount) if self.price else None

    @property
    def inventory_cents(self) -> int | None:
        """What the settlement holds of the token, in money."""
        return self.price.cents_up(self.limits.inventory) if self.price else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLoss:
    """Bound of all tokens together; ``cents`` leaves out the tokens in ``unpriced``."""

    tokens: tuple[TokenLoss, ...]
    cents: int
    unbounded: bool
    unpriced: tuple[Address, ...]
    borrows: bool


def leaves_per_hour(limits: TokenLimits) -> int:
    """Return how many base units the caps of a token let out in any hour; 0 without a cap: then nothing fills."""
    cap = limits.cap
    if not cap.is_set:
        return 0
    by_window = cap.per_window * -(-HOUR_S // cap.window_s)
    return min(by_window, cap.per_block * (HOUR_S // SLOT_S))


def widest_band_bps(limits: TokenLimits, core: Iterable[TokenLimits]) -> int:
    """Return the share of the value that the widest band of a token gives away, 0 where no pair may fill.

    Pairs with tokens that are not traded do not count. Feeds are not looked at: a stale one may be healthy again
    within the hour.
    """
    widest = 0
    for other, band in zip(core, limits.bands_bps, strict=True):
        if other.token != limits.token and other.registered:
            widest = max(widest, WHOLE_BPS if band == NO_LIMIT else min(band, WHOLE_BPS))
    return widest


def borrows_inventory(desk: DeskLimits) -> bool:
    """Tell whether a signed hook can bring inventory in from the lending account, beyond what is held."""
    return ZERO_ADDRESS not in (desk.router_hooks, desk.lending_account)


def token_loss(limits: TokenLimits, desk: DeskLimits, price: Price | None) -> TokenLoss:
    """Return the bound of one token; zero where no order that gives it can fill."""
    share_bps = widest_band_bps(limits, desk.tokens) if desk.band_on else WHOLE_BPS
    leaves = leaves_per_hour(limits) if desk.caps_on else None
    loss, formula, unbounded = 0, "", False
    if not limits.registered:
        formula = "not traded: nothing fills"
    elif share_bps == 0:
        formula = "no pair has a band: nothing fills"
    elif leaves is None:
        loss, unbounded = limits.inventory, True
        formula = "unbounded: the whole inventory"
    elif not limits.cap.is_set:
        formula = "no cap: nothing fills"
    elif desk.band_on:
        loss = -(-leaves * share_bps // WHOLE_BPS)
        formula = "leaves x price, a pair has no limit" if share_bps == WHOLE_BPS else "leaves x band x price"
    elif borrows_inventory(desk):
        loss, formula = leaves, "leaves x price, hooks can borrow more than the inventory"
    else:
        loss, formula = min(leaves, limits.inventory), "min(leaves, inventory) x price"
    return TokenLoss(
        limits=limits,
        price=price,
        leaves=leaves,
        share_bps=share_bps,
        loss_amount=loss,
        unbounded=unbounded,
        formula=formula,
    )


def desk_loss(losses: Iterable[TokenLoss], desk: DeskLimits) -> DeskLoss:
    """Return the bound of all tokens: their sum, at most the inventory unless hooks can borrow more."""
    tokens = tuple(losses)
    borrows = borrows_inventory(desk)
    unbounded = any(loss.unbounded for loss in tokens)
    cents = sum(loss.loss_cents or 0 for loss in tokens)
    if not borrows:
        cents = min(cents, sum(loss.inventory_cents or 0 for loss in tokens))
    return DeskLoss(
        tokens=tokens,
        cents=cents,
        unbounded=unbounded,
        unpriced=tuple(loss.limits.token for loss in tokens if loss.price is None and loss.loss_amount),
        borrows=borrows,
    )
