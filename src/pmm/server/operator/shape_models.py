"""Bodies of the routes that shape quotes."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pmm.execution.quote_shaping import Setter, ShapeKind
from pmm.server.operator.models import Body

_A_YEAR_S = 31_536_000


class ShapeRequest(Body):
    """A change of one value; ``version`` is the one that the decision was made on."""

    what: ShapeKind = Field(
        description="`spread`: on each half-spread; `size`: part of the normal sizes, 10000 is all; `skew`: shift of "
        "both prices of a token; `source`: 1 leaves it out."
    )
    name: str = Field(
        min_length=1,
        max_length=100,
        description="`*` or WETH/USDC (spread, size), a token (skew), a source of prices outside the chain.",
    )
    setter: Setter | None = Field(
        None,
        description="Whose value it is follows from the key: `desk` for one of the role desk, else `person`. Another "
        "one said here is refused.",
    )
    value: str = Field(
        pattern=r"^-?[0-9]{1,5}(\.[0-9]{1,6})?$", description="Basis points; the neutral value clears it."
    )
    version: int = Field(ge=0, description="Version as last seen; 0 for a value never set.")
    reason: str = Field(min_length=3, max_length=300)
    expires_in_s: int | None = Field(
        None, ge=1, le=_A_YEAR_S, description="Neutral again after so long; without it, until it is cleared."
    )


class ShapeAnswer(Body):
    """A value as it stands."""

    what: ShapeKind
    name: str
    setter: Setter
    version: int
    value: str
    who: str
    reason: str
    expires_at_ms: int | None


class PairShape(Body):
    """What a pair is quoted with beyond its policy."""

    spread_bps: str
    size_bps: int
    base_skew_bps: str = Field(description="Shift of both prices of the base token.")


class ShapeList(Body):
    """Every value ever set, what follows for each pair, and the file's fault if it cannot be written."""

    values: list[ShapeAnswer]
    pairs: dict[str, PairShape]
    sources_off: list[str]
    fault: str | None


class ShapeAuditLine(Body):
    """One change of a value."""

    at_ms: int
    who: str
    why: str
    what: ShapeKind
    name: str
    setter: Setter
    version: int
    before: dict[str, Any]
    after: dict[str, Any]
