"""A negotiated trade from the command line to the chain: entered, signed, settled; a fill like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pmm.chain.abi import encode_call
from pmm.domain import USDC, WETH, parse_address
from pmm.errors import ChainError
from pmm.journal import read
from pmm.localnet.addresses import keyless_account
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.placement import ChainBuilder
from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.client import QuoteAnswer, parse_answer
from tests.fork.server.site import TAKER, Deployed, approve_all, as_owner, fill, holdings, serving
from tests.fork.server.test_serve_command import environment, running

_COUNTERPARTY = parse_address(keyless_account("otc counterparty"))
_STRANGER = parse_address(keyless_account("otc stranger"))
_LIFE_S = 7_000


@pytest.fixture
def counterparty(deployed: Deployed, chain: ChainBuilder) -> str:
    for account in (_COUNTERPARTY, _STRANGER):
        for asset, amount in ((WETH.address, 100 * 10**18), (USDC.address, 10**12), (NATIVE, 10**20)):
            deal(deployed.rpc, asset, account, amount)
        approve_all(chain, deployed, holder=account)
    # Two hours: a negotiated order outlives a quote.
    as_owner(chain, deployed, "setMaxExpiry(uint64)", _LIFE_S + 200)
    return _COUNTERPARTY


def _keys(folder: Path) -> tuple[Path, Path]:
    """Return a server's key file and a file with a trader's key."""
    record, shown = new_key(kind=KeyKind.API_KEY, role=Role.TRADER, name="ann", now_s=1)
    keys, key = folder / "keys.json", folder / "trader.key"
    write_keys(keys, [record])
    key.write_text(shown)
    key.chmod(0o600)
    return keys, key


def _enter(url: str, key: Path, out: Path, *, give: str, get: str, reference: str = "T-1") -> str:
    """Enter a trade by the command; return what it says on standard error."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pmm", "otc", "enter", "--server", url, "--key-file", str(key)),
            *("--reference", reference, "--counterparty", "acme", "--taker", _COUNTERPARTY),
            *("--give", give, "--get", get, "--life-s", str(_LIFE_S), "--out", str(out)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )
    return done.stderr


def _price(deployed: Deployed) -> int:
    feed = {
        "to": "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
        "data": "0x" + encode_call("latestAnswer()").hex(),
    }
    return int(deployed.rpc.call("eth_call", feed, "latest"), 16) // 10**8


def test_otc__entered_signed_and_filled__moves_exactly_what_was_agreed(
    deployed: Deployed, chain: ChainBuilder, counterparty: str, journal: Path, tmp_path: Path
) -> None:
    keys, key = _keys(tmp_path)
    usdc = 20 * _price(deployed) * 999 // 1_000
    out = tmp_path / "order.json"
    with running(deployed, journal, PMM_AUTH_KEYS_FILE=str(keys)) as (_, url):
        said = _enter(url, key, out, give=f"USDC={usdc}", get="WETH=20")
        assert out.exists(), said
        answer = parse_answer(json.loads(out.read_text()))
        # Twice the counterparty's words by mistake: the same order, not a second one.
        _enter(url, key, tmp_path / "again.json", give=f"USDC={usdc}", get="WETH=20")
        assert json.loads((tmp_path / "again.json").read_text())["orderHash"] == answer.raw["orderHash"]
        far = _enter(url, key, tmp_path / "far.json", give=f"USDC={usdc * 2}", get="WETH=20", reference="T-2")
        assert "price_deviation" in far
        with pytest.raises(ChainError):
            fill(chain, answer, taker=_STRANGER)
        before = holdings(deployed.rpc, counterparty, deployed.settlement)
        # Long after a quote would have died.
        deployed.rpc.call("evm_increaseTime", hex(3_600))
        receipt = fill(chain, answer, taker=counterparty)
        after = holdings(deployed.rpc, counterparty, deployed.settlement)
    moved = [now - then for now, then in zip(after, before, strict=True)]
    assert moved == [-20 * 10**18, usdc * 10**6, 20 * 10**18, -usdc * 10**6]
    # The event that indexer, book and hedger follow is the one of every fill on our contract.
    topics = {
        log["topics"][0] for log in receipt["logs"] if log["address"].lower() == deployed.settlement.lower()
    }
    assert _fill_topics(deployed, chain, tmp_path) <= topics
    entries = list(read(journal))
    assert [entry.decision for entry in entries] == ["quoted", "price_deviation"]
    assert {entry.relayer for entry in entries} == {"otc"}


def _fill_topics(deployed: Deployed, chain: ChainBuilder, folder: Path) -> set[str]:
    """Return the events of our contract in an ordinary fill."""

    with serving(deployed, folder / "other.sqlite") as server:
        quote: QuoteAnswer = server.quote(settlement="pmm")
        receipt = fill(chain, quote, taker=TAKER)
    return {
        log["topics"][0] for log in receipt["logs"] if log["address"].lower() == deployed.settlement.lower()
    }


def test_otc__longer_than_the_lane_allows__is_refused(
    deployed: Deployed, chain: ChainBuilder, counterparty: str, journal: Path, tmp_path: Path
) -> None:
    as_owner(chain, deployed, "setMaxExpiry(uint64)", 300)
    keys, key = _keys(tmp_path)
    usdc = 20 * _price(deployed) * 999 // 1_000
    with running(deployed, journal, PMM_AUTH_KEYS_FILE=str(keys)) as (_, url):
        said = _enter(url, key, tmp_path / "order.json", give=f"USDC={usdc}", get="WETH=20")
    assert "at most 298 s" in said
    assert not (tmp_path / "order.json").exists()


def test_otc__without_a_key__is_not_signed(
    deployed: Deployed, counterparty: str, journal: Path, tmp_path: Path
) -> None:
    keys, _ = _keys(tmp_path)
    wrong = tmp_path / "wrong.key"
    wrong.write_text("pmm_nobody_nothing")
    wrong.chmod(0o600)
    with running(deployed, journal, PMM_AUTH_KEYS_FILE=str(keys)) as (_, url):
        said = _enter(url, wrong, tmp_path / "order.json", give="USDC=59900", get="WETH=20")
    assert "error:" in said
    assert not (tmp_path / "order.json").exists()
