"""A loan on Aave that stands when the demo's day begins, so that the desk has a leg to repay."""

from __future__ import annotations

from pmm.chain.deployments import Deployment
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import make_operator
from pmm.demo.desk_facts import AAVE
from pmm.domain import USDC, WETH, parse_address
from pmm.localnet.addresses import keyless_account
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.placement import ChainBuilder

COLLATERAL_WETH = 10 * 10**18
BORROWED_USDC = 10_000 * 10**6


def open_loan(rpc: JsonRpc, deployment: Deployment) -> None:
    """Supply ether on the genuine Aave code and borrow dollars into the inventory, as yesterday's operator.

    The desk replaces that operator by its own key when it opens. Raises ChainError where a contract refuses.
    """
    settlement = deployment.address("RfqSettlement")
    account = deployment.address("LendingAccount")
    yesterday = parse_address(keyless_account("yesterday's operator"))
    deal(rpc, WETH.address, settlement, balance_of(rpc, WETH.address, settlement) + COLLATERAL_WETH)
    make_operator(rpc, parse_address(settlement), yesterday)
    with ChainBuilder(rpc) as chain:
        for to, signature, values in (
            (settlement, "moveToLending(address,uint256)", (WETH.address, COLLATERAL_WETH)),
            (account, "supply(uint256,address,uint256)", (AAVE, WETH.address, COLLATERAL_WETH)),
            (account, "borrow(uint256,address,uint256)", (AAVE, USDC.address, BORROWED_USDC)),
        ):
            chain.transact(to, signature, *values, sender=yesterday)
