"""Deployment records: what was deployed where, with which parameters, compiler settings and code.

A record of a live network is committed beside this file as ``deployments/<chain id>.json``; records of forks
live in the git-ignored ``.pmm/deployments``. Signing checks the code on chain against the record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from pmm.chain.rpc import JsonRpc
from pmm.errors import InvalidInput, UnsafeToSign
from pmm.toolchain import project_root

_LIVE_FOLDER = Path(__file__).with_name("deployments")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedContract:
    """One contract of a record; ``runtime_code_hash`` is keccak256 of the code found on chain after creation."""

    name: str
    address: str
    runtime_code_hash: str
    constructor_args: dict[str, Any]
    compiler: dict[str, Any]
    block_number: int
    transaction_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """All contracts of one deployment and the parameters they were set up with."""

    chain_id: int
    contracts: dict[str, DeployedContract]
    parameters: dict[str, Any]

    def address(self, name: str) -> str:
        """Return the address of contract ``name``; raises InvalidInput where the record does not hold it."""
        return self._contract(name).address

    def runtime_code_hash(self, name: str) -> str:
        """Return the recorded code hash of contract ``name``; raises InvalidInput as :meth:`address`."""
        return self._contract(name).runtime_code_hash

    def check_code(self, rpc: JsonRpc, name: str) -> None:
        """Compare the code on chain with the record.

        Raises:
            UnsafeToSign: they differ, or there is no code.
        """
        contract = self._contract(name)
        code = bytes.fromhex(rpc.call("eth_getCode", contract.address, "latest")[2:])
        found = "0x" + keccak(code).hex() if code else "no code"
        if found != contract.runtime_code_hash:
            raise UnsafeToSign(
                f"expected the recorded code {contract.runtime_code_hash} of {name} at {contract.address}, "
                f"found {found}; check the network and the deployment record"
            )

    def _contract(self, name: str) -> DeployedContract:
        if name not in self.contracts:
            raise InvalidInput(
                f"expected {name} in the deployment record, found {sorted(self.contracts) or 'no contracts'}; "
                f"run the matching `ape run deploy` script"
            )
        return self.contracts[name]


def live_record_path(chain_id: int) -> Path:
    """Return where the committed record of a live network lies."""
    return _LIVE_FOLDER / f"{chain_id}.json"


def fork_record_path(name: str = "fork") -> Path:
    """Return where the record of a fork lies."""
    return project_root() / ".pmm" / "deployments" / f"{name}.json"


def load_deployment(source: Path | str) -> Deployment:
    """Read a record from a file.

    Raises:
        InvalidInput: the file is missing or is not a record.
    """
    path = Path(source)
    try:
        raw = json.loads(path.read_text())
        contracts = {
            name: DeployedContract(
                name=name,
                address=entry["address"],
                runtime_code_hash=entry["runtimeCodeHash"],
                constructor_args=entry["constructorArgs"],
                compiler=entry["compiler"],
                block_number=entry["blockNumber"],
                transaction_hash=entry["transactionHash"],
            )
            for name, entry in raw["contracts"].items()
        }
        return Deployment(chain_id=raw["chainId"], contracts=contracts, parameters=raw["parameters"])
    except FileNotFoundError as error:
        raise InvalidInput(
            f"expected a deployment record at {path}, found none; run `ape run deploy settlement`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"expected a deployment record at {path}, it is not one: {error!r}") from error


def save_deployment(deployment: Deployment, path: Path) -> None:
    """Write a record so that a crash leaves the old one or the new one, never half of it."""
    raw = {
        "chainId": deployment.chain_id,
        "contracts": {
            name: {
                "address": contract.address,
                "constructorArgs": contract.constructor_args,
                "compiler": contract.compiler,
                "runtimeCodeHash": contract.runtime_code_hash,
                "blockNumber": contract.block_number,
                "transactionHash": contract.transaction_hash,
            }
            for name, contract in deployment.contracts.items()
        },
        "parameters": deployment.parameters,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(raw, indent=2) + "\n")
    scratch.replace(path)
