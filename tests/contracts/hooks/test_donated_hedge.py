"""A best-effort hedge whose taker gave the hedger a unit of what it buys before: handing that over costs gas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.domain import MAINNET_TOKENS, USDC, WETH, SigningKey, oneinch_domain
from pmm.domain.hook_payloads import InventoryHedge, PostAction, PostHook
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from tests.contracts.hedger.funded_fills import external
from tests.contracts.hedger_place import deploy_with_hedger
from tests.contracts.hooks.conftest import HEARTBEAT_S, LANES, ROUTER_HOOKS, UNLIMITED
from tests.contracts.hooks.router_fills import HookedOrder, RouterDesk
from tests.contracts.hooks.test_hook_attacks import _attempt
from tests.contracts.settlement.desk import ONE

_POOL = 1 << 248 | 500 << 224


@pytest.fixture
def hedged(
    owner: Any,
    taker: Any,
    router: Any,
    rpc: Any,
    now_s: Callable[[], int],
    signer_key: SigningKey,
    deal: Callable[..., None],
) -> tuple[RouterDesk, Any]:
    """The settlement with hooks and the genuine hedger; it sells USDC for WETH."""
    settlement, hedger = deploy_with_hedger(
        owner, WETH.address, router.address, [token.address for token in MAINNET_TOKENS]
    )
    settlement.initLanes(signer_key.address, LANES, sender=owner)
    settlement.setFeed(WETH.address, ETH_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, 40, sender=owner)
    hooks = owner.deploy(ape.project.RouterHooks, settlement)
    settlement.setModule(ROUTER_HOOKS, hooks, sender=owner)
    weth, usdc = (external("ERC20", token.address) for token in (WETH, USDC))
    deal(USDC.address, settlement, 100_000 * 10**6)
    deal(WETH.address, settlement, 10 * ONE)
    deal(WETH.address, taker, 100 * ONE)
    weth.approve(router, UNLIMITED, sender=taker)
    settlement.setRouterAllowance(usdc, 1_000_000 * 10**6, sender=owner)
    domain = oneinch_domain(ape.chain.chain_id)

    def _sign(order: HookedOrder) -> bytes:
        return order.order.packed_with(signer_key.sign(order.order.digest(domain))) + order.extension

    desk = RouterDesk(
        maker=settlement,
        hooks=hooks,
        router=router,
        base=usdc,
        quote=weth,
        taker=taker,
        rpc=rpc,
        now_s=now_s,
        contract_signature=_sign,
        making=int(settlement.fairTakingAmount(weth, usdc, ONE)) * 999 // 1000,
        taking=ONE,
    )
    return desk, hedger


def _order(desk: RouterDesk, floor: int) -> HookedOrder:
    hedge = InventoryHedge(share_bps=10_000, minimum_out=1, plan=_POOL)
    return desk.order(post=PostHook(action=PostAction.HEDGE, gas_floor=floor, hedge=hedge))


def _least_gas_outcome(desk: RouterDesk, floor: int) -> list[bytes]:
    """What a fill tells of that is given just enough gas to pass."""
    hooked = _order(desk, floor)
    low, high = 100_000, 2_000_000
    while high - low > 1:
        middle = (low + high) // 2
        if _attempt(desk, hooked, middle) is None:
            low = middle
        else:
            high = middle
    told = _attempt(desk, hooked, high)
    assert told is not None
    return told


def test_hedge__floor_with_a_tenth_to_spare_and_a_donation__still_hedges(
    hedged: tuple[RouterDesk, Any], deal: Callable[..., None]
) -> None:
    desk, hedger = hedged
    low, high = 100_000, 600_000
    while high - low > 500:
        middle = (low + high) // 2
        if _least_gas_outcome(desk, middle):
            low = middle
        else:
            high = middle
    floor = high * 11 // 10
    assert _least_gas_outcome(desk, floor) == []
    deal(USDC.address, hedger, 1)

    assert _least_gas_outcome(desk, floor) == []
