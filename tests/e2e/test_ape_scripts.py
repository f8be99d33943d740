"""The Ape scripts as a user runs them: on a fork, and on a chain that they must take for a live one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import UsageError
from eth_account import Account

from pmm.chain.feeds import FEEDS
from pmm.cli import main
from pmm.domain import USDC, WETH
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.upstream import upstream
from scripts._guards import guard_steps

FORK = "ethereum:mainnet-fork:foundry"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def fork() -> Iterator[tuple[AnvilNode, str]]:
    with upstream(any_port=True) as url, AnvilNode(fork_url=url) as node:
        yield node, url


def _ape(fork: tuple[AnvilNode, str], *arguments: str, network: str = FORK, **extra: str) -> tuple[int, str]:
    node, source = fork
    outcome = subprocess.run(
        [Path(sys.executable).with_name("ape"), "run", *arguments, "--network", network],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "APE_FOUNDRY_HOST": node.url, "PMM_UPSTREAM_RPC_URL": source, **extra},
    )
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_deploy_and_verify__on_a_fork__record_equals_the_chain(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    record = str(tmp_path / "record.json")
    code, text = _ape(fork, "deploy", "settlement", "--record", record)
    assert code == 0, text
    raw = json.loads(Path(record).read_text())
    settings = raw["contracts"]["RfqSettlement"]["compiler"]["settings"]
    assert settings["evmVersion"] == "cancun"
    assert settings["viaIR"] is True
    code, text = _ape(fork, "verify", "settlement", "--record", record)
    assert code == 0, text
    assert "DIFFERS" not in text
    assert "same    hedger: " + raw["contracts"]["AtomicHedger"]["address"] in text

    raw["contracts"]["RfqSettlement"]["runtimeCodeHash"] = "0x" + "00" * 32
    Path(record).write_text(json.dumps(raw))
    code, text = _ape(fork, "verify", "settlement", "--record", record)
    assert code == 1
    assert "DIFFERS code of RfqSettlement" in text


def test_deploy__guards_as_options__stand_on_chain_and_bound_a_stolen_key(
    fork: tuple[AnvilNode, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.json"
    guards = (
        *("--feed", f"{WETH.address}={FEEDS[WETH.address].proxy},3600"),
        *("--feed", f"{USDC.address}={FEEDS[USDC.address].proxy},86400"),
        *("--band", f"{WETH.address},{USDC.address}=50"),
        *("--cap", f"{WETH.address}={10**18},{10 * 10**18},3600"),
        *("--guard", "band", "--guard", "caps"),
        *("--signer", Account.create().address),
    )
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record), *guards)
    assert code == 0, text
    assert {"RfqSettlement", "SettlementLens"} <= set(json.loads(record.read_text())["contracts"])
    code, text = _ape(fork, "verify", "settlement", "--record", str(record))
    assert code == 0, text
    assert "DIFFERS" not in text
    for what in ("guards: 3", "caps of", "feed and heartbeat of", "SettlementLens's settlement"):
        assert f"same    {what}" in text
    with pytest.raises(SystemExit) as stop:
        main(["limits", "explain", "--rpc", fork[0].url, "--deployment", str(record)])
    assert stop.value.code == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "oracle band on, caps on" in shown[0]
    # The contract rounds 10 WETH down to its unit of account.
    (weth,) = (line for line in shown if line.startswith("WETH 0 0 9.9999999998"))
    assert " 50 bps " in weth
    assert weth.endswith(" USD leaves x band x price")
    assert any(
        line.startswith("USDC 0 0 0 50 bps") and line.endswith("no cap: nothing fills") for line in shown
    )
    assert any(line.startswith("signer 0x") and "4 lanes, 0 paused" in line for line in shown)


def test_deploy__portal__is_joined_and_verified(fork: tuple[AnvilNode, str], tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    code, text = _ape(fork, "deploy", "portal", "--record", str(record))
    assert code != 0
    assert "ape run deploy settlement" in text
    for script in ("settlement", "portal"):
        code, text = _ape(fork, "deploy", script, "--record", str(record))
        assert code == 0, text
    portal = json.loads(record.read_text())["contracts"]["TakerPortal"]["address"]
    code, text = _ape(fork, "verify", "settlement", "--record", str(record))
    assert code == 0, text
    assert "DIFFERS" not in text
    assert f"same    settlement's TakerPortal: {portal}" in text


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--cap", f"{WETH.address}=1,2", "expected --cap TOKEN=BLOCK,WINDOW,SECONDS"),
        ("--cap", f"{WETH.address}=1,x,3", "expected a whole number, found 'x'"),
        ("--band", f"{WETH.address}=50", "expected --band TOKEN,TOKEN=BPS"),
        ("--band", f"{WETH.address},{USDC.address}=52", "in steps of 5 bps"),
        ("--feed", WETH.address, "expected --feed TOKEN=FEED,HEARTBEAT"),
    ],
)
def test_guard_steps__option_that_cannot_be_read__is_named(option: str, value: str, message: str) -> None:
    values = {name: (value,) if option == f"--{name[:-1]}" else () for name in ("caps", "feeds", "bands")}
    with pytest.raises(UsageError, match=message):
        guard_steps(**values, guards=())


def test_deploy__hedger_without_settlement__names_the_remedy(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    code, text = _ape(fork, "deploy", "hedger", "--record", str(tmp_path / "none.json"))
    assert code != 0
    assert "ape run deploy settlement" in text


def test_deploy__hedger_after_another_transaction__is_refused_before_it_is_sent(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record))
    assert code == 0, text
    with fork[0].rpc() as rpc:
        # As if something else had been sent in its place.
        rpc.call(
            "anvil_setCode", json.loads(record.read_text())["contracts"]["AtomicHedger"]["address"], "0x"
        )
    code, text = _ape(fork, "deploy", "hedger", "--record", str(record))
    assert code != 0
    assert "expected the next contract of" in text
    assert "run `ape run deploy settlement` again" in text


def test_deploy__live_network_without_execute__sends_nothing(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    account = Account.create()
    folder = tmp_path / "ape" / "accounts"
    folder.mkdir(parents=True)
    (folder / "deployer.json").write_text(json.dumps(Account.encrypt(account.key, PASSPHRASE, iterations=2)))
    record = tmp_path / "record.json"
    with fork[0].rpc() as rpc:
        rpc.call("anvil_setBalance", account.address, hex(10**18))
        block = rpc.call("eth_blockNumber")
        code, text = _ape(
            fork,
            "deploy",
            "settlement",
            "--account",
            "deployer",
            "--record",
            str(record),
            network=f"ethereum:mainnet:{fork[0].url}",
            APE_DATA_FOLDER=str(tmp_path / "ape"),
        )
        assert code == 0, text
        assert "DRY RUN" in text
        assert "RfqSettlement would take" in text
        assert rpc.call("eth_blockNumber") == block
    assert not record.exists()


def test_deploy__hedger_after_a_run_that_ended_between_the_two__puts_it_where_it_belongs(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record))
    assert code == 0, text
    raw = json.loads(record.read_text())
    hedger = raw["contracts"].pop("AtomicHedger")
    record.write_text(json.dumps(raw))
    with fork[0].rpc() as rpc:
        sent = rpc.call("eth_getTransactionByHash", hedger["transactionHash"])
        now = rpc.call("eth_getTransactionCount", sent["from"], "latest")
        # As if it had never been sent.
        rpc.call("anvil_setCode", hedger["address"], "0x")
        rpc.call("anvil_setNonce", hedger["address"], "0x0")
        rpc.call("anvil_setNonce", sent["from"], sent["nonce"])
        code, text = _ape(fork, "deploy", "hedger", "--record", str(record))
        rpc.call("anvil_setNonce", sent["from"], now)
    assert code == 0, text
    assert json.loads(record.read_text())["contracts"]["AtomicHedger"]["address"] == hedger["address"]
    code, text = _ape(fork, "verify", "settlement", "--record", str(record))
    assert code == 0, text


def test_deploy__live_network_without_account__is_refused(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    network = f"ethereum:mainnet:{fork[0].url}"
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record), network=network)
    assert code == 2
    assert "expected --account ALIAS on a live network" in text
    assert not record.exists()
