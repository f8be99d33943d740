"""Records of transactions in both kinds of ledger: read back as written, no key and no nonce twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.chain.access_list import AccessEntry
from pmm.chain.sender import (
    Attempt,
    Fees,
    Inclusion,
    LedgerTransactionStore,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
)
from pmm.ledger import Ledger, LedgerRefused, open_ledger
from tests.helpers.quoting import MAKER, TAKER

_RECORD = TransactionRecord(
    intent=TransactionIntent(
        key="hedge:1", purpose="a hedge", to=TAKER, data=b"\x01\xff", value_wei=2**200, last_block=9
    ),
    chain_id=1,
    sender=MAKER,
    nonce=7,
    attempts=(
        Attempt(
            transaction_hash="0xab",
            fees=Fees(max_fee_wei=2 * 10**12, priority_fee_wei=10**9),
            gas_limit=100_000,
            block=3,
            access_list=(AccessEntry(address=TAKER, storage_keys=(b"\x02" * 32,)),),
        ),
    ),
    state=TransactionState.RECORDED,
)
_INCLUSION = Inclusion(
    transaction_hash="0xab",
    block_number=4,
    block_hash="0xcd",
    succeeded=True,
    gas_used=90_000,
    gas_price_wei=10**10,
)


@pytest.fixture
def ledger(where: Path | str) -> Iterator[Ledger]:
    found = open_ledger(where, chain_id=1, maker=MAKER)
    yield found
    found.close()


def test_store__record_with_everything__is_read_back_as_written(ledger: Ledger) -> None:
    store = LedgerTransactionStore(ledger)
    store.add(_RECORD)
    assert store.find("hedge:1") == _RECORD
    assert store.find("hedge:2") is None
    mined = replace(
        _RECORD.moved(TransactionState.MINED, inclusion=_INCLUSION),
        intent=replace(_RECORD.intent, fee_cap_wei=5 * 10**12),
        attempts=(*_RECORD.attempts, replace(_RECORD.last, transaction_hash="0xac", empty=True)),
    )
    store.update(mined)
    assert store.open_records(chain_id=1, sender=MAKER) == (mined,)
    store.update(mined.moved(TransactionState.CONFIRMED, inclusion=_INCLUSION))
    assert store.open_records(chain_id=1, sender=MAKER) == ()
    assert store.highest_nonce(chain_id=1, sender=MAKER) == 7
    assert store.highest_nonce(chain_id=1, sender=TAKER) is None


@pytest.mark.parametrize(
    "second",
    [replace(_RECORD, nonce=8), replace(_RECORD, intent=replace(_RECORD.intent, key="hedge:2"))],
    ids=["same key", "same nonce"],
)
def test_store__key_or_nonce_twice__is_refused_by_the_database(
    ledger: Ledger, second: TransactionRecord
) -> None:
    store = LedgerTransactionStore(ledger)
    store.add(_RECORD)
    with pytest.raises(LedgerRefused):
        store.add(second)
    assert store.open_records(chain_id=1, sender=MAKER) == (_RECORD,)
    another = replace(_RECORD, intent=replace(_RECORD.intent, key="hedge:3"), sender=TAKER)
    store.add(another)
    assert store.open_records(chain_id=1, sender=TAKER) == (another,)
