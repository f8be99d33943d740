"""Reservations against a plain model: what is reserved is what could still be filled, whatever chain and taker do."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pmm.domain import USDC, WETH, Address, QuoteRequest, address_from_bytes
from pmm.execution import (
    AnsweredQuote,
    ChainView,
    FirmQuoteRequest,
    LiveQuote,
    NonceKey,
    ReservationBook,
    Settlement,
)
from pmm.journal import Journal
from pmm.risk import QuoteLimits
from tests.helpers.journal_desks import leased_desk
from tests.helpers.journal_places import SqlitePlace, check_totals
from tests.helpers.quoting import CHAIN_TIME_S, Desk, chain_view, market

_DEPTH = 2
_BALANCE = 120_000 * 10**6
_FIRST_HEIGHT = 100
_LIMITS = QuoteLimits(max_live_quotes=12)
# What a disk does is no matter here: where there is a file system in memory, the machine runs ten times as fast.
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
_TAKERS = tuple(address_from_bytes(bytes([number]) * 20) for number in (0x22, 0x33))


@dataclass
class Block:
    """One block of the model's chain: its time, and what was filled or cancelled in it."""

    time_s: int
    filled: dict[NonceKey, int] = field(default_factory=dict)
    cancelled: set[NonceKey] = field(default_factory=set)


class Chain:
    """The model's chain, which may be replaced from ``_DEPTH`` blocks below its head on."""

    def __init__(self) -> None:
        self.blocks = [Block(CHAIN_TIME_S + 12 * number) for number in range(_DEPTH + 1)]

    @property
    def height(self) -> int:
        return _FIRST_HEIGHT + len(self.blocks) - 1

    def spent(self, *, depth: int = 0) -> set[NonceKey]:
        """Return the nonces dead at ``depth`` blocks below the head."""
        blocks = self.blocks[: len(self.blocks) - depth]
        return {key for block in blocks for key in (*block.filled, *block.cancelled)}

    def time_s(self, *, depth: int = 0) -> int:
        return self.blocks[-1 - depth].time_s

    def balance(self) -> int:
        return _BALANCE - sum(amount for block in self.blocks for amount in block.filled.values())

    def is_over(self, quote: LiveQuote, *, depth: int = 0) -> bool:
        """Tell whether no block on top of that depth can fill the quote."""
        return quote.nonce in self.spent(depth=depth) or quote.expiration_s < self.time_s(depth=depth)

    def view(self) -> ChainView:
        snapshot = replace(market(block_number=self.height), chain_time_s=self.time_s())
        snapshot = replace(
            snapshot,
            feeds={
                token: replace(feed, updated_at_s=self.time_s()) for token, feed in snapshot.feeds.items()
            },
        )
        holdings = {WETH.address: 40 * 10**18, USDC.address: self.balance()}
        return chain_view(
            snapshot,
            balances=holdings,
            router_allowances=holdings,
            spent=frozenset(self.spent()),
            expiry_clock_s=self.time_s(),
        )


class ReservationMachine(RuleBasedStateMachine):
    """Admits on both venues, lets the chain move, fall back and move again, and restarts in between."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="pmm-machine-", dir=_MEMORY)
        self.place = SqlitePlace(Path(self.folder.name) / "journal.sqlite")
        self.loop = asyncio.new_event_loop()
        self.chain = Chain()
        self.live: dict[bytes, LiveQuote] = {}
        self.count = 0
        # Blocks seen without a reorganisation or a restart.
        self.steady = 0
        self._open()

    def _open(self) -> None:
        async def run() -> tuple[Journal, Desk]:
            journal = self.place.open()
            desk = await leased_desk(journal, limits=_LIMITS)
            return journal, desk

        self.journal, self.desk = self.loop.run_until_complete(run())
        book = self.desk.book
        book._confirmations = _DEPTH
        self.desk.market.answer = self.chain.view()

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.loop.close()
            self.folder.cleanup()

    @rule(
        centi_weth=st.integers(min_value=1, max_value=2_500),
        venue=st.sampled_from(list(Settlement)),
        taker=st.sampled_from(_TAKERS),
        ttl_s=st.integers(min_value=1, max_value=30),
    )
    def admit(self, centi_weth: int, venue: Settlement, taker: Address, ttl_s: int) -> None:
        self.count += 1
        quote = QuoteRequest(
            request_id=f"m{self.count}",
            chain_id=1,
            maker_asset=USDC,
            taker_asset=WETH,
            taking_amount=centi_weth * 10**16,
            taker=taker,
        )
        asked = FirmQuoteRequest(quote=quote, settlement=venue, ttl_s=ttl_s, body=b"b")
        free = self.chain.balance() - sum(one.reserved_amount for one in self.live.values())
        found = self.loop.run_until_complete(self.desk.desk.firm_quote(asked))
        if isinstance(found, AnsweredQuote):
            admitted = found.admitted
            funded = admitted.offer.plan is not None
            # Flash funds pay on our own domain only, and hold nothing back.
            assert not (funded and venue is Settlement.ONEINCH)
            assert admitted.reserved_amount == (0 if funded else admitted.order.making_amount)
            assert admitted.reserved_amount < max(free, 1)
            assert len(self.live) < _LIMITS.max_live_quotes
            self.live[admitted.order_hash] = admitted.live

    @rule(data=st.data())
    def not_selected(self, data: st.DataObject) -> None:
        quote = self._pick(data)
        if quote is not None:
            before = self.desk.book.expected(USDC.address)
            assert self.loop.run_until_complete(self.desk.desk.not_selected(quote.order_hash))
            assert self.desk.book.expected(USDC.address) <= before

    @rule(data=st.data(), seconds=st.integers(min_value=1, max_value=24))
    def fill(self, data: st.DataObject, seconds: int) -> None:
        quote = self._pick(data, fillable=True)
        block = Block(self.chain.time_s() + seconds)
        if quote is not None and quote.expiration_s >= block.time_s:
            block.filled[quote.nonce] = quote.reserved_amount
        self._mine(block)

    @rule(data=st.data(), seconds=st.integers(min_value=1, max_value=24))
    def cancel(self, data: st.DataObject, seconds: int) -> None:
        quote = self._pick(data, fillable=True)
        self._mine(Block(self.chain.time_s() + seconds, cancelled=set() if quote is None else {quote.nonce}))

    @rule(seconds=st.integers(min_value=1, max_value=40), blocks=st.integers(min_value=1, max_value=4))
    def time_passes(self, seconds: int, blocks: int) -> None:
        for _ in range(blocks):
            self._mine(Block(self.chain.time_s() + seconds))

    @rule(depth=st.integers(min_value=1, max_value=_DEPTH), seconds=st.integers(min_value=1, max_value=12))
    def reorganise(self, depth: int, seconds: int) -> None:
        """Replace up to as many blocks as we wait for: what was filled in them is not filled any more."""
        if len(self.chain.blocks) - depth < _DEPTH + 1:
            return
        del self.chain.blocks[len(self.chain.blocks) - depth :]
        self.steady = -1
        self._mine(Block(self.chain.time_s() + seconds))

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.steady = -1
        self._open()

    def _pick(self, data: st.DataObject, *, fillable: bool = False) -> LiveQuote | None:
        quotes = [one for one in self.live.values() if not (fillable and self.chain.is_over(one))]
        return data.draw(st.sampled_from(quotes)) if quotes else None

    def _mine(self, block: Block) -> None:
        self.chain.blocks.append(block)
        self.steady += 1
        self.loop.run_until_complete(self.desk.settle(self.chain.view()))
        for order_hash, quote in list(self.live.items()):
            if order_hash in self.desk.book:
                # Over for as long as we wait, seen all the time: it must have ended.
                seen = self.steady >= _DEPTH and self.chain.is_over(quote, depth=_DEPTH)
                assert not seen, "a reservation outlived its quote"
                continue
            # No reorganisation within our depth can bring it back.
            assert self.chain.is_over(quote, depth=_DEPTH), "a reservation ended before its quote"
            del self.live[order_hash]

    @invariant()
    def reserved_is_the_sum_of_live_quotes(self) -> None:
        if not hasattr(self, "desk"):
            return
        expected = sum(quote.reserved_amount for quote in self.live.values())
        assert self.desk.book.reserved(USDC.address) == expected
        assert {quote.order_hash for quote in self.desk.book} == set(self.live)
        assert self.desk.book.expected(USDC.address) <= expected
        assert check_totals(self.place).get(f"asset:{USDC.address}", 0) == expected

    @invariant()
    def everything_fillable_is_covered(self) -> None:
        if not hasattr(self, "desk"):
            return
        fillable = [quote for quote in self.live.values() if not self.chain.is_over(quote)]
        assert sum(quote.reserved_amount for quote in fillable) <= self.chain.balance()
        held = self.desk.admission.inventory(self.chain.view(), USDC, Settlement.PMM)
        assert held.free >= 0


_SETTINGS = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
ReservationMachine.TestCase.settings = _SETTINGS
TestReservations = ReservationMachine.TestCase


def _freed_when_not_selected(patch: pytest.MonkeyPatch) -> None:
    lower = ReservationBook.not_selected

    def freeing(self: ReservationBook, order_hash: bytes, *, fill_probability_bps: int) -> bool:
        found = lower(self, order_hash, fill_probability_bps=fill_probability_bps)
        if found:
            self._reserved[USDC.address] -= self._live[order_hash].reserved_amount
        return found

    patch.setattr(ReservationBook, "not_selected", freeing)


def _ended_at_first_sight(patch: pytest.MonkeyPatch) -> None:
    end_by = ReservationBook.end_by

    def hasty(self: ReservationBook, view: ChainView) -> object:
        self._confirmations = 0
        return end_by(self, view)

    patch.setattr(ReservationBook, "end_by", hasty)


def _spent_for_ever(patch: pytest.MonkeyPatch) -> None:
    end_by = ReservationBook.end_by

    def stubborn(self: ReservationBook, view: ChainView) -> object:
        ever: set[NonceKey] = self.__dict__.setdefault("ever", set())
        ever |= view.spent
        return end_by(self, replace(view, spent=frozenset(ever)))

    patch.setattr(ReservationBook, "end_by", stubborn)


def _never_ended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReservationBook, "_verdict", staticmethod(lambda quote, view: None))


def _half_reserved(patch: pytest.MonkeyPatch) -> None:
    add = ReservationBook.add
    patch.setattr(
        ReservationBook,
        "add",
        lambda self, quote: add(self, replace(quote, reserved_amount=quote.reserved_amount // 2)),
    )


@pytest.mark.parametrize(
    "plant",
    [
        _freed_when_not_selected,
        _ended_at_first_sight,
        _spent_for_ever,
        _never_ended,
        _half_reserved,
    ],
)
def test_machine__planted_fault__is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    found = settings(_SETTINGS, max_examples=5_000, phases=(Phase.generate,), database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ReservationMachine, settings=found)
