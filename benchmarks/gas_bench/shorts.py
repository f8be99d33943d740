"""A short of 10 WETH on Aave V3 on the offline mainnet: one transaction each way over four.

The flows themselves and what they are given stand in ``benchmarks/short_flows.py``; here they meet the real
settlement contract, and the second run of each counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from decimal import Decimal

from eth_abi.abi import encode

from gas_bench.build import own_contract
from gas_bench.funded import AS_THEY_STAND, HEARTBEAT_S, LIFETIME_S, OPERATOR, blocks_of_their_own
from gas_bench.oneinch import OneInch
from gas_bench.report import Report, Row
from gas_bench.settlement import OWNER, Ours
from gas_bench.stage import Stage
from pmm.domain import SigningKey, oneinch_domain
from pmm.localnet.addresses import (
    AAVE_POOL,
    CHAIN_ID,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    ETH_USD_FEED,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC,
    USDC_USD_FEED,
    WETH,
)
from pmm.localnet.node import start
from pmm.localnet.prices import set_price
from pmm.toolchain import project_root
from short_flows import (
    FLASH_SWAP,
    MORPHO_LOAN,
    DeltaDesk,
    ShortGas,
    desk_flow,
    one_transaction_flow,
    separate_flow,
)

_LISTED = ", with the sender's access list"
SHORTS = "short of 10 WETH on Aave V3, later run: one transaction over four"
_ETH_USD = Decimal(2_500)
_FLOOR_BPS = 10_500
_AAVE = 1
_DEBT_CAP_USD = 10_000_000
_MAX_COST_BPS = 100
_NOTIONAL_CAP = 1_000_000 * 10**6
_WINDOW_S = 3_600


def measure_shorts(report: Report) -> None:
    """Measure opening and closing by a flash swap and by a Morpho loan."""
    missing = [
        name
        for name in ("LendingAccount", "DeltaHedger")
        if not (project_root() / "contracts" / f"{name}.vy").exists()
    ]
    if missing:
        report.skip(SHORTS, f"{' and '.join(missing)} not there yet")
        return
    node = start()
    maker, taker = (SigningKey(secrets.token_bytes(32)) for _ in range(2))
    try:
        with Stage(CHAIN_ID, maker, taker, AS_THEY_STAND, node=node, lifetime_s=LIFETIME_S) as stage:
            set_price(stage.chain.rpc, "ETH", _ETH_USD)
            blocks_of_their_own(stage)
            _measure(stage, report)
    finally:
        node.stop()


def _measure(stage: Stage, report: Report) -> None:
    rpc = stage.chain.rpc
    desk = _place(stage)
    with stage.undone():
        separate = separate_flow(rpc)[-1]
    with stage.undone():
        separate_listed = separate_flow(rpc, listed=True)[-1]
    rows = [
        Row(case="open a short in four transactions", measured=separate.opened, note="prototype: 671,439"),
        Row(case="close it in four transactions", measured=separate.closed, note="prototype: 710,499"),
    ]
    with stage.undone():
        at_the_desk = desk_flow(rpc, desk, swaps=separate)[-1]
    note = "the way without DeltaHedger"
    rows += [
        Row(case="open it by the desk's own contracts, five", measured=at_the_desk.opened, note=note),
        Row(case="close it by the desk's own contracts, five", measured=at_the_desk.closed, note=note),
    ]
    report.add(SHORTS, rows)
    for name, source, promised in (
        ("flash swap", FLASH_SWAP, True),
        ("Morpho loan", MORPHO_LOAN, False),
    ):
        with stage.undone():
            bare = one_transaction_flow(rpc, desk, source=source)[-1]
        with stage.undone():
            listed = one_transaction_flow(rpc, desk, source=source, listed=True)[-1]
        flows = (
            ("", bare, separate, "four of an account"),
            ("", bare, at_the_desk, "five of the desk's own"),
            (_LISTED, listed, separate, "four of an account"),
            (_LISTED, listed, separate_listed, "four of an account with lists too"),
        )
        report.add(SHORTS, _rows(name, flows, promised=promised))


def _rows(name: str, flows: Sequence[tuple[str, ShortGas, ShortGas, str]], *, promised: bool) -> list[Row]:
    """The bars hold for the transaction as the desk sends it over four as any wallet sends them."""
    rows = []
    for verb, target, goal in (("open", 0.68, 0.63), ("close", 0.58, 0.53)):
        shown: set[str] = set()
        for sent, one, whole, over in flows:
            case = f"{verb} a short in one transaction by {name}{sent}"
            gas, others = (one.opened, whole.opened) if verb == "open" else (one.closed, whole.closed)
            if case not in shown:
                rows.append(Row(case=case, measured=gas))
                shown.add(case)
            judged = promised and sent == _LISTED and over == "four of an account"
            ratio = Row(
                case=f"{case}, over {over}",
                measured=round(gas / others, 4),
                unit="ratio",
                target=target if judged else None,
                goal=goal if judged else None,
            )
            rows.append(ratio)
    return rows


def _place(stage: Stage) -> DeltaDesk:
    """Deploy settlement, lending account and delta hedger, and give them feeds, markets and limits."""
    chain = stage.chain
    ours = Ours.place(stage, OneInch(stage=stage, address=ONEINCH_ROUTER, domain=oneinch_domain()))
    ours.configure("setOperator", OPERATOR)
    for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
        ours.configure("setFeed", token, feed, HEARTBEAT_S)
    arguments = encode(
        ["address"] * 5 + ["uint256"],
        [ours.address, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, _FLOOR_BPS],
    )
    account = stage.deploy("LendingAccount", own_contract("LendingAccount").creation(arguments=arguments))
    ours.join("lendingAccount", account)
    arguments = encode(
        ["address"] * 6, [ours.address, account, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC]
    )
    delta = stage.deploy("DeltaHedger", own_contract("DeltaHedger").creation(arguments=arguments))
    for to, signature, values in (
        (account, "listAaveToken(address)", (WETH,)),
        (account, "listAaveToken(address)", (USDC,)),
        (account, "setDebtCap(uint256,uint256)", (_AAVE, _DEBT_CAP_USD)),
        (account, "setDeltaHedger(address)", (delta,)),
        (delta, "setLimits(uint256,uint256,uint256)", (_MAX_COST_BPS, _NOTIONAL_CAP, _WINDOW_S)),
    ):
        chain.transact(to, signature, *values, sender=OWNER)
    return DeltaDesk(delta_hedger=delta, lending_account=account, settlement=ours.address, operator=OPERATOR)
