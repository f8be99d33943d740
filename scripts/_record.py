"""Turns what Ape deployed into pmm's deployment record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from ape.contracts import ContractInstance
from eth_utils.crypto import keccak

from pmm.chain.deployments import (
    DeployedContract,
    Deployment,
    fork_record_path,
    live_record_path,
    load_deployment,
    save_deployment,
)
from pmm.toolchain import project_root
from scripts._network import is_live

# What decides the bytecode; the rest of a compiler's settings names paths and outputs.
_SETTINGS = ("evmVersion", "optimizer", "optimize", "viaIR", "enable_decimals", "remappings", "libraries")


def default_record_path() -> Path:
    """Return the committed record on a live network, the git-ignored one on a fork."""
    return live_record_path(ape.networks.provider.chain_id) if is_live() else fork_record_path()


def shown(path: Path) -> str:
    """Return a path relative to the project where it lies inside."""
    root = project_root()
    return str(path.relative_to(root)) if path.is_absolute() and path.is_relative_to(root) else str(path)


def describe(instance: ContractInstance, constructor_args: dict[str, Any]) -> DeployedContract:
    """Return the record entry of a contract that was just deployed."""
    creation = instance.creation_metadata
    if creation is None:
        raise click.ClickException(f"expected Ape to know the creation of {instance.address}, it does not")
    name = instance.contract_type.name or ""
    code = bytes(ape.networks.provider.get_code(instance.address))
    return DeployedContract(
        name=name,
        address=instance.address,
        runtime_code_hash="0x" + keccak(code).hex(),
        constructor_args=constructor_args,
        compiler=_compiler(name),
        block_number=creation.block,
        transaction_hash=creation.txn_hash,
    )


def _compiler(name: str) -> dict[str, Any]:
    for compiler in ape.project.manifest.compilers or ():
        if name in (compiler.contractTypes or ()):
            return {"name": compiler.name, "version": compiler.version, "settings": compiler.settings or {}}
    raise click_missing(name)


def click_missing(name: str) -> Exception:
    """Return the error for a contract whose compiler settings Ape does not know."""
    return ValueError(
        f"expected compiler settings of {name} in Ape's manifest, found none; run `ape compile --force`"
    )


def write(path: Path, entry: DeployedContract, parameters: dict[str, Any], *, fresh: bool) -> Deployment:
    """Add one contract to the record at ``path``; ``fresh`` starts a new record."""
    chain_id = ape.networks.provider.chain_id
    if fresh or not path.exists():
        record = Deployment(chain_id=chain_id, contracts={entry.name: entry}, parameters=parameters)
    else:
        old = load_deployment(path)
        record = Deployment(
            chain_id=chain_id,
            contracts={**old.contracts, entry.name: entry},
            parameters={**old.parameters, **parameters},
        )
    save_deployment(record, path)
    return record
