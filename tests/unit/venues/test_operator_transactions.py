"""What the hedger's legs become as transactions of the operator, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pmm.chain.sender import (
    Attempt,
    Fees,
    Inclusion,
    Submission,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
)
from pmm.domain import WETH, Address
from pmm.execution.hedging import ContractCall, NoticeKind, ReportState
from pmm.venues.operator_transactions import OperatorTransactions
from tests.helpers.hedging import (
    ETHER,
    LENDING,
    SETTLEMENT,
    TAKER,
    block,
    change,
    fill_events,
    hedger_on,
    market,
    open_hedging_ledger,
    swap_events,
)

S = TransactionState


@dataclass
class _Sender:
    """Refuses everything and remembers it; ``records`` are what it finds."""

    asked: list[TransactionIntent] = field(default_factory=list)
    records: dict[str, TransactionRecord] = field(default_factory=dict)
    address: Address = SETTLEMENT

    def submit(self, intent: TransactionIntent) -> Submission:
        self.asked.append(intent)
        return Submission(state=TransactionState.REFUSED, detail="no")

    def find(self, key: str) -> TransactionRecord | None:
        return self.records.get(key)


def _record(
    state: TransactionState, *, sender: Address = SETTLEMENT, mined: bool | None = None
) -> TransactionRecord:
    attempt = Attempt(
        transaction_hash="0x" + "01" * 32, fees=Fees(max_fee_wei=1, priority_fee_wei=1), gas_limit=1, block=1
    )
    inclusion = None if mined is None else Inclusion(
        transaction_hash=attempt.transaction_hash, block_number=1, block_hash="0x", succeeded=mined, gas_used=1,
        gas_price_wei=1,
    )  # fmt: skip
    return TransactionRecord(
        intent=TransactionIntent(key="hedge:a", purpose="a hedge", to=TAKER),
        chain_id=1, sender=sender, nonce=0, attempts=(attempt,), state=state, inclusion=inclusion,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (_record(S.PENDING), ReportState.PENDING),
        (_record(S.MINED, mined=True), ReportState.DONE),
        (_record(S.MINED, mined=False), ReportState.PENDING),
        (_record(S.PENDING, sender=LENDING), ReportState.UNKNOWN),
        (_record(S.MINED, sender=LENDING, mined=True), ReportState.UNKNOWN),
        (_record(S.CONFIRMED, sender=LENDING, mined=True), ReportState.DONE),
        (_record(S.DISPLACED, sender=LENDING), ReportState.FAILED),
    ],
)
def test_report__state_of_the_record__of_another_account_only_what_is_final(
    record: TransactionRecord, state: ReportState
) -> None:
    report = OperatorTransactions(_Sender(records={"hedge:a": record})).report("a")
    assert (report.state, report.references) == (state, (b"\x01" * 32,))
    assert (LENDING in report.detail) is (state is ReportState.UNKNOWN)


def test_restart__with_another_key__a_hedge_that_nobody_follows_is_said_once__and_settles_by_its_events(
    tmp_path: Path,
) -> None:
    ledger = open_hedging_ledger(tmp_path / "ledger.sqlite")
    sender = _Sender()
    hedger = hedger_on(ledger, OperatorTransactions(sender))  # type: ignore[arg-type]
    hedger.on_change(change(block(1), added=fill_events(block(1), b"\x02" * 32, sells=ETHER)), now_ms=1)
    key = None

    def crash(intent: TransactionIntent) -> Submission:
        nonlocal key
        key = intent.key
        sender.records[key] = _record(S.PENDING, sender=LENDING)
        raise KeyboardInterrupt

    sender.submit = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        hedger.step(now_ms=2, market=market())
    assert key in sender.records
    again = hedger_on(ledger, OperatorTransactions(sender))  # type: ignore[arg-type]
    (notice,) = again.step(now_ms=3, market=market())
    assert notice.kind is NoticeKind.NO_ANSWER
    assert LENDING in notice.detail
    assert again.step(now_ms=4, market=market()) == ()
    mined = swap_events(block(2), b"\x01" * 32, weth=ETHER)
    again.on_change(change(block(2), added=mined), now_ms=5, market=market())
    assert (again.in_flight(WETH.address), again.open_delta(WETH.address)) == (0, 0)
    ledger.close()


def test_submit__call_with_a_last_block_and_a_gas_price__the_transaction_has_them() -> None:
    sender = _Sender()
    call = ContractCall(
        to=SETTLEMENT, data=b"\x01", purpose="a hedge", gas_units=1, last_block=7, gas_price_cap_wei=3
    )
    report = OperatorTransactions(sender).submit("a:0:0", call)
    assert report.state is ReportState.REFUSED
    (asked,) = sender.asked
    assert (asked.key, asked.data) == ("hedge:a:0:0", b"\x01")
    assert (asked.last_block, asked.gas_price_cap_wei) == (7, 3)
