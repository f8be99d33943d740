"""The contract tests' fixtures serve here too."""

from __future__ import annotations

import secrets
from typing import Any

import ape
import pytest

from pmm.chain.abi import selector
from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import ZERO_ADDRESS, Address, SigningKey, oneinch_domain, settlement_domain
from tests.contracts.conftest import *  # noqa: F403 - pytest finds fixtures by name
from tests.contracts.conftest import _fresh_build  # noqa: F401 - the star leaves it out
from tests.contracts.settlement.desk import position
from tests.parity.fill_pairs import Arena

PLENTY = 1 << 255
DEAD_NONCES = frozenset({3, 7, 100})


@pytest.fixture(scope="session")
def arena(owner: Any, deal: Any, rpc: JsonRpc) -> Arena:
    """Two makers with the same inventory and the same dead nonces, one taker with everything approved."""
    key, twin_key = SigningKey(secrets.token_bytes(32)), SigningKey(secrets.token_bytes(32))
    base, quote = owner.deploy(ape.project.MockOddToken), owner.deploy(ape.project.MockOddToken)
    core = [base, quote, WETH]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, core)
    harness = owner.deploy(ape.project.FillComparison, ape.accounts.test_accounts[5])
    settlement.initLanes(key.address, 1, sender=owner)
    twin = ape.accounts[twin_key.address]
    twin.balance = 10**20

    # 1. Inventory, and what the taker pays with.
    for token in (base, quote):
        for account in (settlement, twin, harness):
            token.mint(account, PLENTY, sender=owner)
    for account in (settlement, twin, harness):
        deal(WETH, account, 10**24)
    deal("ETH", harness, 10**24)

    # 2. Allowances.
    for token in (base.address, quote.address, WETH):
        approve = base.approve.encode_input(ONEINCH_ROUTER, 2**256 - 1)
        twin.transfer(token, 0, data=approve)
        harness.execute(token, approve, sender=owner)
        harness.execute(token, base.approve.encode_input(settlement, 2**256 - 1), sender=owner)
        settlement.setRouterAllowance(token, 2**128 - 1, sender=owner)

    # 3. Nonces that are dead everywhere.
    for nonce in DEAD_NONCES:
        settlement.cancelNonce(position(key.address, 0, nonce), sender=owner)
        settlement.cancelOnRouter(nonce << 120, bytes(32), sender=owner)
        cancel = settlement.cancelOnRouter.encode_input(nonce << 120, bytes(32))
        twin.transfer(ONEINCH_ROUTER, 0, data=selector("cancelOrder(uint256,bytes32)") + bytes(cancel)[4:])

    return Arena(
        rpc=rpc,
        harness=harness,
        settlement=settlement.address,
        key=key,
        twin_key=twin_key,
        stranger_key=SigningKey(secrets.token_bytes(32)),
        domain=settlement_domain(1, Address(settlement.address)),
        router_domain=oneinch_domain(1),
        base=base.address,
        quote=quote.address,
        weth=WETH,
        receiver=ape.accounts.test_accounts[5].address,
        dead_nonces=DEAD_NONCES,
    )
