"""Settlement and hedger name each other: one knows the other's address before there is code at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ape
from ape.contracts import ContractContainer
from eth_utils.address import to_checksum_address
from web3.utils.address import get_create_address

from pmm.chain.rpc import JsonRpc
from pmm.domain import ZERO_ADDRESS
from pmm.localnet.addresses import (
    AAVE_POOL,
    BALANCER_VAULT,
    MORPHO,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
)

NO_HEDGER = ZERO_ADDRESS
# Where a test puts the hedger it wants.
HEDGER_PLACE = to_checksum_address("0x" + "4ed6e4".rjust(40, "0"))


def deploy_with_hedger(owner: Any, weth: str, router: str, core: Sequence[Any]) -> tuple[Any, Any]:
    """Deploy the settlement and the genuine hedger for it."""
    place = get_create_address(owner.address, owner.nonce + 1)
    settlement = owner.deploy(ape.project.RfqSettlement, owner, weth, router, place, list(core))
    pools = (UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V4_POOL_MANAGER)
    lenders = (MORPHO, BALANCER_VAULT, AAVE_POOL)
    hedger = owner.deploy(ape.project.AtomicHedger, settlement, *pools, *lenders)
    assert hedger.address == settlement.hedger()
    return settlement, hedger


def place_hedger(rpc: JsonRpc, owner: Any, container: ContractContainer, settlement: Any) -> Any:
    """Put a mock that serves ``settlement`` where that expects its hedger, at ``HEDGER_PLACE``."""
    instance = owner.deploy(container, settlement)
    code = bytes(ape.networks.provider.get_code(instance.address))
    rpc.call("anvil_setCode", HEDGER_PLACE, "0x" + code.hex())
    return container.at(HEDGER_PLACE)
