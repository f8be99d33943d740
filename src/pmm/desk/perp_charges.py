"""What perp venues charged and paid since the last look, as rows of profit. Pure but for what it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pmm.domain import Address
from pmm.execution.hedging import ChargeKind, PerpCharge, PerpCharges
from pmm.risk.events import PnlBooked, PnlComponent

_E6_OF_WAD = 10**12
_COMPONENT = {ChargeKind.FEE: PnlComponent.FEE, ChargeKind.FUNDING: PnlComponent.FUNDING}


class BookedCharges:
    """Each charge once; ``known`` are the keys of earlier processes."""

    def __init__(
        self, venues: Sequence[PerpCharges], symbols: Mapping[Address, str], known: Iterable[str]
    ) -> None:
        self._venues, self._symbols, self._known = venues, symbols, set(known)

    def found(self, now_ms: int) -> dict[str, PnlBooked]:
        """Return what is not booked yet, by key; raises what a venue raises."""
        return {
            key: PnlBooked(
                now_ms,
                # By its venue: money of a paper one is none.
                f"{self._symbols.get(one.asset, one.asset)} {one.venue}",
                _COMPONENT[one.kind],
                # Down: what is paid to us less, what we pay more.
                one.usd_wad // _E6_OF_WAD,
            )
            for venue in self._venues
            for one in venue.charges()
            if (key := charge_key(one)) not in self._known
        }

    def booked(self, keys: Iterable[str]) -> None:
        """They are in the ledger."""
        self._known.update(keys)


def charge_key(one: PerpCharge) -> str:
    """Return a charge's name in the rows of profit."""
    return f"perp:{one.venue}:{one.kind.value}:{one.key}"
