"""Keys outside the process and stops on chain, against the contract on the offline mainnet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth_account import Account

from pmm.chain.guardian import GuardianKey, OwnerByImpersonation
from pmm.domain import SigningKey, parse_address
from pmm.errors import ChainError
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import Deployed, FakeNode, as_owner, fill, serving
from tests.fork.server.test_signing_safety import (
    PASSWORD,
    SECRET,
    authorise,
    keystore,
    real_node,
    refuse,
)

__all__ = ["keystore", "real_node"]


def test_serve__real_node_without_keys__is_refused(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode, tmp_path: Path
) -> None:
    live = {"rpc_url": real_node.url, "live": True, "keystore": keystore, "keystore_password": PASSWORD}
    message = refuse(deployed, journal, **live, auth={})
    assert "pmm keys create" in message
    empty = tmp_path / "none.json"
    message = refuse(deployed, journal, **live, auth={"keys_file": empty})
    assert "at least one key" in message


@pytest.mark.parametrize(
    "signer", [{"socket": "/run/signer"}, {"kms_key_id": "id"}], ids=["signer process", "AWS KMS"]
)
def test_serve__remote_signer_on_anvil__is_refused(
    deployed: Deployed, journal: Path, signer: dict[str, str]
) -> None:
    address = SigningKey(SECRET).address
    assert "PMM_SIGNER_SOCKET" in refuse(deployed, journal, signer={**signer, "address": address})


def test_serve__guardian_keystore_on_anvil__is_refused(
    deployed: Deployed, journal: Path, keystore: Path
) -> None:
    message = refuse(deployed, journal, switches={"guardian_keystore": keystore})
    assert "PMM_SWITCHES_GUARDIAN_KEYSTORE" in message


@contextmanager
def signer_process(folder: Path, keystore: Path, maker: str, *limits: str) -> Iterator[Path]:
    """Run ``pmm signer serve`` and return its socket."""
    path = folder / "signer"
    command = [
        sys.executable,
        "-m",
        "pmm",
        "signer",
        "serve",
        "--keystore",
        str(keystore),
        "--socket",
        str(path),
    ]
    process = subprocess.Popen(
        [*command, "--maker", maker, "--password-env", "SIGNER_PASSWORD", *limits],
        env={**os.environ, "SIGNER_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield path
    finally:
        process.terminate()
        process.wait(10)
    assert not path.exists()


def test_serve__signer_process_on_a_real_node__signs_what_it_allows_and_fills(
    deployed: Deployed,
    journal: Path,
    keystore: Path,
    real_node: FakeNode,
    chain: ChainBuilder,
    tmp_path: Path,
) -> None:
    address = SigningKey(SECRET).address
    authorise(deployed, address)
    limits = ("--most", "USDC=4000", "--most-per-hour", "USDC=100000")
    with (
        signer_process(tmp_path, keystore, deployed.settlement, *limits) as path,
        serving(
            deployed,
            journal,
            rpc_url=real_node.url,
            live=True,
            signer={"socket": path, "address": address, "timeout_ms": 5_000},
            max_market_age_ms=5_000,
        ) as server,
    ):
        answer = server.quote(settlement="pmm")
        assert answer.signed.signer == address
        fill(chain, answer)
        # Two WETH are worth more USDC than the signer process lets one order give.
        assert server.refused(amount=str(2 * 10**18)) == (503, "unsafe_to_sign")


def test_guardian__cancel_and_pause__stop_the_signer_in_the_genuine_contract(
    deployed: Deployed, journal: Path, chain: ChainBuilder
) -> None:
    with serving(deployed, journal) as server:
        answers = [server.quote(settlement=venue) for venue in ("pmm", "1inch")]
        signer = server.runtime.signer.address
        stop = OwnerByImpersonation(deployed.rpc.url, parse_address(deployed.settlement), timeout_s=5.0)
        assert stop.stop(signer, "cancel").startswith("0x")
        for answer in answers:
            with pytest.raises(ChainError):
                fill(chain, answer)
        server.catch_up()
        # Cancelled is not paused: what is signed from now on fills.
        fill(chain, server.quote(settlement="pmm"))
        stop.stop(signer, "pause")
        server.catch_up()
        assert server.refused() == (503, "paused")


def test_guardian__key_of_its_own__sends_and_needs_the_right(deployed: Deployed, journal: Path) -> None:
    guardian = Account.from_key(b"\x43" * 32)
    deal(deployed.rpc, NATIVE, guardian.address, 10**18)
    with serving(deployed, journal) as server:
        stop = GuardianKey(
            deployed.rpc.url, parse_address(deployed.settlement), guardian, chain_id=1, timeout_s=5.0
        )
        with pytest.raises(ChainError, match="refused"):
            stop.stop(server.runtime.signer.address, "pause")
        with ChainBuilder(deployed.rpc) as chain:
            as_owner(chain, deployed, "setGuardian(address)", guardian.address)
        stop.stop(server.runtime.signer.address, "pause")
        server.catch_up()
        assert server.refused() == (503, "paused")
