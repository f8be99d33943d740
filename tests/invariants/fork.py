"""Transactions on the fork at chosen times, and everything they changed, without Ape's bookkeeping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode

from pmm.chain.abi import encode_call, selector
from pmm.chain.addresses import MULTICALL3
from pmm.chain.rpc import JsonRpc
from tests.contracts.settlement.desk import decode_error

_GAS = hex(12_000_000)
_AGGREGATE = selector("aggregate3((address,bool,bytes)[])")
_APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"


@dataclass(frozen=True, slots=True)
class Done:
    """A mined transaction; ``error`` is the custom error it reverted with, empty where it did not."""

    error: str
    logs: tuple[dict[str, Any], ...]

    def approvals_by(self, holder: str) -> set[str]:
        """Whom an account gave allowances, whatever the amount."""
        return {
            "0x" + log["topics"][2][26:]
            for log in self.logs
            if log["topics"][0] == _APPROVAL and log["topics"][1][26:] == holder[2:].lower()
        }


@dataclass(slots=True)
class Fork:
    """The node, with a clock of its own: each transaction is mined at the time it is told."""

    rpc: JsonRpc
    name_error: Callable[[str], str] = lambda data: str(decode_error(data)[0])

    def now_s(self) -> int:
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def snapshot(self) -> str:
        return str(self.rpc.call("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        assert self.rpc.call("evm_revert", snapshot), f"expected snapshot {snapshot} to exist"

    def send(self, sender: str, to: str, data: bytes, *, at_s: int, value: int = 0) -> Done:
        request = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value), "gas": _GAS}
        self.rpc.call("evm_setNextBlockTimestamp", at_s)
        receipt = self.rpc.call("eth_sendTransactionSync", request)
        if int(receipt["status"], 16) == 1:
            return Done("", tuple(receipt["logs"]))
        trace = self.rpc.call(
            "debug_traceTransaction",
            receipt["transactionHash"],
            {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}},
        )
        return Done(self.name_error(trace.get("output", "0x")) or "no reason", ())

    def call(self, to: str, signature: str, *values: Any) -> bytes:
        """Read a view."""
        request = {"to": to, "data": "0x" + encode_call(signature, *values).hex()}
        return bytes.fromhex(self.rpc.call("eth_call", request, "latest")[2:])

    def try_all(self, to: str, calls: Sequence[bytes]) -> list[str]:
        """What each call ends with when a contract without any right makes them in a row; "" where it is done."""
        packed = [(to, True, data) for data in calls]
        data = "0x" + (_AGGREGATE + encode(["(address,bool,bytes)[]"], [packed])).hex()
        answer = self.rpc.call("eth_call", {"to": MULTICALL3, "data": data, "gas": _GAS}, "latest")
        found = decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:]))[0]
        return ["" if done else self.name_error(data.hex()) or "no reason" for done, data in found]

    def query(self, calls: Sequence[tuple[str, bytes]]) -> str:
        """Prepare many views to be read at once by `read`."""
        packed = [(to, False, data) for to, data in calls]
        return "0x" + (_AGGREGATE + encode(["(address,bool,bytes)[]"], [packed])).hex()

    def read(self, query: str) -> list[bytes]:
        """Read them all at the newest block."""
        answer = self.rpc.call("eth_call", {"to": MULTICALL3, "data": query}, "latest")
        return [data for _, data in decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:]))[0]]
