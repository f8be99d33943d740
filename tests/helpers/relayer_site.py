"""A server with every relayer, in memory: our own API and 1inch over one desk, OKX over its maker account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx

from pmm.domain import MAINNET_TOKENS, OKX_PMM_PROTOCOL, USDC, WETH, Address, SigningKey
from pmm.execution import (
    NO_STAGES,
    ChainView,
    GuardedSigner,
    JournalState,
    KillSwitches,
    MakerAccount,
    QuoteDesk,
    Settlement,
    SigningMode,
    StageWatch,
)
from pmm.pricing import StandardModel
from pmm.relayers.codec import RelayerCodec
from pmm.relayers.registry import RelayerSettings, open_codecs
from pmm.server.app import build_app
from pmm.server.endpoints import QuoteEndpoints
from pmm.server.hot_path import QuoteRoutes
from pmm.server.okx_maker import OkxMaker, okx_desk
from pmm.server.relayer_routes import RELAYER_SCOPE, RelayerRoutes
from tests.helpers.quoting import (
    ANVIL,
    TAKER,
    Desk,
    FakeMarket,
    MemoryJournal,
    NoRandomness,
    chain_view,
    open_test_desk,
)

OKX_KEY = SigningKey(b"\x07" * 32)
HOLDINGS: Mapping[Address, int] = {WETH.address: 40 * 10**18, USDC.address: 120_000 * 10**6}
# A busy machine takes longer than a relayer waits: tests of lateness set a budget of their own.
_PATIENCE_MS = 60_000
SETTINGS = RelayerSettings(
    tokens=MAINNET_TOKENS, oneinch_time_budget_ms=_PATIENCE_MS, okx_time_budget_ms=_PATIENCE_MS
)
ASK_1INCH: dict[str, Any] = {
    "baseToken": WETH.address.lower(),
    "quoteToken": USDC.address.lower(),
    "amount": str(10**18),
    "taker": TAKER.lower(),
    "feeBps": 0,
}
ASK_OKX: dict[str, Any] = {
    "chainIndex": "1",
    "takerAsset": WETH.address,
    "makerAsset": USDC.address,
    "takerAmount": str(10**18),
    "takerAddress": TAKER,
    "rfqId": 12345678,
    "expiryDuration": 36,
}
ASK_OKX_EARLIER: dict[str, Any] = {
    "baseToken": WETH.address,
    "quoteToken": USDC.address,
    "amount": str(10**18),
    "taker": TAKER,
    "refId": "12345678",
}


def with_account(view: ChainView, spendable: Mapping[Address, int] = HOLDINGS) -> ChainView:
    """Return a view that holds OKX's maker account too."""
    account = MakerAccount(address=OKX_KEY.address, spendable=spendable)
    return replace(view, accounts={Settlement.OKX: account})


class _Health:
    """Health without a journal file."""

    async def report(self) -> tuple[bool, dict[str, Any]]:
        return True, {"state": "quoting"}


@dataclass
class RelayerSite:
    """The application, and what a test looks at behind it."""

    app: QuoteRoutes
    desk: Desk
    okx: QuoteDesk
    journal: MemoryJournal

    async def aask(self, method: str, path: str, *, relayer: object = None, **options: Any) -> httpx.Response:
        """Ask within a running loop; ``relayer`` is whom the middleware has recognised."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if relayer is not None:
                scope = {**scope, RELAYER_SCOPE: relayer}
            await self.app(scope, receive, send)

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **options)

    def ask(self, method: str, path: str, *, relayer: object = None, **options: Any) -> httpx.Response:
        """Ask, and wait for the answer."""
        return asyncio.run(self.aask(method, path, relayer=relayer, **options))

    def status(self, relayer: str) -> dict[str, Any]:
        """Return the report of ``/maker-status``."""
        response = self.ask("GET", "/maker-status", params={"relayer": relayer})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def open_relayer_site(
    *,
    view: ChainView | None = None,
    journal: MemoryJournal | None = None,
    market: FakeMarket | None = None,
    settings: RelayerSettings = SETTINGS,
    codecs: tuple[RelayerCodec, ...] | None = None,
    resume: JournalState | None = None,
    switches: KillSwitches | None = None,
    stages: StageWatch = NO_STAGES,
) -> RelayerSite:
    """Return a server over ``view`` with everything in memory."""
    view = view or with_account(chain_view())
    journal = journal or MemoryJournal()
    desk = open_test_desk(view, journal=journal)
    if market is not None:
        market.answer = view
        desk.market = market
        desk.desk._market = market
    signer = GuardedSigner(OKX_KEY, mode=SigningMode.DEVELOPMENT, node=ANVIL)
    okx = okx_desk(
        OkxMaker(signer=signer, contract=OKX_PMM_PROTOCOL),
        policy=desk.policy,
        ttl_s=36,
        confirmations=0,
        market=desk.market,
        journal=journal,
        live=resume.live if resume else (),
        clock=desk.clock,
        chain_id=1,
        random_bits=NoRandomness(),
        model=StandardModel(),
        switches=switches,
        stages=stages,
    )
    if switches is not None:
        desk.admission.switches = switches
    numbers = count(1)
    desks = {Settlement.ONEINCH: desk.desk, Settlement.OKX: okx}
    relayers = [
        QuoteEndpoints(
            desk=desks[codec.profile.settlement],
            codec=codec,
            new_id=lambda: f"q{next(numbers)}",
            clock=desk.clock,
        )
        for codec in (codecs or open_codecs(settings))
    ]
    app = build_app(
        endpoints=RelayerRoutes(relayers),
        health=_Health(),  # type: ignore[arg-type]
        max_body=4_096,
        body_timeout_s=0.2,
    )
    return RelayerSite(app=app, desk=desk, okx=okx, journal=journal)
