"""A whole view: of one block, by the right clock, from blocks that are whole."""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode

from pmm.chain.abi import selector
from pmm.chain.feeds import feeds_of
from pmm.chain.market_reader import MarketReader
from pmm.chain.quoter import Pool
from pmm.chain.view_calls import ReaderPlan
from pmm.chain.web3_node import Call
from pmm.domain import USDC, WETH
from pmm.errors import ChainError
from pmm.execution import ChainView
from pmm.pricing import PoolKind
from tests.helpers.quoting import MAKER

_PAIR = Pool(address=MAKER, token0=USDC, token1=WETH, fee_pips=3_000, kind=PoolKind.UNISWAP_V2)


def _plan(pools: tuple[Pool, ...] = ()) -> ReaderPlan:
    return ReaderPlan(
        settlement=MAKER,
        signer=MAKER,
        lanes=1,
        tokens=(WETH, USDC),
        feeds=feeds_of((WETH, USDC)),
        pools=pools,
        ladder_usd=(Decimal(100),),
    )


class _Heads:
    """A node whose blocks are made up; ``blocks`` collects where its contracts were asked."""

    shown_url = "http://node"

    def __init__(
        self, *, version: str = "Geth/v1.16", behind_s: int = 0, latest: dict[str, object] | None = None
    ) -> None:
        timestamp = hex(int(time.time()) - behind_s)
        block = {"number": "0x64", "hash": "0x" + "ab" * 32, "timestamp": timestamp}
        pending = {**block, "timestamp": hex(int(timestamp, 16) + 12)}
        self.answers: list[Any] = [version, "0x1", None, {**block, **(latest or {})}, pending, "0x1"]
        self.blocks: list[object] = []
        self.pending_s = int(timestamp, 16) + 12

    def batch(self, calls: Sequence[object]) -> list[object]:
        return self.answers

    def without_key(self, text: str) -> str:
        return text

    def multicall(self, calls: Sequence[Call], *, block: object) -> list[bytes | None]:
        self.blocks.append(block)
        return [_settled(data) for _, data in calls]


def _settled(data: bytes) -> bytes:
    if data[:4] == selector("latestRoundData()"):
        return encode(("uint80", "int256", "uint256", "uint256", "uint80"), (1, 10**8, 2, 3, 1))
    if data[:4] == selector("laneWord(address,uint64)"):
        return (1 << 255 | 300 << 224).to_bytes(32, "big")
    return (7).to_bytes(32, "big")


def _read(node: _Heads) -> ChainView:
    answering: Any = node
    return MarketReader(answering, _plan()).read(())


def test_read__every_contract__is_asked_at_the_block_of_the_head() -> None:
    node = _Heads()
    assert _read(node).market.block_number == 100
    assert node.blocks == [100]


def test_read__real_node__expires_quotes_by_the_mined_block_only() -> None:
    node = _Heads()
    view = _read(node)
    assert view.market.chain_time_s == node.pending_s
    assert view.expiry_clock_s == node.pending_s - 12


def test_read__development_node__expires_quotes_by_the_next_block() -> None:
    node = _Heads(version="anvil/v1.7.1", behind_s=10**6)
    assert _read(node).expiry_clock_s == node.pending_s


@pytest.mark.parametrize("behind_s", [600, -600], ids=["behind", "ahead"])
def test_read__real_node_off_this_machines_clock__raises(behind_s: int) -> None:
    with pytest.raises(ChainError, match="check that the node is synchronised"):
        _read(_Heads(behind_s=behind_s))


@pytest.mark.parametrize("latest", [{"hash": None}, {"hash": 5}, {"hash": "0x"}, {"number": None}])
def test_read__malformed_block__raises_chain_error(latest: dict[str, object]) -> None:
    with pytest.raises(ChainError, match="expected the latest block"):
        _read(_Heads(latest=latest))


def _reads(node: _Heads, count: int, *, reread: bool | None = None) -> list[ChainView]:
    answering: Any = node
    reader = MarketReader(answering, _plan(), reread=reread)
    return [reader.read(()) for _ in range(count)]


def test_read__the_block_stands__contracts_are_asked_once() -> None:
    node = _Heads()
    first, second = _reads(node, 2)
    assert len(node.blocks) == 1
    assert second.market is first.market
    assert second.reading == first.reading
    assert second.read_at_s > first.read_at_s


def test_read__a_pool_did_not_answer__is_asked_again_while_the_block_stands() -> None:
    class _Late(_Heads):
        """Its pool answers from the second reading on."""

        def multicall(self, calls: Sequence[Call], *, block: object) -> list[bytes | None]:
            found = super().multicall(calls, block=block)
            late = len(self.blocks) == 1
            return [
                _reserves(late) if data[:4] == selector("getReserves()") else answer
                for (_, data), answer in zip(calls, found, strict=True)
            ]

    node: Any = _Late()
    reader = MarketReader(node, _plan(pools=(_PAIR,)))
    first, second, third = (reader.read(()) for _ in range(3))
    assert [len(one.market.pools) for one in (first, second, third)] == [0, 2, 2]
    assert len(node.blocks) == 2
    assert third.reading == second.reading != first.reading


def _reserves(late: bool) -> bytes | None:
    return None if late else encode(("uint112", "uint112", "uint32"), (3 * 10**12, 10**21, 1))


@pytest.mark.parametrize("reread", [None, True])
def test_read__development_node_or_told_to__asks_again_while_the_block_stands(reread: bool | None) -> None:
    version = "anvil/v1.5" if reread is None else "Geth/v1.16"
    node = _Heads(version=version)
    first, second = _reads(node, 2, reread=reread)
    assert len(node.blocks) == 2
    assert second.reading != first.reading
    assert second.market.snapshot_id != first.market.snapshot_id


def test_read__development_node_told_not_to__asks_once() -> None:
    node = _Heads(version="anvil/v1.5")
    _reads(node, 3, reread=False)
    assert len(node.blocks) == 1


def test_read__gas_and_time_move_while_the_block_stands__are_new_in_a_snapshot_of_its_own() -> None:
    node = _Heads()
    answering: Any = node
    reader = MarketReader(answering, _plan())
    first = reader.read(())
    node.answers[4] = {**node.answers[4], "timestamp": hex(node.pending_s + 1)}
    node.answers[5] = "0x7"
    second = reader.read(())
    assert len(node.blocks) == 1
    assert second.market.gas_price_wei == 7
    assert second.market.chain_time_s == first.market.chain_time_s + 1
    assert second.market.snapshot_id != first.market.snapshot_id
    assert second.expiry_clock_s == first.expiry_clock_s


@pytest.mark.parametrize(
    "change", [{"number": "0x65"}, {"hash": "0x" + "cd" * 32}], ids=["next", "reorganised"]
)
def test_read__another_block__is_read_whole(change: dict[str, object]) -> None:
    node = _Heads()
    answering: Any = node
    reader = MarketReader(answering, _plan())
    first = reader.read(())
    node.answers[3] = {**node.answers[3], **change}
    assert reader.read(()).reading > first.reading
    assert len(node.blocks) == 2
