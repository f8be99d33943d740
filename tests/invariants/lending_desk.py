"""Settlement, lending account and delta hedger on genuine Aave and Compound code, and all of it in one reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import encode_call, selector
from pmm.chain.addresses import MULTICALL3
from pmm.chain.rpc import JsonRpc
from pmm.domain import ZERO_ADDRESS
from pmm.localnet.addresses import (
    AAVE_POOL,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    COMPOUND_CUSDC,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC,
    USDC_USD_FEED,
    WETH,
)
from pmm.localnet.protocols.aave_reserves import RESERVES
from tests.contracts.settlement.desk import decode_error
from tests.invariants.fork import Done, Fork

AAVE, COMPOUND = 1, 2
MARKETS = (AAVE, COMPOUND)
TOKENS = (WETH, USDC)
DECIMALS = {WETH: 18, USDC: 6}
POOL = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"  # USDC/WETH, 0.05 %
A_TOKENS = {reserve.asset: reserve.a_token for reserve in RESERVES if reserve.asset in TOKENS}
C_TOKENS = {WETH: COMPOUND_CETH, USDC: COMPOUND_CUSDC}
RECEIPTS = (*A_TOKENS.values(), *C_TOKENS.values())
FEEDS = {WETH: ETH_USD_FEED, USDC: USDC_USD_FEED}
WAD = 10**18
USD_CENTS = 10**24  # values are USD with 26 decimals
# High, so that there is room between it and liquidation for an exit that must be refused.
FLOOR_BPS = 13_000
MAX_COST_BPS = 100
DEBT_CAP_USD = 400_000
NOTIONAL_CAP = 2_000_000 * 10**6
WINDOW_S = 3_600
STOCK = {WETH: 300 * WAD, USDC: 800_000 * 10**6}
GIFTS = {WETH: 100 * WAD, USDC: 200_000 * 10**6}
_HEARTBEAT_S = 10**6
_HOOKS, _LENDING = 1, 2  # ModuleKind
_ERRORS = Path(__file__).parents[2] / "contracts" / "interfaces"
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
State = dict[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer that a log tells of; addresses in lower case."""

    token: str
    sender: str
    receiver: str
    amount: int


def moves(done: Done) -> list[Move]:
    """All transfers of ERC-20 tokens in a transaction."""
    return [
        Move(
            log["address"].lower(),
            "0x" + log["topics"][1][26:].lower(),
            "0x" + log["topics"][2][26:].lower(),
            int(log["data"], 16),
        )
        for log in done.logs
        if log["topics"][0] == _TRANSFER and len(log["topics"]) == 3
    ]


@dataclass(slots=True, kw_only=True)
class LendingDesk:
    """Addresses in lower case; the stranger holds gifts and no role."""

    fork: Fork
    settlement: str
    account: str
    delta: str
    hooks: str
    owner: str
    guardian: str
    operator: str
    stranger: str
    _query: str = ""
    _names: list[tuple[tuple[str, ...], str, int]] = field(default_factory=list)

    @property
    def debtless(self) -> dict[str, str]:
        """Whoever must never owe anything, by name."""
        return {
            "settlement": self.settlement,
            "delta hedger": self.delta,
            "router hooks": self.hooks,
            "operator": self.operator,
            "guardian": self.guardian,
        }

    def observe(self) -> State:
        """Read balances, positions, debts, allowances, prices and settings, with interest up to the newest block."""
        if not self._query:
            self._prepare()
        answers = self.fork.read(self._query)
        return {
            name: int(decode([kind] if index == 0 else ["uint256"] * (index + 1), answer)[index])
            for (name, kind, index), answer in zip(self._names, answers, strict=True)
        }

    def value(self, state: State) -> int:
        """What the desk is worth at the feeds' prices: tokens held and lent, less what is owed."""
        worth = 0
        for token in TOKENS:
            units = sum(
                state["holds", token, holder] for holder in (self.settlement, self.account, self.delta)
            )
            units += sum(state["lent", token, str(market)] for market in MARKETS)
            # What was swept there as receipts.
            units += sum(state["receipts", token, str(market)] for market in MARKETS)
            units -= sum(state["owes", token, str(market)] for market in MARKETS)
            worth += self.usd(token, units, state)
        return worth

    @staticmethod
    def usd(token: str, units: int, state: State) -> int:
        """Value in USD with 26 decimals."""
        scale: int = 10 ** (18 - DECIMALS[token])
        return units * state["price", token] * scale

    def _prepare(self) -> None:
        calls: list[tuple[str, bytes]] = []

        def ask(name: tuple[str, ...], to: str, signature: str, *values: Any, index: int = 0) -> None:
            self._names.append((name, "int256" if name[0] == "price" else "uint256", index))
            calls.append((to, encode_call(signature, *values)))

        # Interest first: what follows is as of now.
        for token, c_token in C_TOKENS.items():
            ask(("lent", token, "2"), c_token, "balanceOfUnderlying(address)", self.account)
            ask(("lent", token, "1"), A_TOKENS[token], "balanceOf(address)", self.account)
            ask(("receipts", token, "2"), c_token, "balanceOfUnderlying(address)", self.settlement)
            ask(("receipts", token, "1"), A_TOKENS[token], "balanceOf(address)", self.settlement)
            for market in MARKETS:
                ask(
                    ("owes", token, str(market)),
                    self.account,
                    "debtOf(uint256,address)",
                    market,
                    token,
                )
            ask(("price", token), FEEDS[token], "latestAnswer()")
        for name, holder in self.debtless.items():
            ask(("debt", name, "Aave"), AAVE_POOL, "getUserAccountData(address)", holder, index=1)
            for c_token in C_TOKENS.values():
                ask(("debt", name, c_token), c_token, "borrowBalanceStored(address)", holder)
        for token in (*TOKENS, *RECEIPTS):
            for holder in (self.settlement, self.account, self.delta, self.stranger):
                ask(("holds", token, holder), token, "balanceOf(address)", holder)
            for giver in (self.account, self.delta):
                for spender in self._spenders():
                    ask(
                        ("allowance", token, giver, spender),
                        token,
                        "allowance(address,address)",
                        giver,
                        spender,
                    )
        for holder in (self.account, self.delta):
            ask(("ether", holder), MULTICALL3, "getEthBalance(address)", holder)
        data = "getUserAccountData(address)"
        ask(("debt in USD",), AAVE_POOL, data, self.account, index=1)
        ask(("health", "1"), AAVE_POOL, data, self.account, index=5)
        ask(("health", "2"), self.account, "health(uint256)", COMPOUND)
        ask(("shortfall",), COMPOUND_COMPTROLLER, "getAccountLiquidity(address)", self.account, index=2)
        self._query = self.fork.query(calls)

    def _spenders(self) -> tuple[str, ...]:
        markets = (AAVE_POOL, COMPOUND_CETH, COMPOUND_CUSDC, MORPHO, ONEINCH_ROUTER, POOL)
        return (*markets, self.settlement, self.account, self.delta, self.hooks, self.operator, self.stranger)


def _namer() -> Callable[[str], str]:
    """Names the errors of the two contracts, of the settlement, and those in words."""
    names = {selector("Error(string)"): "Error", selector("Panic(uint256)"): "Panic"}
    for file in ("LendingAccountErrors", "DeltaHedgerErrors"):
        for entry in json.loads((_ERRORS / f"{file}.json").read_text()):
            types = ",".join(item["type"] for item in entry["inputs"])
            names[selector(f"{entry['name']}({types})")] = entry["name"]

    def _name(data: str) -> str:
        raw = bytes.fromhex(data.removeprefix("0x"))
        return names.get(raw[:4]) or str(decode_error(raw)[0])

    return _name


def build(rpc: JsonRpc, deal: Callable[[str, Any, int], None]) -> LendingDesk:
    """Deploy it on the fork and join it; the settlement holds the stock."""
    accounts = ape.accounts.test_accounts
    owner, guardian, operator, stranger = (accounts[index] for index in (0, 1, 2, 9))
    project = ape.project
    settlement = owner.deploy(project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, list(TOKENS))
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    hooks = owner.deploy(project.RouterHooks, settlement)
    account = owner.deploy(
        project.LendingAccount,
        *(settlement, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, FLOOR_BPS),
    )
    delta = owner.deploy(
        project.DeltaHedger, settlement, account, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC
    )
    settlement.setModule(_HOOKS, hooks, sender=owner)
    settlement.setModule(_LENDING, account, sender=owner)
    account.setDeltaHedger(delta, sender=owner)
    delta.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    for market in MARKETS:
        account.setDebtCap(market, DEBT_CAP_USD, sender=owner)
    for token in TOKENS:
        settlement.setFeed(token, FEEDS[token], _HEARTBEAT_S, sender=owner)
        account.listAaveToken(token, sender=owner)
        account.listCompoundMarket(token, C_TOKENS[token], sender=owner)
        deal(token, settlement, STOCK[token])
        deal(token, stranger, 2 * GIFTS[token])
        approve = encode_call("approve(address,uint256)", AAVE_POOL, GIFTS[token])
        stranger.transfer(token, 0, data=approve)
        supply = encode_call(
            "supply(address,uint256,address,uint16)", token, GIFTS[token], stranger.address, 0
        )
        stranger.transfer(AAVE_POOL, 0, data=supply)
    rpc.call("anvil_impersonateAccount", hooks.address)
    deal("ETH", hooks, 10**20)
    return LendingDesk(
        fork=Fork(rpc, _namer()),
        settlement=settlement.address.lower(),
        account=account.address.lower(),
        delta=delta.address.lower(),
        hooks=hooks.address.lower(),
        owner=owner.address.lower(),
        guardian=guardian.address.lower(),
        operator=operator.address.lower(),
        stranger=stranger.address.lower(),
    )
