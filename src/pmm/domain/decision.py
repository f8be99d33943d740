"""Whether a request is quoted: an expected refusal is a value, not an exception."""

from __future__ import annotations

from enum import StrEnum

from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput


class RefusalReason(StrEnum):
    """Why a request is not quoted; the value is the stable code that journal and HTTP answers carry."""

    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a reason code, not a password
    PAIR_NOT_QUOTED = "pair_not_quoted"
    UNKNOWN_CHAIN = "unknown_chain"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    INSUFFICIENT_INVENTORY = "insufficient_inventory"
    UNPROFITABLE = "unprofitable"
    STALE_PRICE = "stale_price"
    PRICE_DEVIATION = "price_deviation"
    FEE_TOO_HIGH = "fee_too_high"
    LIMIT_REACHED = "limit_reached"
    NO_NONCE = "no_nonce"
    PAUSED = "paused"
    RISK_UNKNOWN = "risk_unknown"
    NODE_UNAVAILABLE = "node_unavailable"
    JOURNAL_UNAVAILABLE = "journal_unavailable"
    UNSAFE_TO_SIGN = "unsafe_to_sign"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"


@value_class(frozen=True, slots=True, kw_only=True)
class Decision:
    """Accepted when ``reason`` is None; else refused, ``detail`` saying what was expected and found."""

    reason: RefusalReason | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason is not None and not self.detail:
            raise InvalidInput(
                f"decision: refusal {self.reason.value!r} needs a detail that a taker understands"
            )

    @property
    def accepted(self) -> bool:
        """Tell whether the request is quoted."""
        return self.reason is None

    @classmethod
    def accept(cls) -> Decision:
        """Return the decision to quote."""
        return _ACCEPTED

    @classmethod
    def refuse(cls, reason: RefusalReason, detail: str) -> Decision:
        """Return the decision not to quote."""
        return cls(reason=reason, detail=detail)


_ACCEPTED = Decision()
