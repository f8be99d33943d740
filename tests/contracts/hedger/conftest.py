"""Funded fills for the tests of AtomicHedger: through the real settlement contract, and through a mock of it.

Refusals are read with `eth_call`, because Vyper's ABI does not carry errors raised by `raw_revert`, and then
sent as transactions, so that what they leave behind is looked at too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import ape
import pytest
from ape.api import AccountAPI

from pmm.chain.abi import encode_call, selector
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import (
    USDC,
    WETH,
    SignedOrder,
    SigningKey,
)
from pmm.localnet.addresses import UNISWAP_V3_SWAP_ROUTER
from pmm.localnet.funding import balance_of as read_balance
from tests.contracts.hedger.fill_fixtures import (
    contract_taker,
    costs,
    describe_fill,
    now_s,
    order_maker,
    sell,
    sell_usdc,
    sell_weth,
    v4_pools,
)
from tests.contracts.hedger.funded_fills import (
    CONTRACTS,
    ONE_WETH,
    FundedFill,
    decode_error,
    external,
    sign_fill,
)
from tests.contracts.hedger.hedges import SWAP_FEE_PIPS
from tests.contracts.hedger.mock_fixtures import (
    attempt,
    misled,
    misled_hedger,
    mock_lender,
    mock_settlement,
    probed,
    probed_hedger,
    stocked_mocks,
    trick_market,
    trick_token,
)

__all__ = [
    "attempt",
    "contract_taker",
    "costs",
    "describe_fill",
    "misled",
    "misled_hedger",
    "mock_lender",
    "mock_settlement",
    "now_s",
    "order_maker",
    "probed",
    "probed_hedger",
    "sell",
    "sell_usdc",
    "sell_weth",
    "stocked_mocks",
    "trick_market",
    "trick_token",
    "v4_pools",
]

_APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
_GAS = hex(8_000_000)
_WITHOUT_VALUES = (
    # 1inch's contract; our errors of the same name have values.
    *("BadSignature", "BitInvalidatedOrder", "OrderExpired", "PartialFillNotAllowed", "PrivateOrder"),
    "TransferFromMakerToTakerFailed",
    # The Uniswap V4 manager.
    *("AlreadyUnlocked", "CurrencyNotSettled", "PoolNotInitialized"),
)


@pytest.fixture(scope="session")
def tokens() -> Mapping[str, Any]:
    """WETH and USDC, by address."""
    abi = json.loads((CONTRACTS / "external" / "ERC20.json").read_text())
    return {token.address: ape.Contract(token.address, abi=abi) for token in (WETH, USDC)}


@pytest.fixture(scope="session")
def balance_of(rpc: JsonRpc) -> Callable[[str, Any], int]:
    """Read the balance of any token, or of ether."""
    return lambda token, account: read_balance(rpc, token, str(getattr(account, "address", account)))


@pytest.fixture(scope="session")
def receiver() -> Any:
    """Gets the maker asset where it is not the taker."""
    return ape.accounts.test_accounts[5]


@pytest.fixture(scope="session")
def usdc_weth_pool(costs: Any) -> str:
    """The 0.05 % pool, where most positions are closed."""
    return str(costs.v3_pool(USDC.address, WETH.address, SWAP_FEE_PIPS))


@pytest.fixture(scope="session")
def error_types() -> Mapping[bytes, tuple[str, tuple[str, ...]]]:
    """Name and argument types of every error of hedger, settlement, 1inch and compilers, by selector."""
    entries = json.loads((CONTRACTS / "interfaces" / "AtomicHedgerErrors.json").read_text())
    for contract in (ape.project.RfqSettlement, ape.project.MockSettlement, ape.project.MockLender):
        entries += [error.model_dump() for error in contract.contract_type.errors]
    known: list[tuple[str, tuple[str, ...]]] = [("Error", ("string",)), ("Panic", ("uint256",))]
    known += [(name, ()) for name in _WITHOUT_VALUES]
    known += [(entry["name"], tuple(item["type"] for item in entry["inputs"])) for entry in entries]
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known}


@pytest.fixture(scope="session")
def refusal_of_call(rpc: JsonRpc, error_types: Any) -> Callable[..., tuple[Any, ...]]:
    """Make a call that must revert, send it, and return (error name, *values); a bare revert is ("",).

    A contract as the sender can only be asked, not made to send.
    """

    def _refusal(to: Any, data: bytes, *, sender: Any) -> tuple[Any, ...]:
        request = {
            "from": str(sender.address),
            "to": str(getattr(to, "address", to)),
            "data": "0x" + data.hex(),
            "gas": _GAS,
        }
        with pytest.raises(RpcError) as refused:
            rpc.call("eth_call", request, "latest")
        if isinstance(sender, AccountAPI):
            assert rpc.call("eth_sendTransactionSync", request)["status"] == "0x0"
        return decode_error(error_types, refused.value.data)

    return _refusal


@pytest.fixture(scope="session")
def refusal_of(refusal_of_call: Any) -> Callable[..., tuple[Any, ...]]:
    """The same for a method that Ape knows."""

    def _refusal(method: Any, *arguments: Any, sender: Any) -> tuple[Any, ...]:
        data = bytes(method.encode_input(*arguments))
        refusal: tuple[Any, ...] = refusal_of_call(method.contract, data, sender=sender)
        return refusal

    return _refusal


@pytest.fixture(scope="session")
def cost_of(costs: Any) -> Callable[..., int]:
    """What a Uniswap V3 pool asks for an exact output."""

    def _cost(token_in: str, token_out: str, amount_out: int, fee_pips: int = SWAP_FEE_PIPS) -> int:
        return int(costs.on_v3(token_in, token_out, amount_out, fee_pips))

    return _cost


@pytest.fixture
def raise_weth_price(deal: Any, tokens: Any, cost_of: Any, attacker: Any) -> Callable[[int], None]:
    """Let somebody buy WETH from the swap pool until one WETH costs more than that many USDC units."""
    router = external("UniswapV3SwapRouter", UNISWAP_V3_SWAP_ROUTER)

    def _raise(limit: int) -> None:
        amount_in = 100_000 * 10**6
        while cost_of(USDC.address, WETH.address, ONE_WETH) <= limit:
            deal(USDC.address, attacker, amount_in)
            tokens[USDC.address].approve(router, amount_in, sender=attacker)
            path = (USDC.address, WETH.address, SWAP_FEE_PIPS)
            router.exactInputSingle((*path, attacker, 2**40, amount_in, 0, 0), sender=attacker)
            amount_in *= 2

    return _raise


@pytest.fixture(scope="session")
def stocked(
    deal: Any, tokens: Any, taker: Any, receiver: Any, settlement: Any, hedger: Any, mock_lender: Any
) -> None:
    """A taker with both assets who approved the settlement contract; only the hedger holds nothing."""
    deal(USDC.address, taker, 100_000 * 10**6)
    deal(WETH.address, taker, 100 * ONE_WETH)
    deal(WETH.address, receiver, ONE_WETH)
    deal(USDC.address, settlement, 1_000 * 10**6)
    deal(WETH.address, settlement, ONE_WETH)
    deal(WETH.address, mock_lender, 100 * ONE_WETH)
    deal(USDC.address, mock_lender, 100_000 * 10**6)
    for token in tokens.values():
        token.approve(settlement, 2**255, sender=taker)


@pytest.fixture
def signed(settlement: Any, signer_key: SigningKey) -> Callable[..., SignedOrder]:
    """Sign an order on our domain for a funded fill, with a nonce of its own."""
    nonces = iter(range(1, 100))

    def _sign(fill: FundedFill, private_taker: str | None = None, **traits: Any) -> SignedOrder:
        return sign_fill(settlement, signer_key, fill, next(nonces), private_taker, **traits)

    return _sign


@pytest.fixture(scope="session")
def balances(
    rpc: JsonRpc, taker: Any, receiver: Any, settlement: Any, hedger: Any
) -> Callable[..., dict[tuple[str, str], int]]:
    """Read all balances of both assets, by (asset, account), of the named parties and any others given."""
    parties = {"taker": taker, "receiver": receiver, "settlement": settlement, "hedger": hedger}
    assets = (("WETH", WETH.address), ("USDC", USDC.address))

    def _read(**others: Any) -> dict[tuple[str, str], int]:
        names, calls = [], []
        for symbol, token in assets:
            for name, account in (parties | others).items():
                data = encode_call("balanceOf(address)", str(getattr(account, "address", account)))
                names.append((symbol, name))
                calls.append(("eth_call", ({"to": token, "data": "0x" + data.hex()}, "latest")))
        return {name: int(answer, 16) for name, answer in zip(names, rpc.batch(calls), strict=True)}

    return _read


@pytest.fixture(scope="session")
def allowances_left(rpc: JsonRpc) -> Callable[..., dict[tuple[str, str], int]]:
    """What a holder's allowances of a transaction amount to after it, by (token, spender), zeros left out."""

    def _read(receipt: Any, holder: Any) -> dict[tuple[str, str], int]:
        mined = rpc.call("eth_getTransactionReceipt", receipt.txn_hash)
        given = {
            (log["address"], "0x" + log["topics"][2][26:])
            for log in mined["logs"]
            if log["topics"][0] == _APPROVAL and log["topics"][1][26:] == holder.address[2:].lower()
        }
        left = {}
        for token, spender in given:
            data = encode_call("allowance(address,address)", holder.address, spender)
            answer = rpc.call("eth_call", {"to": token, "data": "0x" + data.hex()}, "latest")
            left[token, spender] = int(answer, 16)
        return {key: amount for key, amount in left.items() if amount}

    return _read
