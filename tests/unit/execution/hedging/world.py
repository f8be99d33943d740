"""A chain, a sender and a hedger that crash, lose answers and are reorganised, and what must hold all the while."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pmm.domain import WETH, BlockRef, ChainChange, ChainEvent, keccak256
from pmm.execution.hedging import (
    ContractCall,
    HedgeStrategy,
    Immediate,
    IntentState,
    Report,
    ReportState,
)
from pmm.ledger import Ledger
from tests.helpers.hedging import (
    FlatRoute,
    fill_events,
    hedger_on,
    market,
    open_hedging_ledger,
    swap_events,
)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Block:
    """A block of the model's chain."""

    ref: BlockRef
    events: tuple[ChainEvent, ...]
    transactions: tuple[bytes, ...]
    delta: int
    hedges: dict[str, int]


@dataclass
class WorldSender:
    """A sender whose record and pool outlive the hedger; ``next`` says what the next hand-overs meet."""

    calls: dict[str, int] = field(default_factory=dict)
    mined: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    next: list[str] = field(default_factory=list)
    mute: bool = False
    twice: list[str] = field(default_factory=list)

    def submit(self, key: str, call: ContractCall) -> Report:
        how = self.next.pop(0) if self.next else ""
        if how == "crash before":
            raise Crash
        if how == "lost before":
            raise TimeoutError("no answer")
        if how == "refuse":
            return Report(state=ReportState.REFUSED, detail="it would revert")
        if key in self.calls:
            # Kept for the invariant: what is raised here counts as a lost answer.
            self.twice.append(key)
            return self.report(key)
        self.calls[key] = int(call.data)
        if how == "crash after":
            raise Crash
        if how == "lost after":
            raise TimeoutError("no answer")
        return self.report(key)

    def report(self, key: str) -> Report:
        if self.mute:
            raise TimeoutError("no answer")
        if key not in self.calls:
            return Report(state=ReportState.ABSENT)
        state = ReportState.FAILED if key in self.dead else ReportState.PENDING
        if key in self.mined:
            state = ReportState.DONE
        return Report(state=state, references=(self.hash_of(key),))

    @staticmethod
    def hash_of(key: str) -> bytes:
        return keccak256(f"transaction {key}".encode())

    def pending(self) -> list[str]:
        return [key for key in self.calls if key not in self.mined and key not in self.dead]


class NumberedRoute(FlatRoute):
    """Says in its calldata what it trades."""

    traded = 0

    def plans(self, order, market):  # type: ignore[no-untyped-def]
        self.traded = order.trade
        return super().plans(order, market)

    def call(self, purpose: str) -> ContractCall:  # type: ignore[override]
        return ContractCall(
            to=super().call(purpose).to, data=str(self.traded).encode(), purpose=purpose, gas_units=1
        )


class World:
    """The chain as it is, and a hedger that follows it through steps which may come twice or late."""

    def __init__(self, strategy: HedgeStrategy | None = None) -> None:
        self.folder = TemporaryDirectory()
        self.sender = WorldSender()
        self.strategy = strategy or Immediate()
        self.chain: list[Block] = [Block(self._ref(0, b"", 0), (), (), 0, {})]
        self.numbers = 0
        self.now_ms = 0
        self.told: list[Block] = []
        """What the hedger's consumer was told to be the chain."""
        self.ledger: Ledger
        self.start()

    def start(self) -> None:
        self.ledger = open_hedging_ledger(Path(self.folder.name) / "ledger.sqlite")
        self.hedger = hedger_on(
            self.ledger,
            self.sender,  # type: ignore[arg-type]
            strategy=self.strategy,
            routes=(NumberedRoute(),),
        )

    def crash(self) -> None:
        self.ledger.close()
        self.start()

    def close(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def _ref(self, number: int, parent: bytes, salt: int) -> BlockRef:
        own = keccak256(f"{number} {parent.hex()} {salt}".encode())
        return BlockRef(number=number, hash=own, parent_hash=parent, time_s=1_700_000_000 + number)

    # ------------------------------------------------------------------------------------------ what happens

    def mine(self, *, fills: list[int], hedges: list[str], off_by: int = 0) -> None:
        """Mine a block of fills (the WETH that the desk gets) and hedges of the pool."""
        parent = self.chain[-1].ref
        self.numbers += 1
        ref = self._ref(parent.number + 1, parent.hash, self.numbers)
        events: list[ChainEvent] = []
        transactions: list[bytes] = []
        delta = 0
        brought: dict[str, int] = {}
        for index, amount in enumerate(fills):
            transaction = keccak256(f"fill {self.numbers} {index}".encode())
            side = {"buys": amount} if amount > 0 else {"sells": -amount}
            events += fill_events(ref, transaction, first_log=len(events), **side)
            transactions.append(transaction)
            delta += amount
        for key in hedges:
            got = self.sender.calls[key] + off_by
            events += swap_events(ref, self.sender.hash_of(key), weth=got, first_log=len(events))
            transactions.append(self.sender.hash_of(key))
            self.sender.mined.add(key)
            delta += got
            brought[key] = got
        self.chain.append(Block(ref, tuple(events), tuple(transactions), delta, brought))

    def roll_back(self, depth: int) -> None:
        """Take blocks away: their fills are gone, their hedges are in the pool again."""
        for _ in range(min(depth, len(self.chain) - 1)):
            block = self.chain.pop()
            self.sender.mined -= {
                key for key in self.sender.mined if self.sender.hash_of(key) in block.transactions
            }

    def change(self) -> ChainChange:
        """Return the step from what the hedger was told to what is."""
        common = 0
        while (
            common < min(len(self.told), len(self.chain))
            and self.told[common].ref.hash == self.chain[common].ref.hash
        ):
            common += 1
        removed = [event for block in reversed(self.told[common:]) for event in reversed(block.events)]
        added = [event for block in self.chain[common:] for event in block.events]
        return ChainChange(removed=tuple(removed), added=tuple(added), head=self.chain[-1].ref, finalised=0)

    def tell(self, *, with_market: bool, twice: bool = False) -> None:
        """Let the hedger follow; ``twice``: the step comes again, as of an indexer that delivers at least once."""
        self.now_ms += 1_000
        change = self.change()

        def acknowledge(_: object) -> None:
            self.told = list(self.chain)

        for _ in range(1 + twice):
            try:
                self.hedger.on_change(
                    change,
                    now_ms=self.now_ms,
                    market=market() if with_market else None,
                    acknowledge=acknowledge,
                )
            except Crash:
                self.crash()

    def step(self, *, wait_ms: int = 1_000) -> None:
        self.now_ms += wait_ms
        try:
            self.hedger.step(now_ms=self.now_ms, market=market())
        except Crash:
            self.crash()

    # ------------------------------------------------------------------------------------------ what must hold

    def check_books(self) -> None:
        """Every base unit of every fill that was told is open, under way, hedged, or waived: once."""
        told = sum(block.delta for block in self.told) - self._not_attributed()
        open_delta = self.hedger.open_delta(WETH.address)
        in_flight = self.hedger.in_flight(WETH.address)
        waived = sum(int(row[0]) for row in self.ledger.read("SELECT waived FROM hedging_intents"))
        assert told == open_delta - in_flight + waived, (
            f"fills and hedges leave {told}, the books say {open_delta} open, {in_flight} under way, {waived} waived"
        )
        claimed: dict[str, int] = {}
        carried: dict[str, int] = {}
        for key, kind, amount, intent in self.ledger.read(
            "SELECT entry_key, kind, amount, intent_id FROM hedging_entries"
        ):
            if intent is not None:
                claimed[intent] = claimed.get(intent, 0) + int(amount)
            if kind == "carry":
                carried[key.split(":")[1]] = int(amount)
        for intent, trade, left in self.ledger.read("SELECT intent_id, trade, waived FROM hedging_intents"):
            assert claimed[intent] == -int(trade) + int(left) + carried.get(intent, 0), intent

    def _not_attributed(self) -> int:
        """Return what hedges brought that are mined as far as the hedger was told, but not settled in its books.

        The answer was lost, so that nobody has named the transaction yet; or the sender knows already that the block
        is gone and the transaction dead. Both end when everybody has caught up, which ``settle_down`` checks.
        """
        rows = self.ledger.read("SELECT leg_key FROM hedging_legs WHERE state NOT IN ('settled', 'final')")
        lost = {self.sender.hash_of(key): key for (key,) in rows}
        found = 0
        for block in self.told:
            for transaction in lost.keys() & set(block.transactions):
                found += block.hedges[lost[transaction]]
        return found

    def check_sent(self) -> None:
        """No leg is under way twice: at most one call per intent may still happen."""
        assert self.sender.twice == []
        alive: dict[str, int] = {}
        for key in self.sender.pending() + sorted(self.sender.mined):
            intent = key.split(":")[0]
            alive[intent] = alive.get(intent, 0) + 1
        assert all(count == 1 for count in alive.values()), alive

    def settle_down(self) -> None:
        """Let everything answer and be mined: then nothing is open, and the desk's delta is what was waived."""
        self.sender.mute, self.sender.next = False, []
        for _ in range(12):
            self.tell(with_market=True)
            self.step(wait_ms=20_000)
            if self.sender.pending():
                self.mine(fills=[], hedges=self.sender.pending())
        self.tell(with_market=True)
        self.step(wait_ms=20_000)
        waived = sum(int(row[0]) for row in self.ledger.read("SELECT waived FROM hedging_intents"))
        assert sum(block.delta for block in self.chain) == waived + self.hedger.open_delta(WETH.address)
        assert self.hedger.in_flight(WETH.address) == 0
        live = self.ledger.read(
            "SELECT intent_id FROM hedging_intents WHERE state IN (?, ?)",
            (IntentState.OPEN.value, IntentState.UNWINDING.value),
        )
        assert live == []
