"""What live quotes of all replicas add up to, as one transaction reads, checks and changes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pmm.domain import Address, Decision, RefusalReason
from pmm.execution import CONTRACT_VENUES, AdmittedQuote, Claim, Settlement
from pmm.journal.schema import DELETE_TOTAL, UPSERT_TOTAL
from pmm.journal.store import Row, Statement
from pmm.risk import OpenQuotes, check_quote

# The lowest bits of the maker traits: the last 80 bits of the taker's address.
_SENDER_MASK = (1 << 80) - 1
COUNT, USD = "count", "usd"
_READ = "SELECT name, amount, ceiling, balance, block_number, replica FROM totals WHERE name IN ({})"


@lru_cache(maxsize=1_024)
def asset_name(asset: Address, settlement: Settlement = Settlement.PMM) -> str:
    """Return the name under which reservations of an asset are added up, for each holder of inventory.

    The settlement contract pays on both contract venues; what another account holds is no part of that.
    """
    return f"asset:{asset}" if settlement in CONTRACT_VENUES else f"asset:{settlement.value}:{asset}"


@lru_cache(maxsize=1_024)
def taker_name(allowed_sender: int) -> str:
    """Return the name under which a taker's live quotes are added up."""
    return f"taker:{allowed_sender}"


def names_of(quote: AdmittedQuote) -> tuple[str, ...]:
    """Return every total that a quote counts in."""
    return COUNT, USD, taker_name(sender_of(quote)), asset_name(quote.maker_asset.address, quote.settlement)


def sender_of(quote: AdmittedQuote) -> int:
    """Return the taker as the order names it, without decoding the rest of its traits."""
    return quote.order.maker_traits & _SENDER_MASK


def digits(amount: int) -> str:
    """Return an amount with all 78 digits of a 256-bit number, so that text compares as numbers do."""
    return f"{amount:078d}"


# Ceilings and balances stay as they are from one quote to the next.
_digits_again = lru_cache(maxsize=256)(digits)


@dataclass(slots=True)
class _Total:
    amount: int = 0
    ceiling: int = 0
    balance: int = 0
    block_number: int = 0
    replica: str = ""


class Totals:
    """Totals of a transaction, or of many where nobody else writes. ``replica`` is who writes.

    Reading and writing is the caller's, and to forget them all when a transaction did not become true.
    """

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._totals: dict[str, _Total] = {}
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._totals)

    def read(self, names: Iterable[str]) -> list[Statement]:
        """Return the read of those names that were not read yet, if there are any."""
        missing = [name for name in dict.fromkeys(names) if name not in self._totals]
        if not missing:
            return []
        # The last name fills up to a power of two: few forms of the statement, each prepared once.
        size = 1 << (len(missing) - 1).bit_length()
        padded = (*missing, *missing[-1:] * (size - len(missing)))
        return [(_READ.format(", ".join("?" * size)), padded)]

    def accept(self, names: Iterable[str], rows: Iterable[Row]) -> None:
        """Take what was read of ``names``; a name without a row stands at zero."""
        for name, amount, ceiling, balance, block_number, replica in rows:
            self._totals[name] = _Total(int(amount), int(ceiling), int(balance), block_number, replica)
        for name in names:
            if name not in self._totals:
                self._totals[name] = _Total()

    def admit(self, quote: AdmittedQuote, claim: Claim) -> Decision:
        """Count a quote in, or say which limit or balance it would break; nothing changes then."""
        _, _, taker, asset_of = names_of(quote)
        totals = self._totals
        found = OpenQuotes(
            count=totals[COUNT].amount,
            usd_wad=totals[USD].amount,
            taker_usd_wad=totals[taker].amount,
        )
        risk = check_quote(quote_usd_wad=quote.usd_wad, open_quotes=found, limits=claim.limits)
        if not risk.accepted:
            return risk
        asset = totals[asset_of]
        ceiling = self._ceiling(asset, claim)
        promised = asset.amount + quote.reserved_amount
        # One base unit always stays behind, as in pricing.
        if quote.reserved_amount and promised >= ceiling:
            return Decision.refuse(
                RefusalReason.INSUFFICIENT_INVENTORY,
                f"expected less than {max(ceiling - asset.amount, 0)} base units of {quote.maker_asset.symbol} that "
                f"no live quote promises, found {quote.reserved_amount}",
            )
        if quote.reserved_amount:
            self._see(asset, claim.balance, claim.block_number)
            self._raise(asset_of, quote.reserved_amount, ceiling)
        self._raise(COUNT, 1, claim.limits.max_live_quotes)
        self._raise(USD, quote.usd_wad, claim.limits.bounds_wad[2])
        self._raise(taker, quote.usd_wad, claim.limits.bounds_wad[3])
        return Decision.accept()

    def end(
        self,
        *,
        asset: str,
        taker: str,
        reserved: int,
        usd_wad: int,
        balance: int | None,
        block_number: int,
    ) -> None:
        """Count a quote out that the chain has ended, and take note of the balance it left."""
        if balance is not None:
            self._see(self._totals[asset], balance, block_number)
        for lowered, by in ((asset, reserved), (COUNT, 1), (USD, usd_wad), (taker, usd_wad)):
            self._totals[lowered].amount -= by
            self._changed[lowered] = None

    def writes(self) -> list[Statement]:
        """Return the statements that write what changed since the last time."""
        statements: list[Statement] = []
        changed, self._changed = self._changed, {}
        for name in changed:
            total = self._totals[name]
            if total.amount == 0 and name.startswith("taker:"):
                statements.append((DELETE_TOTAL, (name,)))
                del self._totals[name]
                continue
            ceiling, balance = _digits_again(total.ceiling), _digits_again(total.balance)
            row = (name, digits(total.amount), ceiling, balance, total.block_number, total.replica)
            statements.append((UPSERT_TOTAL, row))
        return statements

    def _ceiling(self, asset: _Total, claim: Claim) -> int:
        # Another replica has seen a younger block: what it freed there, our older balance still contains.
        if asset.block_number > claim.block_number and asset.replica != self._replica:
            return min(claim.ceiling, asset.balance + claim.provided)
        return claim.ceiling

    def _see(self, asset: _Total, balance: int, block_number: int) -> None:
        # Our own view may fall back with a reorganisation; another's younger one stands.
        if block_number >= asset.block_number or asset.replica == self._replica:
            asset.balance, asset.block_number, asset.replica = balance, block_number, self._replica

    def _raise(self, name: str, by: int, ceiling: int) -> None:
        total = self._totals[name]
        total.amount += by
        total.ceiling = ceiling
        self._changed[name] = None
