"""1inch's contract, two tokens, and a maker that accepts every order, with hooks of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from tests.contracts.hooks.router_fills import RouterDesk
from tests.contracts.settlement.desk import MAKING, ONE, ORDER_COMPONENTS

FORTUNE = 10**9 * ONE
UNLIMITED = 2**256 - 1


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
