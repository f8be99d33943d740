"""Lending markets, negotiated prices and perps as pricing sees them: frozen values, read elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Address
from pmm.domain.hook_payloads import InventorySource
from pmm.pricing.depth import DepthCurve
from pmm.pricing.fixed_point import E36

_WAD = 10**18
_YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingReading:
    """One lending market and one token, for our lending account.

    Attributes:
        withdraw_source, borrow_source: what RouterHooks calls the two ways out.
        supplied: what the account has supplied of the token, base units.
        liquidity: what the market can pay out of it now.
        supply_rate_wad, borrow_rate_wad: per year, of the amount.
        collateral_usd_wad: debt that the account's collateral carries at a health of one.
        debt_usd_wad: what it owes.
        borrow_power_usd_wad: what the market lets it borrow now.
        collateral_factor_wad: part of a supplied dollar of this token that carries debt.
        health_floor_wad: health below which the account refuses to let go.
        debt_cap_usd_wad: most that it may owe in this market.
    """

    market: str
    token: Address
    withdraw_source: InventorySource
    borrow_source: InventorySource
    supplied: int
    liquidity: int
    supply_rate_wad: int
    borrow_rate_wad: int
    collateral_usd_wad: int
    debt_usd_wad: int
    borrow_power_usd_wad: int
    collateral_factor_wad: int
    health_floor_wad: int
    debt_cap_usd_wad: int

    def withdrawable(self, usd_per_unit_e36: int) -> int:
        """Return what can be withdrawn with the health floor kept, rounded down."""
        most = min(self.supplied, self.liquidity)
        if self.debt_usd_wad == 0:
            return most
        spare = self.collateral_usd_wad - _mul_up(self.debt_usd_wad, self.health_floor_wad)
        if spare <= 0 or usd_per_unit_e36 <= 0:
            return 0
        if self.collateral_factor_wad == 0:
            return most
        worth_usd_wad = spare * _WAD // self.collateral_factor_wad
        return min(most, worth_usd_wad * E36 // (usd_per_unit_e36 * _WAD))

    def borrowable(self, usd_per_unit_e36: int) -> int:
        """Return what can be borrowed with health floor and debt cap kept, rounded down."""
        if usd_per_unit_e36 <= 0 or self.health_floor_wad == 0:
            return 0
        by_health = self.collateral_usd_wad * _WAD // self.health_floor_wad - self.debt_usd_wad
        room = min(by_health, self.borrow_power_usd_wad, self.debt_cap_usd_wad - self.debt_usd_wad)
        return min(self.liquidity, max(room, 0) * E36 // (usd_per_unit_e36 * _WAD))


@dataclass(frozen=True, slots=True, kw_only=True)
class OtcQuote:
    """A price that the operator has negotiated: we give ``taker_asset`` and get ``maker_asset`` from somebody.

    ``rate_e36`` is maker base units per taker base unit; ``max_taking_amount`` what he takes at most, base units of
    the taker asset; ``fee_bps`` of that amount is ours to pay.
    """

    counterparty: str
    taker_asset: Address
    maker_asset: Address
    rate_e36: int
    max_taking_amount: int
    valid_until_s: int
    fee_bps: int = 0

    def curve(self) -> DepthCurve | None:
        """Return the price as depth of one step, fee not included; None for less than a unit."""
        out = self.max_taking_amount * self.rate_e36 // E36
        if self.max_taking_amount <= 0 or out <= 0:
            return None
        return DepthCurve(knots=((self.max_taking_amount, out),))


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpQuote:
    """What hedging a fill on a perp costs: sell what the taker brings, or buy what he gets.

    Attributes:
        depth: of the side that hedges this direction, taker base units in, maker base units out, fee not included.
        fee_pips: of the notional, in and out together.
        funding_rate_e36_per_hour: what our side of the position pays, negative where it is paid.
    """

    venue: str
    taker_asset: Address
    maker_asset: Address
    depth: DepthCurve
    fee_pips: int
    funding_rate_e36_per_hour: int
    observed_at_s: int
    max_age_s: int


def interest_share_up_e36(rate_wad: int, holding_s: int) -> int:
    """Return simple interest over a time, as a share of the amount, rounded up; none for a rate below zero."""
    return -(-max(rate_wad, 0) * (E36 // _WAD) * holding_s // _YEAR_S)


def _mul_up(value: int, factor_wad: int) -> int:
    return -(-value * factor_wad // _WAD)
