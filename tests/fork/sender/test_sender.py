"""The sender against anvil's own pool, blocks and reorganisations, and against genuine protocol code."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.chain.abi import encode_call
from pmm.chain.addresses import AAVE_V3_POOL
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import (
    LedgerTransactionStore,
    LocalTransactionKey,
    SenderPolicy,
    TransactionIntent,
    TransactionSender,
    TransactionState,
    read_identity,
    same_node,
    transaction_key,
)
from pmm.domain import USDC, WETH, SigningKey, parse_address
from pmm.errors import UnsafeToSign
from pmm.ledger import open_ledger
from pmm.localnet.funding import balance_of, deal
from tests.helpers.quoting import MAKER

S = TransactionState
_TO = parse_address("0x" + "d0" * 20)
_ETHER = 10**18


@pytest.fixture
def key(rpc: JsonRpc) -> SigningKey:
    made = SigningKey.generate(secrets.token_bytes)
    rpc.call("anvil_setBalance", made.address, hex(100 * _ETHER))
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LedgerTransactionStore]:
    ledger = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    yield LedgerTransactionStore(ledger)
    ledger.close()


@pytest.fixture
def sender(rpc: JsonRpc, key: SigningKey, store: LedgerTransactionStore) -> TransactionSender:
    # Before mining is by hand: `deal` waits for its receipts.
    deal(rpc, USDC.address, key.address, 10**9)
    rpc.call("evm_setAutomine", False)
    return TransactionSender(
        node=rpc,
        key=LocalTransactionKey(key),
        store=store,
        chain_id=1,
        policy=SenderPolicy(confirmations=3, replace_after_blocks=2),
        allowed=same_node(rpc, read_identity(rpc)),
    )


def pay(key: str = "pay:1", amount: int = _ETHER) -> TransactionIntent:
    return TransactionIntent(key=key, purpose="a payment", to=_TO, value_wei=amount)


def paid(rpc: JsonRpc) -> int:
    return int(rpc.call("eth_getBalance", _TO, "latest"), 16)


def mine_and_step(rpc: JsonRpc, sender: TransactionSender, blocks: int = 1) -> None:
    for _ in range(blocks):
        rpc.call("evm_mine")
        sender.step()


def state(sender: TransactionSender, key: str = "pay:1") -> TransactionState:
    record = sender.find(key)
    assert record is not None
    return record.state


def test_submit__payments__are_confirmed_once_each(rpc: JsonRpc, sender: TransactionSender) -> None:
    before = paid(rpc)
    for number in (1, 2, 1):
        assert sender.submit(pay(f"pay:{number}")).state is S.PENDING
    mine_and_step(rpc, sender)
    assert (state(sender), state(sender, "pay:2")) == (S.MINED, S.MINED)
    mine_and_step(rpc, sender, 2)
    assert (state(sender), state(sender, "pay:2")) == (S.CONFIRMED, S.CONFIRMED)
    assert paid(rpc) - before == 2 * _ETHER


def test_reorg__undoes_the_payment__is_paid_once_in_the_end(rpc: JsonRpc, sender: TransactionSender) -> None:
    before = paid(rpc)
    mine_and_step(rpc, sender, 2)
    sender.submit(pay())
    mine_and_step(rpc, sender)
    assert state(sender) is S.MINED
    rpc.call("anvil_reorg", 1, [])
    assert paid(rpc) == before
    sender.step()
    assert state(sender) is S.PENDING
    mine_and_step(rpc, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert paid(rpc) - before == _ETHER


def test_step__price_too_low_for_the_base_fee__is_replaced(rpc: JsonRpc, sender: TransactionSender) -> None:
    before = paid(rpc)
    sender.submit(pay())
    base_fee = int(rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    for _ in range(2):
        rpc.call("anvil_setNextBlockBaseFeePerGas", hex(max(base_fee, 10**9) * 5))
        mine_and_step(rpc, sender)
    (record,) = sender.open_records
    assert len(record.attempts) == 2
    mine_and_step(rpc, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert paid(rpc) - before == _ETHER


def test_step__node_dropped_it__is_sent_again(rpc: JsonRpc, sender: TransactionSender) -> None:
    before = paid(rpc)
    sender.submit(pay())
    rpc.call("anvil_dropAllTransactions")
    sender.step()
    mine_and_step(rpc, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert paid(rpc) - before == _ETHER


def test_gap__left_by_a_dropped_transaction_of_another_user_of_the_key__is_filled(
    rpc: JsonRpc, sender: TransactionSender, key: SigningKey, store: LedgerTransactionStore
) -> None:
    rpc.call("anvil_impersonateAccount", key.address)
    foreign = rpc.call("eth_sendTransaction", {"from": key.address, "to": _TO, "value": "0x1"})
    sender.step()
    sender.submit(pay())
    (record,) = sender.open_records
    assert record.nonce == 1
    rpc.call("anvil_dropTransaction", foreign)
    sender.step()
    mine_and_step(rpc, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert int(rpc.call("eth_getTransactionCount", key.address, "latest"), 16) == 2


def test_cancel__before_it_is_mined__pays_nothing(rpc: JsonRpc, sender: TransactionSender) -> None:
    before = paid(rpc)
    sender.submit(pay())
    sender.cancel("pay:1")
    mine_and_step(rpc, sender, 3)
    assert (state(sender), paid(rpc)) == (S.CANCELLED, before)


def test_submit__genuine_aave__is_refused_in_words_then_sent_with_a_list_that_saves(
    rpc: JsonRpc, sender: TransactionSender, key: SigningKey
) -> None:
    supply = TransactionIntent(
        key="supply",
        purpose="supply to Aave",
        to=parse_address(AAVE_V3_POOL),
        data=encode_call("supply(address,uint256,address,uint16)", USDC.address, 10**9, key.address, 0),
    )
    refused = sender.submit(supply)
    assert refused.state is S.REFUSED
    assert "it would revert: " in refused.detail
    allow = encode_call("approve(address,uint256)", AAVE_V3_POOL, 10**9)
    sender.submit(TransactionIntent(key="allow", purpose="allow Aave", to=USDC.address, data=allow))
    mine_and_step(rpc, sender)
    submission = sender.submit(supply)
    assert submission.record is not None
    assert submission.record.last.access_list
    mine_and_step(rpc, sender, 3)
    record = sender.find("supply")
    assert record is not None
    assert record.inclusion is not None
    assert record.state is S.CONFIRMED
    assert record.inclusion.gas_used < record.last.gas_limit
    assert balance_of(rpc, USDC.address, key.address) == 0


def test_key__keystore_on_a_development_node__is_refused(rpc: JsonRpc, tmp_path: Path) -> None:
    identity = read_identity(rpc)
    keystore = tmp_path / "keystore.json"
    with pytest.raises(UnsafeToSign, match="no keystore"):
        transaction_key(identity, record_chain_id=1, live=False, keystore=keystore, password="")
    made = transaction_key(identity, record_chain_id=1, live=False, keystore=None, password="")
    assert made.address != WETH.address
