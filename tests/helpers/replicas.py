"""A replica in a process of its own: quotes at random, lets quotes end, and reports every signature that left."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from pmm.domain import USDC, WETH, Address, QuoteRequest, address_from_bytes
from pmm.execution import AnsweredQuote, BlockNonces, FirmQuoteRequest, LaneNonces, NonceKeeper, Settlement
from pmm.journal import Journal
from pmm.risk import QuoteLimits
from tests.helpers.quoting import Desk, chain_view, lane_state, market, open_test_desk

TAKERS: tuple[Address, ...] = tuple(address_from_bytes(bytes([number]) * 20) for number in range(1, 6))
LANES = 64
Report = Callable[[str], None]


@dataclass(frozen=True)
class Signature:
    """What left a replica."""

    order_hash: str
    settlement: str
    lane: int
    nonce: int
    r: str

    @classmethod
    def parse(cls, line: str) -> Signature:
        order_hash, settlement, lane, nonce, r = line.split()
        return cls(order_hash, settlement, int(lane), int(nonce), r)

    @staticmethod
    def line(answered: AnsweredQuote) -> str:
        nonce = answered.admitted.nonce
        r = answered.firm.signed_order.signature.r_bytes.hex()
        return f"{answered.admitted.order_hash.hex()} {nonce.settlement} {nonce.lane} {nonce.nonce} {r}\n"


def replica_desk(
    journal: Journal, *, lanes: int, limits: QuoteLimits | None = None
) -> tuple[Desk, NonceKeeper]:
    """Return a desk as a starting server builds it: what the journal holds, leased lanes, blocks of nonces."""
    view = chain_view(lanes=tuple(lane_state(lane) for lane in range(LANES)))
    state = journal.recover()
    desk = open_test_desk(view, journal=journal, limits=limits, resume=state, lanes=())  # type: ignore[arg-type]
    # What is not confirmed in time is not signed, and may never be written: nothing that a chain can end.
    desk.admission.policy = replace(desk.admission.policy, journal_timeout_s=60.0)
    keeper = NonceKeeper(
        journal,
        signer=desk.signer.address,
        lane_nonces=LaneNonces(desk.signer.address, {}),
        router_nonces=BlockNonces(),
        most_lanes=lanes,
        first_router_nonce=0,
    )
    keeper.start(view.lanes)
    desk.admission._lane_nonces = keeper.lane_nonces
    desk.admission._router_nonces = keeper.router_nonces
    desk.desk._keeper = keeper
    desk.desk.ends.resume(state.cursor)
    return desk, keeper


def random_request(chance: random.Random, *, name: str, key: str | None = None) -> FirmQuoteRequest:
    """Return a request of some size, by some taker, on either venue."""
    quote = QuoteRequest(
        request_id=name,
        chain_id=1,
        maker_asset=USDC,
        taker_asset=WETH,
        taking_amount=chance.randrange(1, 400) * 10**16,
        taker=chance.choice(TAKERS),
    )
    venue = chance.choice(list(Settlement))
    return FirmQuoteRequest(quote=quote, settlement=venue, body=name.encode(), idempotency_key=key)


async def quote_at_random(
    desk: Desk, *, report: Report, rounds: int, at_once: int, seed: int, end_share: float = 0.7
) -> None:
    """Ask in bursts, and let the chain end a share of the live quotes between them."""
    chance = random.Random(seed)
    for round_ in range(rounds):
        names = [f"{os.getpid()}-{seed}-{round_}-{number}" for number in range(at_once)]
        # Every fourth request comes twice under one key, at the same time.
        keys = [names[number - number % 2] if number % 8 < 2 else None for number in range(at_once)]
        asked: list[FirmQuoteRequest] = []
        for name, key in zip(names, keys, strict=True):
            one = random_request(chance, name=name, key=key)
            asked.append(
                replace(asked[-1], quote=replace(asked[-1].quote, request_id=name))
                if key and key != name
                else one
            )
        found = await asyncio.gather(*(desk.desk.firm_quote(one) for one in asked))
        report("".join({Signature.line(one): None for one in found if isinstance(one, AnsweredQuote)}))
        watched = desk.desk.watched()
        spent = frozenset(key for key in watched if chance.random() < end_share)
        block = market(block_number=101 + round_)
        view = replace(chain_view(block, spent=spent), lanes=desk.market.answer.lanes)  # type: ignore[union-attr]
        await desk.desk.settle(view)
        desk.clock.now_s += 0.5
        await desk.desk.keep(view)


def in_child(body: Callable[[Report], None]) -> tuple[int, int]:
    """Fork; run ``body`` in the child with a function that reports; return the child and the pipe to read from."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    try:
        body(lambda text: _write(writer, text.encode()))
    except BaseException as error:
        _write(writer, f"failed {error!r}\n".encode())
        raise
    finally:
        os._exit(0)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def read_all(reader: int) -> str:
    """Return everything that a child reported, until it is gone."""
    data = b""
    while chunk := os.read(reader, 1 << 20):
        data += chunk
    os.close(reader)
    return data.decode()
