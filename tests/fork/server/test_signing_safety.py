"""The accident on mainnet, tried for real: every way to it ends before a key is used."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from pmm.chain.rpc import JsonRpc
from pmm.domain import SigningKey
from pmm.errors import InvalidInput, SetupError, UnsafeToSign
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import (
    Deployed,
    FakeNode,
    Server,
    as_owner,
    fake_node,
    fill,
    real_node_lies,
    serving,
)

PASSWORD = "correct horse"
SECRET = b"\x42" * 32


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "keystore.json"
    # Few rounds: the test is not about the strength of the file.
    path.write_text(json.dumps(Account.encrypt(SECRET, PASSWORD, kdf="pbkdf2", iterations=1_000)))
    return path


@pytest.fixture
def real_node(deployed: Deployed) -> Iterator[FakeNode]:
    with fake_node(deployed.rpc.url, real_node_lies()) as node:
        yield node


@contextmanager
def changed_record(deployed: Deployed, tmp_path: Path, change: dict[str, Any]) -> Iterator[Path]:
    raw = json.loads(deployed.record.read_text())
    raw.update({key: value for key, value in change.items() if key != "code"})
    if "code" in change:
        raw["contracts"]["RfqSettlement"]["runtimeCodeHash"] = change["code"]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(raw))
    yield path


def refuse(deployed: Deployed, journal: Path, **settings: Any) -> str:
    with pytest.raises(UnsafeToSign) as caught, serving(deployed, journal, **settings):
        pass
    return str(caught.value)


def authorise(deployed: Deployed, signer: str) -> None:
    with ChainBuilder(deployed.rpc) as chain:
        as_owner(chain, deployed, "initLanes(address,uint256)", signer, 2)


def test_serve__anvil__signs_with_a_key_of_this_run(deployed: Deployed, tmp_path: Path) -> None:
    signers = set()
    for number in range(2):
        with serving(deployed, tmp_path / f"{number}.sqlite") as server:
            assert server.runtime.signer.mode.value == "development"
            signers.add(server.quote().signed.signer)
    assert len(signers) == 2


def test_serve__keystore_on_anvil__is_refused(deployed: Deployed, journal: Path, keystore: Path) -> None:
    message = refuse(deployed, journal, keystore=keystore, keystore_password=PASSWORD)
    assert "Unset PMM_KEYSTORE" in message


def test_serve__live_switch_on_anvil__is_refused(deployed: Deployed, journal: Path) -> None:
    assert "unset PMM_LIVE" in refuse(deployed, journal, live=True)


def test_serve__anvil_that_calls_itself_geth__is_found_out(
    deployed: Deployed, journal: Path, keystore: Path
) -> None:
    lies = {"web3_clientVersion": lambda: {"result": "Geth/v1.16.7"}}
    with fake_node(deployed.rpc.url, lies) as node:
        message = refuse(
            deployed, journal, rpc_url=node.url, live=True, keystore=keystore, keystore_password=PASSWORD
        )
    assert "development node" in message


def test_serve__real_node_without_the_switch__is_refused(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode
) -> None:
    message = refuse(deployed, journal, rpc_url=real_node.url, keystore=keystore, keystore_password=PASSWORD)
    assert "PMM_LIVE=1" in message


def test_serve__real_node_without_keystore__is_refused(
    deployed: Deployed, journal: Path, real_node: FakeNode
) -> None:
    assert "PMM_KEYSTORE" in refuse(deployed, journal, rpc_url=real_node.url, live=True)


@pytest.mark.parametrize("live", [False, True], ids=["anvil", "real node"])
def test_serve__code_differs_from_the_record__is_refused(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode, tmp_path: Path, live: bool
) -> None:
    settings: dict[str, Any] = (
        {"rpc_url": real_node.url, "live": True, "keystore": keystore, "keystore_password": PASSWORD}
        if live
        else {}
    )
    with changed_record(deployed, tmp_path, {"code": "0x" + "00" * 32}) as record:
        message = refuse(deployed, journal, deployment=record, **settings)
    assert "expected the recorded code" in message


def test_serve__record_of_another_chain__is_refused(
    deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    with changed_record(deployed, tmp_path, {"chainId": 10}) as record:
        assert "same chain" in refuse(deployed, journal, deployment=record)


def test_serve__key_that_is_no_signer__is_refused(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode
) -> None:
    message = refuse(
        deployed,
        journal,
        rpc_url=real_node.url,
        live=True,
        keystore=keystore,
        keystore_password=PASSWORD,
    )
    assert "initLanes" in message


def test_serve__wrong_password__is_refused_without_repeating_it(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode
) -> None:
    with (
        pytest.raises(SetupError, match="PMM_KEYSTORE_PASSWORD") as caught,
        serving(
            deployed,
            journal,
            rpc_url=real_node.url,
            live=True,
            keystore=keystore,
            keystore_password="secret!",
        ),
    ):
        pass
    assert "secret!" not in str(caught.value)


def test_serve__everything_right_on_a_real_node__signs_live_with_the_keystore(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode, chain: ChainBuilder
) -> None:
    signer = SigningKey(SECRET).address
    authorise(deployed, signer)
    with serving(
        deployed,
        journal,
        rpc_url=real_node.url,
        live=True,
        keystore=keystore,
        keystore_password=PASSWORD,
        max_market_age_ms=5_000,
    ) as server:
        assert server.runtime.signer.mode.value == "live"
        answer = server.quote(settlement="pmm")
        assert answer.signed.signer == signer
        assert answer.components_bps == {}
        fill(chain, answer)


def restart(deployed: Deployed, journal: Path, node: FakeNode, keystore: Path) -> Any:
    return serving(
        deployed,
        journal,
        rpc_url=node.url,
        live=True,
        keystore=keystore,
        keystore_password=PASSWORD,
        max_market_age_ms=5_000,
    )


def test_serve__restarted_live__keeps_reservations_and_repeats_no_nonce(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode, chain: ChainBuilder
) -> None:
    authorise(deployed, SigningKey(SECRET).address)
    seen: list[tuple[str, int, int]] = []

    def take(server: Server) -> None:
        for settlement in ("1inch", "pmm", "pmm"):
            traits = server.quote(settlement=settlement).signed.order.traits
            lane = traits.lane if settlement == "pmm" else 0
            seen.append((settlement, lane, traits.nonce))

    with restart(deployed, journal, real_node, keystore) as server:
        take(server)
        first = server.runtime.desk.watched()
    with restart(deployed, journal, real_node, keystore) as server:
        assert set(server.runtime.desk.watched()) == set(first)
        take(server)
        assert len(server.runtime.desk.watched()) == 6
    assert len(set(seen)) == 6


def test_serve__journal_lost__starts_behind_the_nonces_used_on_chain(
    deployed: Deployed, tmp_path: Path, keystore: Path, real_node: FakeNode, chain: ChainBuilder
) -> None:
    authorise(deployed, SigningKey(SECRET).address)
    with restart(deployed, tmp_path / "first.sqlite", real_node, keystore) as server:
        for settlement in ("1inch", "pmm"):
            fill(chain, server.quote(settlement=settlement))
    with restart(deployed, tmp_path / "second.sqlite", real_node, keystore) as server:
        for settlement in ("1inch", "pmm", "pmm"):
            fill(chain, server.quote(settlement=settlement))


def test_order__real_node_falls_behind__is_refused(
    deployed: Deployed, journal: Path, keystore: Path, real_node: FakeNode, chain: ChainBuilder
) -> None:
    authorise(deployed, SigningKey(SECRET).address)
    with restart(deployed, journal, real_node, keystore) as server:
        server.quote()
        # A node that stands still looks like this after ten minutes, by its feeds as fresh as ever.
        real_node.answers["eth_getBlockByNumber"] = lambda: {"result": older(deployed, 600)}
        server.catch_up()
        health = server.ask("GET", "/healthz").json()
        assert "check that the node is synchronised" in health["chain"]["nodeError"]
        assert "s behind" in health["chain"]["nodeError"]
        assert "-" not in health["chain"]["nodeError"].split("found it ")[1].split(" s behind")[0]


def older(deployed: Deployed, by_s: int) -> dict[str, Any]:
    block: dict[str, Any] = deployed.rpc.call("eth_getBlockByNumber", "latest", False)
    return {**block, "timestamp": hex(int(block["timestamp"], 16) - by_s)}


def test_serve__node_without_mainnet_contracts__is_refused(deployed: Deployed, journal: Path) -> None:
    lies = {"eth_getCode": lambda: {"result": "0x"}}
    with fake_node(deployed.rpc.url, lies) as node:
        assert "found no code" in refuse(deployed, journal, rpc_url=node.url)


def test_serve__journal_of_another_settlement__is_refused(
    deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    with serving(deployed, journal):
        pass
    raw = json.loads(deployed.record.read_text())
    with JsonRpc(deployed.rpc.url) as rpc:
        code = rpc.call("eth_getCode", deployed.settlement, "latest")
        rpc.call("anvil_setCode", "0x" + "55" * 20, code)
    raw["contracts"]["RfqSettlement"]["address"] = "0x" + "55" * 20
    other = tmp_path / "other.json"
    other.write_text(json.dumps(raw))
    with (
        pytest.raises(InvalidInput, match="--journal another path"),
        serving(deployed, journal, deployment=other),
    ):
        pass
