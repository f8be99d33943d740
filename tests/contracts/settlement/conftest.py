"""A settlement contract of its own for each session, with tokens of ours that can be told to misbehave."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import Address, SigningKey, oneinch_domain, settlement_domain
from tests.contracts.hedger_place import HEDGER_PLACE, place_hedger
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    ORDER_COMPONENTS,
    TAKING,
    Desk,
    HedgerTrick,
    RawOrder,
)
from tests.contracts.settlement.feeds import BASE_PRICE, HEARTBEAT_S, QUOTE_PRICE, Feeds

LANES = 4
# ModuleKind of contracts/interfaces/IRfqSettlement.sol.
HEDGER, ROUTER_HOOKS, LENDING_ACCOUNT, TAKER_PORTAL = range(4)
FORTUNE = 10**9 * ONE
# What the honest hedger leaves of a taking amount.
PROFIT = 12_345
UNLIMITED = 2**256 - 1


@pytest.fixture(scope="session")
def base(owner: Any) -> Any:
    """The token we sell."""
    return owner.deploy(ape.project.MockOddToken)


@pytest.fixture(scope="session")
def quote(owner: Any) -> Any:
    """The token we are paid in."""
    return owner.deploy(ape.project.MockOddToken)


@pytest.fixture(scope="session")
def weth(deal: Callable[..., None], taker: Any) -> Any:
    """Wrapped ether as the network has it."""
    abi = [
        _view("balanceOf", ["address"]),
        _view("allowance", ["address", "address"]),
        _write("approve", ["address", "uint256"]),
        _write("transfer", ["address", "uint256"]),
    ]
    deal(WETH, taker, 1_000 * ONE)
    return ape.Contract(WETH, abi=abi)


@pytest.fixture(scope="session")
def now_s(rpc: JsonRpc) -> Callable[[], int]:
    """The time of the chain's newest block."""
    return lambda: int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture(scope="session")
def next_block_at(rpc: JsonRpc) -> Callable[[int], None]:
    """Fix the time of the next block."""

    def _at(timestamp_s: int) -> None:
        rpc.call("evm_setNextBlockTimestamp", timestamp_s)

    return _at


@pytest.fixture(scope="session")
def signer_key() -> SigningKey:
    """A key of this directory, whose lanes no other test burns."""
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture(scope="session")
def stranger_key() -> SigningKey:
    """A key that no contract knows."""
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
    base: Any,
    quote: Any,
    weth: Any,
    signer_key: SigningKey,
    deal: Callable[..., None],
    rpc: JsonRpc,
    now_s: Callable[[], int],
) -> Desk:
    """Inventory in both tokens and WETH, a signer on four lanes, a taker who approved everything."""
    core = [base, quote, WETH]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, HEDGER_PLACE, core)
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    settlement.initLanes(signer_key.address, LANES, sender=owner)
    deal(WETH, settlement, 1_000 * ONE)
    for token in (base, quote):
        token.mint(settlement, FORTUNE, sender=owner)
        token.mint(taker, FORTUNE, sender=owner)
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
def router() -> Any:
    def item(name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, **more}

    fill = {
        "type": "function",
        "name": "fillContractOrder",
        "stateMutability": "nonpayable",
        "inputs": [
            item("order", "tuple", components=[item(name, "uint256") for name in ORDER_COMPONENTS]),
            item("signature", "bytes"),
            item("amount", "uint256"),
            item("takerTraits", "uint256"),
        ],
        "outputs": [item("making", "uint256"), item("taking", "uint256"), item("hash", "bytes32")],
    }
    bits = {
        "type": "function",
        "name": "bitInvalidatorForOrder",
        "stateMutability": "view",
        "inputs": [item("maker", "address"), item("slot", "uint256")],
        "outputs": [item("", "uint256")],
    }
    return ape.Contract(ONEINCH_ROUTER, abi=[fill, bits])


@pytest.fixture
def on_router(desk: Desk, owner: Any, router: Any) -> Any:
    """Both sides have approved 1inch's contract; returns its fill arguments for an order."""
    desk.settlement.setRouterAllowance(desk.base, 10 * MAKING, sender=owner)
    desk.quote.approve(router, UNLIMITED, sender=desk.taker)

    def _values(order: RawOrder, amount: int = TAKING, taker_traits: int = 0) -> list[Any]:
        digest = order.digest(desk.router_domain)
        return [order.words, order.packed_with(desk.key.sign(digest)), amount, taker_traits]

    return _values


@pytest.fixture(scope="session")
def _feeds(desk: Desk, owner: Any) -> Feeds:
    pair = [owner.deploy(ape.project.MockOddFeed, 8) for _ in range(2)]
    for token, feed in zip((desk.base, desk.quote), pair, strict=True):
        desk.settlement.setFeed(token, feed, HEARTBEAT_S, sender=owner)
    return Feeds(desk=desk, base=pair[0], quote=pair[1])


@pytest.fixture
def feeds(_feeds: Feeds) -> Feeds:
    """Fresh answers for base at 1 USD and quote at 2,000: the price of every order of `Desk.order` is fair."""
    _feeds.answer(_feeds.base, BASE_PRICE)
    _feeds.answer(_feeds.quote, QUOTE_PRICE)
    return _feeds


@pytest.fixture
def mock_taker(desk: Desk, owner: Any, base: Any, quote: Any) -> Any:
    """A taker with code, rich, and with everything approved to the settlement."""
    instance = owner.deploy(ape.project.MockTaker)
    for token in (base, quote):
        token.mint(instance, FORTUNE, sender=owner)
        approve = token.approve.encode_input(desk.settlement.address, UNLIMITED)
        instance.execute(token, approve, sender=owner)
    return instance


@pytest.fixture
def mock_hedger(desk: Desk, owner: Any, base: Any, quote: Any, rpc: JsonRpc) -> Any:
    """A hedger that pays out of its own pocket, where the settlement expects it."""
    instance = place_hedger(rpc, owner, ape.project.MockHedger, desk.settlement)
    for token in (base, quote):
        token.mint(instance, FORTUNE, sender=owner)
    return instance


@pytest.fixture
def honest(mock_hedger: Any, owner: Any) -> Any:
    """A hedger that delivers, collects and leaves the signed minimum profit."""
    mock_hedger.setTrick(HedgerTrick.NONE, PROFIT, mock_hedger, b"", sender=owner)
    return mock_hedger


def _argument(kind: str) -> dict[str, str]:
    return {"name": "", "type": kind}


def _view(name: str, inputs: list[str]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [_argument(kind) for kind in inputs],
        "outputs": [_argument("uint256")],
    }


def _write(name: str, inputs: list[str]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "nonpayable",
        "inputs": [_argument(kind) for kind in inputs],
        "outputs": [_argument("bool")],
    }
