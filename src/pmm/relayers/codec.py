"""What a relayer's codec owns and the server asks of it; a new relayer is one module that implements this.

The engine (:class:`pmm.server.endpoints.QuoteEndpoints`) is the same for all: read, decide, make durable, sign,
answer in time. Nothing of a protocol stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from pmm.domain import Address, OrderDomain
from pmm.domain.value_class import value_class
from pmm.execution import AnsweredQuote, FirmQuoteRequest, PublishedLadder, Settlement
from pmm.relayers.refusals import Counts, WireRefusal


class LevelOrder(StrEnum):
    """Which of the two strings of a level comes first: relayers and their documents differ."""

    PRICE_SIZE = "price_size"
    SIZE_PRICE = "size_price"


class ErrorForm(StrEnum):
    """Body of a refusal: our JSON object, the bare JSON string of 1inch's client, or OKX's envelope."""

    OBJECT = "object"
    STRING = "string"
    ENVELOPE = "envelope"


class RouteKind(StrEnum):
    """What a route asks for."""

    LEVELS = "levels"
    FIRM = "firm"


class AuthScheme(StrEnum):
    """How a relayer proves who it is."""

    NONE = "none"
    API_KEY = "api_key"
    HMAC_SHA256 = "hmac_sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What the server's middleware must check before a codec sees a request.

    Attributes:
        scheme: how.
        header: header with the key or, for HMAC, with the key's name.
        signature_header: header with the HMAC.
        timestamp_header: header with the time that the HMAC covers.
    """

    scheme: AuthScheme
    header: str = ""
    signature_header: str = ""
    timestamp_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path of a relayer. ``form`` tells a codec with several wire forms which one it is."""

    method: str
    path: str
    kind: RouteKind
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a relayer demands, as the self-test checks it.

    Attributes:
        max_levels_age_s: an older ladder is dropped by the relayer.
        min_depth_usd: a direction with less depth in all is ignored by the relayer; 0 for no rule.
        max_life_s: longest life of an order, seconds; None for no rule.
        is_contract_maker: whether the maker is our settlement contract (ERC-1271) or an account that signs itself.
    """

    max_levels_age_s: Decimal
    min_depth_usd: int = 0
    max_life_s: int | None = None
    is_contract_maker: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerProfile:
    """Everything about a relayer that is data.

    Attributes:
        name: under which settings, journal, limits and kill switches know it.
        routes: its paths; each is also served behind ``/<name>``.
        authentication: enforced by the server's middleware, not by the codec.
        time_budget_ms: the relayer's cut-off, None for none; answers are due at 80 % of it.
        counts: reason code -> whether it counts against us; what is not named is ``default_counts``.
        rules: what the self-test checks.
        settlement: contract that its orders are for where the request does not say.
    """

    name: str
    routes: tuple[Route, ...]
    authentication: Authentication
    time_budget_ms: int | None
    rules: Rules
    settlement: Settlement
    counts: Mapping[str, Counts] = field(default_factory=dict)
    default_counts: Counts = Counts.UNPUBLISHED

    def counts_against_us(self, code: str) -> Counts:
        """Return whether a refusal of this code counts against us at the relayer."""
        return self.counts.get(code, self.default_counts)


@value_class(frozen=True, slots=True, kw_only=True)
class RelayerCall:
    """One request as it came in."""

    route: Route
    request_id: str
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireAnswer:
    """Status and JSON body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLevel:
    """A level as the relayer's client reads it: whole taker tokens, and maker tokens per taker token."""

    size: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLadder:
    """One direction as the relayer's client reads it; ``min_size`` is 0 where the protocol has none."""

    taker_asset: Address
    maker_asset: Address
    levels: tuple[ReadLevel, ...]
    min_size: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadQuote:
    """A signed order as the relayer's client reads it.

    ``typed_data`` is the whole EIP-712 message, for an implementation of the standard that is not ours;
    ``signature`` has 65 bytes, r, s, v, whatever the wire form packs it into.
    """

    maker: Address
    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int
    expiration_s: int
    typed_data: Mapping[str, Any]
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that the self-test makes in the relayer's name. ``number`` is unique among them."""

    taker_asset: Address
    maker_asset: Address
    taking_amount: int
    taker: Address
    number: int


class RelayerCodec(Protocol):
    """Reads a relayer's requests and writes the answers it understands; pure, synchronous, without a clock."""

    @property
    def profile(self) -> RelayerProfile:
        """The data of the relayer."""
        ...

    def decode(self, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        """Read a request for a firm quote, or say why it is none; never raises."""
        ...

    def check_levels(self, call: RelayerCall) -> WireRefusal | None:
        """Return why a request for levels is none; never raises."""
        ...

    def encode_quote(self, route: Route, answered: AnsweredQuote) -> bytes:
        """Return the body of a signed answer."""
        ...

    def encode_levels(self, route: Route, ladders: tuple[PublishedLadder, ...]) -> bytes:
        """Return the body of an answer with levels."""
        ...

    def encode_refusal(self, route: Route, refusal: WireRefusal) -> WireAnswer:
        """Return the relayer's signal for no quote."""
        ...

    def schemas(self, route: Route) -> RouteSchema:
        """Return what OpenAPI says about a route."""
        ...

    def ask(self, route: Route, ask: Ask) -> bytes:
        """Return the body of a request for a firm quote, as the relayer would send it."""
        ...

    def levels_query(self, route: Route) -> str:
        """Return the query string of a request for levels, as the relayer would send it."""
        ...

    def read_levels(self, route: Route, body: bytes) -> tuple[ReadLadder, ...]:
        """Read an answer as the relayer's client does; raises InvalidInput where that client would fail."""
        ...

    def read_quote(self, route: Route, body: bytes, domain: OrderDomain) -> ReadQuote:
        """Read a signed answer as the relayer's client does; raises InvalidInput where that client would fail."""
        ...

    def is_no_quote(self, route: Route, answer: WireAnswer) -> bool:
        """Tell whether the relayer's client takes an answer for an explicit refusal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSchema:
    """Types of a route's bodies, msgspec structs or other types that msgspec describes.

    ``answer`` holds every type that a body of status 200 may have. ``query`` names the parameters of the query
    string with their descriptions, all required.
    """

    summary: str
    answer: tuple[Any, ...]
    answer_text: str
    refusal: Any
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    # Statuses that the no-quote signal of the relayer can have.
    refusal_statuses: tuple[int, ...] = ()
