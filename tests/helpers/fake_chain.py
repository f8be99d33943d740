"""Chains made up in memory, told by nodes that speak JSON-RPC, honestly or with a lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from pmm.chain.indexer import topics
from pmm.chain.indexer.bloom import bloom_of
from pmm.chain.indexer.node_answers import LogAnswer
from pmm.chain.indexer.watch_list import WatchList, as_topic
from pmm.domain import USDC, WETH, Address, parse_address
from pmm.domain.native_backends import keccak256

SETTLEMENT = parse_address("0x" + "5e" * 20)
TAKER = parse_address("0x" + "7a" * 20)
WATCH = WatchList(
    settlement=SETTLEMENT, accounts=(SETTLEMENT,), tokens=(WETH.address, USDC.address), start_block=1
)
Json = dict[str, Any]


@dataclass(frozen=True)
class LogSpec:
    """One log without its place."""

    address: str
    topics: tuple[str, ...]
    words: tuple[int, ...] = ()
    transaction: int = 0


def word(value: int) -> str:
    return f"0x{value:064x}"


def fill(number: int, *, making: int = 10**18, taking: int = 3_000 * 10**6, transaction: int = 0) -> LogSpec:
    """A fill on our settlement contract."""
    return LogSpec(
        address=SETTLEMENT,
        topics=(topics.SETTLEMENT_FILLED, word(number), as_topic(TAKER)),
        words=(int(WETH.address, 16), int(USDC.address, 16), making, taking),
        transaction=transaction,
    )


def transfer(
    token: Address, sender: Address, receiver: Address, amount: int, transaction: int = 0
) -> LogSpec:
    """An ERC-20 transfer."""
    moved = (topics.TRANSFER, as_topic(sender), as_topic(receiver))
    return LogSpec(address=token, topics=moved, words=(amount,), transaction=transaction)


def noise(number: int) -> LogSpec:
    """A log that does not concern us."""
    return LogSpec(address="0x" + "99" * 20, topics=(word(number),), words=(number,))


@dataclass(frozen=True)
class FakeBlock:
    """A block of one branch; ``salt`` tells two of the same height and parent apart."""

    number: int
    parent: str
    logs: tuple[LogSpec, ...]
    salt: int

    @property
    def hash(self) -> str:
        return "0x" + keccak256(repr((self.number, self.parent, self.logs, self.salt)).encode()).hex()

    def log_answers(self) -> list[LogAnswer]:
        return [
            LogAnswer(
                address=spec.address.lower(),
                topics=list(spec.topics),
                data="0x" + "".join(f"{one:064x}" for one in spec.words),
                blockHash=self.hash,
                blockNumber=hex(self.number),
                transactionHash="0x" + keccak256(f"{self.hash} {spec.transaction}".encode()).hex(),
                logIndex=hex(index),
            )
            for index, spec in enumerate(self.logs)
        ]

    def header(self) -> Json:
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "timestamp": hex(1_700_000_000 + 12 * self.number),
            "logsBloom": f"0x{bloom_of(self.log_answers()):0512x}",
            "transactions": [],
        }


@dataclass
class FakeChain:
    """One canonical chain from block 0 on, with everything that ever was part of it."""

    blocks: list[FakeBlock] = field(default_factory=lambda: [FakeBlock(0, "0x" + "00" * 32, (), 0)])
    finalised: int = 0
    salt: int = 0

    @property
    def head(self) -> FakeBlock:
        return self.blocks[-1]

    def mine(self, *logs: LogSpec) -> FakeBlock:
        self.salt += 1
        block = FakeBlock(self.head.number + 1, self.head.hash, logs, self.salt)
        self.blocks.append(block)
        return block

    def mine_empty(self, count: int) -> None:
        for _ in range(count):
            self.mine()

    def roll_back(self, depth: int) -> None:
        del self.blocks[len(self.blocks) - depth :]

    def reorg(self, depth: int, *branch: Sequence[LogSpec]) -> None:
        """Replace the last ``depth`` blocks by others with these logs."""
        self.roll_back(depth)
        for logs in branch:
            self.mine(*logs)

    def copy(self) -> FakeChain:
        return FakeChain(list(self.blocks), self.finalised, self.salt + 1_000_000)


Lie = Callable[[str, list[Any], Any], Any]
"""Given method, parameters and the honest result, returns what the node says."""


class FakeNode(httpx.BaseTransport):
    """A node of a chain, as a transport of httpx. Set ``lie`` to have it lie, ``down`` to have it not answer."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.lie: Lie | None = None
        self.down = False
        self.most_range: int | None = None
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        calls = json.loads(request.read())
        return httpx.Response(200, json=[self._answer(call) for call in calls])

    def _answer(self, call: Json) -> Json:
        method, params = call["method"], call["params"]
        self.asked.append(method)
        try:
            result = self._result(method, params)
        except LookupError as error:
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": str(error)}}
        if self.lie is not None:
            result = self.lie(method, params, result)
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def _result(self, method: str, params: list[Any]) -> Any:
        blocks = self.chain.blocks
        if method == "eth_getBlockByNumber":
            tag = params[0]
            number = {"latest": len(blocks) - 1, "finalized": self.chain.finalised}.get(tag)
            number = int(tag, 16) if number is None else number
            return blocks[number].header() if number < len(blocks) else None
        if method == "eth_getBlockByHash":
            return next((block.header() for block in blocks if block.hash == params[0]), None)
        if method == "eth_getLogs":
            return self._logs(params[0])
        raise LookupError(f"no method {method}")

    def _logs(self, query: Json) -> list[Json]:
        if "blockHash" in query:
            found = [block for block in self.chain.blocks if block.hash == query["blockHash"]]
            if not found:
                raise LookupError("unknown block")
        else:
            first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
            if self.most_range is not None and last - first >= self.most_range:
                raise LookupError("query exceeds the most blocks")
            found = self.chain.blocks[first : last + 1]
        return [as_json(log) for block in found for log in block.log_answers() if matches(query, log)]


def as_json(log: LogAnswer) -> Json:
    return {name: getattr(log, name) for name in log.__struct_fields__}


def matches(query: Json, log: LogAnswer) -> bool:
    """Tell whether a log answers a filter of eth_getLogs."""
    wanted = query.get("address")
    if wanted is not None:
        allowed = [wanted] if isinstance(wanted, str) else wanted
        if log.address not in [one.lower() for one in allowed]:
            return False
    for at, one in enumerate(query.get("topics", [])):
        if one is not None and (
            at >= len(log.topics) or log.topics[at] not in ([one] if isinstance(one, str) else one)
        ):
            return False
    return True


def with_another(block: FakeBlock, **changes: Any) -> FakeBlock:
    """The same block with something changed."""
    return replace(block, **changes)
