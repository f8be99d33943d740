"""``pmm limits explain`` against a node that exists in this test only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from pmm.chain.abi import selector
from pmm.chain.feeds import FEEDS
from pmm.chain.lens import (
    CAP_FIELDS,
    FEED_FIELDS,
    LIMITS_FIELDS,
    TOKEN_FIELDS,
    DeskLimits,
    Fields,
    TokenLimits,
    tuple_type,
)
from pmm.cli import main
from pmm.domain import WETH, ZERO_ADDRESS, parse_address
from tests.unit.cli.test_limits_loss import DESK, HOOKS, LENDING, NO_CAP, USDC_LIMITS, WETH_LIMITS
from tests.unit.cli.test_order_chain import LENS, FakeNode, _record, node
from tests.unit.domain.test_verification import SETTLEMENT

__all__ = ["node"]

SIGNER = parse_address("0x" + "51" * 20)
_GUARDS = 1 << 248 | 1 << 249


def _values(fields: Fields, source: object) -> tuple[Any, ...]:
    return tuple(getattr(source, name) for name, _, _ in fields)


def _token(limits: TokenLimits) -> tuple[Any, ...]:
    *head, _, _, bands = _values(TOKEN_FIELDS, limits)
    return (*head, _values(CAP_FIELDS, limits.cap), _values(FEED_FIELDS, limits.feed), list(bands))


def _arrange(node: FakeNode, desk: DeskLimits, *, lane_word: int = 1 << 255 | _GUARDS) -> tuple[str, ...]:
    *head, tokens = _values(LIMITS_FIELDS, desk)
    answer = (*head, [_token(limits) for limits in tokens])
    node.set(LENS, "SETTLEMENT()", ["address"], SETTLEMENT)
    node.answers[LENS.lower(), selector("limits()")] = encode([tuple_type(LIMITS_FIELDS)], [answer])
    node.set(SETTLEMENT, "signerList()", ["address[]"], [SIGNER])
    node.set(SETTLEMENT, "numberOfLanes(address)", ["uint256"], 4)
    node.set(SETTLEMENT, "laneWord(address,uint64)", ["uint256"], lane_word)
    return ("limits", "explain", "--rpc", node.url, "--settlement", SETTLEMENT, "--lens", LENS)


class _Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        self.rows = [" ".join(line.split()) for line in out.splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def command(*arguments: str) -> _Done:
        status = 0
        try:
            main(arguments)
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return _Done(status, captured.out, captured.err)

    return command


# The USDC feed has its own exponent.
TOKENS = (
    WETH_LIMITS,
    replace(USDC_LIMITS, feed=replace(USDC_LIMITS.feed, answer=10**8, exponent=14)),
)
GUARDED = replace(DESK, tokens=TOKENS)


def test_explain__caps_and_band_on__prints_bound_and_formula_per_token(run: Any, node: FakeNode) -> None:
    done = run(*_arrange(node, GUARDED))
    assert done.status == 0
    assert "oracle band on, caps on" in done.rows[0]
    assert "WETH 40 5 10 50 bps 150.00 USD leaves x band x price" in done.rows
    assert "USDC 120,000 5,000,000,000,000 60,000 50 bps 300.00 USD leaves x band x price" in done.rows
    together = "together: 450.00 USD per hour (sum of the tokens, at most the inventory)"
    assert any(row.startswith(together) for row in done.rows)
    assert (
        f"signer {SIGNER}: 4 lanes, 0 paused; lanes share the caps, so more of them lose no more" in done.rows
    )
    assert "no router hooks are set, so with caps on no order fills on 1inch's contract" in done.rows


def test_explain__caps_off__is_unbounded_and_exits_1(run: Any, node: FakeNode) -> None:
    done = run(*_arrange(node, replace(GUARDED, caps_on=False), lane_word=1 << 255 | 1 << 248))
    assert done.status == 1
    assert (
        "WETH 40 5 inventory 50 bps unbounded: the whole inventory (120,000.00 USD) unbounded: the whole inventory"
        in done.rows
    )
    assert "together: unbounded: the whole inventory (240,000.00 USD)" in done.rows
    assert any(row.startswith("on 1inch's contract its allowance is the only bound") for row in done.rows)


def test_explain__band_off__says_that_a_thief_signs_any_price(run: Any, node: FakeNode) -> None:
    done = run(*_arrange(node, replace(GUARDED, band_on=False), lane_word=1 << 255 | 1 << 249))
    assert done.status == 0
    assert "WETH 40 5 10 off: all 30,000.00 USD min(leaves, inventory) x price" in done.rows
    assert any("a thief can sign any price" in row for row in done.rows)


def test_explain__no_feed_set__is_priced_by_chainlinks_own(run: Any, node: FakeNode) -> None:
    nothing = replace(WETH_LIMITS.feed, feed=ZERO_ADDRESS, answer=0, healthy=False, exponent=0)
    bare = replace(WETH_LIMITS, feed=nothing, cap=NO_CAP)
    desk = replace(GUARDED, caps_on=False, band_on=False, tokens=(bare, TOKENS[1]))
    arguments = _arrange(node, desk, lane_word=1 << 255)
    done = run(*arguments)
    assert (
        "WETH 40 5 inventory off: all unbounded: the whole inventory (40) unbounded: the whole inventory"
        in done.rows
    )
    assert "WETH has no price: its loss is not in the sum" in done.rows
    types = ["uint80", "int256", "uint256", "uint256", "uint80"]
    node.set(FEEDS[WETH.address].proxy, "latestRoundData()", types, 1, 2_500 * 10**8, 1, 1, 1)
    done = run(*arguments)
    assert any("unbounded: the whole inventory (100,000.00 USD)" in row for row in done.rows)
    assert "WETH is priced by Chainlink's ETH / USD; the settlement has no feed" in done.rows


def test_explain__lending_behind_the_hooks__is_told(run: Any, node: FakeNode) -> None:
    desk = replace(GUARDED, router_hooks=HOOKS, lending_account=LENDING)
    done = run(*_arrange(node, desk))
    assert any(row.startswith("together: 450.00 USD per hour (sum of the tokens),") for row in done.rows)
    assert any("can fetch more than the inventory from the lending account" in row for row in done.rows)


def test_explain__lane_with_other_switches_than_the_policy__is_called_wrong(run: Any, node: FakeNode) -> None:
    done = run(*_arrange(node, GUARDED, lane_word=1 << 255 | 1 << 254))
    assert any(row.startswith("WRONG: 4 of its lanes carry other switches") for row in done.rows)
    assert (
        f"signer {SIGNER}: 4 lanes, 4 paused; lanes share the caps, so more of them lose no more" in done.rows
    )


def test_explain__settlement_and_lens_of_a_record__are_found(
    run: Any, node: FakeNode, tmp_path: Path
) -> None:
    _arrange(node, GUARDED)
    record = str(_record(tmp_path / "record.json", SETTLEMENT, SettlementLens=LENS))
    assert run("limits", "explain", "--rpc", node.url, "--deployment", record).status == 0
    node.chain_id = 10
    done = run("limits", "explain", "--rpc", node.url, "--deployment", record)
    assert done.status == 2
    assert "expected a record of chain 10, which the node runs, found chain 1" in done.err


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--rpc", "ftp://x"), 2, "--rpc: expected an http"),
        (("--rpc", "http://127.0.0.1:1", "--rpc-timeout", "0.2"), 1, "expected an answer to eth_chainId"),
        (("--rpc", "http://127.0.0.1:1", "--token", "0x1"), 2, "--token"),
    ],
)
def test_explain__bad_option_or_no_node__is_one_line(
    run: Any, options: tuple[str, ...], status: int, message: str
) -> None:
    done = run("limits", "explain", *options)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("error: ")
    assert message in done.err


def test_explain__contract_that_is_no_lens__is_an_error(run: Any, node: FakeNode) -> None:
    arguments = _arrange(node, GUARDED)
    node.answers[LENS.lower(), selector("limits()")] = b"\x01" * 64
    done = run(*arguments)
    assert done.status == 1
    assert "expected an answer of SettlementLens.limits" in done.err
