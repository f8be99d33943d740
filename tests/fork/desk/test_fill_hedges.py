"""Fills on 1inch's genuine contract that hedge themselves, and the desk that follows them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import USDC, WETH, RouterHookTerms, keccak256
from pmm.domain.hook_payloads import PostAction, PostHook
from pmm.errors import ChainError
from pmm.execution.hedging import NoticeKind
from pmm.journal import read
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price
from pmm.pricing.fill_hedge import HOOK_GAS
from tests.fork.desk.desk_site import ETHER, assert_books_equal_the_chain, nonce, running, until_quiet
from tests.fork.server.site import Deployed, Server, fill, holdings, serving

_NETWORK = "ethereum:mainnet-fork:foundry"
_HEDGE_FAILED = "0x" + keccak256(b"HedgeFailed(bytes32,bytes)").hex()
# Hedges of our own are dear here: one transaction per 1,000 USD, and all of the pools' impact.
_DEAR_HEDGES: dict[str, Any] = {"hedge_batch_usd": 1_000, "impact_share_bps": 10_000}
_BUY_WETH = {"baseToken": USDC.address, "quoteToken": WETH.address}


@pytest.fixture(scope="module")
def hooked_node(desk_node: Deployed) -> Iterator[Deployed]:
    """The deployed contracts with RouterHooks joined."""
    snapshot = desk_node.rpc.call("evm_snapshot")
    before = desk_node.record.read_text()
    source = desk_node.rpc.call("anvil_nodeInfo")["forkConfig"]["forkUrl"]
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ape")),
            *("run", "deploy", "hooks", "--network", _NETWORK, "--record", str(desk_node.record)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "APE_FOUNDRY_HOST": desk_node.rpc.url, "PMM_UPSTREAM_RPC_URL": source},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield desk_node
    desk_node.record.write_text(before)
    desk_node.rpc.call("evm_revert", snapshot)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture(params=["required", "best_effort"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hedging_server(
    hooked_node: Deployed, deployed: Deployed, band: None, journal: Path, mode: str
) -> Iterator[Server]:
    with serving(deployed, journal, hook_hedge=mode, **_DEAR_HEDGES) as running_server:
        yield running_server


def _signed_hook(answer: Any) -> PostHook:
    terms = RouterHookTerms.decode(answer.signed.extension)
    assert terms.pre is None
    assert terms.post is not None
    return PostHook.decode(terms.post)


def _funding(journal: Path) -> str | None:
    return [entry for entry in read(journal) if entry.quoted][-1].funding


def _failed_hedges(receipt: dict[str, Any]) -> int:
    return sum(log["topics"][0] == _HEDGE_FAILED for log in receipt["logs"])


@pytest.mark.parametrize("base", ["WETH", "USDC"])
def test_fill__hedged_inside__pays_both_and_leaves_the_desk_nothing_to_hedge(
    hedging_server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, mode: str, base: str
) -> None:
    asks = {"WETH": {"amount": str(10 * ETHER)}, "USDC": {**_BUY_WETH, "amount": str(25_000 * 10**6)}}
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        answer = hedging_server.quote(**asks[base])
        hook, order = _signed_hook(answer), answer.signed.order
        assert hook.action is PostAction.HEDGE
        assert hook.required is (mode == "required")
        assert hook.hedge is not None
        before = holdings(deployed.rpc, deployed.settlement)
        receipt = fill(chain, answer)
        after = holdings(deployed.rpc, deployed.settlement)
        assert _failed_hedges(receipt) == 0
        turns = until_quiet(desk)
        assert [one for turn in turns for one in turn.notices] == []
        assert nonce(desk, deployed) == 0
        weth, usdc = (b - a for a, b in zip(before, after, strict=True))
        if base == "WETH":
            # What came in is sold to the last unit; the margin is in USDC.
            assert (weth, usdc > 0) == (0, True)
        else:
            # A basis point of the fill, and the slippage that was not used: less than is worth a swap.
            assert 0 <= weth < order.making_amount * 11 // 10_000
            assert usdc > 0
        assert desk.hedger.open_delta(WETH.address) == weth
        assert_books_equal_the_chain(desk, deployed)
        assert desk.ledger.read("SELECT count(*) FROM hedging_intents WHERE trade != 0") == [(0,)]


def test_fill__pool_moved_beyond_the_minimum__stands_unhedged_or_reverts_as_signed(
    hedging_server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, mode: str
) -> None:
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        answer = hedging_server.quote(amount=str(10 * ETHER))
        set_price(chain.rpc, "ETH", _price(chain) * Decimal("0.995"))
        held = balance_of(deployed.rpc, WETH.address, deployed.settlement)
        if mode == "required":
            with pytest.raises(ChainError):
                fill(chain, answer)
            assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == held
            return
        receipt = fill(chain, answer)
        assert _failed_hedges(receipt) == 1
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == held + 10 * ETHER
        turns = until_quiet(desk)
        said = [one for turn in turns for one in turn.notices]
        assert [one.kind for one in said] == [NoticeKind.DONE], said
        assert nonce(desk, deployed) == 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == held
        assert_books_equal_the_chain(desk, deployed)


def test_journal__of_hedged_fills__is_replayed_byte_for_byte(
    hedging_server: Server, deployed: Deployed, journal: Path, mode: str
) -> None:
    for amount in (ETHER, 10 * ETHER, 30 * ETHER):
        hedging_server.quote(amount=str(amount))
    assert (_funding(journal) or "").startswith("inventory_hedged_uniswap_v3_")
    hedging_server.runtime.close()
    command = [str(Path(sys.executable).with_name("pmm")), "replay", str(journal)]
    settings = {"PMM_PAIRS": "WETH/USDC", "PMM_HEDGE_BATCH_USD": "1000", "PMM_IMPACT_SHARE_BPS": "10000"}
    # Of the hedge nothing is set: all that it was made from is in the journal.
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **settings}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3" in done.stdout


def test_hook_gas__is_what_a_hedged_fill_takes_beyond_a_plain_one(
    hooked_node: Deployed, deployed: Deployed, chain: ChainBuilder, journal: Path
) -> None:
    """The figure that ranks: measured here, on the genuine contract and pool, over the sizes of a usual quote."""
    asks = [{"amount": str(size * ETHER)} for size in (1, 10, 30)]
    asks += [{**_BUY_WETH, "amount": str(usd * 10**6)} for usd in (2_500, 25_000, 75_000)]
    extra: list[int] = []
    for number, ask in enumerate(asks):
        gas: list[int] = []
        for mode in ("off", "required"):
            snapshot = deployed.rpc.call("evm_snapshot")
            place = journal.with_name(f"{number}{mode}.sqlite")
            with serving(deployed, place, hook_hedge=mode, **_DEAR_HEDGES) as server:
                answer = server.quote(**ask)
                assert bool(answer.signed.extension) is (mode == "required")
                gas.append(int(fill(chain, answer)["gasUsed"], 16))
            deployed.rpc.call("evm_revert", snapshot)
        extra.append(gas[1] - gas[0])
    assert max(extra) <= HOOK_GAS, extra
    assert min(extra) > HOOK_GAS * 9 // 10, extra


def _price(chain: ChainBuilder) -> Decimal:
    return Decimal(read_answers(chain)["ETH"]) / 10**8
