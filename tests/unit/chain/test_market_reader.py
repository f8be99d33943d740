"""Answers of a node taken apart: what is right is read, what cannot be right is refused."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

import pmm.chain
from pmm.chain.abi import selector
from pmm.chain.feeds import FEEDS, feed_reading, feeds_of
from pmm.chain.fill_hedging import FILL_HEDGING_CALLS
from pmm.chain.inventory import (
    SETTLEMENT_CALLS,
    first_unused_router_nonce,
    lane_state,
    router_word_call,
)
from pmm.chain.market_reader import ladder_amounts
from pmm.chain.node_identity import node_identity
from pmm.chain.quoter import Pool, pool_reading, spot_rates_e36
from pmm.chain.rpc import RpcError
from pmm.chain.web3_node import Call, word
from pmm.cli.limits import SETTLEMENT_CALLS as LIMITS_CALLS
from pmm.domain import USDC, WETH
from pmm.errors import ChainError
from tests.helpers.quoting import MAKER, feed

_POOL = Pool(address=MAKER, token0=USDC, token1=WETH, fee_pips=500)


def test_feed_reading__round__is_read_without_judging_it() -> None:
    answer = encode(("uint80", "int256", "uint256", "uint256", "uint80"), (1, -5, 2, 3, 1))
    reading = feed_reading(FEEDS[WETH.address], answer)
    assert (reading.answer, reading.updated_at_s, reading.heartbeat_s) == (-5, 3, 3_600)


@pytest.mark.parametrize("answer", [None, b"", b"\x00" * 31])
def test_feed_reading__no_round__raises(answer: bytes | None) -> None:
    with pytest.raises(ChainError, match="ETH / USD"):
        feed_reading(FEEDS[WETH.address], answer)


def test_feeds_of__token_without_feed__is_left_out() -> None:
    assert set(feeds_of((WETH,))) == {WETH.address}


def test_lane_state__word__is_decoded() -> None:
    # Guard switches (248, 249) and blocked tokens (240-247) belong to no field.
    word = 1 << 255 | 3 << 248 | 0x81 << 240 | 300 << 224 | 7 << 192 | 100 << 160 | 0b101
    state = lane_state(3, word.to_bytes(32, "big"))
    assert (state.authorised, state.paused) == (True, False)
    assert lane_state(3, (word | 1 << 254).to_bytes(32, "big")).paused
    assert (state.lane, state.epoch, state.max_expiry_s) == (3, 7, 300)
    assert [state.is_dead(nonce) for nonce in (99, 100, 101, 102, 103)] == [True, True, False, True, False]
    assert state.next_unused == 103


@pytest.mark.parametrize("answer", [None, b"\x01"])
def test_lane_state__no_answer__raises(answer: bytes | None) -> None:
    with pytest.raises(ChainError, match="lane 0"):
        lane_state(0, answer)


def test_spot_rates__square_root_price__gives_both_directions() -> None:
    # One WETH for 2,500 USDC: sqrt(10**18 / 2500 / 10**6) = 20,000.
    rates = spot_rates_e36((20_000 << 96).to_bytes(32, "big"))
    assert rates == (4 * 10**44, 25 * 10**26)


@pytest.mark.parametrize("answer", [None, b"", bytes(32)])
def test_spot_rates__pool_without_price__is_none(answer: bytes | None) -> None:
    assert spot_rates_e36(answer) is None


def test_pool_reading__quotes_stop_rising__is_cut_there() -> None:
    answers = [(90).to_bytes(32, "big"), (170).to_bytes(32, "big"), (170).to_bytes(32, "big"), None]
    reading = pool_reading(_POOL, spot_rate_e36=1, amounts=[100, 200, 300, 400], answers=answers)
    assert reading is not None
    assert reading.depth.knots == ((100, 90), (200, 170))


@pytest.mark.parametrize("answers", [[None, None], [bytes(32), bytes(32)]])
def test_pool_reading__dry_pool__is_none(answers: Sequence[bytes | None]) -> None:
    assert pool_reading(_POOL, spot_rate_e36=1, amounts=[1, 2], answers=answers) is None


def test_ladder_amounts__dollars__are_round_amounts_of_the_token() -> None:
    feeds = {WETH.address: feed("ETH / USD", 3_000 * 10**8)}
    amounts = ladder_amounts(WETH, feeds, (Decimal(100), Decimal(1_000)))
    assert amounts == [333 * 10**14, 333 * 10**15]


@pytest.mark.parametrize("answer", [0, -1])
def test_ladder_amounts__no_price__are_none(answer: int) -> None:
    assert ladder_amounts(WETH, {WETH.address: feed("ETH / USD", answer)}, (Decimal(100),)) == []


class _Bitmap:
    """A node that knows 1inch's nonce bitmap and nothing else."""

    def __init__(self, words: dict[int, int]) -> None:
        self._by_call = {router_word_call(MAKER, index << 8)[1]: value for index, value in words.items()}

    def multicall(self, calls: Sequence[Call], *, block: object) -> list[bytes | None]:
        return [self._by_call.get(data, 0).to_bytes(32, "big") for _, data in calls]


@pytest.mark.parametrize(
    ("words", "known", "first"),
    [
        ({}, 0, 0),
        ({}, 77, 77),
        ({0: 0b111}, 3, 3),
        ({0: 0b1111}, 3, 256),
        ({0: 1, 1: 1}, 0, 512),
        ({0: 1, 200: 1}, 0, 201 << 8),
        ({3: 1}, 1_024, 1_024),
        ({300: 1, 500: 1}, 300 << 8, 501 << 8),
    ],
)
def test_first_unused_router_nonce__bitmap__is_behind_everything_used(
    words: dict[int, int], known: int, first: int
) -> None:
    node: Any = _Bitmap(words)
    assert first_unused_router_nonce(node, MAKER, known=known) == first


@pytest.mark.parametrize(
    ("version", "anvil_info", "development"),
    [
        ("anvil/v1.7.1", {}, True),
        ("Geth/v1.16.7-stable", RpcError("anvil_nodeInfo", {"code": -32601}), False),
        ("Geth/v1.16.7-stable", {"hardFork": "Prague"}, True),
        ("HardhatNetwork/2.22", None, True),
        ("Ganache/v7", None, True),
        ("reth/v1.9", None, False),
        ("erigon/3.2", None, False),
        ("Nethermind/v1.35", None, False),
    ],
)
def test_node_identity__client__is_told_from_a_development_node(
    version: str, anvil_info: object, development: bool
) -> None:
    assert node_identity([version, "0x1", anvil_info]).development is development


@pytest.mark.parametrize("answers", [[None, "0x1", None], ["x", None, None], ["x", RpcError("m", {}), None]])
def test_node_identity__answers_missing__raises(answers: list[object]) -> None:
    with pytest.raises(ChainError, match="client version and a chain id"):
        node_identity(answers)


@pytest.mark.parametrize("data", [None, b"\x01"])
def test_word__no_number__raises(data: bytes | None) -> None:
    with pytest.raises(ChainError, match="expected a number from balance"):
        word(data, what="balance")


def test_settlement_calls__every_one__is_in_the_contract() -> None:
    abi = json.loads((Path(pmm.chain.__file__).parent / "abis" / "RfqSettlement.json").read_text())
    entries = abi["abi"] if isinstance(abi, dict) else abi
    known = {
        selector(f"{entry['name']}({','.join(_type(one) for one in entry['inputs'])})")
        for entry in entries
        if entry["type"] == "function"
    }
    for call in (*SETTLEMENT_CALLS, *LIMITS_CALLS, *FILL_HEDGING_CALLS):
        assert selector(call) in known, call


def _type(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    inner = ",".join(_type(one) for one in argument["components"])
    return f"({inner}){argument['type'].removeprefix('tuple')}"
