"""Sections of the settings tree that stand on their own, and the section of every other setting in a TOML file."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from pmm.settings_alerts import AlertSettings
from pmm.settings_risk import RiskSection
from pmm.settings_sources import SourceSettings


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(_Section):
    """Encryption of the listening socket; off unless a certificate is given."""

    certificate: Path | None = Field(
        None, description="PEM file of the certificate chain; TLS is on with it."
    )
    key: Path | None = Field(None, description="PEM file of its private key.")
    key_password: SecretStr | None = Field(None, description="Password of that key.")
    client_ca: Path | None = Field(
        None, description="PEM file: only clients with a certificate of it connect."
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("expected certificate and key together, found one of them")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca: expected certificate and key with it")
        return self


class AuthSettings(_Section):
    """Who may ask; open on a development node while there is no key file."""

    keys_file: Path | None = Field(None, description="Key file that `pmm keys` writes.")
    hmac_skew_ms: int = Field(
        5_000, ge=100, le=60_000, description="Most that a signed request's timestamp may be off."
    )
    rate_per_s: Decimal = Field(
        Decimal(250), gt=0, le=100_000, description="Requests per second of a key without a rate of its own."
    )
    burst: int = Field(500, ge=1, le=1_000_000, description="Requests that a rested key may send at once.")
    failures_per_s: Decimal = Field(
        Decimal(10), gt=0, le=10_000, description="Refused credentials per second and address before 429."
    )


class SignerSettings(_Section):
    """Where orders are signed on a real node: keystore of this process, another process, or AWS KMS."""

    socket: Path | None = Field(None, description="Unix socket of `pmm signer serve`.")
    address: str | None = Field(
        None,
        pattern="^0x[0-9a-fA-F]{40}$",
        description="Address of the remote signer; every signature must be its.",
    )
    kms_key_id: str | None = Field(
        None, min_length=1, description="Key id or ARN in AWS KMS (ECC_SECG_P256K1)."
    )
    kms_region: str | None = Field(None, min_length=1, description="Region of that key.")
    kms_endpoint: str | None = Field(
        None, pattern=r"^https?://.+", description="Another endpoint of KMS, for a private link or a test."
    )
    timeout_ms: int = Field(500, ge=10, le=10_000, description="Longest wait for a remote signature.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.socket is not None and self.kms_key_id is not None:
            raise ValueError("expected socket or kms_key_id, found both")
        if (self.socket or self.kms_key_id) and self.address is None:
            raise ValueError(
                "address: expected the remote signer's address, which every signature is held against"
            )
        return self


class SwitchSettings(_Section):
    """Kill switches."""

    file: Path | None = Field(
        None, description="State and audit of the switches; beside the journal by default."
    )
    resume_after_s: int = Field(
        30, ge=0, le=86_400, description="How long an automatic pause outlives its cause."
    )
    feed_stop_ms: int | None = Field(
        None,
        ge=0,
        le=60_000,
        description="Smoothed time of a market reading above which all quoting stops; 0 never. 500, on anvil 0.",
    )
    feed_resume_ms: int = Field(200, gt=0, le=60_000, description="Time below which it goes on.")
    feed_cancels: bool = Field(
        False, description="Void every live quote on chain when it stops; needs the guardian's keystore."
    )
    guardian_keystore: Path | None = Field(
        None,
        description="Keystore of the contract's guardian, for pauses on chain; on anvil the owner is played.",
    )
    guardian_password: SecretStr | None = Field(None, description="Its password.")


class MonitoringSettings(_Section):
    """Metrics and logs."""

    metrics: bool = Field(True, description="Measure stages and count outcomes.")
    port: int | None = Field(
        None, ge=0, le=65_535, description="Extra port on 127.0.0.1 that serves /metrics without a key."
    )
    log_level: Annotated[str, NoDecode] = Field(
        "info",
        pattern="^(debug|info|warning|error)$",
        description="Least important log line that is written.",
    )


class OtcSettings(_Section):
    """How far a negotiated price may be from the fair value."""

    max_loss_bps: int = Field(20, ge=0, lt=10_000, description="Most that we give up against the fair value.")
    max_gain_bps: int = Field(
        500, ge=0, lt=10_000, description="Most that the counterparty does; more is taken for a mistake."
    )


class Hedging(StrEnum):
    """When `pmm desk` hedges."""

    NONE = "none"
    IMMEDIATE = "immediate"
    BAND = "band"
    BATCH = "batch"
    MINIMUM_VARIANCE = "minimum_variance"


class DeskSettings(_Section):
    """`pmm desk`: follows the chain, keeps the books, hedges."""

    ledger: Path | None = Field(
        None,
        description="Ledger file; by default the database of PMM_DATABASE_URL, else a file per deployment.",
    )
    operator_keystore: Path | None = Field(
        None, description="Encrypted keystore of the operator; on anvil a key is made for the run."
    )
    operator_password: SecretStr | None = Field(None, description="Its password.")
    backup_nodes: SecretStr | None = Field(
        None, description="More nodes that the chain is followed on, by comma; they may hold keys."
    )
    reservations: bool = Field(
        True,
        description="Spend no inventory that a live quote promises, as PMM_JOURNAL or PMM_DATABASE_URL says, on a "
        "real node the server's own file without them; false only where nothing is quoted.",
    )
    pending_quotes: bool = Field(
        False, description="Count signed quotes in the net position by their fill probability."
    )
    pending_fill_bps: int = Field(
        10_000, ge=0, le=10_000, description="It, of a quote that no relayer has said more of."
    )
    hedged: Annotated[tuple[str, ...], NoDecode] = Field(
        ("WETH/USDC", "WBTC/USDC"), description="Assets hedged, each with what it is traded for, by comma."
    )
    hedging: Hedging = Field(
        Hedging.BAND, description="When to hedge: none, immediate, band, batch, minimum_variance."
    )
    band_outer_usd: Decimal = Field(
        Decimal(2_000), ge=0, max_digits=18, decimal_places=2, description="Delta at which band hedges."
    )
    band_inner_usd: Decimal = Field(
        Decimal(0), ge=0, max_digits=18, decimal_places=2, description="Delta that band leaves."
    )
    batch_usd: Decimal = Field(
        Decimal(10_000), ge=0, max_digits=18, decimal_places=2, description="Delta at which batch hedges all."
    )
    batch_age_ms: int = Field(
        60_000, ge=0, le=86_400_000, description="Age of its oldest part at which batch hedges all, too."
    )
    variance_inside: Hedging = Field(
        Hedging.BAND, description="When minimum_variance hedges: immediate, band or batch."
    )
    variance_ratio: Decimal | None = Field(
        None,
        ge=0,
        le=1,
        decimal_places=4,
        description="Part that minimum_variance hedges; by default measured from the prices that the desk keeps.",
    )
    shorts: bool = Field(
        False,
        description="Hedge on Aave V3 too, where that costs less than spot or spot has nothing to spend.",
    )
    borrows: bool = Field(
        False,
        description="Sell what the lending account borrows against the collateral it has, where that costs least.",
    )
    paper_perp: bool = Field(
        False,
        description="Offer a perp venue on paper as a route: paper money, on a development node alone.",
    )
    paper_perp_fee_pips: int = Field(450, ge=0, lt=100_000, description="Its fee of a fill, millionths.")
    paper_perp_half_spread_bps: int = Field(
        2, ge=0, lt=1_000, description="How far its prices are from the feeds'."
    )
    paper_perp_size_usd: Decimal = Field(
        Decimal(1_000_000),
        gt=0,
        max_digits=18,
        decimal_places=2,
        description="What it trades of an asset at once.",
    )
    paper_perp_funding_pips: int = Field(
        12, ge=-10_000, le=10_000, description="Funding that longs pay to shorts there, millionths an hour."
    )
    max_slippage_bps: int = Field(
        50, ge=0, lt=10_000, description="Most that a swap may bring less than the pool says."
    )
    max_cost_bps: int = Field(30, ge=0, lt=10_000, description="Most that a hedge may cost, gas included.")
    keeper: bool = Field(
        False, description="Keep the lending account at its buffer; off: positions are only followed."
    )
    keeper_working_buffer_bps: int = Field(
        6_000, gt=1_000, le=100_000, description="Liquidation buffer that the keeper restores."
    )
    keeper_rebalance_below_bps: int = Field(
        5_600, gt=1_000, le=100_000, description="Below it inventory is used for that."
    )
    keeper_deleverage_below_bps: int = Field(
        5_000, gt=1_000, le=100_000, description="Below it gas is no reason to wait, and collateral is sold."
    )
    keeper_surplus_above_bps: int = Field(
        8_000, gt=1_000, le=100_000, description="Above it collateral comes back to the inventory."
    )
    keeper_max_cost_bps: int = Field(
        50, ge=0, lt=10_000, description="Most that a sale of collateral may cost against the market's price."
    )
    keeper_leaves: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Inventory that the keeper does not touch, whole tokens by comma: WETH:10,USDC:50000.",
    )
    var_every_ms: int = Field(
        10_000,
        ge=100,
        le=30_000,
        description="Pause between valuations of the book: value at risk, expected shortfall, stress.",
    )
    price_every_ms: int = Field(
        60_000, ge=100, le=3_600_000, description="Pause between the prices that value at risk is made of."
    )
    var_least_prices: int = Field(
        60, ge=2, le=1_440, description="Prices below which value at risk is unknown."
    )
    price_history: Path | None = Field(
        None,
        description="CSV of past prices, `timestamp` (unix seconds) and a column of dollars per token: value at "
        "risk is known from the first minute, and its method judged.",
    )
    poll_ms: int = Field(1_000, ge=50, le=60_000, description="Pause between looks at the chain.")
    websockets: SecretStr | None = Field(
        None, description="WebSockets of nodes that tell of new heads, by comma; they may hold keys."
    )
    head_check_ms: int = Field(
        2_000, ge=50, le=60_000, description="Pause between looks while a WebSocket tells of heads."
    )
    head_lag_ms: int = Field(
        3_000, ge=100, le=60_000, description="How long after HTTP a WebSocket may tell of a head."
    )
    head_quiet_ms: int = Field(
        30_000, ge=100, le=600_000, description="How long it may tell of none before it counts as dead."
    )
    metrics_port: int = Field(
        9_650,
        ge=0,
        le=65_535,
        description="Port on 127.0.0.1 that serves the desk's /metrics; 0: a free one.",
    )

    console: Path | None = Field(
        None,
        description="Socket through which `pmm actions` answers commands that ask; by default beside the ledger.",
    )
    quote_server_url: str | None = Field(
        None, pattern=r"^https?://.+", description="Quote server that is stopped and resumed as risk asks."
    )
    quote_replicas: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="More replicas of that server, by comma: each is told the state that quotes are held to.",
    )
    quote_server_key: SecretStr | None = Field(
        None, description="Key of the role desk at it: no server lets its operator's API be used without."
    )

    @field_validator("hedged", "keeper_leaves", "quote_replicas", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    @field_validator("quote_server_url")
    @classmethod
    def _encrypted(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("expected https, or http on this machine: a key goes with each request")
        return value

    @field_validator("quote_replicas")
    @classmethod
    def _replicas(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not url.startswith(("http://", "https://")):
                raise ValueError("expected http:// or https:// addresses by comma")
            cls._encrypted(url)
        return value

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.band_inner_usd > self.band_outer_usd:
            raise ValueError("band_inner_usd: expected at most band_outer_usd")
        if self.variance_inside in (Hedging.NONE, Hedging.MINIMUM_VARIANCE):
            raise ValueError("variance_inside: expected immediate, band or batch")
        return self


NESTED: dict[str, type[BaseModel]] = {
    "tls": TlsSettings,
    "auth": AuthSettings,
    "signer": SignerSettings,
    "switches": SwitchSettings,
    "monitoring": MonitoringSettings,
    "otc": OtcSettings,
    "desk": DeskSettings,
    "alerts": AlertSettings,
    "risk": RiskSection,
    "sources": SourceSettings,
}
"""Sections whose fields carry the section's name in their variables: PMM_TLS_KEY."""

_GROUPS: dict[str, tuple[str, ...]] = {
    "server": (
        "host",
        "port",
        "max_body_bytes",
        "body_timeout_ms",
        "max_connections",
    ),
    "chain": (
        "rpc_url",
        "deployment",
        "rpc_timeout_ms",
        "refresh_interval_ms",
        "reread_block",
        "max_market_age_ms",
    ),
    "key": ("live", "keystore", "keystore_password"),
    "journal": ("journal", "database_url", "replica_lanes", "journal_timeout_ms"),
    "model": (
        "model",
        "spread_model",
        "pair_models",
        "spread_gamma",
        "spread_k",
        "spread_horizon_s",
        "spread_intensity",
        "lot_usd",
        "max_lots",
        "quotation",
        "option_share_bps",
        "capital_usd",
    ),
    "market": (
        "feed_weight",
        "pool_weight",
        "book_weight",
        "aggregator_weight",
        "cost_weight",
        "heartbeat_grace_s",
        "max_deviation_bps",
        "feed_deviation_bps",
        "max_depeg_bps",
        "min_pool_depth_usd",
        "tick_words",
        "most_ticks",
        "uniswap_v2",
        "books",
        "book_addresses",
        "book_max_age_s",
        "jump_divergence_bps",
        "jump_pause_ms",
        "exchange_max_age_ms",
        "coingecko_url",
        "coingecko_interval_s",
        "operator_prices",
    ),
    "relayers": (
        "level_order",
        "error_form",
        "answer_components",
        "oneinch_level_order",
        "oneinch_error_form",
        "oneinch_time_budget_ms",
        "okx_keystore",
        "okx_keystore_password",
        "okx_contract",
        "okx_level_order",
        "okx_time_budget_ms",
        "okx_quote_ttl_s",
    ),
    "limits": (
        "min_quote_usd",
        "max_quote_usd",
        "max_open_usd",
        "max_taker_usd",
        "max_live_quotes",
        "pre_trade",
        "pre_trade_max_age_ms",
        "pre_trade_fill_bps",
        "quote_ttl_s",
    ),
}
_SECTION_OF = {name: section for section, names in _GROUPS.items() for name in names}
DEFAULT_SECTION = "quoting"
SECTIONS = (*_GROUPS, DEFAULT_SECTION, *NESTED)
"""Tables of the TOML file."""


def section_of(name: str) -> str:
    """Return the table of a setting that has no section in its variable's name."""
    return _SECTION_OF.get(name, DEFAULT_SECTION)
