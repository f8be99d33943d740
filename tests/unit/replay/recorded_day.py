"""A journal as the server writes it: a small day of a WETH/USDC market, quoted by the desk under test."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pmm.domain import USDC, WETH, QuoteRequest, Token
from pmm.execution import ChainView, FirmQuoteRequest, Settlement
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.execution.quote_shaping import Setter, ShapeKey, ShapeKind, ShapeState
from pmm.journal import SqliteJournal
from pmm.pricing import OtcQuote, ReferencePrice, SourceKind
from pmm.server.assembly import pair_policies, quote_limits
from pmm.settings import load_settings
from tests.helpers.quoting import CHAIN_TIME_S, MAKER, TAKER, Desk, chain_view, feed, market, open_test_desk

SETTINGS = load_settings({"pairs": ("WETH/USDC",)}, {})
PAIR = pair_policies(SETTINGS, [(WETH, USDC)])[0]
LIMITS = quote_limits(SETTINGS)
# Seconds into the day and ETH price in US dollars.
_PATH = ((0, 3_000), (1, 3_001), (5, 3_004), (30, 2_990), (60, 3_010), (300, 3_030), (900, 3_030))


def view_at(offset_s: int, usd: int) -> ChainView:
    """Return the market some seconds into the day, with a price from outside and a negotiated one."""
    now_s = CHAIN_TIME_S + offset_s
    feeds = {
        WETH.address: feed("ETH / USD", usd * 10**8, updated_at_s=now_s - 30),
        USDC.address: feed("USDC / USD", 10**8, updated_at_s=now_s - 30),
    }
    book = ReferencePrice(
        source="binance",
        kind=SourceKind.BOOK,
        token=WETH.address,
        unit=None,
        rate_e36=usd * 10**18,
        observed_at_s=now_s - 1,
        max_age_s=10,
    )
    otc = OtcQuote(
        counterparty="desk",
        taker_asset=WETH.address,
        maker_asset=USDC.address,
        rate_e36=usd * 10**24 * 9_990 // 10_000,
        max_taking_amount=50 * 10**18,
        valid_until_s=CHAIN_TIME_S + 60,
        fee_bps=1,
    )
    snapshot = replace(
        market(eth_usd=usd * 10**8, feeds=feeds),
        snapshot_id=f"s{offset_s}",
        chain_time_s=now_s,
        references=(book,),
        otc=(otc,),
    )
    return chain_view(snapshot)


def _requests() -> list[FirmQuoteRequest]:
    asked: list[FirmQuoteRequest] = []
    amounts: tuple[tuple[Token, Token, dict[str, int]], ...] = (
        (WETH, USDC, {"taking_amount": 10**18}),
        (WETH, USDC, {"making_amount": 2_500 * 10**6}),
        (USDC, WETH, {"taking_amount": 90_000 * 10**6}),
        (USDC, WETH, {"making_amount": 55 * 10**18}),
        (WETH, USDC, {"taking_amount": 10**24}),
        (WETH, USDC, {"taking_amount": 1}),
    )
    for index, (taker, maker, amount) in enumerate(amounts):
        for settlement in (Settlement.PMM, Settlement.ONEINCH):
            quote = QuoteRequest(
                request_id=f"{index}-{settlement.value}",
                chain_id=1,
                maker_asset=maker,
                taker_asset=taker,
                taker=TAKER,
                fee_bps=index,
                **amount,
            )
            asked.append(FirmQuoteRequest(quote=quote, settlement=settlement))
    return asked


_SHAPED_AT_S = 1


def _shape(desk: Desk) -> None:
    """What an operator asks for early in the day: wider, a fifth smaller, WETH cheaper."""
    asked = ((ShapeKind.SPREAD, "*", "4.25"), (ShapeKind.SIZE, "*", "8000"), (ShapeKind.SKEW, "WETH", "-2"))
    for kind, name, value in asked:
        state = ShapeState(version=1, value=Decimal(value), who="ada", reason="news")
        desk.admission.shaping.put(ShapeKey(kind, name, Setter.PERSON), state)


def write_day(path: Path, *, shaped: bool = False, gate: PreTradeGate | None = None) -> None:
    """Write the day's journal; ``gate``: what the risk desk lets through."""
    journal = SqliteJournal(path, chain_id=1, maker=MAKER)
    try:
        desk = open_test_desk(view_at(*_PATH[0]), pair=PAIR, limits=LIMITS, journal=journal)  # type: ignore[arg-type]
        desk.admission.pre_trade = gate

        async def run() -> None:
            for offset_s, usd in _PATH:
                desk.market.answer = view_at(offset_s, usd)
                desk.clock.now_s = offset_s
                if shaped and offset_s == _SHAPED_AT_S:
                    _shape(desk)
                for request in _requests():
                    named = replace(request.quote, request_id=f"{request.quote.request_id}-{offset_s}")
                    await desk.desk.firm_quote(replace(request, quote=named))

        asyncio.run(run())
    finally:
        journal.close()
