"""A settlement contract with its hedger on genuine pools and lenders, and everything a machine needs around them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.chain.abi import encode_call, selector
from pmm.chain.addresses import (
    AAVE_V3_POOL,
    BALANCER_V2_VAULT,
    MORPHO_BLUE,
    ONEINCH_ROUTER,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.chain.rpc import JsonRpc
from pmm.domain import (
    MAINNET_TOKENS,
    USDC,
    USDT,
    WBTC,
    WETH,
    Address,
    OrderDomain,
    SigningKey,
    settlement_domain,
)
from pmm.localnet.addresses import ETH_USD_FEED, UNISWAP_V3_SWAP_ROUTER, USDC_USD_FEED
from pmm.localnet.placement import ChainBuilder
from tests.contracts.hedger.costs import Costs, V4Pool, place_v4_routers, seed_v4_pool
from tests.contracts.hedger.funded_fills import CONTRACTS
from tests.contracts.hedger.hedges import LENDING_FEE_PIPS, SWAP_FEE_PIPS, WETH_POOL
from tests.contracts.hedger.second_orders import OrderMaker
from tests.contracts.hedger_place import deploy_with_hedger
from tests.invariants.fork import Fork

State = dict[tuple[str, ...], int]
HEARTBEAT_S = 10**6
BAND_UNITS = 255  # of 5 bps: prices move here
FORTUNE = {WETH.address: 10**23, USDC.address: 10**15}
INVENTORY = {WETH.address: 10**21, USDC.address: 10**13}
DEPTH_USD = 100_000_000
TOKENS = (WETH, USDC, USDT, WBTC)


@dataclass(slots=True, kw_only=True)
class HedgerWorld:
    """Addresses in lower case. ``thief`` holds no role; ``price`` is what one WETH costs at the start, in USDC."""

    fork: Fork
    costs: Costs
    settlement: str
    hedger: str
    lender: str
    owner: str
    operator: str
    taker: str
    receiver: str
    donor: str
    thief: str
    key: SigningKey
    order_maker: OrderMaker
    domain: OrderDomain
    price: int
    errors: dict[bytes, tuple[str, tuple[str, ...]]]
    _names: list[tuple[str, ...]] = field(default_factory=list)
    _query: str = ""

    @property
    def holders(self) -> tuple[str, ...]:
        return (self.hedger, self.settlement, self.taker, self.receiver, self.donor, self.thief)

    @property
    def lenders(self) -> tuple[str, ...]:
        return (MORPHO_BLUE.lower(), BALANCER_V2_VAULT.lower(), self.lender)

    @property
    def spenders(self) -> tuple[str, ...]:
        """Whom the hedger could have given an allowance, known to us."""
        pools = [self.costs.v3_pool(USDC.address, WETH.address, f) for f in (SWAP_FEE_PIPS, LENDING_FEE_PIPS)]
        pools += [self.costs.v2_pair(USDC.address, WETH.address), UNISWAP_V4_POOL_MANAGER]
        others = (AAVE_V3_POOL, ONEINCH_ROUTER, self.settlement, self.taker, self.thief)
        return (*self.lenders, *(address.lower() for address in (*pools, *others)))

    def observe(self) -> State:
        """Read balances, the hedger's allowances, and what it owes or owns at Aave and Uniswap V4."""
        if not self._query:
            self._prepare()
        answers = self.fork.read(self._query)
        return {
            name: int.from_bytes(answer[:32], "big")
            for name, answer in zip(self._names, answers, strict=True)
        }

    def _prepare(self) -> None:
        calls: list[tuple[str, bytes]] = []

        def ask(name: tuple[str, ...], to: str, signature: str, *values: Any) -> None:
            self._names.append(name)
            calls.append((to, encode_call(signature, *values)))

        for token in TOKENS:
            address = str(token.address)
            for holder in (*self.holders, *self.lenders):
                ask(("balance", address, holder), address, "balanceOf(address)", holder)
        for token in (WETH, USDC):
            for spender in self.spenders:
                allowance = ("allowance", str(token.address), spender)
                ask(allowance, token.address, "allowance(address,address)", self.hedger, spender)
            name = ("claims", str(token.address))
            ask(
                name,
                UNISWAP_V4_POOL_MANAGER,
                "balanceOf(address,uint256)",
                self.hedger,
                int(token.address, 16),
            )
        ask(("claims", "ether"), UNISWAP_V4_POOL_MANAGER, "balanceOf(address,uint256)", self.hedger, 0)
        ask(("collateral", "Aave"), AAVE_V3_POOL, "getUserAccountData(address)", self.hedger)
        ask(("debt", "Aave"), AAVE_V3_POOL, "getUserAccountData(address)", self.hedger)
        ask(("ether",), MULTICALL, "getEthBalance(address)", self.hedger)
        self._query = self.fork.query(calls)

    def aave_debt(self) -> int:
        """The second word of what Aave says of the hedger."""
        answer = self.fork.call(AAVE_V3_POOL, "getUserAccountData(address)", self.hedger)
        return int.from_bytes(answer[32:64], "big")

    def refusal(self, data: str | bytes) -> tuple[Any, ...]:
        """(error name, *values) of revert data; a bare revert is ("",)."""
        raw = data if isinstance(data, bytes) else bytes.fromhex(data.removeprefix("0x"))
        if not raw:
            return ("",)
        if raw[:4] not in self.errors:
            return (raw[:4].hex(),)
        name, types = self.errors[raw[:4]]
        return (name, *decode(types, raw[4:], strict=False))


MULTICALL = "0xca11bde05977b3631167028862be2a173976ca11"


def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    entries = json.loads((CONTRACTS / "interfaces" / "AtomicHedgerErrors.json").read_text())
    entries += [error.model_dump() for error in ape.project.RfqSettlement.contract_type.errors]
    known: list[tuple[str, tuple[str, ...]]] = [("Error", ("string",)), ("Panic", ("uint256",))]
    known += [(entry["name"], tuple(item["type"] for item in entry["inputs"])) for entry in entries]
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known}


def build(rpc: JsonRpc, deal: Callable[[str, Any, int], None]) -> HedgerWorld:
    """Deploy it on the fork."""
    owner, _, operator, taker, thief, receiver, donor = (ape.accounts.test_accounts[i] for i in range(7))
    core = [token.address for token in MAINNET_TOKENS]
    settlement, hedger = deploy_with_hedger(owner, WETH.address, ONEINCH_ROUTER, core)
    lender = owner.deploy(ape.project.MockLender)
    key = SigningKey(secrets.token_bytes(32))
    settlement.setOperator(operator, sender=owner)
    settlement.initLanes(key.address, 1, sender=owner)
    settlement.setFeed(WETH.address, ETH_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setFeed(USDC.address, USDC_USD_FEED, HEARTBEAT_S, sender=owner)
    settlement.setBand(WETH.address, USDC.address, BAND_UNITS, sender=owner)
    for token, amount in FORTUNE.items():
        for holder in (taker, donor, lender):
            deal(token, holder, amount)
        deal(token, settlement, INVENTORY[Address(token)])
        for account, spender in ((taker, settlement.address), (donor, UNISWAP_V3_SWAP_ROUTER)):
            approve = encode_call("approve(address,uint256)", spender, 2**255)
            account.transfer(token, 0, data=approve)
    with ChainBuilder(rpc) as chain:
        place_v4_routers(chain)
        pool = V4Pool(fee_pips=WETH_POOL[0], tick_spacing=WETH_POOL[1], ether=False)
        seed_v4_pool(chain, pool, depth_usd=DEPTH_USD)
    errors, fork, costs = _errors(), Fork(rpc), Costs(rpc)
    world = HedgerWorld(
        fork=fork,
        costs=costs,
        settlement=settlement.address.lower(),
        hedger=hedger.address.lower(),
        lender=lender.address.lower(),
        owner=owner.address.lower(),
        operator=operator.address.lower(),
        taker=taker.address.lower(),
        receiver=receiver.address.lower(),
        donor=donor.address.lower(),
        thief=thief.address.lower(),
        key=key,
        order_maker=OrderMaker.place(rpc, SigningKey(secrets.token_bytes(32)), 1, fork.now_s),
        domain=settlement_domain(1, Address(settlement.address)),
        price=costs.on_v3(USDC.address, WETH.address, 10**18, SWAP_FEE_PIPS),
        errors=errors,
    )
    fork.name_error = lambda data: json.dumps(world.refusal(data), default=str)
    return world
