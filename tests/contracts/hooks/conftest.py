"""1inch's contract with two makers: one that accepts every order, and the settlement contract with real tokens."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import MAINNET_TOKENS, USDC, WETH, ZERO_ADDRESS, SigningKey, oneinch_domain
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from tests.contracts.hooks.router_fills import HookedOrder, RouterDesk
from tests.contracts.settlement.desk import MAKING, ONE, ORDER_COMPONENTS

FORTUNE = 10**9 * ONE
UNLIMITED = 2**256 - 1
ROUTER_HOOKS = 1
LANES = 4
HEARTBEAT_S = 86_400
BAND_UNITS = 20  # of 5 bps
_EXTERNAL = Path(__file__).parents[3] / "contracts" / "external"


def _item(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


@pytest.fixture(scope="session")
def router() -> Any:
    fill = {
        "type": "function",
        "name": "fillContractOrderArgs",
        "stateMutability": "nonpayable",
        "inputs": [
            _item("order", "tuple", components=[_item(name, "uint256") for name in ORDER_COMPONENTS]),
            _item("signature", "bytes"),
            _item("amount", "uint256"),
            _item("takerTraits", "uint256"),
            _item("args", "bytes"),
        ],
        "outputs": [_item("making", "uint256"), _item("taking", "uint256"), _item("hash", "bytes32")],
    }
    return ape.Contract(ONEINCH_ROUTER, abi=[fill])


@pytest.fixture(scope="session")
def base(owner: Any) -> Any:
    """The token we sell."""
    return owner.deploy(ape.project.MockOddToken)


@pytest.fixture(scope="session")
def quote(owner: Any) -> Any:
    """The token we are paid in."""
    return owner.deploy(ape.project.MockOddToken)


@pytest.fixture(scope="session")
def now_s(rpc: JsonRpc) -> Callable[[], int]:
    """The time of the chain's newest block."""
    return lambda: int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture(scope="session")
def mock_desk(
    owner: Any, taker: Any, router: Any, base: Any, quote: Any, rpc: JsonRpc, now_s: Callable[[], int]
) -> RouterDesk:
    """A maker that accepts every signature, counts no cap, and swaps as it is told."""
    maker = owner.deploy(ape.project.MockHookedSettlement, router)
    hooks = owner.deploy(ape.project.RouterHooks, maker)
    base.mint(maker, MAKING, sender=owner)
    maker.approve(base, UNLIMITED, sender=owner)
    quote.mint(taker, FORTUNE, sender=owner)
    quote.approve(router, UNLIMITED, sender=taker)
    return RouterDesk(
        maker=maker,
        hooks=hooks,
        router=router,
        base=base,
        quote=quote,
        taker=taker,
        rpc=rpc,
        now_s=now_s,
        contract_signature=lambda hooked: b"",
    )


@pytest.fixture
def mock_lending(mock_desk: RouterDesk, owner: Any, base: Any) -> Any:
    """A lending account full of base, joined to the maker."""
    account = owner.deploy(ape.project.MockLendingAccount, mock_desk.maker)
    base.mint(account, FORTUNE, sender=owner)
    mock_desk.maker.setLendingAccount(account, sender=owner)
    return account


@pytest.fixture(scope="session")
def signer_key() -> SigningKey:
    """A key of this directory, whose lanes no other test burns."""
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture(scope="session")
def desk(
    owner: Any,
    guardian: Any,
    operator: Any,
    taker: Any,
    router: Any,
    rpc: JsonRpc,
    now_s: Callable[[], int],
    signer_key: SigningKey,
    deal: Callable[..., None],
) -> RouterDesk:
    """The settlement contract with its hooks; it sells USDC for WETH, both with feeds and a band of 1 %."""
    core_tokens = [token.address for token in MAINNET_TOKENS]
    settlement = owner.deploy(
        ape.project.RfqSettlement, owner, WETH.address, router, ZERO_ADDRESS, core_tokens
    )
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    settlement.initLanes(signer_key.address, LANES, sender=owner)
    settlement.setFeed(WETH.address, ETH_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, BAND_UNITS, sender=owner)
    hooks = owner.deploy(ape.project.RouterHooks, settlement)
    settlement.setModule(ROUTER_HOOKS, hooks, sender=owner)

    abi = json.loads((_EXTERNAL / "ERC20.json").read_text())
    weth, usdc = (ape.Contract(token.address, abi=abi) for token in (WETH, USDC))
    deal(USDC.address, settlement, 100_000 * 10**6)
    deal(WETH.address, settlement, 10 * ONE)
    deal(WETH.address, taker, 100 * ONE)
    weth.approve(router, UNLIMITED, sender=taker)
    settlement.setRouterAllowance(usdc, 1_000_000 * 10**6, sender=owner)
    domain = oneinch_domain(ape.chain.chain_id)

    def _sign(hooked: HookedOrder) -> bytes:
        signature = signer_key.sign(hooked.order.digest(domain))
        return hooked.order.packed_with(signature) + hooked.extension

    return RouterDesk(
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
