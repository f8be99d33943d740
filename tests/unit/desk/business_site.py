"""A ledger that an indexer has filled, with the desk's business on it, and a journal of one quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pmm.chain.sender import LedgerTransactionStore, TransactionRecord, TransactionState
from pmm.chain.sender.fees import Fees
from pmm.chain.sender.records import Attempt, Inclusion
from pmm.desk.business import BusinessDesk, BusinessParts
from pmm.desk.business_ledger import BusinessLedger
from pmm.desk.failed_settlements import BlockNode, FailedSettlements
from pmm.desk.own_transactions import OwnTransactions
from pmm.desk.quote_book import QuoteBook
from pmm.desk.venue_times import VenueTimes
from pmm.domain import USDC, WETH
from pmm.errors import SetupError
from pmm.execution.hedging import (
    ContractCall,
    HedgeLedger,
    Intent,
    IntentState,
)
from pmm.execution.hedging.records import Entry, EntryKind, HedgeBatch, Leg, LegState
from pmm.journal.given_quotes import GivenQuote
from pmm.risk.events import Rebalanced, RiskEvent
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import START_MS, Site, block, market, sent

ORDER = b"\1" * 32
QUOTE = GivenQuote(
    seq=1,
    given_ms=START_MS - 1_000,
    relayer="1inch",
    maker_asset=USDC.address,
    taker_asset=WETH.address,
    taking_amount=10**18,
    taker="any",
    usd_wad=2_998 * 10**18,
    # Ten basis points of the fair value, of which two are for gas.
    pricing={"totalBps": "10", "componentsBps": {"half_spread": "8", "gas": "2"}},
    salt="ab" * 32,
    expires_s=START_MS // 1_000 + 60,
)


@dataclass
class OneJournal:
    """As far as ``GivenQuotes`` goes."""

    quotes: dict[bytes, GivenQuote] = field(default_factory=lambda: {ORDER: QUOTE})
    down: bool = False

    def _ask(self) -> None:
        if self.down:
            raise SetupError("the journal is down")

    def before(self, at_ms: int) -> int:
        self._ask()
        return 0

    def behind(self, place: int, *, most: int) -> tuple[int, list[GivenQuote]]:
        self._ask()
        found = [one for one in self.quotes.values() if one.seq > place]
        return max((one.seq for one in found), default=place), found

    def find(self, order_hash: bytes) -> GivenQuote | None:
        self._ask()
        return self.quotes.get(order_hash)


class BusinessSite(Site):
    """``again`` is the desk after a crash; the clock of its transactions moves by hand."""

    journal: OneJournal
    hedges = True
    venues: tuple[VenueTimes, ...] = ()
    node: BlockNode | None = None
    clock_ns = 1_000

    def __init__(self, folder: Path) -> None:
        self.journal = OneJournal()
        super().__init__(folder)

    def again(self) -> None:
        super().again()
        self.transactions = OwnTransactions(
            BusinessLedger(self.ledger).submissions(), clock_ns=lambda: self.clock_ns
        )
        parts = BusinessParts(
            quotes=QuoteBook(self.journal, pairs={}, symbols={WETH.address: "WETH", USDC.address: "USDC"}),  # type: ignore[arg-type]
            transactions=self.transactions,
            accounts=frozenset({MAKER}),
            hedges=self.hedges,
            venues=self.venues,
            failures=FailedSettlements(
                self.node, settlement=MAKER, place=BusinessLedger(self.ledger).looked_through()
            )
            if self.node
            else None,
        )
        self.business = BusinessDesk(self.ledger, parts, now_ms=self.now_ms)

    def told(
        self,
        *,
        after_ms: int = 0,
        hedged: bool = False,
        head: int = 0,
        records: Sequence[TransactionRecord] = (),
    ) -> list[RiskEvent]:
        """One turn: profit first, as in the desk; that nothing was rebalanced is left out."""
        self.look(after_ms=after_ms)
        self.business.sent(records)
        found = self.business.look(self.book, market(), self.now_ms, hedged=hedged, head=head)
        return [one for one in found if not (isinstance(one, Rebalanced) and one.count == 0)]

    def enter(self, amount: int = 10**18, intent_id: str | None = None) -> None:
        """The hedger's entry of the fill of block 1."""
        entry = Entry(
            key="fill:1",
            kind=EntryKind.FILL,
            asset=WETH.address,
            amount=amount,
            at_ms=self.now_ms,
            block_number=1,
            block_hash=block(1).hash,
            transaction_hash=b"\7" * 32,
            intent_id=intent_id,
        )
        HedgeLedger(self.ledger).write(HedgeBatch(entries=(entry,)))

    def hedge(self, state: IntentState, *, claims: bool = True) -> None:
        """A hedge that sold the ether of the fill with the transaction of ``swapped``."""
        intent = Intent(
            intent_id="i1",
            asset=WETH.address,
            trade=-(10**18),
            waived=0,
            route="swap",
            strategy="immediate",
            reason="all of it",
            created_ms=START_MS,
            cost_usd_wad=0,
            edge_usd_wad=0,
            state=state,
        )
        done = state is IntentState.DONE
        leg = Leg(
            key="i1:0:0",
            intent_id="i1",
            number=0,
            attempt=0,
            call=ContractCall(to=MAKER, data=b"", purpose="swap", gas_units=1),
            state=LegState.SETTLED if done else LegState.SUBMITTED,
            settled_by=b"\x08" * 32 if done else b"",
            block_hash=block(1).hash if done else b"",
        )
        claimed = (("fill:1", "i1"),) if claims else ()
        HedgeLedger(self.ledger).write(HedgeBatch(intents=(intent,), legs=(leg,), claims=claimed))


def pending(key: str = "hedge:i1:0:0", sent_at: int = 4) -> TransactionRecord:
    """A transaction that a node took when the chain stood at a block."""
    attempt = Attempt(
        transaction_hash="0x" + "08" * 32,
        fees=Fees(max_fee_wei=1, priority_fee_wei=1),
        gas_limit=1,
        block=sent_at,
    )
    return replace(sent(key), attempts=(attempt,), state=TransactionState.PENDING, inclusion=None)


def mined(record: TransactionRecord, number: int = 6, *, cost_wei: int = 10**15) -> TransactionRecord:
    at = Inclusion(
        transaction_hash="0x" + "08" * 32,
        block_number=number,
        block_hash="0x" + block(1).hash.hex(),
        succeeded=True,
        gas_used=1,
        gas_price_wei=cost_wei,
    )
    return record.moved(TransactionState.MINED, inclusion=at)


def keep(site: BusinessSite, record: TransactionRecord) -> None:
    """Write it as the sender does."""
    store = LedgerTransactionStore(site.ledger)
    (store.update if store.find(record.intent.key) else store.add)(record)
