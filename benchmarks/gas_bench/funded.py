"""Funded fills on the offline mainnet, over a plain fill and a separate purchase in two transactions.

The maker sells 1 WETH for 2,520 USDC while WETH stands at 2,500, and closes on the 0.05 % pool. Each flow runs twice
and the second run counts: touching a pool for the first time is dearer. Everything is taken back between the rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from eth_abi.abi import encode

from gas_bench.build import bench_contract, own_contract
from gas_bench.oneinch import OneInch
from gas_bench.orders import fill_call
from gas_bench.report import Report, Row
from gas_bench.settlement import Ours
from gas_bench.stage import Call, Stage, Tokens, deployer_for
from pmm.chain.abi import encode_call
from pmm.domain import FillFunction, SigningKey, oneinch_domain
from pmm.localnet import funding
from pmm.localnet.addresses import (
    AAVE_POOL,
    BALANCER_VAULT,
    CHAIN_ID,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_SWAP_ROUTER_02,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
    USDC,
    USDC_USD_FEED,
    WETH,
    keyless_account,
)
from pmm.localnet.node import start
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price

FUNDED = "funded fills on the offline mainnet: maker sells 1 WETH for 2,520 USDC"
SEPARATE = "plain fill + pool.swap, two transactions"
_MAKING, _TAKING = 10**18, 2_520 * 10**6
_ETH_USD = Decimal(2_500)
_FEE_PIPS = 500
_MIN_PROFIT = 10**6
LIFETIME_S = 3_000
_BLOCK_S = 12
_HAS_PLAN = 2  # flag of the extension on our domain
_SWAP_PLAN = 1 << 248 | _FEE_PIPS << 224
_SOLD_USDC = 2_502 * 10**6  # buys about one WETH
_SWAP_INVENTORY = "swapInventory(address,address,uint256,uint256,uint256,bytes)"
_BAND_UNITS = 20  # of 5 bps
OPERATOR = keyless_account("gas benchmark operator")
HEARTBEAT_S = 90_000
_PLENTY = {USDC: 10**13, WETH: 10**22}
_EXACT_OUTPUT = "exactOutputSingle((address,address,uint24,address,uint256,uint256,uint160))"


def _plan(source: int, *, fee_pips: int = _FEE_PIPS) -> int:
    """Return a plan word of contracts/HEDGER.md; the position is closed on a Uniswap pool of that fee tier."""
    return source << 248 | fee_pips << 224 | _MIN_PROFIT


_Source = tuple[str, int, float | None, float | None]
_SOURCES: tuple[_Source, ...] = (
    ("Uniswap V3 flash swap", _plan(1), 0.81, 0.74),
    ("Morpho Blue loan", _plan(2), 1.02, 0.97),
    ("Balancer V2 loan", _plan(3), 1.10, 1.05),
    ("Aave V3 flashLoanSimple", _plan(4), None, None),
    ("Uniswap V3 flash of the 0.3 % pool", _plan(5) | 3_000 << 200, None, None),
    ("Uniswap V2 flash swap", _plan(7, fee_pips=0), None, None),
    ("Uniswap V4 swap of ether in one unlock", _plan(8) | 10 << 168 | 1 << 167, None, None),
)
# Aave books interest once per second of chain time: some 12,000 gas of its own, which the prototype did not pay.
_WITHOUT_INTEREST: tuple[_Source, ...] = (
    ("Aave V3 flashLoanSimple, no interest to book", _plan(4), 1.51, 1.45),
)
_FUND_FILL = ["address"] * 3 + ["uint256"] * 3  # as RfqSettlement calls it
_HEDGER_ARGUMENTS = {
    "uniswap_v2_factory": UNISWAP_V2_FACTORY,
    "uniswap_v3_factory": UNISWAP_V3_FACTORY,
    "uniswap_v4_pool_manager": UNISWAP_V4_POOL_MANAGER,
    "morpho_blue": MORPHO,
    "balancer_v2_vault": BALANCER_VAULT,
    "aave_v3_pool": AAVE_POOL,
}


def _fund(chain: ChainBuilder, token: str, account: str) -> None:
    funding.add(chain, token, account, _PLENTY[token])


AS_THEY_STAND = Tokens(place=lambda _: (WETH, USDC), fund=_fund)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedDesk:
    """Settlement and hedger on the offline mainnet, and the separate buyer of the two-transaction flow."""

    ours: Ours
    swapper: str

    @classmethod
    def place(cls, stage: Stage) -> FundedDesk:
        """Deploy and join everything."""
        router = OneInch(stage=stage, address=ONEINCH_ROUTER, domain=oneinch_domain())
        ours = Ours.place(stage, router)
        known = _HEDGER_ARGUMENTS | {"settlement": ours.address}
        hedger = own_contract("AtomicHedger")
        inputs = next(entry["inputs"] for entry in hedger.abi if entry["type"] == "constructor")
        arguments = encode(
            [item["type"] for item in inputs], [known[item["name"].strip("_")] for item in inputs]
        )
        stage.deploy("AtomicHedger", hedger.creation(arguments=arguments))

        ours.configure("setOperator", OPERATOR)
        for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
            ours.configure("setFeed", token, feed, HEARTBEAT_S)
        ours.configure("setBand", WETH, USDC, _BAND_UNITS)

        pool = stage.chain.read(
            UNISWAP_V3_FACTORY,
            "getPool(address,address,uint24)",
            *(USDC, WETH, _FEE_PIPS),
            returns=("address",),
        )
        arguments = encode(["address", "address"], [pool, USDC])
        code = bench_contract("PoolSwapper", "PoolSwapper").creation(arguments=arguments)
        swapper = stage.deploy("PoolSwapper", code)
        stage.give(swapper)
        for token in (USDC, WETH):
            owner = deployer_for("PoolSwapper")
            stage.give(owner)
            call = "approve(address,uint256)"
            stage.chain.transact(token, call, UNISWAP_SWAP_ROUTER_02, 2**256 - 1, sender=owner)
        return cls(ours=ours, swapper=swapper)

    def buy_back(self, _: int) -> int:
        """Return the gas of buying the maker asset back by ``pool.swap``, into the inventory."""
        data = encode_call("buy(address,uint256)", self.ours.address, _MAKING)
        return self.ours.stage.gas(Call(to=self.swapper, data=data, sender=deployer_for("PoolSwapper")))

    def buy_back_by_router(self, _: int) -> int:
        """Return the gas of the same by SwapRouter02, of an account without code."""
        terms = (USDC, WETH, _FEE_PIPS, self.ours.address, _MAKING, _TAKING, 0)
        data = encode_call(_EXACT_OUTPUT, terms)
        sender = deployer_for("PoolSwapper")
        return self.ours.stage.gas(Call(to=UNISWAP_SWAP_ROUTER_02, data=data, sender=sender))

    def swap_inventory(self, _: int) -> int:
        """Return the gas of the same through the settlement itself, which the operator calls."""
        arguments = (USDC, WETH, _SOLD_USDC, 1, _SWAP_PLAN, b"")
        data = encode_call(_SWAP_INVENTORY, *arguments)
        return self.ours.stage.gas(Call(to=self.ours.address, data=data, sender=OPERATOR))

    def funded(self, plan: int) -> Callable[[int], int]:
        """Return what fills a nonce from flash funds and gives the gas."""
        extension = bytes(32) + bytes((_HAS_PLAN,)) + plan.to_bytes(32, "big")

        def fill(nonce: int) -> int:
            stage, ours = self.ours.stage, self.ours
            signed = ours.signed(nonce, extension=extension)
            before = (stage.balances(stage.taker.address), stage.balances(ours.address))
            gas = stage.gas(fill_call(ours.address, signed, FillFunction.FILL_ORDER_FUNDED))
            after = (stage.balances(stage.taker.address), stage.balances(ours.address))
            taker = tuple(a - b for a, b in zip(after[0], before[0], strict=True))
            assert taker == (_MAKING, -_TAKING), f"expected a whole fill, found {taker}"
            assert after[1][0] == before[1][0], "a funded fill touched the inventory"
            assert after[1][1] >= before[1][1] + _MIN_PROFIT, "a funded fill earned too little"
            return gas

        return fill


def blocks_of_their_own(stage: Stage) -> None:
    """Give every later transaction a time of its own, else pools and lenders skip what they do once a second."""
    _space_blocks(stage, _BLOCK_S)


def _space_blocks(stage: Stage, seconds: int) -> None:
    stage.chain.rpc.call("anvil_setBlockTimestampInterval", seconds)


def measure_funded(report: Report) -> None:
    """Measure the sources against two transactions."""
    fund_fill = next(e for e in own_contract("AtomicHedger").abi if e.get("name") == "fundFill")
    if (found := [item["type"] for item in fund_fill["inputs"]]) != _FUND_FILL:
        report.skip(
            FUNDED, f"AtomicHedger's fundFill takes ({', '.join(found)}), the settlement's is another"
        )
        return
    node = start()
    maker, taker = (SigningKey(secrets.token_bytes(32)) for _ in range(2))
    try:
        with Stage(
            *(CHAIN_ID, maker, taker, AS_THEY_STAND),
            making=_MAKING,
            taking=_TAKING,
            node=node,
            lifetime_s=LIFETIME_S,
        ) as stage:
            set_price(stage.chain.rpc, "ETH", _ETH_USD)
            desk = FundedDesk.place(stage)
            blocks_of_their_own(stage)
            _measure(desk, report)
    finally:
        node.stop()


def _measure(desk: FundedDesk, report: Report) -> None:
    plain, swap = _second(desk, desk.ours.fill), _second(desk, desk.buy_back)
    separate = plain + swap
    rows = [
        Row(case="plain fill from inventory", measured=plain, note="prototype: 85,452"),
        Row(case=SEPARATE, measured=separate, note="prototype: 192,029"),
        Row(
            case="plain fill + SwapRouter02, two transactions",
            measured=plain + _second(desk, desk.buy_back_by_router),
            note="prototype: 206,688",
        ),
        Row(
            case="plain fill + swapInventory, two transactions",
            measured=plain + _second(desk, desk.swap_inventory),
            note="within the band, by the operator",
        ),
    ]
    report.add(FUNDED, rows)
    _measure_sources(desk, report, _SOURCES, separate)

    _space_blocks(desk.ours.stage, 0)
    separate = _second(desk, desk.ours.fill) + _second(desk, desk.buy_back)
    report.add(FUNDED, [Row(case=f"{SEPARATE}, in one second", measured=separate)])
    _measure_sources(desk, report, _WITHOUT_INTEREST, separate)


def _second(desk: FundedDesk, run: Callable[[int], int]) -> int:
    with desk.ours.stage.undone():
        run(0)
        return run(1)


def _measure_sources(desk: FundedDesk, report: Report, sources: Sequence[_Source], separate: int) -> None:
    for name, plan, target, goal in sources:
        gas = _second(desk, desk.funded(plan))
        ratio = Row(
            case=f"funded by {name}, ratio to fill + pool.swap",
            measured=round(gas / separate, 4),
            unit="ratio",
            target=target,
            goal=goal,
        )
        report.add(FUNDED, [Row(case=f"funded by {name}", measured=gas), ratio])
