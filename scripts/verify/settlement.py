"""Compare the chain with the deployment record: ``ape run verify settlement``. Exit code 1 on a difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ape
import click
from ape.cli import ConnectedProviderCommand
from eth_utils.crypto import keccak

from pmm.chain.deployments import Deployment, load_deployment
from pmm.domain import settlement_domain
from scripts._guards import guard_steps
from scripts._record import default_record_path, shown

# Bits of the policy, feed and cap words; tables in contracts/README.md.
_GUARDS_SHIFT = 248
_MASK_20, _MASK_24, _MASK_36, _MASK_160 = ((1 << bits) - 1 for bits in (20, 24, 36, 160))


@click.command(cls=ConnectedProviderCommand)
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to compare with.")
def cli(record: Path | None) -> None:
    """Re-read code, roles, tokens and lanes from the chain and compare them with the record."""
    path = record or default_record_path()
    click.echo(f"network {ape.networks.provider.network_choice}, record {shown(path)}")
    differs = False
    for what, expected, found in _comparisons(load_deployment(path)):
        same = str(expected).lower() == str(found).lower()
        differs |= not same
        click.echo(
            f"  {'same   ' if same else 'DIFFERS'} {what}: {found}"
            + ("" if same else f", recorded {expected}")
        )
    if differs:
        raise SystemExit(1)


def _code_hash(address: str) -> str:
    return "0x" + keccak(bytes(ape.networks.provider.get_code(address))).hex()


def _modules(record: Deployment, settlement: Any) -> Iterator[tuple[str, Any, Any]]:
    """Compare what is recorded beside the settlement; each of them must serve this one and no other."""
    joined = {
        "RouterHooks": settlement.routerHooks,
        "LendingAccount": settlement.lendingAccount,
        "TakerPortal": settlement.takerPortal,
        "SettlementLens": None,
    }
    for name, getter in joined.items():
        if name not in record.contracts:
            continue
        module = ape.project.get(name).at(record.address(name))
        yield f"{name}'s settlement", settlement.address, module.SETTLEMENT()
        if getter is not None:
            yield f"settlement's {name}", module.address, getter()


def _guards(record: Deployment, settlement: Any) -> Iterator[tuple[str, Any, Any]]:
    """Compare switches, caps, feeds and bands as far as the settlement was set up with them."""
    names = ("caps", "feeds", "bands", "guards")
    steps = guard_steps(**{name: record.parameters.get(name, ()) for name in names})
    for method, values in steps:
        if method == "setGuards":
            yield "guards", values[0], settlement.policyWord() >> _GUARDS_SHIFT & 3
        elif method == "setFeed":
            word = settlement.priceWord(values[0])
            found = ("0x" + (word & _MASK_160).to_bytes(20, "big").hex(), word >> 160 & _MASK_24)
            yield f"feed and heartbeat of {values[0]}", (values[1], values[2]), found
        elif method == "setCap":
            # Amounts are kept rounded down to a unit; the length of the window is kept as it is.
            word = settlement.capWord(values[0])
            unit = word >> 180 & 0xFF
            found = tuple((word >> shift & _MASK_36) << unit for shift in (108, 144))
            expected = tuple(value >> unit << unit for value in values[1:3])
            yield f"caps of {values[0]}", (*expected, values[3]), (*found, word >> 188 & _MASK_20)


def _comparisons(record: Deployment) -> Iterator[tuple[str, Any, Any]]:
    for name, contract in record.contracts.items():
        yield (
            f"code of {name} at {contract.address}",
            contract.runtime_code_hash,
            _code_hash(contract.address),
        )
    settlement = ape.project.RfqSettlement.at(record.address("RfqSettlement"))
    domain = settlement_domain(ape.networks.provider.chain_id, settlement.address)
    yield "domain separator", "0x" + domain.separator.hex(), "0x" + bytes(settlement.DOMAIN_SEPARATOR()).hex()
    arguments = record.contracts["RfqSettlement"].constructor_args
    yield "weth", arguments["weth"], settlement.weth()
    yield "oneInchRouter", arguments["oneInchRouter"], settlement.oneInchRouter()
    yield "hedger's address", arguments["hedger"], settlement.hedger()
    for name in ("AtomicHedger", "SettlementLens"):
        yield f"{name} in the record", True, name in record.contracts
    core_tokens = sorted(settlement.coreTokens())
    yield "core tokens", sorted(arguments["coreTokens"]), core_tokens
    yield "owner", record.parameters["owner"], settlement.owner()
    yield "max expiry", record.parameters["max_expiry_s"], settlement.maxExpiry()
    for role in ("guardian", "operator"):
        if role in record.parameters:
            yield role, record.parameters[role], getattr(settlement, role)()
    for signer in record.parameters.get("signers", ()):
        yield f"lanes of {signer}", record.parameters["lanes"], settlement.numberOfLanes(signer)
    yield from _guards(record, settlement)
    yield from _modules(record, settlement)
    if "AtomicHedger" in record.contracts:
        hedger = ape.project.AtomicHedger.at(record.address("AtomicHedger"))
        yield "hedger", hedger.address, settlement.hedger()
        arguments = record.contracts["AtomicHedger"].constructor_args
        yield "hedger's settlement", settlement.address, hedger.SETTLEMENT()
        yield "hedger's uniswapV2Factory", arguments["uniswapV2Factory"], hedger.UNISWAP_V2_FACTORY()
        yield "hedger's uniswapV3Factory", arguments["uniswapV3Factory"], hedger.UNISWAP_V3_FACTORY()
        manager = hedger.UNISWAP_V4_POOL_MANAGER()
        yield "hedger's uniswapV4PoolManager", arguments["uniswapV4PoolManager"], manager
        yield "hedger's morpho", arguments["morpho"], hedger.MORPHO_BLUE()
        yield "hedger's balancerVault", arguments["balancerVault"], hedger.BALANCER_V2_VAULT()
        yield "hedger's aavePool", arguments["aavePool"], hedger.AAVE_V3_POOL()
