"""What the taker process tells the demo about each request, as one JSON line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pmm.errors import PmmError

FILLED, REFUSED, EXPIRED, REVERTED = "filled", "refused", "expired", "reverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One request and its end; amounts are decimal strings of base units, for JSON keeps no large integers.

    Attributes:
        number: position in the demo, from 1.
        time_s: time of the recorded price, unix seconds.
        request: what was asked, for a person.
        outcome: filled, refused, expired or reverted.
        reason: why it was not filled.
        settlement: ``1inch`` or ``pmm``.
        market_usd: the feed's ETH price when it was asked.
        price_usd: the quoted ETH price in USDC.
        components: the quote's price components, name to bps.
        maker_asset, taker_asset: token addresses.
        making_amount, taking_amount: amounts signed and filled.
        hedge: how the fill was funded and hedged.
        hedge_cost: taker asset paid to the pool that closed a funded fill; 0 for inventory.
        gas_used: gas of the fill; gas_cost_wei: what the taker paid for every transaction of this request.
    """

    number: int
    time_s: int
    request: str
    outcome: str
    reason: str = ""
    settlement: str = ""
    market_usd: str = "0"
    price_usd: str = ""
    components: dict[str, str] = field(default_factory=dict)
    maker_asset: str = ""
    taker_asset: str = ""
    making_amount: str = "0"
    taking_amount: str = "0"
    hedge: str = ""
    hedge_cost: str = "0"
    gas_used: int = 0
    gas_cost_wei: str = "0"
    order_hash: str = ""
    transaction_hash: str = ""

    @property
    def funded(self) -> bool:
        """Whether flash funds paid the taker."""
        return self.outcome == FILLED and int(self.hedge_cost) > 0

    def to_json(self) -> str:
        """Return one JSON line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Trade:
        """Read one JSON line; raises PmmError where it is something else."""
        try:
            raw: dict[str, Any] = json.loads(line)
            return cls(**{key: raw[key] for key in (item.name for item in fields(cls)) if key in raw})
        except (ValueError, TypeError) as error:
            raise PmmError(f"expected a trade from the taker process, found {line!r:.200}") from error
