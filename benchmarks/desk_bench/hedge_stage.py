"""The desk's contracts on an offline mainnet, with everything that follows and hedges their fills.

Deployed without Ape, from the same sources; the fork tests of the hedger stand on it too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from gas_bench.build import own_contract
from pmm.chain.indexer import (
    ChainFeed,
    Delivery,
    EventDecoder,
    HttpBlocks,
    Indexer,
    IndexPolicy,
    IndexStore,
    WatchList,
)
from pmm.chain.indexer.block_source import BlockSource
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
    FillFunction,
    FundingPlan,
    FundingSource,
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    RouterHookTerms,
    SigningKey,
    TakerTraits,
    build_salt,
    encode_fill,
    oneinch_domain,
    parse_address,
    settlement_domain,
    sign_order,
)
from pmm.domain.hook_payloads import InventoryHedge, PostAction, PostHook
from pmm.execution.book import AccountKind, BookScope
from pmm.execution.hedging.hedge_ledger import Acknowledge
from pmm.ledger import Ledger, open_ledger
from pmm.localnet.addresses import (
    AAVE_POOL,
    BALANCER_VAULT,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    COMPOUND_CUSDC,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
    USDC_USD_FEED,
    keyless_account,
)
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from pmm.venues.aave import LendingContracts
from pmm.venues.book_reader import BookReader
from pmm.venues.hedge_market import HedgeMarketReader

OWNER = keyless_account("hedge stage owner")
TAKER = parse_address(keyless_account("hedge stage taker"))
_HEARTBEAT_S = 90_000
_BAND_UNITS = 20  # of 5 bps
_FLOOR_BPS = 11_000
_DEBT_CAP_USD = 10_000_000
_MAX_COST_BPS = 100
_NOTIONAL_CAP = 10_000_000 * 10**6
_WINDOW_S = 3_600
_LANES, _LANE, _LIFETIME_S = 4, 1, 250
_HEDGER, _LENDING_ACCOUNT, _ROUTER_HOOKS = 0, 2, 1
_TIMEOUT_S = 30.0


@dataclass
class _OneNode:
    """The one node there is, always asked."""

    node: BlockSource

    def in_order(self) -> tuple[BlockSource, ...]:
        return (self.node,)

    def distrust(self, node: BlockSource, why: str) -> None:
        raise AssertionError(why)


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
    nonce: int = 0
    _readers: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def place(cls, rpc: JsonRpc, *, inventory: dict[Address, int]) -> HedgeStage:
        """Deploy everything and stock the settlement contract."""
        signer, operator = (SigningKey(secrets.token_bytes(32)) for _ in range(2))
        with ChainBuilder(rpc) as chain:
            tokens = [WETH.address, USDC.address]
            settlement = _deploy(
                chain,
                "RfqSettlement",
                ["address"] * 3 + ["address[]"],
                OWNER,
                WETH.address,
                ONEINCH_ROUTER,
                tokens,
            )

            def own(signature: str, *arguments: object, to: Address = settlement) -> None:
                chain.transact(to, signature, *arguments, sender=OWNER)

            hedger = _deploy_by_names(chain, "AtomicHedger", settlement)
            hooks = _deploy(chain, "RouterHooks", ["address"], settlement)
            account = _deploy(
                chain,
                "LendingAccount",
                ["address"] * 5 + ["uint256"],
                *(settlement, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH.address, _FLOOR_BPS),
            )
            delta = _deploy(
                chain,
                "DeltaHedger",
                ["address"] * 6,
                *(settlement, account, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC.address),
            )
            for kind, module in ((_HEDGER, hedger), (_ROUTER_HOOKS, hooks), (_LENDING_ACCOUNT, account)):
                own(_signature("RfqSettlement", "setModule"), kind, module)
            for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
                own(_signature("RfqSettlement", "setFeed"), token.address, feed, _HEARTBEAT_S)
                own(_signature("RfqSettlement", "setRouterAllowance"), token.address, 10**24)
            own(_signature("RfqSettlement", "setBand"), WETH.address, USDC.address, _BAND_UNITS)
            own(_signature("RfqSettlement", "setMaxExpiry"), 300)
            own(_signature("RfqSettlement", "initLanes"), signer.address, _LANES)
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

    # ------------------------------------------------------------------------------------------------- takers

    def fill(self, *, sells: int = 0, buys: int = 0, price_usd: int, ether: bool = False) -> bytes:
        """Let the taker fill an order in which the desk sells or buys WETH; return the transaction's hash.

        With ``ether`` the taker pays or takes ether in its place.
        """
        traits = TakerTraits(threshold=0, unwrap_weth=ether and bool(sells))
        domain = settlement_domain(1, self.settlement)
        value = buys if ether else 0
        return self._fill(sells, buys, price_usd, domain=domain, traits=traits, value=value)

    def fill_hedged_inside(self, *, buys: int, price_usd: int, fee_pips: int = 500) -> bytes:
        """Let the taker fill an order on 1inch's contract whose hook sells what comes in; as :meth:`fill`."""
        plan = FundingPlan(
            source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=fee_pips, min_profit=0
        ).encode()
        hedge = InventoryHedge(share_bps=10_000, minimum_out=1, plan=plan)
        post = PostHook(action=PostAction.HEDGE, required=True, hedge=hedge).encode()
        terms = RouterHookTerms(hooks=self.hooks, post=post)
        return self._fill(
            0,
            buys,
            price_usd,
            domain=oneinch_domain(),
            traits=TakerTraits(threshold=0),
            extension=terms.encode(),
            order_traits=terms.trait_fields,
            function=FillFunction.FILL_CONTRACT_ORDER_ARGS,
        )

    def fill_funded(self, *, sells: int, price_usd: int, fee_pips: int = 500) -> bytes:
        """Let the taker fill an order out of a flash swap; as :meth:`fill`."""
        plan = FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=fee_pips, min_profit=1)
        return self._fill(
            sells,
            0,
            price_usd,
            domain=settlement_domain(1, self.settlement),
            traits=TakerTraits(threshold=0),
            extension=OwnDomainTerms(funding_plan=plan).encode(),
            order_traits={"has_extension": True},
            function=FillFunction.FILL_ORDER_FUNDED,
        )

    def _fill(
        self,
        sells: int,
        buys: int,
        price_usd: int,
        *,
        domain: OrderDomain,
        traits: TakerTraits,
        value: int = 0,
        extension: bytes = b"",
        order_traits: dict[str, bool] | None = None,
        function: FillFunction | None = None,
    ) -> bytes:
        weth = sells or buys
        usdc = weth * price_usd // 10**12
        given, taken = ((WETH, weth), (USDC, usdc)) if sells else ((USDC, usdc), (WETH, weth))
        self.nonce += 1
        plain = MakerTraits.for_quote(lane=_LANE, nonce=self.nonce, expiration_s=self.now_s() + _LIFETIME_S)
        order = RfqOrder(
            salt=build_salt(epoch=0, upper=secrets.randbits(64), extension=extension),
            maker=self.settlement,
            maker_asset=given[0].address,
            taker_asset=taken[0].address,
            making_amount=given[1],
            taking_amount=taken[1],
            maker_traits=replace(plain, **(order_traits or {})).encode(),
        )
        signed = sign_order(order, domain, self.signer, extension)
        data = encode_fill(
            signed,
            amount=order.taking_amount,
            taker_traits=replace(traits, threshold=given[1]),
            function=function,
        )
        with ChainBuilder(self.rpc) as chain:
            receipt = chain.send(domain.verifying_contract, data, sender=TAKER, value=value)
        return bytes.fromhex(receipt["transactionHash"][2:])

    def now_s(self) -> int:
        """Return the newest block's time."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    # ---------------------------------------------------------------------------------------------- our parts

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
            nodes=_OneNode(HttpBlocks(self.rpc.url, timeout_s=_TIMEOUT_S)),
            store=IndexStore(ledger),
            watch=watch,
            decoder=EventDecoder(watch),
            policy=IndexPolicy(rollback_after_s=0),
        )
        return Follower(ledger=ledger, indexer=indexer)


@dataclass
class Follower:
    """The indexer and one consumer of it."""

    ledger: Ledger
    indexer: Indexer
    consumer: str = "hedger"
    feed: ChainFeed = field(default_factory=ChainFeed)

    def deliveries(self) -> Iterator[Delivery]:
        """Follow the chain to its head, and yield what is new to the consumer, who acknowledges each."""
        while self.indexer.step() is not None:
            pass
        more = True
        while more:
            with self.ledger.transaction() as transaction:
                delivery = self.feed.pending(transaction, self.consumer)
            if delivery is None:
                return
            yield delivery
            more = delivery.more

    def acknowledge(self, delivery: Delivery) -> Acknowledge:
        """Return what moves the consumer on, for the transaction that books a delivery."""
        return lambda transaction: self.feed.acknowledge(transaction, self.consumer, delivery)


def _deploy(chain: ChainBuilder, name: str, types: list[str], *arguments: object) -> Address:
    code = own_contract(name).creation(arguments=encode(types, arguments))
    return parse_address(chain.create(code, sender=OWNER))


def _deploy_by_names(chain: ChainBuilder, name: str, settlement: Address) -> Address:
    known = {
        "uniswap_v2_factory": UNISWAP_V2_FACTORY,
        "uniswap_v3_factory": UNISWAP_V3_FACTORY,
        "uniswap_v4_pool_manager": UNISWAP_V4_POOL_MANAGER,
        "morpho_blue": MORPHO,
        "balancer_v2_vault": BALANCER_VAULT,
        "aave_v3_pool": AAVE_POOL,
        "settlement": settlement,
    }
    inputs = next(entry["inputs"] for entry in own_contract(name).abi if entry["type"] == "constructor")
    values = [known[item["name"].strip("_")] for item in inputs]
    return _deploy(chain, name, [item["type"] for item in inputs], *values)


def _signature(contract: str, name: str) -> str:
    for entry in own_contract(contract).abi:
        if entry["type"] == "function" and entry["name"] == name:
            return f"{name}({','.join(item['type'] for item in entry['inputs'])})"
    raise AssertionError(f"expected {name} on {contract}, found none")
