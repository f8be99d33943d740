"""Settings of the sources: a section ``sources`` for the settings tree (PMM_SOURCES_ALCHEMY_KEY and so on)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_HTTPS = r"^https?://.+"


class SourceSettings(BaseModel):
    """Keys and addresses; none is needed, and what is not set is not asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    alchemy_key: SecretStr | None = Field(None, description="Key of a node at Alchemy.")
    infura_key: SecretStr | None = Field(None, description="Key of a node at Infura.")
    coingecko_key: SecretStr | None = Field(
        None, description="Key of CoinGecko; the public API works without."
    )
    coingecko_pro: bool = Field(False, description="That key is one of a paid plan.")
    aave_api: str | None = Field(
        None, pattern=_HTTPS, description="Aave's GraphQL API, such as https://api.v3.aave.com/graphql."
    )
    compound_api: str | None = Field(
        None, pattern=_HTTPS, description="A server in the form of Compound's V2 API, whose own is gone."
    )
    dune_key: SecretStr | None = Field(None, description="Key of Dune's API.")
    dune_sql: str | None = Field(None, description="Statement that Dune runs for on-chain flow.")
    timeout_ms: int = Field(3_000, ge=100, le=60_000, description="Longest wait for one answer.")
