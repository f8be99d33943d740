"""A desk with LendingAccount and DeltaHedger on genuine Aave, Compound, Uniswap and Morpho code.

The settlement contract is a mock that answers about roles and feeds; the tests that join the real one say so.
Refusals are read with `eth_call`, because Vyper's ABI does not carry errors raised by `raw_revert`, and then sent as
transactions that must fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ape
import pytest
from eth_abi.abi import decode

from pmm.chain.abi import selector
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.localnet.addresses import (
    AAVE_POOL,
    BTC_USD_FEED,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    COMPOUND_CUSDC,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC,
    USDC_USD_FEED,
    WBTC,
    WETH,
)
from pmm.localnet.funding import balance_of as read_balance
from pmm.localnet.placement import ChainBuilder

CONTRACTS = Path(__file__).parents[3] / "contracts"
AAVE, COMPOUND = 1, 2
MARKETS = (AAVE, COMPOUND)
ALL = 2**256 - 1
FLOOR_BPS = 10_500
HEARTBEAT_S = 90_000
DEBT_CAP_USD = 10_000_000
MAX_COST_BPS = 100
NOTIONAL_CAP = 1_000_000 * 10**6
WINDOW_S = 3_600
ONE_WETH = 10**18
C_TOKENS = {WETH: COMPOUND_CETH, USDC: COMPOUND_CUSDC}


@pytest.fixture(scope="session")
def hooks() -> Any:
    """Stands where the settlement contract's router hooks are."""
    return ape.accounts.test_accounts[6]


@pytest.fixture(scope="session")
def desk(owner: Any, guardian: Any, operator: Any, hooks: Any) -> Any:
    """The settlement contract as the two contracts see it, with feeds."""
    instance = owner.deploy(ape.project.MockDesk, owner, guardian, operator, hooks)
    for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED), (WBTC, BTC_USD_FEED)):
        instance.setFeed(token, feed, HEARTBEAT_S, sender=owner)
    return instance


@pytest.fixture(scope="session")
def account(owner: Any, desk: Any) -> Any:
    """The lending account with both markets of WETH and USDC listed and capped."""
    instance = owner.deploy(
        ape.project.LendingAccount,
        *(desk, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, FLOOR_BPS),
    )
    for token, c_token in C_TOKENS.items():
        instance.listAaveToken(token, sender=owner)
        instance.listCompoundMarket(token, c_token, sender=owner)
    for market in MARKETS:
        instance.setDebtCap(market, DEBT_CAP_USD, sender=owner)
    return instance


@pytest.fixture(scope="session")
def delta(owner: Any, desk: Any, account: Any) -> Any:
    """The delta hedger, joined to the account, with limits."""
    instance = owner.deploy(
        ape.project.DeltaHedger, desk, account, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC
    )
    account.setDeltaHedger(instance, sender=owner)
    instance.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    return instance


@pytest.fixture(scope="session")
def builder(rpc: JsonRpc) -> ChainBuilder:
    """Reads contracts that Ape has no ABI of."""
    return ChainBuilder(rpc)


@pytest.fixture(scope="session")
def balance_of(rpc: JsonRpc) -> Callable[[str, Any], int]:
    """Read the balance of any token."""
    return lambda token, holder: read_balance(rpc, token, str(getattr(holder, "address", holder)))


@pytest.fixture
def move(deal: Any, desk: Any, account: Any, owner: Any, balance_of: Any) -> Callable[[str, int], None]:
    """Send tokens from the settlement contract to the lending account, as `moveToLending` does."""

    def _move(token: str, amount: int) -> None:
        deal(token, desk, balance_of(token, desk) + amount)
        desk.move(token, account, amount, sender=owner)

    return _move


@pytest.fixture
def supplied(move: Any, account: Any, operator: Any) -> Callable[[int, str, int], None]:
    """Supply collateral."""

    def _supply(market: int, token: str, amount: int) -> None:
        move(token, amount)
        account.supply(market, token, amount, sender=operator)

    return _supply


@pytest.fixture(scope="session")
def allowances(builder: ChainBuilder) -> Callable[[Any], dict[tuple[str, str], int]]:
    """Read every allowance that the two contracts could have given, those above zero only."""
    spenders = (
        AAVE_POOL,
        COMPOUND_CETH,
        COMPOUND_CUSDC,
        MORPHO,
        ONEINCH_ROUTER,
        "0x111111125421cA6dc452d289314280a0f8842A65",
    )

    def _read(owner: Any) -> dict[tuple[str, str], int]:
        found = {
            (token, spender): builder.read(token, "allowance(address,address)", owner.address, spender)
            for token in (WETH, USDC, WBTC)
            for spender in spenders
        }
        return {key: value for key, value in found.items() if value}

    return _read


@pytest.fixture(scope="session")
def error_types() -> Mapping[bytes, tuple[str, tuple[str, ...]]]:
    """Name and argument types of every error, by selector."""
    entries = [error.model_dump() for error in ape.project.MockDesk.contract_type.errors]
    for name in ("LendingAccountErrors", "DeltaHedgerErrors"):
        entries += json.loads((CONTRACTS / "interfaces" / f"{name}.json").read_text())
    known = {"Error": ("string",), "Panic": ("uint256",)}
    known |= {entry["name"]: tuple(item["type"] for item in entry["inputs"]) for entry in entries}
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known.items()}


@pytest.fixture(scope="session")
def refusal_of(rpc: JsonRpc, error_types: Any) -> Callable[..., tuple[Any, ...]]:
    """Call a method that must revert, send it, and return (error name, *values); a bare revert is ("",)."""

    def _refusal(method: Any, *arguments: Any, sender: Any, value: int = 0) -> tuple[Any, ...]:
        request = {
            "from": str(sender.address),
            "to": str(method.contract.address),
            "data": method.encode_input(*arguments).to_0x_hex(),
            "gas": hex(5_000_000),
            "value": hex(value),
        }
        with pytest.raises(RpcError) as refused:
            rpc.call("eth_call", request, "latest")
        receipt = rpc.call("eth_sendTransactionSync", request)
        assert receipt["status"] == "0x0"
        raw = bytes.fromhex((refused.value.data or "0x")[2:])
        if not raw:
            return ("",)
        name, types = error_types[raw[:4]]
        return (name, *decode(types, raw[4:]))

    return _refusal


@pytest.fixture(scope="session")
def stranger() -> Any:
    """Has no role anywhere."""
    return ape.accounts.test_accounts[9]
