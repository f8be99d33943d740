"""The body in which the risk desk tells its state, and what the server says of it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from pmm.domain import Address, parse_address
from pmm.errors import InvalidInput
from pmm.execution.pre_trade_gate import GateCondition
from pmm.risk.pre_trade import AssetRisk, PreTradeState
from pmm.server.operator.models import Body

_MOST_ASSETS = 24
_MOST_USD_E6 = 10**18
_MOST = 1e24
_ROUNDING = 1 + 1e-6
_Token = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$")]
_Uint = Annotated[int, Field(ge=0, le=2**53)]
_UsdE6 = Annotated[int, Field(ge=0, le=_MOST_USD_E6, description="Millionths of a US dollar.")]


class _Strict(Body):
    # No text for a number, no number that is none.
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class PreTradeAsset(_Strict):
    """One asset that has a line."""

    token: _Token
    delta_usd_e6: int = Field(
        ge=-_MOST_USD_E6,
        le=_MOST_USD_E6,
        description="Net beyond what the desk wants to hold, live quotes left out; millionths of a US dollar.",
    )
    limit_usd_e6: _UsdE6
    slope: float = Field(
        ge=-_MOST, le=_MOST, description="Covariance of its return with the whole book, US dollars."
    )
    covariance: list[float] = Field(
        max_length=_MOST_ASSETS,
        description="With the assets up to itself, in their order: a row of the lower triangle; empty if unknown.",
    )


class PreTradeRequest(_Strict):
    """The desk's risk at a moment."""

    made_at_ms: _Uint = Field(description="Unix ms by the desk's clock; later than that of the state before.")
    valid_ms: int = Field(
        ge=1, le=600_000, description="How long it counts; PMM_PRE_TRADE_MAX_AGE_MS at most."
    )
    block_number: _Uint = Field(description="Up to which the desk knows of fills.")
    stopped: bool
    max_quote_usd_e6: _UsdE6
    assets: list[PreTradeAsset] = Field(max_length=_MOST_ASSETS)
    numeraires: list[_Token] = Field(max_length=_MOST_ASSETS, description="Tokens without a line.")
    variance: float = Field(ge=0, le=_MOST, description="Of the book over the horizon, dollars squared.")
    var_limit_usd: float | None = Field(
        None, ge=0, le=_MOST, description="Value at risk that no quote may exceed; null where it is unknown."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [one.token.lower() for one in self.assets] + [one.lower() for one in self.numeraires]
        if len(set(names)) != len(names):
            raise ValueError("assets, numeraires: expected each token once")
        for number, one in enumerate(self.assets):
            wanted = 0 if self.var_limit_usd is None else number + 1
            if len(one.covariance) != wanted:
                raise ValueError(
                    f"covariance of asset {number}: expected {wanted} numbers, found {len(one.covariance)}"
                )
        if self.var_limit_usd is not None:
            self._check_matrix()
        return self

    def _check_matrix(self) -> None:
        for number, one in enumerate(self.assets):
            own = one.covariance[number]
            for other, value in enumerate(one.covariance):
                # Cauchy and Schwarz: no covariance is larger.
                bound = own * self.assets[other].covariance[other]
                if own < 0 or value * value > bound * _ROUNDING:
                    raise ValueError(
                        f"covariance of assets {number} and {other}: expected one of returns, found none"
                    )

    def state(self) -> PreTradeState:
        """Return what quotes are held against; raises InvalidInput for an address that is none."""
        tokens = [_address(one.token) for one in self.assets]
        rows: dict[Address, dict[Address, float]] = {token: {} for token in tokens}
        for token, one in zip(tokens, self.assets, strict=True):
            for other, value in zip(tokens, one.covariance, strict=False):
                rows[token][other] = rows[other][token] = value
        return PreTradeState(
            made_at_ms=self.made_at_ms,
            valid_ms=self.valid_ms,
            block_number=self.block_number,
            stopped=self.stopped,
            max_quote_usd_e6=self.max_quote_usd_e6,
            assets={
                token: AssetRisk(
                    delta_usd_e6=one.delta_usd_e6,
                    limit_usd_e6=one.limit_usd_e6,
                    slope=one.slope,
                    row=rows[token],
                )
                for token, one in zip(tokens, self.assets, strict=True)
            },
            numeraires=frozenset(_address(one) for one in self.numeraires),
            variance=self.variance,
            var_limit_usd=self.var_limit_usd,
        )


class PreTradeAnswer(Body):
    """What firm quotes are held against; positions stay with the desk."""

    required: bool = Field(description="Whether quotes are held against it at all: PMM_PRE_TRADE.")
    condition: GateCondition
    made_at_ms: int | None
    age_ms: int | None
    block_number: int | None


def _address(text: str) -> Address:
    try:
        return parse_address(text, "token")
    except InvalidInput as error:
        raise InvalidInput(f"{text}: {error}") from error
