"""Bodies of the operator's API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pmm.execution import Settlement, SwitchLevel

_Uint = Annotated[str, Field(pattern="^[0-9]{1,78}$")]
_Address = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$")]


class Body(BaseModel):
    """What every body of this API keeps: camel case, nothing unknown."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class SwitchRequest(Body):
    """A change of one switch; ``version`` is the one that the decision was made on."""

    level: SwitchLevel
    name: str = Field(min_length=1, max_length=100, description="`*` for global.")
    version: int = Field(ge=0, description="Version as last seen; 0 for a switch never touched.")
    reason: str = Field(min_length=3, max_length=300)


class PauseRequest(SwitchRequest):
    """A pause; ``onChain`` also stops the signer in the settlement contract (role risk)."""

    on_chain: Literal["no", "pause", "cancel"] = Field(
        "no", description="`pause`: the signer's lanes; `cancel`: every order signed so far on our domain."
    )


class SwitchAnswer(Body):
    """A switch as it stands."""

    level: SwitchLevel
    name: str
    version: int
    paused: bool
    latched_by: str | None = Field(description="Who paused it by hand; only a person resumes it.")
    reason: str
    causes: dict[str, int | None] = Field(description="Automatic cause: unix ms since when it has been gone.")
    transaction: str | None = Field(
        None, description="Hash of the transaction on chain, if one was asked for."
    )


class SwitchList(Body):
    """Every switch ever touched, and the file's fault if it cannot be written."""

    switches: list[SwitchAnswer]
    fault: str | None


class AuditLine(Body):
    """One change of a switch."""

    at_ms: int
    who: str
    why: str
    level: SwitchLevel
    name: str
    version: int
    before: dict[str, Any]
    after: dict[str, Any]


class KeyAnswer(Body):
    """A key without its secret."""

    key_id: str
    kind: str
    role: str
    name: str
    created_at_s: int
    rate_per_s: float | None
    burst: int | None


class SandboxRequest(Body):
    """What would I quote? Tokens by symbol or address; exactly one of the two amounts, in base units."""

    base_token: str = Field(min_length=1, max_length=42, description="What the taker gives.")
    quote_token: str = Field(min_length=1, max_length=42, description="What the taker gets.")
    amount: _Uint | None = None
    quote_amount: _Uint | None = None
    fee_bps: int = Field(0, ge=0, lt=10_000)
    settlement: Settlement = Settlement.ONEINCH
    relayer: str = Field("1inch", min_length=1, max_length=64)
    taker: _Address = "0x000000000000000000000000000000000000dEaD"


class SandboxOffer(Body):
    """One way to fund the quote."""

    name: str
    accepted: bool = Field(description="Whether risk lets it pass; the first that does is quoted.")
    reason: str = Field(description="Why not.")
    making_amount: str | None = None
    taking_amount: str | None = None
    total_bps: str | None = None
    components: dict[str, str] = Field(
        default_factory=dict, description="Basis points; they add up to totalBps."
    )


class SandboxAnswer(Body):
    """Every way to fund it, in the order in which they are tried; nothing was reserved or signed."""

    quoted: bool
    reason: str
    block: int
    offers: list[SandboxOffer]


class OtcRequest(Body):
    """A negotiated trade, from our side. Tokens by symbol or address, amounts in base units."""

    reference: str = Field(
        min_length=1, max_length=100, description="Its name in your books; the same one gives the same order."
    )
    counterparty: str = Field(min_length=1, max_length=100)
    taker: _Address = Field(description="The one address that may fill it.")
    give: str = Field(min_length=1, max_length=42)
    give_amount: _Uint
    get: str = Field(min_length=1, max_length=42)
    get_amount: _Uint
    life_s: int = Field(ge=1, le=65_535, description="How long it may be filled; a lane allows less.")


class ReloadAnswer(Body):
    """What a reload changed: name to from and to."""

    changed: dict[str, dict[str, Any]]


class SignerAnswer(Body):
    """The signer, and where a rotation stands."""

    address: str
    mode: str
    remote: bool
    rotation: dict[str, Any] | None


class RotateRequest(Body):
    """Begin to move to another signer, which the owner has authorised or will."""

    address: _Address


class ErrorDetail(Body):
    """Why not."""

    code: str
    message: str
    remedy: str


class ErrorAnswer(Body):
    """Body of every answer that is not 200."""

    error: ErrorDetail
