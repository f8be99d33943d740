"""A replica that kills itself at a numbered step of admission, and what must hold after it.

The steps are hit by wrappers around the parts that the desk is built of: nothing of it is in the product.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pmm.domain import Signature as OrderSignature
from pmm.execution import AnsweredQuote, QuoteRecord, Receipt
from pmm.journal import Journal
from pmm.journal.store import Row, Statement, Store, UnsyncedStore
from tests.helpers.journal_places import Place, check_totals
from tests.helpers.quoting import Desk, chain_view, lane_state, market
from tests.helpers.replicas import LANES, Report, in_child, random_request, read_all, replica_desk

STEPS = (
    "view read",
    "nonce taken",
    "reserved",
    "handed to the journal",
    "before begin",
    "after begin",
    "half written",
    "before commit",
    "after commit",
    "before the signature",
    "signed",
    "answered",
)
_AT_ONCE = 6
_LEASE_MS = 2_000


class Fuse:
    """Burns the process at the ``after``-th time that ``step`` is reached; None of a step never does."""

    def __init__(self, report: Report, step: str | None, after: int) -> None:
        self._report = report
        self._step = step
        self._left = after

    def at(self, step: str) -> None:
        """Say that a step is reached."""
        if step != self._step:
            return
        self._left -= 1
        if self._left == 0:
            self._report(f"died {step}\n")
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingStore:
    """A store that dies around and within its transactions."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse
        self.shared, self.now_ms = store.shared, store.now_ms

    def begin(self, reads: Sequence[Statement]) -> list[list[Row]]:
        return self._begun(self._store.begin, reads)

    def begin_unsynced(self, reads: Sequence[Statement]) -> list[list[Row]]:
        return self._begun(self._store.begin_unsynced, reads)  # type: ignore[attr-defined]  # SQLite's only

    def _begun(
        self, begin: Callable[[Sequence[Statement]], list[list[Row]]], reads: Sequence[Statement]
    ) -> list[list[Row]]:
        self._fuse.at("before begin")
        rows = begin(reads)
        self._fuse.at("after begin")
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, reads: Sequence[Statement]) -> list[list[Row]]:
        return self._store.query(reads)

    def commit(self, writes: Sequence[Statement]) -> None:
        half = len(writes) // 2
        self._store.query(writes[:half])
        self._fuse.at("half written")
        self._store.query(writes[half:])
        self._fuse.at("before commit")
        self._store.commit(())
        self._fuse.at("after commit")

    def rollback(self) -> None:
        self._store.rollback()

    def close(self) -> None:
        self._store.close()


def _wire(desk: Desk, fuse: Fuse, report: Report, *, answer_early: bool) -> None:
    """Put the fuse into every step; ``answer_early`` plants the fault of an answer that waits for no commit."""
    current, add, sign = desk.market.current, desk.book.add, desk.signer.sign
    take, admit = desk.admission._take_nonce, desk.journal.admit

    async def seen() -> Any:
        view = await current()
        fuse.at("view read")
        return view

    def taken(settlement: Any) -> Any:
        nonce = take(settlement)
        fuse.at("nonce taken")
        return nonce

    def reserved(quote: Any) -> None:
        add(quote)
        fuse.at("reserved")

    async def admitted(record: QuoteRecord) -> Receipt:
        pending = admit(record)
        fuse.at("handed to the journal")
        if answer_early:
            return Receipt(decision=record.decision)
        return await pending

    def signed(digest: bytes) -> OrderSignature:
        fuse.at("before the signature")
        signature = sign(digest)
        # From here on it exists, whether it leaves or not: the record may still be on its way to the disk.
        report(f"signed {digest.hex()} {signature.r_bytes.hex()}\n")
        fuse.at("signed")
        return signature

    for owner, name, wrapper in (
        (desk.market, "current", seen),
        (desk.admission, "_take_nonce", taken),
        (desk.book, "add", reserved),
        (desk.journal, "admit", admitted),
        (desk.signer, "sign", signed),
    ):
        setattr(owner, name, wrapper)


async def _live_and_die(
    place: Place, report: Report, *, number: int, step: str | None, after: int, answer_early: bool
) -> None:
    fuse = Fuse(report, step, after)
    opened = place.open(lease_ms=_LEASE_MS)
    # The store changes hands before anything is asked of it.
    crashing: Store = CrashingStore(opened._store, fuse)
    opened._store = opened._writer._store = crashing
    if opened._unsynced is not None:
        opened._unsynced = opened._writer._unsynced = cast(UnsyncedStore, crashing)
    journal: Journal = opened
    desk, _ = replica_desk(journal, lanes=1)
    _wire(desk, fuse, report, answer_early=answer_early)
    chance = random.Random(number)
    # What the last process was asked under a key and may have admitted: the same order, or a first one.
    repeated = _keyed(number - 1)
    await _ask(desk, [repeated, _keyed(number)], report, fuse)
    for round_ in range(1_000):
        names = [f"{number}-{round_}-{index}" for index in range(_AT_ONCE)]
        await _ask(desk, [random_request(chance, name=name) for name in names], report, fuse)
        spent = frozenset(key for key in desk.desk.watched() if chance.random() < 0.6)
        view = chain_view(
            market(block_number=101 + round_),
            spent=spent,
            lanes=tuple(lane_state(lane) for lane in range(LANES)),
        )
        await desk.desk.settle(view)
        desk.clock.now_s += 0.5
        await desk.desk.keep(view)


def _keyed(number: int) -> Any:
    asked = random_request(
        random.Random(f"keyed {number}"), name=f"key-{number}-{os.getpid()}", key=f"key-{number}"
    )
    return replace(asked, body=f"body of key-{number}".encode())


async def _ask(desk: Desk, asked: list[Any], report: Report, fuse: Fuse) -> None:
    found = await asyncio.gather(*(desk.desk.firm_quote(one) for one in asked))
    for one, answer in zip(asked, found, strict=True):
        if isinstance(answer, AnsweredQuote):
            nonce = answer.admitted.nonce
            report(
                f"left {answer.admitted.order_hash.hex()} {nonce.settlement}:{nonce.lane}:{nonce.nonce} "
                f"{one.idempotency_key or '-'}\n"
            )
        fuse.at("answered")


@dataclass
class Campaign:
    """Kills replicas one after the other over one journal and checks after each."""

    place: Place
    answer_early: bool = False
    kills: Counter[str] = field(default_factory=Counter)
    signed: dict[str, str] = field(default_factory=dict)
    left: int = 0
    forgotten: int = 0
    nonce_of: dict[str, str] = field(default_factory=dict)
    hash_of_key: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    nonces: set[tuple[str, int]] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    cursor: tuple[int, int] = (0, 0)

    def kill_once(self, number: int, chance: random.Random) -> None:
        """Let one replica die at a step, or, every fourth time, at any moment, and check."""
        step = None if number % 4 == 3 else STEPS[(number - number // 4) % len(STEPS)]
        after = chance.randrange(1, 9 if step in STEPS[4:9] else 30)
        moment_s = chance.uniform(0.005, 0.12)

        def body(report: Report) -> None:
            if step is None:
                threading.Thread(target=_burn, args=(moment_s,), daemon=True).start()
            run = _live_and_die(
                self.place, report, number=number, step=step, after=after, answer_early=self.answer_early
            )
            asyncio.run(run)

        child, reader = in_child(body)
        said = read_all(reader)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), said
        self.kills[step or "any moment"] += 1
        self._check(said)

    def _check(self, said: str) -> None:
        fresh: dict[str, str] = {}
        left: set[str] = set()
        keyed: list[tuple[str, str]] = []
        for line in said.splitlines():
            kind, *rest = line.split(" ")
            if kind == "signed":
                fresh[rest[0]] = rest[1]
            elif kind == "left":
                self.left += 1
                left.add(rest[0])
                self.nonce_of[rest[0]] = rest[1]
                if rest[2] != "-":
                    keyed.append((rest[2], rest[0]))
            else:
                assert kind == "died", line
        # Reopened as the next process does: readable, and its sums are those of its live quotes.
        journal = self.place.open(lease_ms=_LEASE_MS)
        try:
            live = {quote.order_hash.hex(): quote for quote in journal.recover().live}
        finally:
            journal.close()
        check_totals(self.place)
        self._read_on()
        for order_hash in left:
            assert order_hash in fresh or order_hash in self.signed, f"an answer nobody signed: {order_hash}"
            assert order_hash in self.known, f"a signature without a reservation: {order_hash}"
        for order_hash, r in fresh.items():
            if order_hash not in self.known:
                # Made while its record was on the way; it died with the process.
                self.forgotten += 1
                continue
            assert self.signed.setdefault(order_hash, r) == r, "one order, two signatures"
            recovered = order_hash in live or order_hash in self.ended
            assert recovered, f"a signature whose reservation was not recovered: {order_hash}"
        for key, order_hash in keyed:
            before = self.hash_of_key.setdefault(key, order_hash)
            assert before == order_hash or before in self.ended, f"{key}: two live quotes"
            self.hash_of_key[key] = order_hash

    def _read_on(self) -> None:
        """Read what the last process added."""
        quotes, outcomes = self.cursor
        for seq, order_hash, space, nonce in self.place.rows(_QUOTES.format(quotes)):
            assert (space, nonce) not in self.nonces, "a nonce was used twice"
            self.nonces.add((space, nonce))
            self.known.add(bytes(order_hash).hex())
            quotes = max(quotes, seq)
        for seq, order_hash in self.place.rows(_OUTCOMES.format(outcomes)):
            self.ended.add(bytes(order_hash).hex())
            outcomes = max(outcomes, seq)
        self.cursor = (quotes, outcomes)

    def finish(self) -> dict[str, Any]:
        """Read the whole journal once, hold it against everything that was signed, and return figures."""
        entries = self.place.read()
        quotes = {entry.order_hash.hex(): entry for entry in entries if entry.order_hash is not None}
        assert set(self.signed) <= set(quotes)
        for order_hash, nonce in self.nonce_of.items():
            entry = quotes[order_hash]
            assert nonce == f"{entry.settlement}:{entry.lane}:{entry.nonce}"
            assert entry.reserved_amount > 0 or entry.funding != "inventory"
        return {
            "kills": sum(self.kills.values()),
            "by_step": dict(self.kills),
            "requests": len(entries),
            "admitted": len(quotes),
            "signed": len(self.signed),
            "answered": self.left,
            "signatures that died with their record": self.forgotten,
        }


_QUOTES = "SELECT seq, order_hash, nonce_space, nonce FROM quotes WHERE seq > {} AND order_hash IS NOT NULL"
_OUTCOMES = "SELECT seq, order_hash FROM outcomes WHERE seq > {}"


def _burn(after_s: float) -> None:
    time.sleep(after_s)
    os.kill(os.getpid(), signal.SIGKILL)


def run_campaign(place: Place, *, kills: int, seed: int, answer_early: bool = False) -> dict[str, Any]:
    """Kill so many replicas and return figures; fails at the first thing that does not hold."""
    campaign = Campaign(place, answer_early=answer_early)
    chance = random.Random(seed)
    for number in range(kills):
        campaign.kill_once(number, chance)
    return campaign.finish()
