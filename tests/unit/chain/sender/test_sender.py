"""Each intent once: lost answers, crashes, replacements, gaps, reorganisations, other users of the key."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_utils.crypto import keccak

from pmm.chain.abi import encode_call
from pmm.chain.rpc import RpcError
from pmm.chain.sender import (
    FeePolicy,
    LedgerTransactionStore,
    LocalTransactionKey,
    SenderPolicy,
    TransactionIntent,
    TransactionRecord,
    TransactionSender,
    TransactionState,
)
from pmm.domain import Signature, SigningKey, parse_address
from pmm.domain.signing import CURVE_ORDER
from pmm.errors import ChainError, InvalidInput, UnsafeToSign
from pmm.ledger import open_ledger
from pmm.ledger.errors import LedgerDown
from tests.helpers.fake_pool import GWEI, FakePool, Pooled
from tests.helpers.quoting import MAKER

S = TransactionState
_TO = parse_address("0x" + "aa" * 20)
_KEY = SigningKey.generate(secrets.token_bytes)
_SECRET = b"\x01" * 32
_POLICY = SenderPolicy(confirmations=3, replace_after_blocks=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LedgerTransactionStore]:
    ledger = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    yield LedgerTransactionStore(ledger)
    ledger.close()


@pytest.fixture
def node() -> FakePool:
    return FakePool()


Start = Callable[[], TransactionSender]


@pytest.fixture
def start(node: FakePool, store: LedgerTransactionStore) -> Start:
    """Start a sender on the node and the records, as after a crash."""

    def run() -> TransactionSender:
        return TransactionSender(
            node=node, key=LocalTransactionKey(_KEY), store=store, chain_id=1, policy=_POLICY
        )

    return run


def intent(
    key: str = "hedge:1", data: bytes = b"\x01", fee_cap_wei: int | None = None, last_block: int | None = None
) -> TransactionIntent:
    return TransactionIntent(
        key=key, purpose="a hedge", to=_TO, data=data, fee_cap_wei=fee_cap_wei, last_block=last_block
    )


def state(sender: TransactionSender, key: str = "hedge:1") -> TransactionState:
    record = sender.find(key)
    assert record is not None
    return record.state


def mine_and_step(node: FakePool, sender: TransactionSender, blocks: int = 1) -> None:
    for _ in range(blocks):
        node.mine()
        sender.step()


def test_submit__taken__is_mined_then_confirmed_at_the_depth(node: FakePool, start: Start) -> None:
    sender = start()
    assert sender.submit(intent()).state is S.PENDING
    (sent,) = node.sent
    assert (sent.sender, sent.nonce, sent.to, sent.data) == (_KEY.address, 0, _TO.lower(), "0x01")
    assert (sent.max_fee, sent.tip, sent.gas) == (21 * GWEI, GWEI, 118_800)
    assert len(sent.access_list) == 1
    for expected in (S.MINED, S.MINED, S.CONFIRMED):
        mine_and_step(node, sender)
        assert state(sender) is expected
    assert sender.open_records == ()


def test_submit__same_key_again__sends_nothing(node: FakePool, start: Start) -> None:
    sender = start()
    first, second = sender.submit(intent()), sender.submit(intent())
    assert first.record == second.record
    mine_and_step(node, sender, 5)
    assert sender.submit(intent()).state is S.CONFIRMED
    assert len(node.sent) == 1


def test_submit__same_key_for_another_call__is_refused(start: Start) -> None:
    sender = start()
    sender.submit(intent())
    with pytest.raises(InvalidInput, match="found another"):
        sender.submit(intent(data=b"\x02"))


def test_submit__call_that_would_revert__is_refused_in_words_and_may_come_again(
    node: FakePool, start: Start
) -> None:
    node.reverts["0x01"] = "0x" + encode_call("Error(string)", "35").hex()
    sender = start()
    refused = sender.submit(intent())
    assert (refused.state, refused.record, node.sent) == (S.REFUSED, None, [])
    assert "35" in refused.detail
    node.reverts.clear()
    assert sender.submit(intent()).state is S.PENDING


def test_submit__gas_above_the_cap__is_refused_unless_the_intent_pays_more(
    node: FakePool, start: Start
) -> None:
    node.base_fee = 500 * GWEI
    sender = start()
    assert "above the cap" in sender.submit(intent()).detail
    assert sender.submit(intent("deleverage:1", fee_cap_wei=2_000 * GWEI)).state is S.PENDING


def test_submit__gas_above_what_it_is_worth__is_refused_below_the_cap_too(
    node: FakePool, start: Start
) -> None:
    node.base_fee = 20 * GWEI
    worth = replace(intent(), gas_price_cap_wei=20 * GWEI)
    refused = start().submit(worth)
    assert (refused.state, node.sent) == (S.REFUSED, [])
    assert f"above the cap of {20 * GWEI} wei" in refused.detail
    # It bounds, it never raises what a sender pays.
    node.base_fee = 500 * GWEI
    assert start().submit(replace(intent(), gas_price_cap_wei=9_000 * GWEI)).state is S.REFUSED


def test_step__gas_rises_above_what_it_is_worth__waits_and_leaves_its_nonce_at_its_last_block(
    node: FakePool, start: Start
) -> None:
    worth_wei = 2 * node.base_fee
    sender = start()
    sender.submit(replace(intent(last_block=node.head + 6), gas_price_cap_wei=worth_wei))
    node.base_fee = 4 * worth_wei
    mine_and_step(node, sender, 5)
    assert state(sender) is S.PENDING
    assert max(one.max_fee for one in node.sent) <= worth_wei
    # An empty transaction is worth any price below the sender's cap: others wait behind it.
    mine_and_step(node, sender, 8)
    assert state(sender) is S.CANCELLED
    assert (node.sent[-1].data, node.sent[-1].max_fee > worth_wei) == ("0x", True)


def test_submit__estimate_above_the_limit__is_refused(node: FakePool, start: Start) -> None:
    node.estimate = 9_000_000
    assert "expected at most 10000000 gas" in start().submit(intent()).detail


def test_submit__answer_lost__is_unknown_until_the_chain_decides(node: FakePool, start: Start) -> None:
    node.lose_answer = True
    sender = start()
    assert sender.submit(intent()).state is S.UNKNOWN
    mine_and_step(node, sender)
    assert state(sender) is S.MINED
    assert len(node.sent) == 1


@pytest.mark.parametrize(
    "answer", ["already known", "nonce too low", "replacement transaction underpriced", "?"]
)
def test_submit__answer_that_tells_nothing__is_unknown(node: FakePool, start: Start, answer: str) -> None:
    node.refuse = answer
    assert start().submit(intent()).state is S.UNKNOWN


def test_submit__node_keeps_nothing__is_sent_again_with_the_same_nonce(node: FakePool, start: Start) -> None:
    node.refuse = "insufficient funds for gas * price + value"
    sender = start()
    submission = sender.submit(intent())
    assert submission.state is S.RECORDED
    assert "insufficient funds" in submission.detail
    mine_and_step(node, sender, 5)
    node.refuse = None
    sender.step()
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert [(one.nonce, one.max_fee) for one in node.sent] == [(0, 21 * GWEI)]


class _CrashingStore:
    """Records, then the process dies before the node hears of it."""

    def __init__(self, store: LedgerTransactionStore) -> None:
        self._store = store

    def add(self, record: TransactionRecord) -> None:
        self._store.add(record)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_crash__between_record_and_send__is_sent_once_after_the_start(
    node: FakePool, store: LedgerTransactionStore, start: Start
) -> None:
    dying = TransactionSender(
        node=node,
        key=LocalTransactionKey(_KEY),
        store=_CrashingStore(store),  # type: ignore[arg-type]
        chain_id=1,
        policy=_POLICY,
    )
    with pytest.raises(KeyboardInterrupt):
        dying.submit(intent())
    assert node.sent == []
    sender = start()
    sender.step()
    assert sender.submit(intent()).state is S.PENDING
    assert sender.submit(intent("hedge:2", b"\x02")).state is S.PENDING
    mine_and_step(node, sender, 3)
    assert [(one.nonce, one.data) for one in node.sent] == [(0, "0x01"), (1, "0x02")]


class _DoubtfulStore(_CrashingStore):
    """The database confirms the first record, and the connection breaks before it says so."""

    broken = False

    def add(self, record: TransactionRecord) -> None:
        self._store.add(record)
        if not self.broken:
            self.broken = True
            raise LedgerDown("the connection broke while it was confirming")


def test_record__confirmation_lost__is_sent_by_the_next_step_and_the_nonce_stays_its_own(
    node: FakePool, store: LedgerTransactionStore
) -> None:
    sender = TransactionSender(
        node=node,
        key=LocalTransactionKey(_KEY),
        store=_DoubtfulStore(store),  # type: ignore[arg-type]
        chain_id=1,
        policy=_POLICY,
    )
    with pytest.raises(LedgerDown):
        sender.submit(intent())
    assert node.sent == []
    assert sender.submit(intent("hedge:2", b"\x02")).state is S.PENDING
    sender.step()
    mine_and_step(node, sender, 3)
    assert sorted((one.nonce, one.data) for one in node.sent) == [(0, "0x01"), (1, "0x02")]
    assert (state(sender), state(sender, "hedge:2")) == (S.CONFIRMED, S.CONFIRMED)


class _RandomKey(LocalTransactionKey):
    """Signs otherwise each time, as keys elsewhere do (AWS KMS draws its nonce)."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key)
        self._turns = count()

    def sign_transaction(self, fields: dict[str, Any], digest: bytes) -> Signature:
        one = super().sign_transaction(fields, digest)
        if next(self._turns) % 2 == 0:
            return one
        k = 7 + next(self._turns)
        secret = int.from_bytes(_SECRET, "big")
        point = PrivateKey(k.to_bytes(32, "big")).public_key.point()
        s = pow(k, -1, CURVE_ORDER) * (int.from_bytes(digest, "big") + point[0] * secret) % CURVE_ORDER
        parity = point[1] & 1
        if s > CURVE_ORDER // 2:
            s, parity = CURVE_ORDER - s, parity ^ 1
        return Signature(r=point[0] % CURVE_ORDER, s=s, y_parity=parity)


def test_step__key_that_signs_otherwise_each_time__every_hash_that_left_is_on_record(
    node: FakePool, store: LedgerTransactionStore
) -> None:
    sender = TransactionSender(
        node=node, key=_RandomKey(SigningKey(_SECRET)), store=store, chain_id=1, policy=_POLICY
    )
    sender.submit(intent())
    node.drop()
    sender.step()
    mine_and_step(node, sender, 3)
    assert len(node.sent) == 2
    assert node.sent[0].hash != node.sent[1].hash
    assert state(sender) is S.CONFIRMED


def test_step__node_that_lags_behind_what_was_final__fills_no_gap_there(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED
    sender.submit(intent("hedge:2", b"\x02"))
    ahead = node.blocks[-6:]
    del node.blocks[-6:]
    with pytest.raises(ChainError, match="the node is behind"):
        sender.step()
    assert [one.data for one in node.sent] == ["0x01", "0x02"]
    node.blocks += ahead
    mine_and_step(node, sender, 3)
    assert state(sender, "hedge:2") is S.CONFIRMED


def test_step__receipt_missing_for_a_transaction_that_the_node_knows__is_not_taken_for_displaced(
    node: FakePool, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = start()
    sender.submit(intent())
    (sent,) = node.sent
    node.mine(5)
    receipt = node.getTransactionReceipt
    monkeypatch.setattr(node, "getTransactionReceipt", lambda _: None)
    monkeypatch.setattr(node, "getTransactionByHash", lambda _: {"hash": sent.hash})
    sender.step()
    assert state(sender) is S.UNKNOWN
    monkeypatch.setattr(node, "getTransactionReceipt", receipt)
    sender.step()
    assert state(sender) is S.CONFIRMED


@pytest.mark.parametrize("said", ["invalid opcode: INVALID", "out of gas", "internal error"])
def test_step__node_cannot_judge_one_transaction__the_others_are_followed(
    node: FakePool, start: Start, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = start()
    sender.submit(intent())
    sender.submit(intent("hedge:2", b"\x02"))
    node.base_fee = 30 * GWEI

    def fails(call: dict[str, Any], _: str) -> str:
        raise RpcError("eth_call", {"code": -32000, "message": said})

    monkeypatch.setattr(node, "simulated", fails)
    mine_and_step(node, sender, 2)
    node.base_fee = GWEI
    mine_and_step(node, sender, 3)
    assert state(sender, "hedge:2") is S.CONFIRMED


@pytest.mark.parametrize("said", ["invalid opcode: INVALID", "out of gas", "stack underflow (0 <=> 1)"])
def test_submit__call_that_the_machine_stops__is_refused(
    node: FakePool, start: Start, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(call: dict[str, Any], _: str) -> str:
        raise RpcError("eth_call", {"code": -32000, "message": said})

    monkeypatch.setattr(node, "simulated", fails)
    refused = start().submit(intent())
    assert (refused.state, refused.record) == (S.REFUSED, None)


@pytest.mark.parametrize("method", ["maxPriorityFeePerGas", "getTransactionCount"])
def test_step__answer_that_is_no_number__is_an_error_that_passes(
    node: FakePool, start: Start, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = start()
    monkeypatch.setattr(node, method, lambda *_: None)
    with pytest.raises(ChainError):
        sender.step()


@pytest.mark.parametrize("prefix", ["0x", ""])
def test_submit__node_repeats_the_raw_transaction__it_is_on_no_record(
    node: FakePool, start: Start, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws: list[str] = []

    def refuses(raw: str) -> str:
        raws.append(raw)
        raise RpcError("eth_sendRawTransaction", {"code": -32000, "message": f"rejected {prefix}{raw[2:]}"})

    monkeypatch.setattr(node, "sendRawTransaction", refuses)
    submission = start().submit(intent())
    assert "rejected" in submission.detail
    assert raws[0][2:] not in submission.detail


def test_crash__after_send__is_known_after_the_start_and_not_sent_again(node: FakePool, start: Start) -> None:
    start().submit(intent())
    sender = start()
    assert sender.submit(intent()).state is S.PENDING
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert len(node.sent) == 1


def test_step__not_mined_for_long__is_replaced_with_a_tenth_more(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    node.base_fee = 30 * GWEI
    mine_and_step(node, sender, 2)
    first, second = node.sent
    assert (first.nonce, first.data) == (second.nonce, second.data)
    assert second.max_fee * 10 >= first.max_fee * 11
    assert second.tip * 10 >= first.tip * 11
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED


def test_step__replaced_and_the_first_is_mined__counts_once(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    (first,) = node.sent
    node.base_fee = 30 * GWEI
    mine_and_step(node, sender, 2)
    node.pool[first.sender, first.nonce] = first
    node.base_fee = GWEI
    mine_and_step(node, sender, 3)
    record = sender.find("hedge:1")
    assert record is not None
    assert record.inclusion is not None
    assert (record.state, record.inclusion.transaction_hash) == (S.CONFIRMED, first.hash)


def test_step__replacement_above_the_cap__waits(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    node.base_fee = 10_000 * GWEI
    mine_and_step(node, sender, 30)
    assert max(one.max_fee for one in node.sent) <= FeePolicy().cap_wei
    node.base_fee = GWEI
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED


def test_step__due_replacement_that_would_revert_now__is_cancelled(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    node.base_fee = 30 * GWEI
    node.reverts["0x01"] = "0x"
    mine_and_step(node, sender, 2)
    assert (node.sent[-1].to, node.sent[-1].data, node.sent[-1].gas) == (_KEY.address.lower(), "0x", 21_000)
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CANCELLED


def test_step__intent_past_its_last_block__is_cancelled(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent(last_block=node.head + 1))
    node.base_fee = 30 * GWEI
    mine_and_step(node, sender, 4)
    assert state(sender) is S.CANCELLED
    assert node.sent[-1].data == "0x"


def test_submit__past_its_last_block__is_refused(node: FakePool, start: Start) -> None:
    refused = start().submit(intent(last_block=node.head))
    assert (refused.state, refused.record, node.sent) == (S.REFUSED, None, [])
    assert start().submit(intent(last_block=node.head + 1)).state is S.PENDING


def test_cancel__before_it_is_mined__takes_the_nonce(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    sender.cancel("hedge:1")
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CANCELLED
    with pytest.raises(InvalidInput, match="under way"):
        sender.cancel("hedge:1")


def test_hurry__under_way_below_a_new_base_fee__pays_the_new_cap(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    node.base_fee = 500 * GWEI
    mine_and_step(node, sender, 4)
    assert state(sender) is S.PENDING
    sender.hurry("hedge:1", 2_000 * GWEI)
    sender = start()
    sender.step()
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED


def test_submit__behind_a_transaction_of_ours__is_not_simulated(node: FakePool, start: Start) -> None:
    node.reverts["0x02"] = "0x"
    sender = start()
    sender.submit(intent())
    behind = TransactionIntent(
        key="hedge:2", purpose="a hedge", to=_TO, data=b"\x02", gas_limit=50_000, behind_ours=True
    )
    assert sender.submit(behind).state is S.PENDING
    assert [(one.nonce, one.gas) for one in node.sent] == [(0, 118_800), (1, 50_000)]
    with pytest.raises(InvalidInput, match="expected a gas limit"):
        replace(behind, gas_limit=None)


def test_step__mined_and_reverted__is_said(node: FakePool, start: Start) -> None:
    node.fails.add("0x01")
    sender = start()
    sender.submit(intent())
    mine_and_step(node, sender, 3)
    assert state(sender) is S.REVERTED


@pytest.mark.parametrize("pooled", [True, False], ids=["back in the pool", "lost"])
def test_reorg__drops_the_receipt__is_pending_again_and_ends_once(
    node: FakePool, start: Start, pooled: bool
) -> None:
    sender = start()
    sender.submit(intent())
    mine_and_step(node, sender)
    assert state(sender) is S.MINED
    node.reorg(1, keep_in_pool=pooled)
    sender.step()
    assert state(sender) is S.PENDING
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED
    assert sum(one.data == "0x01" for block in node.blocks for one in block) == 1


def test_step__node_forgot_its_pool__is_sent_again(node: FakePool, start: Start) -> None:
    sender = start()
    sender.submit(intent())
    node.drop()
    sender.step()
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED


def _foreign(nonce: int) -> Pooled:
    raw = keccak(text=f"foreign {nonce}").hex()
    return Pooled("0x" + raw, _KEY.address, nonce, _TO, "0xff", 0, 40 * GWEI, GWEI, 21_000, ())


def test_gap__left_by_a_transaction_of_another_process__is_filled(node: FakePool, start: Start) -> None:
    node.pool[_KEY.address, 0] = _foreign(0)
    sender = start()
    sender.submit(intent())
    assert node.sent[-1].nonce == 1
    del node.pool[_KEY.address, 0]
    mine_and_step(node, sender, 4)
    assert state(sender) is S.CONFIRMED
    assert [(one.nonce, one.data) for one in node.sent] == [(1, "0x01"), (0, "0x")]


def test_gap__of_a_transaction_that_waits_in_the_pool__is_left_alone(node: FakePool, start: Start) -> None:
    node.pool[_KEY.address, 0] = _foreign(0)
    node.base_fee = 50 * GWEI
    sender = start()
    sender.submit(intent())
    mine_and_step(node, sender, 1)
    assert [one.nonce for one in node.sent] == [1]


def test_nonce__used_by_another_process__displaces_and_the_next_is_beyond_it(
    node: FakePool, start: Start
) -> None:
    sender = start()
    sender.submit(intent())
    node.pool[_KEY.address, 0] = _foreign(0)
    node.mine()
    sender.step()
    assert state(sender) is S.UNKNOWN
    mine_and_step(node, sender, 2)
    assert state(sender) is S.DISPLACED
    sender.submit(intent("hedge:2", b"\x02"))
    assert node.sent[-1].nonce == 1


def test_nonce__taken_by_another_process_while_we_run__is_left_to_it(node: FakePool, start: Start) -> None:
    sender = start()
    node.pool[_KEY.address, 0] = _foreign(0)
    sender.step()
    sender.submit(intent())
    assert node.sent[-1].nonce == 1
    mine_and_step(node, sender, 3)
    assert state(sender) is S.CONFIRMED


def test_start__records_of_another_chain__is_refused(
    node: FakePool, store: LedgerTransactionStore, start: Start
) -> None:
    sender = start()
    sender.submit(intent())
    record = sender.find("hedge:1")
    assert record is not None
    store.add(replace(record, intent=intent("hedge:2"), nonce=500, state=S.CONFIRMED))
    with pytest.raises(ChainError, match="belong to another chain"):
        start()


def test_step__another_node_answers__signs_nothing(node: FakePool, store: LedgerTransactionStore) -> None:
    faults: list[UnsafeToSign] = []

    def allowed() -> None:
        if faults:
            raise faults[0]

    sender = TransactionSender(
        node=node, key=LocalTransactionKey(_KEY), store=store, chain_id=1, allowed=allowed
    )
    faults.append(UnsafeToSign("another node"))
    with pytest.raises(UnsafeToSign):
        sender.step()
    with pytest.raises(UnsafeToSign):
        sender.submit(intent())
    assert node.sent == []
    faults.clear()
    sender.step()
    assert sender.submit(intent()).state is S.PENDING


def test_records__of_everything_sent__hold_no_signature(node: FakePool, start: Start, tmp_path: Path) -> None:
    sender = start()
    raw = node.raw
    sender.submit(intent())
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    # r and s are the last 64 bytes and their prefixes.
    assert bytes.fromhex(raw[0][-64:]) not in written
    assert raw[0][-64:].encode() not in written
    assert raw[0][-64:] not in repr(sender.open_records)


def test_gas_price__is_that_of_the_newest_look__and_of_the_next_transaction(
    node: FakePool, start: Start
) -> None:
    sender = start()
    assert sender.gas_price_wei == 11 * GWEI
    node.base_fee, node.tip = 20 * GWEI, 9 * GWEI
    # Not before it looks again: a plan and the transaction it ends in go by one look.
    assert sender.gas_price_wei == 11 * GWEI
    sender.step()
    assert sender.gas_price_wei == 20 * GWEI + min(9 * GWEI, sender.policy.fees.priority_cap_wei)
