"""What the desk wants on the chain, what was sent for it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from pmm.chain.access_list import AccessEntry, AccessList
from pmm.chain.sender.fees import Fees
from pmm.domain import Address, parse_address
from pmm.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionIntent:
    """One call that is to happen once.

    Attributes:
        key: names the intent for ever: the same key is never sent twice, whatever crashes.
        purpose: what it is for, in words, for the log and the operator.
        to: contract or account.
        data: calldata.
        value_wei: ether sent along.
        gas_limit: known beforehand; without it the node estimates.
        fee_cap_wei: another cap per gas than the sender's, for what must not wait.
        gas_price_cap_wei: the most per gas at which it is worth sending; the lower of the caps counts. What takes its
            nonce instead may cost more.
        last_block: not to be mined after it: an empty transaction then takes its place. None: it never expires.
        behind_ours: it works only after a transaction of ours that is not mined yet, and has a lower nonce. It is
            not simulated then, and needs a gas limit.

    Raises InvalidInput for a value that cannot be right.
    """

    key: str
    purpose: str
    to: Address
    data: bytes = b""
    value_wei: int = 0
    gas_limit: int | None = None
    fee_cap_wei: int | None = None
    gas_price_cap_wei: int | None = None
    last_block: int | None = None
    behind_ours: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", parse_address(self.to, f"to of transaction intent {self.key}"))
        if not self.key or not self.purpose:
            raise InvalidInput("transaction intent: expected a key and a purpose, found none")
        if self.behind_ours and self.gas_limit is None:
            raise InvalidInput(
                f"transaction intent {self.key}: expected a gas limit, for it is not simulated"
            )
        if self.value_wei < 0 or (self.gas_limit is not None and self.gas_limit <= 0):
            raise InvalidInput(
                f"transaction intent {self.key}: expected no negative value and a positive gas limit, found "
                f"{self.value_wei} and {self.gas_limit}"
            )

    def cap_wei(self, usual_wei: int, *, empty: bool = False) -> int:
        """Return the most per gas, of a sender that usually pays as much; ``empty`` only takes the nonce."""
        cap = usual_wei if self.fee_cap_wei is None else self.fee_cap_wei
        if empty or self.gas_price_cap_wei is None:
            return cap
        return min(cap, self.gas_price_cap_wei)

    @property
    def call(self) -> tuple[Address, bytes, int]:
        """What the chain sees of it."""
        return self.to, self.data, self.value_wei


class TransactionState(StrEnum):
    """How far an intent is. The last four are final."""

    REFUSED = "refused"
    """Never recorded nor sent: it would revert, or gas costs more than the cap. May be asked for again."""
    RECORDED = "recorded"
    """Has its nonce and its record; no node has taken it yet. It is sent again at every step."""
    PENDING = "pending"
    """A node took it."""
    UNKNOWN = "unknown"
    """Sent, and the answer was lost or says nothing: the chain decides."""
    MINED = "mined"
    """In a block that may still be undone."""
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    CANCELLED = "cancelled"
    """An empty transaction of ours took its nonce."""
    DISPLACED = "displaced"
    """A transaction that is not ours took its nonce: somebody else has the key, or another process uses it."""


FINAL = frozenset(
    {
        TransactionState.CONFIRMED,
        TransactionState.REVERTED,
        TransactionState.CANCELLED,
        TransactionState.DISPLACED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction of an intent, without its signature: it can be made again, not read out of a file.

    ``empty`` says that it only takes the nonce. ``block`` is the newest one when it was sent.
    """

    transaction_hash: str
    fees: Fees
    gas_limit: int
    block: int
    empty: bool = False
    access_list: AccessList = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; :meth:`from_dict` reads it."""
        return {
            "hash": self.transaction_hash,
            "max_fee_wei": self.fees.max_fee_wei,
            "priority_fee_wei": self.fees.priority_fee_wei,
            "gas_limit": self.gas_limit,
            "block": self.block,
            "empty": self.empty,
            "access_list": [
                [entry.address, [key.hex() for key in entry.storage_keys]] for entry in self.access_list
            ],
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Attempt:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            transaction_hash=fields["hash"],
            fees=Fees(max_fee_wei=fields["max_fee_wei"], priority_fee_wei=fields["priority_fee_wei"]),
            gas_limit=fields["gas_limit"],
            block=fields["block"],
            empty=fields["empty"],
            access_list=tuple(
                AccessEntry(address=Address(address), storage_keys=tuple(bytes.fromhex(key) for key in keys))
                for address, keys in fields["access_list"]
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Where a transaction was mined; ``gas_price_wei`` is what was paid per gas."""

    transaction_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    gas_price_wei: int

    @property
    def cost_wei(self) -> int:
        """What it cost, wei."""
        return self.gas_used * self.gas_price_wei


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRecord:
    """An intent with its nonce, its attempts in their order and its state; ``detail`` says why, where that helps."""

    intent: TransactionIntent
    chain_id: int
    sender: Address
    nonce: int
    attempts: tuple[Attempt, ...]
    state: TransactionState
    inclusion: Inclusion | None = None
    detail: str = ""

    @property
    def last(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def final(self) -> bool:
        """Whether nothing changes it any more."""
        return self.state in FINAL

    def moved(
        self, state: TransactionState, *, detail: str = "", inclusion: Inclusion | None = None
    ) -> TransactionRecord:
        """Return the record in another state."""
        return replace(self, state=state, detail=detail, inclusion=inclusion)


class TransactionStore(Protocol):
    """The durable record. Writes are on disk when they return, and raise SetupError otherwise."""

    def find(self, key: str) -> TransactionRecord | None:
        """Return the record of an intent."""
        ...

    def open_records(self, *, chain_id: int, sender: Address) -> tuple[TransactionRecord, ...]:
        """Return an account's records that are not final, by nonce."""
        ...

    def highest_nonce(self, *, chain_id: int, sender: Address) -> int | None:
        """Return the highest nonce that any record of an account has."""
        ...

    def add(self, record: TransactionRecord) -> None:
        """Write a new record; raise InvalidInput when its key or its nonce is taken."""
        ...

    def update(self, record: TransactionRecord) -> None:
        """Write what became of a record."""
        ...
