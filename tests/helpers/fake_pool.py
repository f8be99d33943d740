"""A node in memory with a pool, blocks and reorganisations; eth-account reads what it is sent, not our code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from pmm.chain.rpc import NodeUnreachable, RpcError
from pmm.domain import keccak256, to_hex

GWEI = 10**9


@dataclass(frozen=True)
class Pooled:
    """A transaction as the chain reads it."""

    hash: str
    sender: str
    nonce: int
    to: str
    data: str
    value: int
    max_fee: int
    tip: int
    gas: int
    access_list: tuple[Any, ...]


def read_raw(raw: str) -> Pooled:
    """Read a raw transaction."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Pooled(
        hash=to_hex(keccak256(bytes(HexBytes(raw)))),
        sender=Account.recover_transaction(raw),
        nonce=fields["nonce"],
        to=to_hex(bytes(fields["to"])),
        data=to_hex(bytes(fields["data"])),
        value=fields["value"],
        max_fee=fields["maxFeePerGas"],
        tip=fields["maxPriorityFeePerGas"],
        gas=fields["gas"],
        access_list=tuple(fields["accessList"]),
    )


def _error(method: str, message: str, **more: Any) -> RpcError:
    return RpcError(method, {"code": -32000, "message": message, **more})


@dataclass
class FakePool:
    """Blocks are lists of transactions. ``lose_answer``: the next raw transaction arrives, its answer does not."""

    base_fee: int = 10 * GWEI
    tip: int = GWEI
    estimate: int = 100_000
    blocks: list[list[Pooled]] = field(default_factory=lambda: [[] for _ in range(20)])
    pool: dict[tuple[str, int], Pooled] = field(default_factory=dict)
    reverts: dict[str, str] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    lose_answer: bool = False
    refuse: str | None = None
    sent: list[Pooled] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    branch: int = 0

    @property
    def head(self) -> int:
        return len(self.blocks) - 1

    def call(self, method: str, *params: Any) -> Any:
        # ``call`` is what a node itself is called by.
        name = "simulated" if method == "eth_call" else method.removeprefix("eth_")
        return getattr(self, name)(*params)

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [self.call(method, *params) for method, params in calls]

    def mine(self, count: int = 1) -> None:
        """Mine what the pool has in order, as long as it pays the base fee."""
        for _ in range(count):
            block: list[Pooled] = []
            self.blocks.append(block)
            while ready := [
                one
                for (sender, nonce), one in self.pool.items()
                if nonce == self._count(sender) and one.max_fee >= self.base_fee
            ]:
                for one in ready:
                    block.append(one)
                    del self.pool[one.sender, one.nonce]

    def reorg(self, depth: int, *, keep_in_pool: bool = True) -> None:
        """Undo blocks and put empty ones in their place."""
        undone = self.blocks[-depth:]
        self.blocks[-depth:] = [[] for _ in range(depth)]
        self.branch += 1
        if keep_in_pool:
            self.pool |= {(one.sender, one.nonce): one for block in undone for one in block}

    def drop(self) -> None:
        """Forget the pool."""
        self.pool.clear()

    def sendRawTransaction(self, raw: str) -> str:
        one = read_raw(raw)
        self.raw.append(raw)
        if self.refuse is not None:
            raise _error("eth_sendRawTransaction", self.refuse)
        if any(one.hash == other.hash for other in self.pool.values()):
            raise _error("eth_sendRawTransaction", "already known")
        if one.nonce < self._count(one.sender):
            raise _error("eth_sendRawTransaction", "nonce too low")
        before = self.pool.get((one.sender, one.nonce))
        if before is not None and (one.max_fee * 10 < before.max_fee * 11 or one.tip * 10 < before.tip * 11):
            raise _error("eth_sendRawTransaction", "replacement transaction underpriced")
        self.pool[one.sender, one.nonce] = one
        self.sent.append(one)
        if self.lose_answer:
            self.lose_answer = False
            raise NodeUnreachable("no answer in time")
        return one.hash

    def getBlockByNumber(self, _: str, __: bool) -> dict[str, str]:
        return {"number": hex(self.head), "baseFeePerGas": hex(self.base_fee)}

    def maxPriorityFeePerGas(self) -> str:
        return hex(self.tip)

    def getTransactionCount(self, account: str, place: str) -> str:
        if place == "pending":
            nonce = self._count(account)
            while (account, nonce) in self.pool:
                nonce += 1
            return hex(nonce)
        return hex(self._count(account, self.head if place == "latest" else int(place, 16)))

    def getTransactionReceipt(self, wanted: str) -> dict[str, str] | None:
        for number, block in enumerate(self.blocks):
            for one in block:
                if one.hash == wanted:
                    return {
                        "blockNumber": hex(number),
                        "blockHash": f"0x{number:032x}{self.branch:032x}",
                        "status": hex(one.data not in self.fails),
                        "gasUsed": hex(self.estimate // 2),
                        "effectiveGasPrice": hex(self.base_fee + one.tip),
                    }
        return None

    def getTransactionByHash(self, wanted: str) -> dict[str, str] | None:
        pooled = any(one.hash == wanted for one in self.pool.values())
        return {"hash": wanted} if pooled or self.getTransactionReceipt(wanted) else None

    def estimateGas(self, call: dict[str, Any], _: str) -> str:
        self.call("eth_call", call, _)
        return hex(self.estimate - (1_000 if "accessList" in call else 0))

    def createAccessList(self, call: dict[str, Any], _: str) -> Any:
        return {
            "accessList": [{"address": "0x" + "cc" * 20, "storageKeys": ["0x" + "01" * 32]}],
            "gasUsed": "0x1",
        }

    def simulated(self, call: dict[str, Any], _: str) -> str:
        if call["data"] in self.reverts:
            raise _error("eth_call", "execution reverted", data=self.reverts[call["data"]])
        return "0x"

    def _count(self, account: str, upto: int | None = None) -> int:
        blocks = self.blocks if upto is None else self.blocks[: upto + 1]
        return sum(one.sender == account for block in blocks for one in block)
