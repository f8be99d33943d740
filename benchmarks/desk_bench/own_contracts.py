"""Our contracts, compiled from their sources and deployed without Ape."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_typing import HexAddress, HexStr
from web3.types import Nonce
from web3.utils.address import get_create_address

from gas_bench.build import own_contract
from pmm.chain.rpc import JsonRpc
from pmm.domain import Address, parse_address
from pmm.localnet.addresses import (
    AAVE_POOL,
    BALANCER_VAULT,
    MORPHO,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
    keyless_account,
)
from pmm.localnet.placement import ChainBuilder

OWNER = keyless_account("hedge stage owner")


def deploy(chain: ChainBuilder, name: str, types: list[str], *arguments: object) -> Address:
    """Deploy one of our contracts as the owner; return its address."""
    code = own_contract(name).creation(arguments=encode(types, arguments))
    return parse_address(chain.create(code, sender=OWNER))


def next_contract(rpc: JsonRpc, *, after: int = 0) -> Address:
    """Return where the owner's next contract will stand, ``after`` so many others."""
    nonce = int(rpc.call("eth_getTransactionCount", OWNER, "latest"), 16)
    return parse_address(get_create_address(HexAddress(HexStr(OWNER)), Nonce(nonce + after)))


def deploy_hedger(chain: ChainBuilder, settlement: Address) -> Address:
    """Deploy AtomicHedger; return its address."""
    name = "AtomicHedger"
    known = {
        "uniswap_v2_factory": UNISWAP_V2_FACTORY,
        "uniswap_v3_factory": UNISWAP_V3_FACTORY,
        "uniswap_v4_pool_manager": UNISWAP_V4_POOL_MANAGER,
        "morpho_blue": MORPHO,
        "balancer_v2_vault": BALANCER_VAULT,
        "aave_v3_pool": AAVE_POOL,
        "settlement": settlement,
    }
    inputs = next(entry["inputs"] for entry in own_contract(name).abi if entry["type"] == "constructor")
    values = [known[item["name"].strip("_")] for item in inputs]
    return deploy(chain, name, [item["type"] for item in inputs], *values)


def signature_of(contract: str, name: str) -> str:
    """Return the signature under which a contract of ours has a function: argument types may change."""
    for entry in own_contract(contract).abi:
        if entry["type"] == "function" and entry["name"] == name:
            return f"{name}({','.join(item['type'] for item in entry['inputs'])})"
    raise AssertionError(f"expected {name} on {contract}, found none")
