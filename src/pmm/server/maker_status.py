"""``GET /maker-status``: the server asks itself for levels and quotes as a relayer would, and judges the answers.

The requests go through the relayer's own routes in this process. Orders that they make are signed, reserved and
journaled like any other, for the least sizes and for a taker whose key nobody has; none leaves the process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import httpx

from pmm.domain import Address, Decision, Token, address_from_bytes, keccak256, whole_tokens
from pmm.errors import InvalidInput
from pmm.execution import ChainView
from pmm.pricing import MarketSnapshot
from pmm.relayers import conformance
from pmm.relayers.codec import Ask, ReadLadder, RelayerCodec, Route, RouteKind, WireAnswer
from pmm.relayers.conformance import Check, Report
from pmm.server.deadline import TIMEOUT
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.hot_path import QuoteRoutes
from pmm.server.relayer_routes import RelayerRoutes

PROBE_TAKER: Final = address_from_bytes(keccak256(b"pmm maker-status")[12:])
"""Taker of the self-test's orders: an address that nobody has a key for."""

_UNKNOWN_TOKEN: Final = address_from_bytes(keccak256(b"pmm no token")[12:])
_KEPT_S: Final = 5.0
# Above the least size by more than a price moves between ladder and quote.
_SIZES: Final = (Decimal("1.05"), Decimal(2))
_HOST: Final = "http://maker-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the server itself knows at the time of the test."""

    view: ChainView
    tokens: Mapping[Address, Token]
    least: Mapping[tuple[Address, Address], int]

    def reference(self, taker: Address, maker: Address) -> Decimal | None:
        """Return maker tokens (or US dollars) per taker token by the feeds."""
        worth = _usd(self.view.market, self.tokens.get(taker))
        other = Decimal(1) if maker == conformance.USD else _usd(self.view.market, self.tokens.get(maker))
        return worth / other if worth and other else None


def _usd(market: MarketSnapshot, token: Token | None) -> Decimal | None:
    if token is None or token.address not in market.feeds:
        return None
    return Decimal(market.usd_wad(token, 10**token.decimals)).scaleb(-18)


class MakerStatus:
    """Runs the checks of a relayer, one run at a time; a report is good for five seconds."""

    def __init__(self, relayers: RelayerRoutes) -> None:
        self._relayers = relayers
        self._routes: QuoteRoutes | None = None
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[float, Report]] = {}

    def attach(self, routes: QuoteRoutes) -> None:
        """Name the application whose routes are asked."""
        self._routes = routes

    @property
    def names(self) -> tuple[str, ...]:
        """The relayers there are."""
        return self._relayers.names

    async def report(self, name: str) -> Report | None:
        """Return what a relayer would see, None for one that is not served."""
        endpoints = self._relayers.relayer(name)
        if endpoints is None:
            return None
        async with self._lock:
            now_s = asyncio.get_running_loop().time()
            kept = self._kept.get(name)
            if kept is not None and now_s - kept[0] < _KEPT_S:
                return kept[1]
            found = conformance.report(name, await self._checks(endpoints))
            self._kept[name] = (now_s, found)
            return found

    async def _checks(self, endpoints: QuoteEndpoints) -> list[Check]:
        assert self._routes is not None
        facts = await self._facts(endpoints)
        transport = httpx.ASGITransport(app=self._routes)
        checks: list[Check] = []
        async with httpx.AsyncClient(transport=transport, base_url=_HOST, timeout=30) as client:
            forms = list(dict.fromkeys(route.form for route in endpoints.profile.routes))
            for form in forms:
                probe = _Probe(client, endpoints, form, facts)
                found = await probe.run()
                prefix = f"{form}." if len(forms) > 1 else ""
                checks += [_renamed(check, prefix + check.name) for check in found]
        return checks

    async def _facts(self, endpoints: QuoteEndpoints) -> _Facts | Decision:
        found = await endpoints.desk.ladders()
        if isinstance(found, Decision):
            return found
        view, ladders = found
        return _Facts(
            view=view,
            tokens={
                token.address: token for entry in ladders for token in (entry.maker_asset, entry.taker_asset)
            },
            least={
                (entry.taker_asset.address, entry.maker_asset.address): entry.min_taking_amount
                for entry in ladders
            },
        )


def _renamed(check: Check, name: str) -> Check:
    return Check(name=name, passed=check.passed, expected=check.expected, found=check.found)


class _Probe:
    """One run over one wire form of one relayer."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        endpoints: QuoteEndpoints,
        form: str,
        facts: _Facts | Decision,
    ) -> None:
        self._client = client
        self._endpoints = endpoints
        self._codec: RelayerCodec = endpoints.codec
        self._facts = facts
        self._clock = endpoints.clock
        self._took_ms = 0
        by_kind = {route.kind: route for route in endpoints.profile.routes if route.form == form}
        self._levels, self._firm = by_kind[RouteKind.LEVELS], by_kind[RouteKind.FIRM]

    async def run(self) -> list[Check]:
        """Return every check."""
        profile = self._endpoints.profile
        query = self._codec.levels_query(self._levels)
        answer = await self._request(self._levels, query=query)
        form, ladders = conformance.read_ladders(self._codec, self._levels, answer)
        checks = [form]
        facts = self._facts
        if isinstance(facts, Decision):
            return [*checks, conformance.failed("quoting", "quotes", facts.detail)]
        age_s = Decimal(str(max(self._clock.monotonic_s() - facts.view.read_at_s, 0)))
        checks += conformance.check_ladders(ladders, profile.rules, age_s=age_s, reference=facts.reference)
        for ladder in ladders:
            for factor in _SIZES:
                checks += await self._quote(ladder, factor, facts)
        checks += await self._refusals(ladders)
        checks.append(conformance.check_in_time(self._took_ms, profile.time_budget_ms))
        return checks

    async def _quote(self, ladder: ReadLadder, factor: Decimal, facts: _Facts) -> list[Check]:
        taker, maker = facts.tokens.get(ladder.taker_asset), facts.tokens.get(ladder.maker_asset)
        least = facts.least.get((ladder.taker_asset, ladder.maker_asset), 0)
        if taker is None or maker is None or not ladder.levels or not least:
            return []
        ask = _ask(ladder, int(least * factor))
        answer = await self._request(self._firm, body=self._codec.ask(self._firm, ask))
        expected = f"a signed order for {whole_tokens(ask.taking_amount, taker)} {taker.symbol}"
        policy, signer = self._endpoints.desk.policy, self._endpoints.desk.signer
        if answer.status != 200:
            return [conformance.failed("quote_form", expected, answer.body[:120].decode(errors="replace"))]
        try:
            quote = self._codec.read_quote(
                self._firm, answer.body, policy.domains[self._endpoints.profile.settlement]
            )
        except InvalidInput as error:
            return [conformance.failed("quote_form", expected, str(error))]
        return conformance.check_quote(
            quote,
            ask,
            ladder=ladder,
            decimals=(taker.decimals, maker.decimals),
            rules=self._endpoints.profile.rules,
            now_s=facts.view.chain_now_s(self._clock.monotonic_s()),
            signers=(signer.address,),
        )

    async def _refusals(self, ladders: tuple[ReadLadder, ...]) -> list[Check]:
        route, codec = self._firm, self._codec
        bodies: list[tuple[str, str, bytes, dict[str, str]]] = [
            ("refusal_malformed", "a body that is no JSON", b"{", {}),
        ]
        if ladders:
            first = ladders[0]
            unknown = ReadLadder(taker_asset=_UNKNOWN_TOKEN, maker_asset=first.maker_asset, levels=())
            bodies += [
                ("refusal_small", "one base unit", codec.ask(route, _ask(first, 1)), {}),
                ("refusal_huge", "2**200 base units", codec.ask(route, _ask(first, 1 << 200)), {}),
                ("refusal_unknown_token", "an unknown token", codec.ask(route, _ask(unknown, 10**18)), {}),
                (
                    "refusal_late",
                    "a request out of time",
                    codec.ask(route, _ask(first, 10**18)),
                    {TIMEOUT: "0"},
                ),
            ]
        checks = []
        for name, what, body, headers in bodies:
            answer = await self._request(route, body=body, headers=headers)
            checks.append(conformance.check_refusal(codec, route, answer, name=name, what=what))
        return checks

    async def _request(
        self, route: Route, *, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> WireAnswer:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        path = f"/{self._endpoints.profile.name}{route.path}" + (f"?{query}" if query else "")
        found = await self._client.request(route.method, path, content=body, headers=headers or {})
        self._took_ms = max(self._took_ms, int((loop.time() - began_s) * 1_000))
        return WireAnswer(status=found.status_code, body=found.content)


def _ask(ladder: ReadLadder, taking_amount: int) -> Ask:
    return Ask(
        taker_asset=ladder.taker_asset,
        maker_asset=ladder.maker_asset,
        taking_amount=taking_amount,
        taker=PROBE_TAKER,
        number=secrets.randbits(63),
    )
