"""Sends the desk's own transactions from one account, each intent once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock
from typing import Final

from pmm.chain.rpc import RpcError
from pmm.chain.sender.answers import state_after_error
from pmm.chain.sender.following import ChainFacts, Move, first_gap, follow
from pmm.chain.sender.looking import SenderNode, look
from pmm.chain.sender.policy import SenderPolicy
from pmm.chain.sender.records import (
    Attempt,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
    TransactionStore,
)
from pmm.chain.sender.signed_transaction import EMPTY_GAS, SignedTransaction, TransactionKey, sign_transaction
from pmm.chain.sender.simulation import Simulated, simulate
from pmm.domain import Address
from pmm.errors import ChainError, InvalidInput, UnsafeToSign

_GAP_KEY: Final = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of asking; ``record`` is None where nothing was recorded, so nothing can have been sent."""

    state: TransactionState
    detail: str = ""
    record: TransactionRecord | None = None

    @property
    def refused(self) -> bool:
        """Whether the same intent may be asked for again."""
        return self.record is None


class TransactionSender:
    """One account's transactions. ``submit`` asks for one, ``step`` follows all of them and is called per block.

    Both may be called from several threads; they run one after the other.

    Args:
        node: whom to ask and to send to.
        key: the account's key.
        store: the durable record.
        chain_id: the chain that transactions are valid on.
        policy: how they are sent.
        allowed: called at the start and in every step; raises UnsafeToSign where the node is not the one that the
            key was allowed for (see :mod:`pmm.chain.sender.keys`). Nothing is signed until it passes again.
        watch: told of every record that changed, after it is durable.

    Raises as :meth:`step`, and ChainError where the records do not belong to this chain.
    """

    def __init__(
        self,
        *,
        node: SenderNode,
        key: TransactionKey,
        store: TransactionStore,
        chain_id: int,
        policy: SenderPolicy | None = None,
        allowed: Callable[[], None] = lambda: None,
        watch: Callable[[TransactionRecord], None] = lambda _: None,
    ) -> None:
        self.policy = policy or SenderPolicy()
        self._node, self._key, self._store = node, key, store
        self._chain_id = chain_id
        self._allowed, self._watch = allowed, watch
        self._lock = RLock()
        self._safe = False
        self._check_node()
        self._open: dict[int, TransactionRecord] = {}
        self._next_nonce = 0
        self._doubtful = True
        self._read_records()
        self._facts = self._look()
        self._reconcile_nonce()

    @property
    def address(self) -> Address:
        """The account."""
        return self._key.address

    @property
    def gas_price_wei(self) -> int:
        """What a transaction would pay per gas by the newest look: plans that count with it are sent by it."""
        return self.policy.fees.price_wei(self._facts.market)

    @property
    def open_records(self) -> tuple[TransactionRecord, ...]:
        """Records that are not final, by nonce."""
        with self._lock:
            return tuple(self._open[nonce] for nonce in sorted(self._open))

    def find(self, key: str) -> TransactionRecord | None:
        """Return the record of an intent."""
        return self._store.find(key)

    def submit(self, intent: TransactionIntent) -> Submission:
        """Send an intent, unless its key was sent before: then say what became of that.

        Raises:
            InvalidInput: the key stands for another call.
            UnsafeToSign: the node is not the one that the key was allowed for.
            SetupError: the record could not be made durable; nothing was sent.
            RpcError, NodeUnreachable: the node could not judge the call; nothing was sent.
        """
        with self._lock:
            self._read_records()
            known = self._store.find(intent.key)
            if known is not None:
                return _as_known(known, intent)
            if intent.last_block is not None and self._facts.head >= intent.last_block:
                return _refused(
                    f"expected to be mined by block {intent.last_block}, found the chain at {self._facts.head}; "
                    "plan it again"
                )
            cap_wei = intent.cap_wei(self.policy.fees.cap_wei)
            fees = self.policy.fees.first(self._facts.market, cap_wei=cap_wei)
            if fees is None:
                return _refused(
                    f"gas costs {self._facts.market.base_fee_wei} wei and may rise above the cap of "
                    f"{cap_wei} wei; wait, or raise the cap"
                )
            simulated = Simulated() if intent.behind_ours else simulate(self._node, self.address, intent)
            if simulated.revert:
                return _refused(simulated.revert)
            limit = self._limit(intent, simulated.gas)
            if limit > self.policy.most_gas:
                return _refused(f"expected at most {self.policy.most_gas} gas, found {limit} with its margin")
            draft = Attempt(
                transaction_hash="",
                fees=fees,
                gas_limit=limit,
                block=self._facts.head,
                access_list=simulated.access_list,
            )
            record = self._first_attempt(intent, self._next_nonce, draft)
            return Submission(state=record.state, detail=record.detail, record=record)

    def step(self) -> tuple[TransactionRecord, ...]:
        """Look at the chain and do what each open record needs; return the records that changed.

        Raises:
            RpcError, NodeUnreachable, ChainError: the node could not be read. What was durable stays.
            UnsafeToSign, SetupError: as :meth:`submit`.
        """
        with self._lock:
            self._check_node()
            self._read_records()
            self._facts = facts = self._look()
            self._next_nonce = max(self._next_nonce, facts.pooled_nonce)
            changed = [self._follow(record, facts) for record in self.open_records]
            filled = self._fill_gap(facts)
            return tuple(record for record in (*changed, filled) if record is not None)

    def cancel(self, key: str) -> TransactionRecord:
        """Put an empty transaction in the place of an intent that is not mined; the chain decides which one wins.

        Raises InvalidInput for a key without an open record, ChainError where gas costs more than the cap.
        """
        with self._lock:
            record = self._under_way(key)
            changed = self._again(record, empty=True)
            if changed is record:
                raise ChainError(f"cancel {key}: gas costs more than the cap; wait, or raise the cap")
            return changed

    def hurry(self, key: str, fee_cap_wei: int) -> None:
        """Let an intent that is under way pay up to another cap; the next steps replace it where that helps.

        Raises InvalidInput for a key without an open record.
        """
        with self._lock:
            record = self._under_way(key)
            self._keep(replace(record, intent=replace(record.intent, fee_cap_wei=fee_cap_wei)))

    def _under_way(self, key: str) -> TransactionRecord:
        record = next((one for one in self.open_records if one.intent.key == key), None)
        if record is None:
            raise InvalidInput(f"expected an intent that is under way, found none named {key!r}")
        return record

    def _check_node(self) -> None:
        self._safe = False
        self._allowed()
        self._safe = True

    def _read_records(self) -> None:
        """Read the open records and the next nonce where a write left it open whether it stands."""
        if not self._doubtful:
            return
        chain_id, sender = self._chain_id, self.address
        records = self._store.open_records(chain_id=chain_id, sender=sender)
        self._open = {record.nonce: record for record in records}
        highest = self._store.highest_nonce(chain_id=chain_id, sender=sender)
        self._next_nonce = max(self._next_nonce, 0 if highest is None else highest + 1)
        self._doubtful = False

    def _look(self) -> ChainFacts:
        return look(self._node, self.address, self.open_records, confirmations=self.policy.confirmations)

    def _reconcile_nonce(self) -> None:
        facts = self._facts
        missing = self._next_nonce - facts.pooled_nonce - sum(n >= facts.pooled_nonce for n in self._open)
        if missing > self.policy.most_missing_nonces:
            raise ChainError(
                f"expected the chain to have about {self._next_nonce} transactions of {self.address}, as the records "
                f"say, found {facts.pooled_nonce}; the records belong to another chain or node, or it is far behind"
            )
        self._next_nonce = max(self._next_nonce, facts.pooled_nonce)

    def _limit(self, intent: TransactionIntent, gas: int) -> int:
        return intent.gas_limit or -(-gas * (10_000 + self.policy.gas_margin_bps) // 10_000)

    def _first_attempt(self, intent: TransactionIntent, nonce: int, draft: Attempt) -> TransactionRecord:
        signed = self._signed(intent, nonce, draft)
        record = TransactionRecord(
            intent=intent,
            chain_id=self._chain_id,
            sender=self.address,
            nonce=nonce,
            attempts=(replace(draft, transaction_hash=signed.transaction_hash),),
            state=TransactionState.RECORDED,
        )
        # Durable first: from here on a crash can lose the answer, never the fact that it may have been sent.
        try:
            self._store.add(record)
        except BaseException:
            # A server whose connection breaks while it confirms may have it all the same.
            self._doubtful = True
            raise
        self._next_nonce = max(self._next_nonce, nonce + 1)
        self._open[nonce] = record
        return self._broadcast(record, signed)

    def _follow(self, record: TransactionRecord, facts: ChainFacts) -> TransactionRecord | None:
        policy = self.policy
        followed = follow(
            record,
            facts,
            confirmations=policy.confirmations,
            replace_after=policy.replace_after_blocks,
        )
        now = followed.record
        if now != record:
            self._keep(now)
        if followed.move is Move.SEND_AGAIN:
            now = self._send_last(now)
        elif followed.move is Move.CANCEL:
            now = self._again(now, empty=True)
        elif followed.move is Move.REPLACE:
            now = self._again(now, empty=now.last.empty or self._would_revert(now.intent))
        return None if now == record else now

    def _again(self, record: TransactionRecord, *, empty: bool) -> TransactionRecord:
        """Send another attempt with higher fees; where they would exceed the cap the last one goes out again."""
        last, intent = record.last, record.intent
        cap_wei = intent.cap_wei(self.policy.fees.cap_wei, empty=empty)
        fees = self.policy.fees.replacement(last.fees, self._facts.market, cap_wei=cap_wei)
        if fees is None:
            if last.transaction_hash in self._facts.known:
                return record
            return self._send_last(record)
        draft = replace(last, fees=fees, block=self._facts.head, transaction_hash="", empty=empty)
        if empty:
            draft = replace(draft, gas_limit=EMPTY_GAS, access_list=())
        signed = self._signed(intent, record.nonce, draft)
        attempts = (*record.attempts, replace(draft, transaction_hash=signed.transaction_hash))
        longer = replace(record, attempts=attempts)
        self._keep(longer)
        return self._broadcast(longer, signed)

    def _send_last(self, record: TransactionRecord) -> TransactionRecord:
        """Send the newest attempt again; a key that signs otherwise each time makes another hash, kept first."""
        signed = self._signed(record.intent, record.nonce, record.last)
        if signed.transaction_hash != record.last.transaction_hash:
            other = replace(record.last, transaction_hash=signed.transaction_hash)
            record = replace(record, attempts=(*record.attempts, other))
            self._keep(record)
        return self._broadcast(record, signed)

    def _fill_gap(self, facts: ChainFacts) -> TransactionRecord | None:
        nonce = first_gap(self._open, facts, next_nonce=self._next_nonce)
        # Nothing waits behind a nonce that is merely the next one.
        if nonce is None or not any(other > nonce for other in self._open):
            if nonce is not None and not self._open:
                self._next_nonce = facts.pooled_nonce
            return None
        fees = self.policy.fees.first(facts.market)
        if fees is None:
            return None
        intent = TransactionIntent(
            key=f"{_GAP_KEY}:{self._chain_id}:{self.address}:{nonce}:{facts.head}",
            purpose=f"fill the gap at nonce {nonce}, which later transactions wait for",
            to=self.address,
        )
        draft = Attempt(transaction_hash="", fees=fees, gas_limit=EMPTY_GAS, block=facts.head, empty=True)
        try:
            return self._first_attempt(intent, nonce, draft)
        except InvalidInput as error:
            raise ChainError(
                f"expected nonce {nonce} of {self.address} to be used, as a final record says, found it free: "
                "the node is behind, or its chain went back below the confirmation depth; wait, or look into it"
            ) from error

    def _would_revert(self, intent: TransactionIntent) -> bool:
        try:
            return bool(simulate(self._node, self.address, intent, estimate=False).revert)
        except RpcError:
            # The node cannot judge this one: the others do not wait for it.
            return False

    def _signed(self, intent: TransactionIntent, nonce: int, attempt: Attempt) -> SignedTransaction:
        if not self._safe:
            raise UnsafeToSign(
                "expected the node to be the one that the key was allowed for; see the last step"
            )
        to, data, value_wei = (self.address, b"", 0) if attempt.empty else intent.call
        return sign_transaction(
            self._key,
            chain_id=self._chain_id,
            nonce=nonce,
            to=to,
            data=data,
            value_wei=value_wei,
            attempt=attempt,
        )

    def _broadcast(self, record: TransactionRecord, signed: SignedTransaction) -> TransactionRecord:
        try:
            self._node.call("eth_sendRawTransaction", signed.raw)
        except ChainError as error:
            state, detail = state_after_error(error)
            # What the node says about a second attempt says nothing about the first.
            if state is TransactionState.RECORDED and record.state is not TransactionState.RECORDED:
                state = TransactionState.UNKNOWN
            sent = record.moved(state, detail=detail.replace(signed.raw.removeprefix("0x"), "..."))
        else:
            sent = record.moved(TransactionState.PENDING)
        self._keep(sent)
        return sent

    def _keep(self, record: TransactionRecord) -> None:
        self._store.update(record)
        if record.final:
            self._open.pop(record.nonce, None)
        else:
            self._open[record.nonce] = record
        self._watch(record)


def _as_known(record: TransactionRecord, intent: TransactionIntent) -> Submission:
    if record.intent.call != intent.call:
        raise InvalidInput(
            f"transaction intent {intent.key}: expected the call that this key was recorded with, found another; "
            "give a new intent a new key"
        )
    return Submission(state=record.state, detail=record.detail, record=record)


def _refused(detail: str) -> Submission:
    return Submission(state=TransactionState.REFUSED, detail=detail)
