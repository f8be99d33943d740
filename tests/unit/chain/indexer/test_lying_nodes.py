"""A node that contradicts itself or its past is noticed, nothing it said is kept, and another one is asked."""

from collections.abc import Callable
from typing import Any

import pytest

from pmm.chain.indexer import NoUsableNode
from pmm.ledger import Ledger
from tests.helpers.fake_chain import FakeChain, FakeNode, Lie, fill, noise
from tests.helpers.indexing import Site, hashes, open_site


def _logs_only(change: Callable[[list[Any]], list[Any]]) -> Lie:
    return lambda method, _params, result: change(result) if method == "eth_getLogs" and result else result


def _every(name: str, value: Any) -> Lie:
    return _logs_only(lambda logs: [{**log, name: value} for log in logs])


def _no_child(method: str, params: list[Any], result: Any) -> Any:
    return {**result, "parentHash": "0x" + "66" * 32} if params[0] == hex(10) else result


def _other_head(method: str, params: list[Any], result: Any) -> Any:
    return {**result, "hash": "0x" + "67" * 32} if params[0] == "latest" else result


def _head_too_high(method: str, params: list[Any], result: Any) -> Any:
    return {**result, "number": hex(999), "hash": "0x" + "68" * 32} if params[0] == "latest" else result


def _twice(logs: list[Any]) -> list[Any]:
    return [*logs, {**logs[0], "data": logs[0]["data"] + "00" * 32}]


_LIES: dict[str, Lie] = {
    "left out a log": _logs_only(lambda logs: logs[:-1]),
    "left out all logs": _logs_only(lambda _logs: []),
    "log of another block": _every("blockHash", "0x" + "11" * 32),
    "log of another height": _every("blockNumber", "0x1"),
    "removed log": _every("removed", True),
    "made up log": _logs_only(
        lambda logs: [*logs, {**logs[0], "address": "0x" + "ee" * 20, "logIndex": "0x99"}]
    ),
    "two logs in one place": _logs_only(_twice),
    "block that is no child": _no_child,
    "head that is not its block": _other_head,
    "head that does not exist": _head_too_high,
    "nonsense": lambda _method, _params, _result: "nonsense",
    "wrong form": lambda _method, _params, result: (
        {**result, "hash": "0x12"} if isinstance(result, dict) else [1]
    ),
    "nothing": lambda _method, _params, _result: None,
    **{
        f"{name} that is {value!r}": _every(name, value)
        for name in ("address", "data", "blockNumber", "transactionHash", "logIndex")
        for value in ("latest", "0xzz", "")
    },
    "log index below zero": _every("logIndex", "-0x1"),
    "data that ends within a word": _every("data", "0x" + "00" * 127),
    "topic that is no word": _every("topics", ["0xzz"]),
    "topic of another length": _every("topics", ["0x12"]),
    "bloom filter that is no number": lambda _method, _params, result: (
        {**result, "logsBloom": "0xzz"} if isinstance(result, dict) else result
    ),
}


def grown(ledger: Ledger, chain: FakeChain, *others: FakeChain) -> Site:
    """A site that has seen eight blocks, and a chain that has five more now."""
    for number in range(1, 9):
        chain.mine(noise(number), fill(number))
    chain.finalised = 3
    for other in others:
        other.blocks[:], other.finalised = chain.blocks, chain.finalised
    site = open_site(ledger, chain, *others)
    site.catch_up()
    for number in range(9, 14):
        block = chain.mine(noise(number), fill(number))
        for other in others:
            other.blocks.append(block)
    return site


@pytest.mark.parametrize("name", _LIES)
def test_step__only_node_lies__keeps_nothing_of_it_and_heals_after(ledger: Ledger, name: str) -> None:
    site = grown(ledger, FakeChain())
    site.nodes[0].lie = _LIES[name]
    for _ in range(3):
        with pytest.raises(NoUsableNode, match="expected"):
            site.indexer.step()
        assert hashes(site.canonical()) == list(range(1, 9))
    site.nodes[0].lie = None
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 14))


@pytest.mark.parametrize("name", _LIES)
def test_step__first_of_two_lies__asks_the_other_at_once(ledger: Ledger, name: str) -> None:
    site = grown(ledger, FakeChain(), FakeChain())
    site.nodes[0].lie = _LIES[name]
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 14))


@pytest.mark.parametrize("name", list(_LIES)[:9])
def test_step__lie__is_counted_and_the_node_left_for_a_while(ledger: Ledger, name: str) -> None:
    site = grown(ledger, FakeChain(), FakeChain())
    site.nodes[0].lie = _LIES[name]
    site.catch_up()
    liar, honest = site.pool.states()
    assert liar.distrusted
    assert liar.lies == 1
    assert liar.health == 0
    assert "expected" in liar.trouble
    assert not honest.distrusted
    assert [node.name for node in site.pool.in_order()] == [honest.name]
    site.clock.now_s += 60
    assert {node.name for node in site.pool.in_order()} == {liar.name, honest.name}


def test_step__head_that_does_not_exist__is_forgiven_twice(ledger: Ledger) -> None:
    site = grown(ledger, FakeChain(), FakeChain())
    site.nodes[0].lie = _head_too_high
    site.indexer.step()
    for _ in range(2):
        assert not site.pool.states()[0].distrusted
        site.nodes[1].chain.mine()
        site.nodes[0].chain.blocks.append(site.nodes[1].chain.head)
        site.indexer.step()
    assert site.pool.states()[0].distrusted


def test_step__head_goes_back__keeps_the_blocks_while_the_other_node_has_them(ledger: Ledger) -> None:
    chain, other = FakeChain(), FakeChain()
    site = grown(ledger, chain, other)
    site.catch_up()
    chain.roll_back(4)
    assert site.indexer.step() is None
    other.mine(fill(14))
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 15))
    assert site.pool.states()[0].lies == 1
    assert site.pool.states()[0].trouble == "its head went back from 13 to 9"


def test_step__node_on_a_branch_below_finality__is_left_for_the_other(ledger: Ledger) -> None:
    chain, other = FakeChain(), FakeChain()
    site = grown(ledger, chain, other)
    chain.reorg(12, *([fill(500 + number)] for number in range(20)))
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 14))
    assert site.pool.states()[0].distrusted


def _withhold(node: FakeNode, number: int) -> None:
    """Have a node keep quiet about a block's logs when asked for a range."""

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            return [log for log in result if log["blockNumber"] != hex(number)]
        return result

    node.lie = lie


@pytest.mark.parametrize("liar", [0, 1])
def test_catch_up__one_of_two_leaves_out_old_logs__is_noticed(ledger: Ledger, liar: int) -> None:
    chain = FakeChain()
    for number in range(1, 31):
        chain.mine(noise(number), fill(number))
    chain.finalised = 24
    site = open_site(ledger, chain, chain)
    _withhold(site.nodes[liar], 15)
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 31))
    assert [state.distrusted for state in site.pool.states()] == [liar == 0, liar == 1]
    assert (
        "left out" in site.pool.states()[liar].trouble or "found others" in site.pool.states()[liar].trouble
    )


def test_catch_up__made_up_old_log__is_noticed_without_a_second_node(ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 31):
        chain.mine(fill(number))
    chain.finalised = 24
    site = open_site(ledger, chain)
    site.nodes[0].lie = _logs_only(
        lambda logs: [
            *logs,
            {**logs[0], "logIndex": "0x99", "topics": [*logs[0]["topics"][:1], "0x" + "ab" * 32]},
        ]
    )
    with pytest.raises(NoUsableNode, match="bloom filter"):
        site.catch_up()
    assert site.canonical() == []


def test_messages__keyed_address__show_the_host_only(ledger: Ledger) -> None:
    site = grown(ledger, FakeChain(), FakeChain())
    shown = [repr(site.pool.states())]
    for number in (0, 1):
        site.nodes[number].lie = lambda _method, _params, _result: "no project SECRETKEY0 SECRETKEY1"
    with pytest.raises(NoUsableNode) as caught:
        site.indexer.step()
    shown += [str(caught.value), repr(site.pool.states())]
    for node in site.nodes:
        node.lie, node.down = None, True
    with pytest.raises(NoUsableNode) as caught:
        site.indexer.step()
    shown += [str(caught.value), repr(site.pool.states()), repr(site.pool.nodes)]
    assert any("http://node0.test" in text for text in shown)
    assert not any("SECRETKEY" in text for text in shown)


def test_step__only_a_node_far_behind_is_left__waits_and_asks_nobody_to_decide(ledger: Ledger) -> None:
    chain, late = FakeChain(), FakeChain()
    site = grown(ledger, chain, late)
    site.catch_up()
    late.blocks = late.blocks[:2]
    chain.mine(fill(14))
    site.nodes[0].lie = _LIES["left out a log"]
    for _ in range(2):
        with pytest.raises(NoUsableNode, match=r"which is final"):
            site.indexer.step()
        site.clock.now_s += 1
    site.nodes[0].lie = None
    site.clock.now_s += 60
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 15))


def test_step__head_lower__is_not_followed_while_another_node_is_silent(ledger: Ledger) -> None:
    chain, late = FakeChain(), FakeChain()
    site = grown(ledger, chain, late)
    site.catch_up()
    late.blocks = late.blocks[:10]
    site.nodes[0].down = True
    for _ in range(3):
        with pytest.raises(NoUsableNode, match="every node to be without our head 13"):
            site.indexer.step()
        assert hashes(site.canonical()) == list(range(1, 14))
        site.clock.now_s += 3_600
    site.nodes[0].down = False
    chain.mine(fill(14))
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 15))


def test_step__head_lower__is_not_followed_while_another_node_is_left(ledger: Ledger) -> None:
    chain, late = FakeChain(), FakeChain()
    site = grown(ledger, chain, late)
    site.catch_up()
    late.blocks = late.blocks[:10]
    site.pool.distrust(site.pool.nodes[0], "expected the truth, found a lie")
    with pytest.raises(NoUsableNode, match="every node to be without our head 13"):
        site.indexer.step()
    assert hashes(site.canonical()) == list(range(1, 14))
