"""A quote server on a fork of the offline mainnet, and a taker that fills what it signs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from pmm.chain.abi import encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, FillFunction, TakerTraits, encode_fill, parse_address
from pmm.localnet.addresses import keyless_account
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.client import QuoteAnswer, parse_answer
from pmm.server.runtime import Runtime, open_runtime
from pmm.settings import ServeSettings, load_settings

TAKER = parse_address(keyless_account("quote server test taker"))
_ROLES = (Role.RELAYER, Role.VIEWER)
INVENTORY = {WETH.address: 40 * 10**18, USDC.address: 120_000 * 10**6}
ASK = {
    "baseToken": WETH.address,
    "quoteToken": USDC.address,
    "amount": str(10**18),
    "taker": TAKER,
    "feeBps": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Our contracts on a node."""

    rpc: JsonRpc
    record: Path
    settlement: str
    owner: str


@dataclass
class Server:
    """A server in this process; requests go through its ASGI application."""

    runtime: Runtime
    loop: asyncio.AbstractEventLoop
    deployed: Deployed
    keys: dict[Role, str]

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.runtime.app)
            key = self.keys.get(Role.VIEWER if path == "/healthz" else Role.RELAYER)
            headers = {"X-API-Key": key} if key else {}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://test", timeout=30, headers=headers
            ) as client:
                return await client.request(method, path, json=body)

        return self.loop.run_until_complete(run())

    def order(self, **changes: Any) -> httpx.Response:
        """Ask for a firm quote: one WETH for USDC, with changes (None takes a field away)."""
        body = {key: value for key, value in {**ASK, **changes}.items() if value is not None}
        return self.ask("POST", "/order", body)

    def quote(self, **changes: Any) -> QuoteAnswer:
        """Ask, and insist on a signed order."""
        response = self.order(**changes)
        assert response.status_code == 200, response.text
        return parse_answer(response.json())

    def refused(self, **changes: Any) -> tuple[int, str]:
        """Ask, and return status and code of the refusal."""
        response = self.order(**changes)
        return response.status_code, str(response.json()["error"]["code"])

    def catch_up(self) -> None:
        """Let the server see the chain as it is now."""
        refresher = self.runtime.refresher

        async def run() -> None:
            # A read may be under way that began too early: the second one has not.
            for _ in range(2):
                await refresher.wait_for_read(10)
            await asyncio.sleep(0.02)

        self.loop.run_until_complete(run())

    def age_view(self, seconds: float) -> None:
        """Make the newest view so much older, as if no read had succeeded since; call it when none does."""
        self.catch_up()
        refresher = self.runtime.refresher
        assert refresher.view is not None
        refresher._view = replace(refresher.view, read_at_s=refresher.view.read_at_s - seconds)


def key_file(journal: Path) -> tuple[dict[str, Path], dict[Role, str]]:
    """Return the settings of a key file beside the journal, and the keys of a relayer and a viewer in it."""
    made = {role: new_key(kind=KeyKind.API_KEY, role=role, name="pmm", now_s=1) for role in _ROLES}
    path = journal.with_suffix(".keys.json")
    write_keys(path, [record for record, _ in made.values()])
    return {"keys_file": path}, {role: shown for role, (_, shown) in made.items()}


@contextmanager
def serving(deployed: Deployed, journal: Path | None, **overrides: Any) -> Iterator[Server]:
    """Run a server on the fork; a live one has a key file beside its journal, and is asked with its keys."""
    keys: dict[Role, str] = {}
    if overrides.get("live") and journal is not None and "auth" not in overrides:
        overrides["auth"], keys = key_file(journal)
    config = overrides.pop("config", None)

    def load() -> ServeSettings:
        return load_settings(fixed, config=config)

    fixed = {
        "rpc_url": deployed.rpc.url,
        "deployment": deployed.record,
        "journal": journal,
        "pairs": ("WETH/USDC",),
        "lanes": 4,
        "market_wait_ms": 5_000,
        "rpc_timeout_ms": 5_000,
        **overrides,
    }
    loop = asyncio.new_event_loop()
    runtime = open_runtime(load(), load)

    async def start() -> None:
        runtime.start()
        await runtime.refresher.wait_for_read(10)

    try:
        loop.run_until_complete(start())
        yield Server(runtime=runtime, loop=loop, deployed=deployed, keys=keys)
    finally:
        runtime.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def fill(chain: ChainBuilder, answer: QuoteAnswer, *, taker: str = TAKER) -> dict[str, Any]:
    """Fill a quote whole, as the taker would; raises ChainError when it reverts."""
    signed = answer.signed
    to, function = signed.domain.verifying_contract, None
    if to == ONEINCH_ROUTER:
        hooked = bool(signed.extension)
        function = FillFunction.FILL_CONTRACT_ORDER_ARGS if hooked else FillFunction.FILL_CONTRACT_ORDER
    elif answer.is_flash_funded:
        function = FillFunction.FILL_ORDER_FUNDED
    data = encode_fill(
        signed,
        amount=signed.order.taking_amount,
        taker_traits=TakerTraits(threshold=signed.order.making_amount),
        function=function,
    )
    return chain.send(to, data, sender=taker)


def holdings(rpc: JsonRpc, *accounts: str) -> list[int]:
    """Return WETH and USDC of each account."""
    return [balance_of(rpc, token.address, account) for account in accounts for token in (WETH, USDC)]


def as_owner(chain: ChainBuilder, deployed: Deployed, signature: str, *arguments: Any) -> None:
    """Call the settlement contract as its owner."""
    chain.transact(deployed.settlement, signature, *arguments, sender=deployed.owner)


def approve_all(chain: ChainBuilder, deployed: Deployed, *, holder: str = TAKER) -> None:
    """Let both settlement contracts take what a taker holds."""
    for token in (WETH, USDC):
        for spender in (ONEINCH_ROUTER, deployed.settlement):
            chain.send(
                token.address, encode_call("approve(address,uint256)", spender, 2**256 - 1), sender=holder
            )


@dataclass
class FakeNode:
    """A node in front of the fork that lies about itself: ``answers`` maps a method to what it says."""

    upstream: str
    answers: dict[str, Callable[[], dict[str, Any]]] = field(default_factory=dict)
    url: str = ""

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        lie = self.answers.get(request["method"])
        head = {"jsonrpc": "2.0", "id": request["id"]}
        if lie is not None:
            return {**head, **lie()}
        answer: dict[str, Any] = httpx.post(self.upstream, json=request, timeout=30, trust_env=False).json()
        return answer


def real_node_lies(version: str = "Geth/v1.16.7-stable/linux-amd64/go1.24") -> dict[str, Any]:
    """Return the lies that make anvil look like a real node."""
    missing = {"error": {"code": -32601, "message": "method not found"}}
    refused = ("anvil_nodeInfo", "anvil_impersonateAccount", "anvil_setBalance", "evm_mine")
    return {
        "web3_clientVersion": lambda: {"result": version},
        **{method: (lambda: missing) for method in refused},
    }


@contextmanager
def fake_node(upstream: str, answers: dict[str, Any]) -> Iterator[FakeNode]:
    """Run a lying node."""
    node = FakeNode(upstream=upstream, answers=answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two packets: each answer would wait 40 ms for the other's acknowledgement.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = (
                [node.reply(one) for one in request] if isinstance(request, list) else node.reply(request)
            )
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    node.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
