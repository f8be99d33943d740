"""What the running quote server would quote as the desk's risk lets it: before a warning, in it, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import httpx

from pmm.errors import PmmError
from pmm.risk.posture import Posture

_ASKED: Final = {"baseToken": "WETH", "quoteToken": "USDC", "amount": str(10**18)}
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One answer of the quote server for 1 WETH sold to us; nothing is signed or promised for it.

    Attributes:
        when: in which posture.
        quoted: whether there was a price.
        reason: why there was none.
        usdc: what we would give, base units.
        total_bps: how far that is below the market, the operator's part included.
        spread_bps, skew_bps: what the desk's commands put on top.
        size_pct: part of the normal sizes that are quoted.
    """

    when: str
    quoted: bool
    reason: str = ""
    usdc: int = 0
    total_bps: Decimal = Decimal(0)
    spread_bps: Decimal = Decimal(0)
    skew_bps: Decimal = Decimal(0)
    size_pct: Decimal = Decimal(100)

    def describe(self) -> str:
        """Return it for a person."""
        if not self.quoted:
            return f"{self.when}: no quote ({self.reason})"
        operator_bps = self.spread_bps + self.skew_bps
        added = f", {operator_bps:.2f} of them the desk's" if operator_bps else ""
        return (
            f"{self.when}: {Decimal(self.usdc).scaleb(-6):,.2f} USDC for 1 WETH, {self.total_bps:.2f} bps off the "
            f"market{added}, sizes {self.size_pct.normalize():f} %"
        )


class QuoteWatch:
    """Asks through the operator's API, with the desk's key. ``waits`` while the server does not quote as it must."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"X-API-Key": key}, timeout=_TIMEOUT_S, trust_env=False, transport=transport
        )
        self._last: Posture | None = None
        self.asked: list[Asked] = []
        self.waits = False

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def begin(self, posture: Posture) -> None:
        """Ask before anything is done about a fill."""
        self.asked, self._last, self.waits = [self._ask("before", posture)], posture, False

    def look(self, posture: Posture) -> None:
        """Ask again where the posture is another one, until the server quotes by it.

        A stop and its end go out from a thread of their own, the rest within a turn of the desk's.
        """
        self.waits = self.waits or posture != self._last
        self._last = posture
        if not self.waits:
            return
        when = "after" if is_calm(posture) else _named(posture)
        found = self._ask(when, posture)
        if not _is_by(found, posture):
            return
        self.waits = False
        # What a stop has beside it shows with the first price.
        if found.quoted or self.asked[-1].quoted:
            self.asked.append(found)

    @property
    def changes(self) -> list[Asked]:
        """What was answered, empty where the desk changed nothing."""
        return self.asked if len(self.asked) > 1 else []

    def _ask(self, when: str, posture: Posture) -> Asked:
        try:
            response = self._client.post("/v1/operator/sandbox", json=_ASKED)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise PmmError(f"expected the quote server to say what it would quote, found: {error}") from error
        answer: dict[str, Any] = response.json()
        if not answer["quoted"]:
            return Asked(when=when, quoted=False, reason=str(answer["reason"]))
        offer = answer["offers"][0]
        parts = {name: Decimal(bps) for name, bps in offer["components"].items()}
        return Asked(
            when=when,
            quoted=True,
            usdc=int(offer["makingAmount"]),
            total_bps=Decimal(offer["totalBps"]),
            spread_bps=parts.get("operator_spread", Decimal(0)),
            skew_bps=parts.get("operator_skew", Decimal(0)),
            size_pct=Decimal(posture.size_bps) / 100,
        )


def _is_by(found: Asked, posture: Posture) -> bool:
    if posture.stopped or not found.quoted:
        return posture.stopped is not found.quoted
    skewed = any(posture.skew_bps.values())
    return found.spread_bps == Decimal(posture.spread_addon_bps) and bool(found.skew_bps) is skewed


def is_calm(posture: Posture) -> bool:
    """Tell whether nothing stops, widens or skews."""
    return not (
        posture.stopped
        or posture.step is not None
        or posture.spread_addon_bps
        or any(posture.skew_bps.values())
    )


def _named(posture: Posture) -> str:
    if posture.stopped:
        return "critical"
    return "warning" if posture.step is None else f"recovery, step {posture.step + 1}"
