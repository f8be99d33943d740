"""What a refusal looks like on the wire: HTTP status, remedy, and when to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.domain import Decision, RefusalReason


class Counts(StrEnum):
    """Whether a relayer counts a refusal against the maker; many publish nothing."""

    YES = "yes"
    NO = "no"
    UNPUBLISHED = "unpublished"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRefusal:
    """A refusal as a relayer sees it. ``code`` is stable, ``message`` is for a person."""

    status: int
    code: str
    message: str
    remedy: str
    retry_after_s: int | None = None


# Status 409: the request contradicts an earlier one. 422: ask for something else. 503: it may be quoted later.
_WIRE: dict[RefusalReason, tuple[int, str]] = {
    RefusalReason.UNKNOWN_TOKEN: (422, "use the tokens named by GET /levels"),
    RefusalReason.PAIR_NOT_QUOTED: (
        422,
        "use the pairs and settlements named by GET /levels and GET /healthz",
    ),
    RefusalReason.UNKNOWN_CHAIN: (422, "ask for chain 1"),
    RefusalReason.AMOUNT_TOO_SMALL: (422, "ask for more"),
    RefusalReason.AMOUNT_TOO_LARGE: (422, "ask for less, at most the depth that GET /levels shows"),
    RefusalReason.INSUFFICIENT_INVENTORY: (
        422,
        'ask for less, or with "settlement": "pmm", where flash funds can pay',
    ),
    RefusalReason.UNPROFITABLE: (422, "ask for less, or again when the market has moved"),
    RefusalReason.FEE_TOO_HIGH: (422, "ask with a lower feeBps"),
    RefusalReason.STALE_PRICE: (
        503,
        "ask again when the price feed has answered; GET /healthz shows its age",
    ),
    RefusalReason.PRICE_DEVIATION: (503, "ask again when the price sources agree"),
    RefusalReason.LIMIT_REACHED: (503, "ask for less, or again when live quotes have ended"),
    RefusalReason.NO_NONCE: (503, "ask again when live quotes have ended"),
    RefusalReason.PAUSED: (503, "ask again later; the operator has paused the signer"),
    RefusalReason.RISK_UNKNOWN: (503, "ask again later; the operator must see to the risk desk"),
    RefusalReason.NODE_UNAVAILABLE: (503, "ask again later; GET /healthz shows the state of the node"),
    RefusalReason.JOURNAL_UNAVAILABLE: (503, "ask again later; the operator must free space for the journal"),
    RefusalReason.IDEMPOTENCY_CONFLICT: (409, "send another idempotency key, or the same body again"),
    RefusalReason.UNSAFE_TO_SIGN: (503, "ask again later; the operator must check the node"),
}
_RETRY_AFTER_S = 1


def wire_refusal(decision: Decision) -> WireRefusal:
    """Return the wire form of a refusing decision."""
    assert decision.reason is not None
    status, remedy = _WIRE[decision.reason]
    return WireRefusal(
        status=status,
        code=decision.reason.value,
        message=decision.detail,
        remedy=remedy,
        retry_after_s=_RETRY_AFTER_S if status == 503 else None,
    )


def bad_request(code: str, message: str) -> WireRefusal:
    """Return the refusal of a request that is none."""
    remedy = (
        "send one JSON object in UTF-8"
        if code == "invalid_json"
        else "correct the field; GET /docs describes each"
    )
    return WireRefusal(status=400, code=code, message=message, remedy=remedy)


def deadline_passed(message: str) -> WireRefusal:
    """Return the refusal of a request that can no longer be answered in time."""
    return WireRefusal(
        status=503,
        code="deadline_passed",
        message=message,
        remedy="ask again, with more time",
        retry_after_s=_RETRY_AFTER_S,
    )
