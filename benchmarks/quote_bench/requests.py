"""The requests that the load consists of: both directions of WETH and USDC, exact input and exact output."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from pmm.domain import USDC, WETH

TAKER = "0x1111111254EEB25477B68fb85Ed929f73A960582"


def order_bodies(seed: int = 1) -> Callable[[], bytes]:
    """Return a source of bodies for ``POST /order``, worth 25 to 250 USD each."""
    draw = random.Random(seed)

    def body() -> bytes:
        units = draw.randrange(10**16, 10**17)
        sells = draw.random() < 0.5
        base, quote = (WETH, USDC) if sells else (USDC, WETH)
        exact_in = draw.random() < 0.8
        weth_amount = exact_in is sells
        amount = str(units if weth_amount else units * 2_500 // 10**12)
        fields = {"baseToken": base.address, "quoteToken": quote.address, "taker": TAKER, "feeBps": 0}
        return json.dumps({**fields, "amount" if exact_in else "quoteAmount": amount}).encode()

    return body


def http_requests(host: str, port: int, *, headers: str = "", seed: int = 1) -> Callable[[str], bytes]:
    """Return a source of complete HTTP requests of the kinds ``order`` and ``levels``."""
    body = order_bodies(seed)
    levels = f"GET /levels HTTP/1.1\r\nhost: {host}:{port}\r\n{headers}\r\n".encode()
    head = f"POST /order HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n{headers}"

    def request(kind: str) -> bytes:
        if kind == "levels":
            return levels
        content = body()
        return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content

    return request
