"""The desk's contracts on an offline mainnet, with everything that follows and hedges their fills.

Deployed without Ape, from the same sources; the fork tests of the hedger stand on it too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from desk_bench.follower import Follower, OneNode
from desk_bench.own_contracts import OWNER, deploy, deploy_hedger, next_contract, signature_of
from desk_bench.taker_fills import TAKER, TakerFills
from pmm.chain.indexer import (
    EventDecoder,
    HttpBlocks,
    Indexer,
    IndexPolicy,
    IndexStore,
    WatchList,
)
from pmm.chain.lending_reader import LendingPlan, find_lending
from pmm.chain.quoter import find_pools
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import (
    LedgerTransactionStore,
    LocalTransactionKey,
    SenderPolicy,
    TransactionSender,
    make_operator,
)
from pmm.chain.web3_node import Web3Node
from pmm.domain import (
    USDC,
    WETH,
    Address,
    SigningKey,
)
from pmm.execution.book import AccountKind, BookScope
from pmm.ledger import Ledger, open_ledger
from pmm.localnet.addresses import (
    AAVE_POOL,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    COMPOUND_CUSDC,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC_USD_FEED,
)
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from pmm.venues.aave import LendingContracts
from pmm.venues.book_reader import BookReader
from pmm.venues.hedge_market import HedgeMarketReader

_HEARTBEAT_S = 90_000
_BAND_UNITS = 20  # of 5 bps
_FLOOR_BPS = 11_000
_DEBT_CAP_USD = 10_000_000
_MAX_COST_BPS = 100
_NOTIONAL_CAP = 10_000_000 * 10**6
_WINDOW_S = 3_600
_LANES = 4
_ROUTER_HOOKS, _LENDING_ACCOUNT = 1, 2
_TIMEOUT_S = 30.0


@dataclass
class HedgeStage:
    """Our contracts, deployed and set up; ``signer`` signs quotes, ``operator`` sends hedges."""

    rpc: JsonRpc
    settlement: Address
    hedger: Address
    hooks: Address
    lending: LendingContracts
    signer: SigningKey
    operator: SigningKey

    @classmethod
    def place(cls, rpc: JsonRpc, *, inventory: dict[Address, int]) -> HedgeStage:
        """Deploy everything and stock the settlement contract."""
        signer, operator = (SigningKey(secrets.token_bytes(32)) for _ in range(2))
        with ChainBuilder(rpc) as chain:
            tokens = [WETH.address, USDC.address]
            settlement = deploy(
                chain,
                "RfqSettlement",
                ["address"] * 4 + ["address[]"],
                *(OWNER, WETH.address, ONEINCH_ROUTER, next_contract(rpc, after=1), tokens),
            )

            def own(signature: str, *arguments: object, to: Address = settlement) -> None:
                chain.transact(to, signature, *arguments, sender=OWNER)

            hedger = deploy_hedger(chain, settlement)
            hooks = deploy(chain, "RouterHooks", ["address"], settlement)
            account = deploy(
                chain,
                "LendingAccount",
                ["address"] * 5 + ["uint256"],
                *(settlement, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH.address, _FLOOR_BPS),
            )
            delta = deploy(
                chain,
                "DeltaHedger",
                ["address"] * 6,
                *(settlement, account, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC.address),
            )
            for kind, module in ((_ROUTER_HOOKS, hooks), (_LENDING_ACCOUNT, account)):
                own(signature_of("RfqSettlement", "setModule"), kind, module)
            for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
                own(signature_of("RfqSettlement", "setFeed"), token.address, feed, _HEARTBEAT_S)
                own(signature_of("RfqSettlement", "setRouterAllowance"), token.address, 10**24)
            own(signature_of("RfqSettlement", "setBand"), WETH.address, USDC.address, _BAND_UNITS)
            own(signature_of("RfqSettlement", "setMaxExpiry"), 300)
            own(signature_of("RfqSettlement", "initLanes"), signer.address, _LANES)
            for listed, c_token in ((WETH.address, COMPOUND_CETH), (USDC.address, COMPOUND_CUSDC)):
                own("listAaveToken(address)", listed, to=account)
                own("listCompoundMarket(address,address)", listed, c_token, to=account)
            for market in (1, 2):
                own("setDebtCap(uint256,uint256)", market, _DEBT_CAP_USD, to=account)
            own("setDeltaHedger(address)", delta, to=account)
            own("setLimits(uint256,uint256,uint256)", _MAX_COST_BPS, _NOTIONAL_CAP, _WINDOW_S, to=delta)
            for token in (WETH, USDC):
                for spender in (settlement, ONEINCH_ROUTER):
                    chain.transact(
                        token.address, "approve(address,uint256)", spender, 2**256 - 1, sender=TAKER
                    )
        for token_address, amount in inventory.items():
            deal(rpc, token_address, settlement, amount)
        for token_address, amount in ((WETH.address, 10**22), (USDC.address, 10**14)):
            deal(rpc, token_address, TAKER, amount)
        make_operator(rpc, settlement, operator.address)
        contracts = LendingContracts(settlement=settlement, lending_account=account, delta_hedger=delta)
        return cls(
            rpc=rpc,
            settlement=settlement,
            hedger=hedger,
            hooks=hooks,
            lending=contracts,
            signer=signer,
            operator=operator,
        )

    # ---------------------------------------------------------------------------------------------- our parts

    @cached_property
    def taker(self) -> TakerFills:
        """Who fills our orders."""
        return TakerFills(rpc=self.rpc, settlement=self.settlement, hooks=self.hooks, signer=self.signer)

    def now_s(self) -> int:
        """Return the newest block's time."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    @cached_property
    def node(self) -> Web3Node:
        """A reader of contracts."""
        return Web3Node(self.rpc.url, timeout_s=_TIMEOUT_S)

    @cached_property
    def plan(self) -> LendingPlan:
        """The lending account's markets."""
        plan = find_lending(self.node, self.settlement, (WETH, USDC))
        assert plan is not None
        return plan

    @property
    def accounts(self) -> tuple[Address, ...]:
        """The desk's accounts."""
        lending = self.lending
        return (
            self.settlement,
            lending.lending_account,
            self.hedger,
            lending.delta_hedger,
            self.operator.address,
        )

    @property
    def scope(self) -> BookScope:
        """What the book covers."""
        kinds = dict.fromkeys(self.accounts, AccountKind.CONTRACT)
        kinds[self.operator.address] = AccountKind.WALLET
        return BookScope(accounts=kinds, tokens=(WETH.address, USDC.address))

    def book_reader(self) -> BookReader:
        """Return a reader of the book."""
        return BookReader(self.node, self.scope, self.plan)

    def market_reader(self) -> HedgeMarketReader:
        """Return a reader of the hedging market."""
        return HedgeMarketReader(
            self.node,
            tokens=(WETH, USDC),
            native=WETH.address,
            settlement=self.settlement,
            pools=find_pools(self.node, [(WETH, USDC)], fee_tiers=(500, 3_000)),
            plan=self.plan,
        )

    def open_ledger(self, path: Path) -> Ledger:
        """Open the desk's ledger."""
        return open_ledger(path, chain_id=1, maker=self.settlement)

    def sender(self, ledger: Ledger, *, policy: SenderPolicy | None = None) -> TransactionSender:
        """Return the operator's sender."""
        return TransactionSender(
            node=self.rpc,
            key=LocalTransactionKey(self.operator),
            store=LedgerTransactionStore(ledger),
            chain_id=1,
            policy=policy,
        )

    def follower(self, ledger: Ledger) -> Follower:
        """Return what follows the chain from here on."""
        start = int(self.rpc.call("eth_blockNumber"), 16)
        watch = WatchList(
            settlement=self.settlement,
            accounts=self.accounts,
            tokens=(WETH.address, USDC.address),
            start_block=start,
            lending_accounts=(self.lending.lending_account,),
            c_tokens={c_token: token for token, c_token in self.plan.c_tokens.items()},
        )
        indexer = Indexer(
            nodes=OneNode(HttpBlocks(self.rpc.url, timeout_s=_TIMEOUT_S)),
            store=IndexStore(ledger),
            watch=watch,
            decoder=EventDecoder(watch),
            policy=IndexPolicy(rollback_after_s=0),
        )
        return Follower(ledger=ledger, indexer=indexer)
