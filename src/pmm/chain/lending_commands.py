"""Turns the keeper's commands into transactions of the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pmm.chain.abi import encode_call
from pmm.chain.lending_state import MARKET_NUMBERS
from pmm.chain.sender import TransactionIntent, TransactionRecord, TransactionSender, TransactionState
from pmm.domain import Address
from pmm.domain.chain_events import LendingMarket
from pmm.execution.lending import (
    AccountKey,
    Borrow,
    Command,
    Deleverage,
    Repay,
    Supply,
    UnderWay,
    Withdraw,
)

LENDING_CALLS: Final = (
    "supply(uint256,address,uint256)",
    "repay(uint256,address,uint256)",
    "withdraw(uint256,address,uint256)",
    "borrow(uint256,address,uint256)",
)
"""Functions of LendingAccount that the keeper calls; a test compares them with the contract's ABI."""
MOVE: Final = "moveToLending(address,uint256)"
CLOSE_SHORT: Final = "closeShort(address,address,uint256,uint256,uint256)"
_PREFIX: Final = "lending"
_FLASH_SWAP: Final = 1
_NOT_MINED: Final = (TransactionState.RECORDED, TransactionState.PENDING, TransactionState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPolicy:
    """How commands are sent.

    Attributes:
        urgent_fee_cap_wei: the most per gas that a command pays which cannot wait.
        patience_blocks: blocks after which one that can wait is given up.
        gas_limit: of a supply or repayment behind its move; Aave's take some 300,000.
    """

    urgent_fee_cap_wei: int = 2_000 * 10**9
    patience_blocks: int = 20
    gas_limit: int = 700_000


class LendingCommandSender:
    """Implements ``CommandSender`` on the transaction sender."""

    def __init__(
        self,
        sender: TransactionSender,
        *,
        settlement: Address,
        delta_hedger: Address | None,
        policy: CommandPolicy | None = None,
    ) -> None:
        self._sender = sender
        self._settlement, self._delta_hedger = settlement, delta_hedger
        self._policy = policy or CommandPolicy()

    def under_way(self) -> Sequence[UnderWay]:
        """Return commands that are not mined, also those of a process that died."""
        return tuple(_under_way(record) for record in self._records())

    def hurry(self, account: AccountKey) -> None:
        """Let an account's transactions pay what urgent ones may."""
        cap = self._policy.urgent_fee_cap_wei
        for record in self._records():
            if _under_way(record).account == account and record.intent.fee_cap_wei != cap:
                self._sender.hurry(record.intent.key, cap)

    def send(self, command: Command, *, block: int) -> str:
        """Send a command; return why not, or nothing where it is on its way; raises as ``TransactionSender``."""
        moved = command.moved if isinstance(command, Supply | Repay) else 0
        if moved:
            data = encode_call(MOVE, command.token, moved)
            refused = self._submit(command, "move", self._settlement, data, block=block, moved=moved)
            if refused:
                return refused
        if isinstance(command, Deleverage) and self._delta_hedger is None:
            return "expected a delta hedger to sell collateral with, found none configured"
        name, to, data = self._call(command)
        return self._submit(command, name, to, data, block=block, behind=bool(moved))

    def _call(self, command: Command) -> tuple[str, Address, bytes]:
        market = MARKET_NUMBERS[command.market]
        if isinstance(command, Deleverage):
            assert self._delta_hedger is not None
            plan = _FLASH_SWAP << 248 | command.fee_pips << 224 | market << 216 | command.min_health_wad
            amounts = command.amount, command.most_sold, plan
            data = encode_call(CLOSE_SHORT, command.token, command.collateral, *amounts)
            return "deleverage", self._delta_hedger, data
        kinds = (Supply, Repay, Withdraw, Borrow)
        signature = LENDING_CALLS[kinds.index(type(command))]
        data = encode_call(signature, market, command.token, command.amount)
        return signature.partition("(")[0], command.address, data

    def _submit(
        self,
        command: Command,
        name: str,
        to: Address,
        data: bytes,
        *,
        block: int,
        moved: int = 0,
        behind: bool = False,
    ) -> str:
        urgent, policy = command.urgent, self._policy
        fields = (
            _PREFIX,
            name,
            command.address,
            command.market.value,
            command.token,
            str(moved),
            "urgent" if urgent else "patient",
            str(block),
            str(command.amount),
        )
        intent = TransactionIntent(
            key=":".join(fields),
            purpose=f"{name} {command.amount} of {command.token} on {command.market.value}: "
            f"{command.why or 'funding'}",
            to=to,
            data=data,
            gas_limit=policy.gas_limit if behind else None,
            fee_cap_wei=policy.urgent_fee_cap_wei if urgent else None,
            last_block=None if urgent else block + policy.patience_blocks,
            behind_ours=behind,
        )
        submission = self._sender.submit(intent)
        return submission.detail if submission.refused else ""

    def _records(self) -> list[TransactionRecord]:
        return [
            record
            for record in self._sender.open_records
            if record.state in _NOT_MINED and record.intent.key.startswith(_PREFIX + ":")
        ]


def _under_way(record: TransactionRecord) -> UnderWay:
    _, _, address, market, token, moved, _, _, _ = record.intent.key.split(":")
    return UnderWay(
        account=(Address(address), LendingMarket(market)),
        token=Address(token),
        moved=int(moved),
        urgent=record.intent.last_block is None and record.intent.fee_cap_wei is not None,
    )
