"""What the scripts say of a hedger that stands already, and of one that was never deployed."""

from __future__ import annotations

import json
from pathlib import Path

from pmm.localnet.anvil import AnvilNode
from tests.e2e.test_ape_scripts import _ape, fork

__all__ = ["fork"]


def test_deploy__hedger_that_stands_already__says_so_and_asks_for_no_second_settlement(
    fork: tuple[AnvilNode, str], tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record))
    assert code == 0, text
    code, text = _ape(fork, "deploy", "hedger", "--record", str(record))
    assert code == 0, text
    assert "stands already" in text
    assert "ape run deploy settlement` again" not in text


def test_verify__hedger_was_never_deployed__names_it(fork: tuple[AnvilNode, str], tmp_path: Path) -> None:
    """docs/deploy.md: after an interrupted run `verify settlement` names what differs."""
    record = tmp_path / "record.json"
    code, text = _ape(fork, "deploy", "settlement", "--record", str(record))
    assert code == 0, text
    raw = json.loads(record.read_text())
    hedger = raw["contracts"].pop("AtomicHedger")
    raw["contracts"].pop("SettlementLens")
    record.write_text(json.dumps(raw))
    with fork[0].rpc() as rpc:
        rpc.call("anvil_setCode", hedger["address"], "0x")
    code, text = _ape(fork, "verify", "settlement", "--record", str(record))
    assert code == 1, text
