"""A settlement of its own with its lens, tokens and feeds that can be told to misbehave, and 1inch's contract."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import Address, SigningKey, oneinch_domain, settlement_domain
from tests.contracts.hedger_place import HEDGER_PLACE
from tests.contracts.lens.lens_desk import (
    BAND_UNITS,
    BASE_PRICE,
    CAP_WINDOW_S,
    HEARTBEAT_S,
    LANES,
    MAKING,
    QUOTE_PRICE,
    TAKING,
    LensDesk,
)
from tests.contracts.settlement.desk import ORDER_COMPONENTS

UNLIMITED = 2**256 - 1
ROUTER_HOOKS = 1


@pytest.fixture(scope="session")
def router() -> Any:
    """1inch's contract as the network has it."""

    def item(name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, **more}

    fill = {
        "type": "function",
        "name": "fillContractOrderArgs",
        "stateMutability": "nonpayable",
        "inputs": [
            item("order", "tuple", components=[item(name, "uint256") for name in ORDER_COMPONENTS]),
            item("signature", "bytes"),
            item("amount", "uint256"),
            item("takerTraits", "uint256"),
            item("args", "bytes"),
        ],
        "outputs": [item("making", "uint256"), item("taking", "uint256"), item("hash", "bytes32")],
    }
    return ape.Contract(ONEINCH_ROUTER, abi=[fill])


@pytest.fixture(scope="session")
def base(owner: Any) -> Any:
    """The token we sell."""
    return owner.deploy(ape.project.MockMoodyToken, 18)


@pytest.fixture(scope="session")
def quote(owner: Any) -> Any:
    """The token we are paid in."""
    return owner.deploy(ape.project.MockMoodyToken, 6)


@pytest.fixture(scope="session")
def now_s(rpc: JsonRpc) -> Callable[[], int]:
    """The time of the chain's newest block."""
    return lambda: int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture(scope="session")
def lens_key() -> SigningKey:
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture(scope="session")
def desk(
    owner: Any,
    guardian: Any,
    operator: Any,
    taker: Any,
    router: Any,
    base: Any,
    quote: Any,
    lens_key: SigningKey,
    rpc: JsonRpc,
    now_s: Callable[[], int],
) -> LensDesk:
    core = [base, quote, WETH]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, HEDGER_PLACE, core)
    lens = owner.deploy(ape.project.SettlementLens, settlement)
    hooks = owner.deploy(ape.project.RouterHooks, settlement)
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    settlement.setModule(ROUTER_HOOKS, hooks, sender=owner)
    settlement.initLanes(lens_key.address, LANES, sender=owner)

    base.setBalance(settlement, 100 * MAKING, sender=owner)
    quote.setBalance(taker, 100 * TAKING, sender=owner)
    settlement.setRouterAllowance(base, 50 * MAKING, sender=owner)
    for spender in (settlement, router):
        quote.approve(spender, UNLIMITED, sender=taker)

    feeds = []
    for token, answer in ((base, BASE_PRICE), (quote, QUOTE_PRICE)):
        feed = owner.deploy(ape.project.MockMoodyFeed, 8)
        feed.setAnswer(answer, now_s(), sender=owner)
        settlement.setFeed(token, feed, HEARTBEAT_S, sender=owner)
        feeds.append(feed)
    settlement.setBand(base, quote, BAND_UNITS, sender=owner)
    settlement.setCap(base, 10 * MAKING, 20 * MAKING, CAP_WINDOW_S, sender=owner)

    chain_id = ape.chain.chain_id
    return LensDesk(
        settlement=settlement,
        lens=lens,
        hooks=hooks,
        router=router,
        key=lens_key,
        domain=settlement_domain(chain_id, Address(settlement.address)),
        router_domain=oneinch_domain(chain_id),
        base=base,
        quote=quote,
        base_feed=feeds[0],
        quote_feed=feeds[1],
        owner=owner,
        taker=taker,
        rpc=rpc,
        now_s=now_s,
    )
