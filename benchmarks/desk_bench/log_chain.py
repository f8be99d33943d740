"""A chain of logs on anvil, as thick as mainnet's are for the indexer's filters.

There are no recorded mainnet logs to measure on, so that blocks are mined here: each holds a fill of somebody else
on 1inch's router, every tenth a fill of ours with its two transfers. The contracts are stubs that log what they are
sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.chain.indexer import WatchList, topics
from pmm.chain.indexer.watch_list import as_topic
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, parse_address

SETTLEMENT = parse_address("0x" + "5e" * 20)
_TAKER = parse_address("0x" + "7a" * 20)
# LOG3 and LOG1 of the calldata: its first words are the topics, the rest is the data.
_LOG3 = "0x604035602035600035606036038060606000376000a300"
_LOG1 = "0x600035602036038060206000376000a100"
_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChain:
    """What was mined: so many blocks from the first that concerns us, so many events of ours."""

    watch: WatchList
    blocks: int
    events: int


def mine_logs(rpc: JsonRpc, blocks: int) -> LogChain:
    """Mine the chain on an empty anvil node."""
    watch = WatchList(
        settlement=SETTLEMENT, accounts=(SETTLEMENT,), tokens=(WETH.address, USDC.address), start_block=1
    )
    for address, code in (
        *((one, _LOG3) for one in (SETTLEMENT, WETH.address, USDC.address)),
        (watch.router, _LOG1),
    ):
        rpc.call("anvil_setCode", address, code)
    rpc.call("evm_setAutomine", False)
    sender = rpc.call("eth_accounts")[0]
    nonce = 0
    for number in range(1, blocks + 1):
        calls = []
        for to, data in _logs(watch, number):
            transaction = {"from": sender, "to": to, "data": data, "gas": hex(100_000), "nonce": hex(nonce)}
            calls.append(("eth_sendTransaction", (transaction,)))
            nonce += 1
        # Not in one batch with the mining: anvil works on a batch side by side.
        rpc.batch(calls)
        rpc.call("evm_mine")
    return LogChain(watch=watch, blocks=blocks, events=blocks // _EVERY * 3)


def _logs(watch: WatchList, number: int) -> list[tuple[str, str]]:
    order = f"{number:064x}"
    found: list[tuple[str, str]] = [(watch.router, topics.ROUTER_FILLED + order + f"{0:064x}")]
    if number % _EVERY:
        return found
    ours, taker = as_topic(SETTLEMENT)[2:], as_topic(_TAKER)[2:]
    making, taking = f"{10**18 + number:064x}", f"{3_000 * 10**6 + number:064x}"
    assets = as_topic(WETH.address)[2:] + as_topic(USDC.address)[2:]
    return [
        *found,
        (WETH.address, topics.TRANSFER + ours + taker + making),
        (USDC.address, topics.TRANSFER + taker + ours + taking),
        (SETTLEMENT, topics.SETTLEMENT_FILLED + order + taker + assets + making + taking),
    ]
