"""A typed client of the quote server, as a relayer or taker would use it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from pmm.domain import (
    Address,
    ContractSignature,
    RfqOrder,
    Signature,
    SignedOrder,
    oneinch_domain,
    order_hash,
    parse_address,
    parse_bytes,
    settlement_domain,
)
from pmm.errors import ChainError, PmmError, SetupError
from pmm.execution import Settlement

_POLL_S = 0.05


class QuoteRefused(PmmError):
    """The server gave no quote.

    Attributes:
        status: HTTP status.
        code: stable reason code.
        message: what was expected and found.
        remedy: what to do.
    """

    def __init__(self, *, status: int, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{code}: {message}" + (f"; {remedy}" if remedy else ""))
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteAnswer:
    """A signed quote; order hash and form were checked, the signer's authority is the chain's matter.

    Attributes:
        signed: order, domain, digest and signature.
        settlement: the contract that settles it.
        expiration_s: last unix second at which it fills.
        quote_id: the server's name for it, found in its journal.
        funding: ``inventory`` or ``flash``.
        components_bps: price components, empty unless the server gives them.
        raw: the JSON as received.
    """

    signed: SignedOrder
    settlement: Settlement
    expiration_s: int
    quote_id: str
    funding: str
    components_bps: dict[str, Decimal]
    raw: dict[str, Any] = field(repr=False)

    @property
    def is_flash_funded(self) -> bool:
        """Tell whether ``fillOrderFunded`` must be called."""
        return self.funding == "flash"


class QuoteClient:
    """HTTP client of one server; ``key`` is a relayer's. Close it, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        timeout_s: float = 5.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"X-API-Key": key} if key else {}
        self._client = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False, transport=transport
        )

    def __enter__(self) -> QuoteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def levels(self) -> dict[str, list[tuple[Decimal, Decimal]]]:
        """Return the ladders: ``"<base>_<quote>"`` in lower case to the pairs of each level, as sent.

        Raises QuoteRefused when there are none, SetupError when the server does not answer.
        """
        answer = self._json(self._request("GET", "/levels"))
        return {
            pair: [(Decimal(first), Decimal(second)) for first, second in levels]
            for pair, levels in answer.items()
        }

    def order(
        self,
        *,
        base_token: str,
        quote_token: str,
        taker: str,
        amount: int | None = None,
        quote_amount: int | None = None,
        fee_bps: int = 0,
        settlement: Settlement | str = Settlement.ONEINCH,
        expiry_duration_s: int | None = None,
        private: bool = False,
    ) -> QuoteAnswer:
        """Ask for a firm quote: give ``base_token``, get ``quote_token``; amounts in base units.

        Exactly one of ``amount`` (exact input) and ``quote_amount`` (exact output) is given.
        Raises QuoteRefused, SetupError as :meth:`levels`, InvalidInput when the answer is no signed order.
        """
        body: dict[str, Any] = {
            "baseToken": base_token,
            "quoteToken": quote_token,
            "taker": taker,
            "feeBps": fee_bps,
        }
        optional = {
            "amount": None if amount is None else str(amount),
            "quoteAmount": None if quote_amount is None else str(quote_amount),
            "settlement": None if settlement == Settlement.ONEINCH else str(settlement),
            "expiryDuration": expiry_duration_s,
            "private": private or None,
        }
        body.update({name: value for name, value in optional.items() if value is not None})
        return parse_answer(self._json(self._request("POST", "/order", json=body)))

    def healthz(self) -> dict[str, Any]:
        """Return the server's state, quoting or not; raises SetupError when it does not answer."""
        health: dict[str, Any] = self._request("GET", "/healthz").json()
        return health

    def wait_for_block(self, number: int, *, timeout_s: float = 10.0) -> None:
        """Wait until the server has seen block ``number``; raises SetupError when the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self.healthz().get("chain", {}).get("block")
            if seen is not None and seen >= number:
                return
            if time.monotonic() > deadline:
                raise SetupError(
                    f"expected {self.url} to see block {number} within {timeout_s} s, it is at {seen}; "
                    "see GET /healthz"
                )
            time.sleep(_POLL_S)

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise SetupError(
                f"expected a quote server at {self.url}, found {type(error).__name__}: {error}; "
                "start it with `pmm serve`"
            ) from error

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError as error:
            raise ChainError(f"expected JSON from {self.url}, found {response.text[:100]!r}") from error
        if response.is_success and isinstance(body, dict):
            return body
        detail = body.get("error") if isinstance(body, dict) else None
        if isinstance(detail, dict):
            raise QuoteRefused(
                status=response.status_code,
                code=str(detail.get("code", "refused")),
                message=str(detail.get("message", "")),
                remedy=str(detail.get("remedy", "")),
            )
        raise QuoteRefused(status=response.status_code, code="refused", message=str(body), remedy="")


def parse_answer(body: dict[str, Any]) -> QuoteAnswer:
    """Read the answer of ``POST /order``; raise InvalidInput when hash, form or signature do not fit the order."""
    order = RfqOrder.from_dict(body["order"])
    settlement = Settlement(body["settlement"])
    settled_by = parse_address(body["settledBy"], "settledBy")
    extension = parse_bytes(body["extension"], "extension")
    raw = parse_bytes(body["signature"], "signature")
    if settlement is Settlement.ONEINCH:
        domain = oneinch_domain(1, settled_by)
        signature = ContractSignature.decode(raw, order.maker).signature
    else:
        domain = settlement_domain(1, settled_by)
        signature = Signature.from_bytes(raw)
    digest = order_hash(order, domain)
    if digest != parse_bytes(body["orderHash"], "orderHash", 32):
        raise ChainError(f"expected order hash 0x{digest.hex()}, the server says {body['orderHash']}")
    signed = SignedOrder(
        order=order,
        domain=domain,
        order_hash=digest,
        signer=Address(parse_address(body["signer"], "signer")),
        signature=signature,
        extension=extension,
    )
    return QuoteAnswer(
        signed=signed,
        settlement=settlement,
        expiration_s=int(body["expiry"]),
        quote_id=str(body["quoteId"]),
        funding=str(body["funding"]),
        components_bps={name: Decimal(bps) for name, bps in body.get("components", {}).items()},
        raw=body,
    )


def wait_ready(url: str, timeout_s: float) -> dict[str, Any]:
    """Wait until the server quotes and return its health; raises SetupError with its reasons otherwise."""
    deadline = time.monotonic() + timeout_s
    last = "no answer"
    with QuoteClient(url, timeout_s=max(timeout_s, 0.1)) as client:
        while True:
            try:
                health = client.healthz()
            except (SetupError, ValueError) as error:
                last = str(error)
            else:
                if health.get("state") == "quoting":
                    return health
                last = f"{url} does not quote: {'; '.join(health.get('reasons', [])) or health}"
            if time.monotonic() >= deadline:
                raise SetupError(f"expected a quoting server within {timeout_s} s: {last}")
            time.sleep(_POLL_S)
