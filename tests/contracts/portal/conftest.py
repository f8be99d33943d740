"""A settlement of its own with its portal, real USDC, DAI, WETH and Permit2, and two tokens of ours."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import (
    DAI,
    PERMIT2,
    USDC,
    ZERO_ADDRESS,
    Address,
    SigningKey,
    oneinch_domain,
    settlement_domain,
)
from tests.contracts.portal.portal_desk import PortalDesk
from tests.contracts.settlement.desk import ONE, Desk

LANES = 4
# ModuleKind of contracts/interfaces/IRfqSettlement.sol.
TAKER_PORTAL = 3
FORTUNE = 10**9 * ONE
UNLIMITED = 2**256 - 1
_EXTERNAL = Path(__file__).parents[3] / "contracts" / "external"


def _function(name: str, inputs: list[str], outputs: list[str], mutability: str = "view") -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": mutability,
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }


_TOKEN_ABI = [
    *json.loads((_EXTERNAL / "ERC20.json").read_text()),
    _function("nonces", ["address"], ["uint256"]),
    _function(
        "permit", ["address"] * 2 + ["uint256"] * 2 + ["uint8", "bytes32", "bytes32"], [], "nonpayable"
    ),
]
_PERMIT2_ABI = [
    _function("approve", ["address", "address", "uint160", "uint48"], [], "nonpayable"),
    _function("allowance", ["address"] * 3, ["uint160", "uint48", "uint48"]),
]


@pytest.fixture(scope="session")
def now_s(rpc: JsonRpc) -> Callable[[], int]:
    """The time of the chain's newest block."""
    return lambda: int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture(scope="session")
def signer_key() -> SigningKey:
    """A key of this directory, whose lanes no other test burns."""
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture(scope="session")
def receiver() -> Any:
    """Gets the maker asset where it is not the taker."""
    return ape.accounts.test_accounts[5]


@pytest.fixture(scope="session")
def desk(
    owner: Any,
    guardian: Any,
    operator: Any,
    taker: Any,
    signer_key: SigningKey,
    deal: Callable[..., None],
    rpc: JsonRpc,
    now_s: Callable[[], int],
) -> Desk:
    """Inventory, a signer on four lanes, and a taker who approved base, quote and WETH."""
    base, quote = (owner.deploy(ape.project.MockOddToken) for _ in range(2))
    weth = ape.Contract(WETH, abi=_TOKEN_ABI)
    core = [base, quote, WETH, USDC.address, DAI.address]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, core)
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    settlement.initLanes(signer_key.address, LANES, sender=owner)
    for account in (settlement, taker):
        deal(WETH, account, 1_000 * ONE)
        for token in (base, quote):
            token.mint(account, FORTUNE, sender=owner)
    for token in (base, quote, weth):
        token.approve(settlement, UNLIMITED, sender=taker)
    chain_id = ape.chain.chain_id
    return Desk(
        settlement=settlement,
        key=signer_key,
        domain=settlement_domain(chain_id, Address(settlement.address)),
        router_domain=oneinch_domain(chain_id),
        base=base,
        quote=quote,
        weth=weth,
        owner=owner,
        taker=taker,
        rpc=rpc,
        now_s=now_s,
    )


@pytest.fixture(scope="session")
def portal_desk(desk: Desk, owner: Any, deal: Callable[..., None], rpc: JsonRpc) -> PortalDesk:
    """The portal joined to the settlement, and a buyer rich in USDC and DAI who approved nothing to anybody."""
    portal = owner.deploy(ape.project.TakerPortal, desk.settlement)
    desk.settlement.setModule(TAKER_PORTAL, portal, sender=owner)
    key = SigningKey(secrets.token_bytes(32))
    rpc.call("anvil_setBalance", key.address, hex(100 * ONE))
    deal(USDC.address, key.address, 100_000 * 10**6)
    deal(DAI.address, key.address, 100_000 * ONE)
    return PortalDesk(
        desk=desk,
        portal=portal,
        usdc=ape.Contract(USDC.address, abi=_TOKEN_ABI),
        dai=ape.Contract(DAI.address, abi=_TOKEN_ABI),
        permit2=ape.Contract(PERMIT2, abi=_PERMIT2_ABI),
        buyer=ape.accounts[key.address],
        buyer_key=key,
    )


@pytest.fixture
def mock_taker(desk: Desk, owner: Any) -> Any:
    """A taker with code, rich, and with base, quote and WETH approved to the settlement."""
    instance = owner.deploy(ape.project.MockTaker)
    for token in (desk.base, desk.quote):
        token.mint(instance, FORTUNE, sender=owner)
    for token in (desk.base, desk.quote, desk.weth):
        approve = token.approve.encode_input(desk.settlement, UNLIMITED)
        instance.execute(token, approve, sender=owner)
    return instance
