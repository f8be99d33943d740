"""A ledger that an indexer has filled, with the desk's performance on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pmm.chain.indexer import IndexStore
from pmm.chain.indexer.index_store import NewBlock
from pmm.chain.sender import TransactionIntent, TransactionRecord, TransactionState
from pmm.chain.sender.records import Inclusion
from pmm.desk.performance import PerformanceDesk
from pmm.domain import USDC, WETH, Address, BlockRef, ChainEvent, EventPlace, OrderFilled, TokenMoved
from pmm.execution.book import AccountKind, BookScope, InventoryBook
from pmm.execution.hedging import HedgeMarket, PerpCharge
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import RiskEvent
from tests.helpers.quoting import MAKER, TAKER

ETH, USD = 10**18, 10**6
TOKENS = (WETH, USDC)
POOL = Address("0x" + "66" * 20)
START_MS = 1_800_000_000_000


def market(weth_usd: int = 3_000, at_s: int = 100) -> HedgeMarket:
    return HedgeMarket(
        block_number=1,
        at_s=at_s,
        gas_price_wei=1,
        native=WETH.address,
        usd_per_unit_e36={WETH.address: weth_usd * 10**18, USDC.address: 10**30},
        inventory={},
        debts={},
    )


def block(number: int, fork: int = 0, time_s: int = 100) -> BlockRef:
    def name(at: int) -> bytes:
        return (at + 1).to_bytes(31, "big") + bytes([fork])

    return BlockRef(number=number, hash=name(number), parent_hash=name(number - 1), time_s=time_s)


def filled(at: BlockRef, *, making: int = 2_998 * USD, taking: int = ETH) -> tuple[ChainEvent, ...]:
    """We gave dollars for ether."""
    places = [EventPlace(block=at, transaction_hash=b"\7" * 32, log_index=index) for index in range(3)]
    return (
        OrderFilled(
            place=places[0],
            order_hash=b"\1" * 32,
            settled_by=MAKER,
            taker=TAKER,
            maker_asset=USDC.address,
            taker_asset=WETH.address,
            making_amount=making,
            taking_amount=taking,
        ),
        TokenMoved(place=places[1], token=USDC.address, sender=MAKER, receiver=TAKER, amount=making),
        TokenMoved(place=places[2], token=WETH.address, sender=TAKER, receiver=MAKER, amount=taking),
    )


def swapped(at: BlockRef, *, sold: int = ETH, bought: int = 2_995 * USD) -> tuple[ChainEvent, ...]:
    """A hedge sold ether, in a transaction of its own."""
    places = [EventPlace(block=at, transaction_hash=b"\x08" * 32, log_index=10 + index) for index in range(2)]
    return (
        TokenMoved(place=places[0], token=WETH.address, sender=MAKER, receiver=POOL, amount=sold),
        TokenMoved(place=places[1], token=USDC.address, sender=POOL, receiver=MAKER, amount=bought),
    )


def sent(key: str = "hedge:1", cost_wei: int = 10**15) -> TransactionRecord:
    return TransactionRecord(
        intent=TransactionIntent(key=key, purpose="swap", to=MAKER),
        chain_id=1,
        sender=TAKER,
        nonce=0,
        attempts=(),
        state=TransactionState.CONFIRMED,
        inclusion=Inclusion(
            transaction_hash="0x" + "08" * 32,
            block_number=1,
            block_hash="0x" + "01" * 32,
            succeeded=True,
            gas_used=1,
            gas_price_wei=cost_wei,
        ),
    )


@dataclass
class Site:
    """Everything; ``again`` is the desk after a crash."""

    folder: Path
    events: DeskEvents = field(default_factory=DeskEvents)
    now_ms: int = START_MS
    charged: list[PerpCharge] = field(default_factory=list)
    ledger: Ledger = field(init=False)
    desk: PerformanceDesk = field(init=False)
    book: InventoryBook = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = open_ledger(self.folder / "ledger.sqlite", chain_id=1, maker=MAKER)
        self.store = IndexStore(self.ledger)
        self.store.begin(block(0), "watched")
        self.book = InventoryBook(
            scope=BookScope(
                accounts={MAKER: AccountKind.CONTRACT}, tokens=tuple(one.address for one in TOKENS)
            )
        )
        self.again()
        self.look()

    def again(self) -> None:
        self.events = DeskEvents()
        self.desk = PerformanceDesk(
            self.ledger,
            self.events.book,
            tokens=TOKENS,
            accounts=frozenset({MAKER}),
            numeraires=frozenset({USDC.address}),
            lateness_ms=3_000,
            now_ms=self.now_ms,
            perps=(self,),
        )

    def charges(self) -> tuple[PerpCharge, ...]:
        """It is its own perp venue."""
        return tuple(self.charged)

    def happens(self, at: BlockRef, events: Sequence[ChainEvent], *, ancestor: int | None = None) -> None:
        place = self.store.place()
        assert place is not None
        self.store.advance(
            place,
            ancestor=place.head.number if ancestor is None else ancestor,
            added=[NewBlock(block=at, events=tuple(events))],
            head=at,
            finalised=0,
        )

    def look(
        self,
        weth_usd: int = 3_000,
        *,
        after_ms: int = 0,
        at_s: int = 100,
        records: Sequence[TransactionRecord] = (),
    ) -> list[RiskEvent]:
        self.now_ms += after_ms
        return self.desk.look(records, self.book, market(weth_usd, at_s), self.now_ms)

    def value(self, name: str, **labels: str) -> float | None:
        return self.events.registry.get_sample_value(name, labels)

    def count(self, table: str) -> int:
        return int(self.ledger.read(f"SELECT count(*) FROM performance_{table}")[0][0])


def undecided(record: TransactionRecord) -> TransactionRecord:
    return replace(record, state=TransactionState.PENDING, inclusion=None)
