"""Deployment records survive a round trip and refuse what is not a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.chain.deployments import DeployedContract, Deployment, load_deployment, save_deployment
from pmm.errors import InvalidInput

RECORD = Deployment(
    chain_id=1,
    contracts={
        "RfqSettlement": DeployedContract(
            name="RfqSettlement",
            address="0x5FbDB2315678afecb367f032d93F642f64180aa3",
            runtime_code_hash="0x" + "ab" * 32,
            constructor_args={"owner": "0x" + "11" * 20},
            compiler={"name": "solidity", "version": "0.8.37", "settings": {}},
            block_number=7,
            transaction_hash="0x" + "cd" * 32,
        )
    },
    parameters={"owner": "0x" + "11" * 20},
)


def test_save_deployment__then_load__is_equal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "fork.json"
    save_deployment(RECORD, path)
    assert load_deployment(path) == RECORD
    assert [entry.name for entry in path.parent.iterdir()] == ["fork.json"]


def test_address__unknown_contract__raises() -> None:
    with pytest.raises(InvalidInput, match="expected AtomicHedger"):
        RECORD.address("AtomicHedger")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"chainId": 1, "contracts": {"A": 1}, "parameters": {}}']
)
def test_load_deployment__not_a_record__raises(tmp_path: Path, content: str) -> None:
    path = tmp_path / "fork.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="it is not one"):
        load_deployment(path)


def test_load_deployment__missing__names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="ape run deploy"):
        load_deployment(tmp_path / "none.json")
