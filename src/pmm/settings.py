"""Settings of ``pmm serve``: a TOML file, overruled by ``PMM_`` variables, overruled by command-line options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pmm.domain import MAINNET_TOKENS, OKX_PMM_PROTOCOL, FundingSource, Token, parse_address
from pmm.environment import OFFLINE_MAINNET_URL
from pmm.errors import InvalidInput
from pmm.pricing import QuotationRule, SpreadModel
from pmm.pricing.fixed_point import BPS
from pmm.relayers.oneinch import ErrorForm, LevelOrder
from pmm.settings_alerts import AlertSettings
from pmm.settings_books import book_addresses, check_books
from pmm.settings_file import read_settings_file
from pmm.settings_risk import RiskSection
from pmm.settings_sections import (
    NESTED,
    AuthSettings,
    DeskSettings,
    MonitoringSettings,
    OtcSettings,
    SignerSettings,
    SwitchSettings,
    TlsSettings,
)
from pmm.settings_sources import SourceSettings

PREFIX = "PMM_"
# Variables of other parts of pmm: the only others with our prefix.
_ELSEWHERE = frozenset(
    {
        "PMM_CONFIG",
        "PMM_CRASH_KILLS",
        "PMM_DATA_DIR",
        "PMM_HOME",
        "PMM_LOCALNET_GENUINE",
        "PMM_UPSTREAM_RPC_URL",
    }
)
_FROM_FILE: ContextVar[Mapping[str, Any] | None] = ContextVar("pmm_settings_file", default=None)


class HookHedge(StrEnum):
    """Whether a fill is hedged inside itself, and whether it must be."""

    OFF = "off"
    BEST_EFFORT = "best_effort"
    REQUIRED = "required"


_Bps = Annotated[Decimal, Field(ge=0, lt=10_000, max_digits=10, decimal_places=6)]
_Usd = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2)]


class ServeSettings(BaseSettings):
    """Everything that can be set; frozen, unknown names are refused, secrets are never shown."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8650, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    rpc_url: str = Field(
        OFFLINE_MAINNET_URL, pattern=r"^https?://.+", description="Node to read and sign for."
    )
    deployment: Path | None = Field(None, description="Deployment record; by default that of the chain.")
    journal: Path | None = Field(None, description="Journal file; on anvil a new one per run by default.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL database of the journal, for replicas to share; by default a file."
    )
    replica_lanes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Lanes that one replica leases; by default all, on PostgreSQL a quarter.",
    )
    live: bool = Field(False, description="Allow signing on a real node.")
    keystore: Path | None = Field(None, description="Encrypted keystore of the quoting key.")
    keystore_password: SecretStr | None = Field(None, description="Its password.")

    pairs: Annotated[tuple[str, ...], NoDecode] = Field(
        ("WETH/USDC", "WETH/USDT", "WBTC/USDC", "DAI/USDC"), description="Pairs quoted, BASE/QUOTE, by comma."
    )
    model: str = Field("standard", description="Pricing model; `pmm model list` names those installed.")
    half_spread_bps: _Bps = Field(Decimal(5), description="Margin on each side of the fair value.")
    min_edge_bps: _Bps = Field(Decimal(1), description="Least that half-spread and skew leave.")
    max_skew_bps: _Bps = Field(Decimal(3), description="Inventory skew when one asset is all we hold.")
    impact_share_bps: int = Field(
        5_000, ge=0, le=10_000, description="Share of hedge impact that a quote bears."
    )
    hedge_gas_units: int = Field(130_000, ge=0, description="Gas of one hedge.")
    hedge_batch_usd: int = Field(25_000, gt=0, description="Notional per hedge.")
    max_fee_bps: int = Field(100, ge=0, lt=10_000, description="Highest relayer fee quoted.")
    spread_model: SpreadModel = Field(
        SpreadModel.FIXED, description="Half-spread and skew: fixed, avellaneda_stoikov or glft."
    )
    pair_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Pairs with another model, BASE/QUOTE=model, by comma."
    )
    spread_gamma: float = Field(0.005, gt=0, description="Base risk aversion of a model, per bps and lot.")
    spread_k: float = Field(0.3, gt=0, description="How fast fills thin out with distance, per bps.")
    spread_horizon_s: float = Field(
        60.0, gt=0, description="Time a position is expected to be held (avellaneda_stoikov)."
    )
    spread_intensity: float = Field(0.1, gt=0, description="Fills per second at no distance (glft).")
    lot_usd: int = Field(25_000, gt=0, description="One lot of a model.")
    max_lots: int = Field(10, ge=1, le=100, description="Lots beyond target at which a model buys no more.")
    quotation: QuotationRule = Field(
        QuotationRule.INVENTORY, description="What quotes are centred on: inventory, exchange or auto."
    )
    option_share_bps: int = Field(
        0, ge=0, le=100_000, description="Share of the value of the time to fill that is priced in."
    )
    capital_usd: _Usd | None = Field(
        None, description="Capital shared evenly by the pairs, bounding what each quotes; none by default."
    )

    funding_sources: Annotated[tuple[FundingSource, ...], NoDecode] = Field(
        (FundingSource.UNISWAP_V3_SWAP, FundingSource.MORPHO_BLUE_LOAN, FundingSource.BALANCER_V2_LOAN),
        description="Flash sources for quotes beyond inventory, by comma; empty for none.",
    )
    funded_half_spread_bps: _Bps = Field(Decimal(8), description="Margin of a flash-funded quote.")
    min_profit_bps: _Bps = Field(Decimal(2), description="Least expected profit of a flash-funded quote.")
    lending: bool = Field(
        False,
        description="Fund quotes on 1inch's contract from the lending account too, where one is joined.",
    )
    holding_s: int = Field(
        3_600, ge=0, description="Time that a borrowed or perp-hedged position is expected to last."
    )
    signed_profit_share_bps: int = Field(
        2_500, ge=0, le=10_000, description="Share of it signed as the minimum."
    )
    hook_hedge: HookHedge = Field(
        HookHedge.OFF,
        description="Hedge fills on 1inch's contract inside themselves where that costs least: off, best_effort or "
        "required.",
    )
    hook_hedge_slippage_bps: int = Field(
        10, ge=0, le=1_000, description="How far such a hedge may fall below what the pool pays at the quote."
    )
    hook_hedge_gas_floor: int = Field(
        300_000,
        # What it was measured to take at the most, with a gift in the hedger (docs/funding.md): below it a taker
        # can make a hedge fail by giving little gas.
        ge=176_000,
        le=5_000_000,
        description="Gas that a taker must leave a best-effort hedge.",
    )

    feed_weight: int = Field(25, ge=0, description="Weight of Chainlink in the fair value.")
    pool_weight: int = Field(75, ge=0, description="Weight of the pools in the fair value.")
    heartbeat_grace_s: int = Field(300, ge=0, description="Allowance beyond a feed's heartbeat.")
    max_deviation_bps: int = Field(
        100, gt=0, lt=10_000, description="Distance of sources above which none counts."
    )
    feed_deviation_bps: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="The same for pairs of a token's feed, WETH:50,WBTC:80 by comma; of two, the smaller.",
    )
    min_pool_depth_usd: int = Field(
        50_000, gt=0, description="What a pool must trade within 1 % of its price, both ways, to count."
    )
    tick_words: int = Field(
        2, ge=0, le=50, description="Words of V3 tick maps read either side of the price; 0 asks the quoter."
    )
    most_ticks: int = Field(200, ge=1, le=5_000, description="Most initialised ticks read per pool.")
    uniswap_v2: bool = Field(False, description="Read Uniswap V2 pairs too.")
    book_weight: int = Field(50, ge=0, description="Weight of each order book in the fair value.")
    aggregator_weight: int = Field(10, ge=0, description="Weight of CoinGecko in the fair value.")
    cost_weight: int = Field(0, ge=0, description="Weight of our own cost in the fair value.")
    max_depeg_bps: int = Field(
        200,
        gt=0,
        lt=10_000,
        description="Distance of a dollar token's feed from 1 USD beyond which none is quoted.",
    )
    ladder_usd: Annotated[tuple[Decimal, ...], NoDecode] = Field(
        tuple(Decimal(usd) for usd in (100, 1_000, 10_000, 50_000, 150_000, 300_000, 600_000)),
        description="Cumulative sizes of the ladder in USD, by comma.",
    )

    books: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Order books of exchanges to hear, VENUE:SYMBOL=BASE/QUOTE or BASE/USD, by comma; none by "
        "default. Venues: binance, bybit, coinbase, hyperliquid.",
    )
    book_addresses: SecretStr | None = Field(
        None,
        description="Other addresses of those venues, VENUE=wss://host/path, by comma; they may hold keys.",
    )
    book_max_age_s: int = Field(
        10, ge=1, le=300, description="Age beyond which a book's price is no source of the fair value."
    )
    jump_divergence_bps: int = Field(
        50, gt=0, lt=10_000, description="Distance of a book's micro-price and mid that pauses the pair."
    )
    jump_pause_ms: int = Field(5_000, ge=0, le=3_600_000, description="For how long it pauses.")
    exchange_max_age_ms: int = Field(
        1_000, ge=1, le=60_000, description="Oldest book that a quote is centred on (`quotation`)."
    )
    coingecko_url: str | None = Field(
        None,
        pattern=r"^https?://.+",
        description="CoinGecko's API as slow cross-check, such as https://api.coingecko.com/api/v3; off by default.",
    )
    coingecko_interval_s: int = Field(60, ge=5, description="Pause between questions to CoinGecko.")
    operator_prices: Path | None = Field(
        None, description="JSON file of negotiated prices and of what our inventory cost."
    )
    min_quote_usd: _Usd = Field(Decimal(10), description="Smallest quote.")
    max_quote_usd: _Usd = Field(Decimal(500_000), description="Largest quote.")
    max_open_usd: _Usd = Field(Decimal(5_000_000), description="Most that live quotes may be worth.")
    max_taker_usd: _Usd = Field(
        Decimal(1_000_000), description="Most that one taker's live quotes may be worth."
    )
    max_live_quotes: int = Field(6_000, gt=0, description="Most live quotes.")
    pre_trade: bool = Field(
        False,
        description="Hold every firm quote against the state that `pmm desk` tells; closed without one.",
    )
    pre_trade_max_age_ms: int = Field(
        5_000, ge=200, le=600_000, description="Oldest state of the desk that quotes pass by."
    )
    pre_trade_fill_bps: int = Field(
        10_000,
        ge=0,
        le=10_000,
        description="Likelihood at which a live quote counts against those lines; below 10000 fills can cross them.",
    )
    quote_ttl_s: int = Field(30, ge=1, le=3_600, description="Life of a quote.")
    lanes: int = Field(16, ge=1, le=64, description="Nonce lanes of the signer on our own settlement.")
    confirmations: int | None = Field(
        None,
        ge=0,
        le=256,
        description="Blocks until a fill or an expiry frees inventory; by default 12, on development nodes 0.",
    )

    refresh_interval_ms: int = Field(500, ge=50, description="Pause between market reads.")
    reread_block: bool | None = Field(
        None,
        description="Ask the contracts again while the block stands; by default on development nodes only.",
    )
    max_market_age_ms: int = Field(3_000, ge=100, description="Oldest market that is quoted on.")
    market_wait_ms: int = Field(800, ge=0, description="How long a request waits for a younger one.")
    rpc_timeout_ms: int = Field(2_000, ge=50, description="Longest wait for the node.")
    journal_timeout_ms: int = Field(1_000, ge=50, description="Longest wait for the journal.")

    max_body_bytes: int = Field(4_096, ge=256, le=1_000_000, description="Longest request body.")
    body_timeout_ms: int = Field(
        2_000, ge=50, description="Longest wait for a request's head, then its body."
    )
    max_connections: int = Field(1_000, gt=0, description="Most connections; more are answered 503.")
    level_order: LevelOrder = Field(LevelOrder.PRICE_SIZE, description="Order inside a ladder level.")
    error_form: ErrorForm = Field(ErrorForm.OBJECT, description="Body of refusals: object or bare string.")
    answer_components: bool | None = Field(
        None, description="Put price components into answers; by default on development nodes only."
    )

    oneinch_level_order: LevelOrder = Field(LevelOrder.PRICE_SIZE, description="The same, for 1inch.")
    oneinch_error_form: ErrorForm = Field(ErrorForm.STRING, description="The same, for 1inch.")
    oneinch_time_budget_ms: int = Field(500, ge=10, description="1inch's cut-off; it publishes none.")
    okx_keystore: Path | None = Field(
        None, description="Encrypted keystore of OKX's maker account; without one OKX is off on a real node."
    )
    okx_keystore_password: SecretStr | None = Field(None, description="Its password.")
    okx_contract: str = Field(OKX_PMM_PROTOCOL, description="OKX's settlement contract.")
    okx_level_order: LevelOrder = Field(LevelOrder.SIZE_PRICE, description="The same, for OKX's pricing.")
    okx_time_budget_ms: int = Field(500, ge=10, description="OKX's cut-off.")
    okx_quote_ttl_s: int = Field(36, ge=1, le=90, description="Life of a quote at OKX, which forces 36 s.")

    tls: TlsSettings = TlsSettings.model_validate({})
    auth: AuthSettings = AuthSettings.model_validate({})
    signer: SignerSettings = SignerSettings.model_validate({})
    switches: SwitchSettings = SwitchSettings.model_validate({})
    monitoring: MonitoringSettings = MonitoringSettings.model_validate({})
    otc: OtcSettings = OtcSettings.model_validate({})
    desk: DeskSettings = DeskSettings.model_validate({})
    alerts: AlertSettings = AlertSettings.model_validate({})
    sources: SourceSettings = SourceSettings.model_validate({})
    # Made field by field from the risk package's settings.
    risk: RiskSection = RiskSection.model_validate({})  # type: ignore[valid-type]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read options before variables before the file."""
        file = InitSettingsSource(settings_cls, init_kwargs=dict(_FROM_FILE.get() or {}))
        return init_settings, env_settings, file

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show a node's or a database's address without the key or password that it may hold."""
        for name, value in super().__repr_args__():
            yield name, shown_url(value) if name and name.endswith("_url") else value

    @field_validator("pairs", "ladder_usd", "pair_models", "feed_deviation_bps", "books", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return _parts(value)

    @field_validator("funding_sources", mode="before")
    @classmethod
    def _sources(cls, value: Any) -> Any:
        value = _parts(value)
        names = {source.name.lower(): source for source in FundingSource}
        unknown = [name for name in value if isinstance(name, str) and name.lower() not in names]
        if unknown:
            raise ValueError(f"expected any of {', '.join(names)}, found {unknown[0]!r}")
        return tuple(names[name.lower()] if isinstance(name, str) else name for name in value)

    @field_validator("okx_contract")
    @classmethod
    def _contract(cls, value: str) -> str:
        try:
            return parse_address(value, "okx_contract")
        except InvalidInput as error:
            raise ValueError(str(error)) from None

    @field_validator("oneinch_error_form", "error_form")
    @classmethod
    def _known_form(cls, value: ErrorForm) -> ErrorForm:
        if value is ErrorForm.ENVELOPE:
            raise ValueError("expected object or string; the envelope is OKX's alone")
        return value

    @field_validator("rpc_url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            complete = bool(parts.hostname) and parts.port != 0
        except ValueError:
            # The parser repeats what it found.
            complete = False
        if not complete:
            raise ValueError("expected http://host:port or https://host, with a path if the provider has one")
        return value

    @field_validator("pairs")
    @classmethod
    def _known_pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            parse_pair(name)
        if not value:
            raise ValueError("expected at least one pair such as WETH/USDC, found none")
        return value

    @field_validator("pair_models")
    @classmethod
    def _known_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            name, equals, model = entry.partition("=")
            parse_pair(name)
            if not equals or model not in tuple(SpreadModel):
                raise ValueError(f"expected BASE/QUOTE=model with {', '.join(SpreadModel)}, found {entry!r}")
        return value

    @field_validator("feed_deviation_bps")
    @classmethod
    def _known_feeds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        named = [parse_deviation(entry)[0] for entry in value]
        if len(set(named)) < len(named):
            raise ValueError(f"expected each token once, found {', '.join(named)}")
        return value

    @field_validator("books")
    @classmethod
    def _known_books(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_books(value)

    @field_validator("book_addresses")
    @classmethod
    def _known_venues(cls, value: SecretStr | None) -> SecretStr | None:
        book_addresses(value)
        return value

    @field_validator("ladder_usd")
    @classmethod
    def _rising(cls, value: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        if not value or any(a >= b for a, b in zip((Decimal(0), *value), value, strict=False)):
            raise ValueError("expected rising sizes above 0, such as 100,1000,10000")
        return value

    @field_validator("desk")
    @classmethod
    def _hedged(cls, value: DeskSettings) -> DeskSettings:
        try:
            assets = [parse_pair(name)[0].symbol for name in value.hedged]
        except ValueError as error:
            raise ValueError(f"hedged: {error}") from None
        if len(assets) != len(set(assets)):
            raise ValueError("hedged: expected each asset once, as ASSET/QUOTE")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("expected postgresql://user:password@host/database")
        return value

    @model_validator(mode="after")
    def _one_journal(self) -> Self:
        if self.journal is not None and self.database_url is not None:
            raise ValueError("journal and database_url: expected one of them, found both")
        return self

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if self.feed_weight + self.pool_weight == 0:
            raise ValueError("feed_weight and pool_weight: expected at least one above 0")
        if self.ladder_usd[-1] < self.min_pool_depth_usd:
            raise ValueError("ladder_usd: expected it to reach min_pool_depth_usd, or no pool is deep enough")
        if FundingSource.UNISWAP_V3_FLASH in self.funding_sources:
            raise ValueError("funding_sources: uniswap_v3_flash is not served yet")
        strangers = {entry.partition("=")[0] for entry in self.pair_models} - set(self.pairs)
        if strangers:
            raise ValueError(f"pair_models: expected pairs that are quoted, found {min(strangers)}")
        quoted = {token.symbol for name in self.pairs for token in parse_pair(name)}
        unquoted = {parse_deviation(entry)[0] for entry in self.feed_deviation_bps} - quoted
        if unquoted:
            raise ValueError(f"feed_deviation_bps: expected tokens that are quoted, found {min(unquoted)}")
        return self


def parse_deviation(entry: str) -> tuple[str, int]:
    """Return symbol and basis points of ``TOKEN:BPS``; raise InvalidInput for anything else."""
    symbol, _, bps = entry.partition(":")
    token = MAINNET_TOKENS.get(symbol, "feed_deviation_bps")
    if not (bps.isascii() and bps.isdigit()) or not 0 < int(bps) < BPS:
        raise InvalidInput(f"expected TOKEN:BPS of 1 to {BPS - 1} basis points, found {entry!r}")
    return token.symbol, int(bps)


def _parts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def parse_pair(name: str) -> tuple[Token, Token]:
    """Return the tokens of ``BASE/QUOTE``; raise ValueError saying what is expected."""
    base, slash, quote = name.partition("/")
    if not slash or base == quote:
        raise ValueError(f"expected two tokens as BASE/QUOTE, found {name!r}")
    return MAINNET_TOKENS.get(base, "pair"), MAINNET_TOKENS.get(quote, "pair")


def shown_url(value: Any) -> Any:
    """Return an address as scheme and host; anything else as it is."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    more = "/<redacted>" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{host}{port}{more}"


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> ServeSettings:
    """Read the settings; ``overrides`` that are None are left out.

    Args:
        overrides: options of the command line.
        environment: looked through for misspelt names; this process's by default.
        config: TOML file; by default the one that PMM_CONFIG names, if it is set.

    Raises InvalidInput naming every wrong or unknown setting; values of secrets are not repeated.
    """
    environment = os.environ if environment is None else environment
    _refuse_unknown(environment)
    if config is None and environment.get("PMM_CONFIG"):
        config = Path(environment["PMM_CONFIG"])
    from_file = read_settings_file(config, ServeSettings.model_fields) if config is not None else {}
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    token = _FROM_FILE.set(from_file)
    try:
        return ServeSettings(**given)
    except ValidationError as error:
        raise InvalidInput("; ".join(_explain(problem) for problem in error.errors())) from None
    finally:
        _FROM_FILE.reset(token)


def variable_names() -> tuple[str, ...]:
    """Return every environment variable that is a setting."""
    names: list[str] = []
    for name in ServeSettings.model_fields:
        inner = NESTED[name].model_fields if name in NESTED else None
        names += [f"{name}_{leaf}" for leaf in inner] if inner is not None else [name]
    return tuple(PREFIX + name.upper() for name in names)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = set(variable_names())
    for name in sorted(environment):
        if name.startswith(PREFIX) and name.upper() not in known | _ELSEWHERE:
            close = get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InvalidInput(f"unknown setting {name} in the environment; unset it{hint}")


def _is_secret(place: tuple[int | str, ...]) -> bool:
    top, *inner = (str(part) for part in place) if place else ("",)
    fields = NESTED[top].model_fields if top in NESTED else ServeSettings.model_fields
    field = fields.get(inner[0] if top in NESTED and inner else top)
    return field is not None and "SecretStr" in repr(field.annotation)


def _explain(problem: Any) -> str:
    place = problem["loc"]
    # A setting that is a list is named as a whole, and the part of it that is wrong by its number.
    depth = 2 if place and place[0] in NESTED else 1
    name = "_".join(str(part) for part in place[:depth]) or "settings"
    part = "".join(f"part {one + 1 if isinstance(one, int) else one}: " for one in place[depth:])
    message = part + problem["msg"].removeprefix("Value error, ")
    # A node's or a database's address may hold a key or a password; a whole section holds more than one value.
    secret = _is_secret(problem["loc"]) or name.endswith("_url") or isinstance(problem["input"], dict)
    found = "" if secret or name == "settings" else f", found {problem['input']!r}"
    return f"{PREFIX}{name.upper()}: {message}{found}"
