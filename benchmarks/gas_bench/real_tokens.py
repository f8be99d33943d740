"""The same fills with the code of USDC and WETH9, and on the genuine 1inch router where its code is at hand."""

from __future__ import annotations

import os
import secrets

from gas_bench.baseline import measure_baseline
from gas_bench.build import packages
from gas_bench.oneinch import OneInch
from gas_bench.our_cases import COMPACT_FILL, compact_gas, contract_maker_gas
from gas_bench.references import first_and_next
from gas_bench.report import Report, Row
from gas_bench.settlement import Ours
from gas_bench.stage import Stage, Tokens
from pmm.domain import SigningKey
from pmm.localnet import funding
from pmm.localnet.addresses import CHAIN_ID, ONEINCH_ROUTER, USDC, WETH
from pmm.localnet.genuine import DATA_VARIABLE, GenuineCode
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols import tokens as localnet_tokens
from pmm.localnet.registry import AddressBook

REAL_TOKENS = "USDC and WETH9: maker sells 1 WETH for 2,520 USDC"
GENUINE = "genuine AggregationRouterV6 code, chain id 1"
_MAKING, _TAKING = 10**18, 2_520 * 10**6
_PLENTY = {USDC: 10**13, WETH: 10**22}


def _place(chain: ChainBuilder) -> tuple[str, str]:
    localnet_tokens.build(chain, packages(), AddressBook())
    return WETH, USDC


def _place_genuine(chain: ChainBuilder) -> tuple[str, str]:
    GenuineCode.from_environment().replace(chain, localnet_tokens.build(chain, packages(), AddressBook()))
    return WETH, USDC


def _fund(chain: ChainBuilder, token: str, account: str) -> None:
    funding.add(chain, token, account, _PLENTY[token])


USDC_AND_WETH = Tokens(place=_place, fund=_fund)
GENUINE_USDC_AND_WETH = Tokens(place=_place_genuine, fund=_fund)


def measure_real_tokens(report: Report) -> None:
    """Measure baseline, 1inch and ourselves with the tokens' own code."""
    with Stage(tokens=USDC_AND_WETH, making=_MAKING, taking=_TAKING) as stage:
        report.add(REAL_TOKENS, measure_baseline(stage, "two transferFrom of USDC and WETH9"))
        _both(report, REAL_TOKENS, stage, OneInch.place(stage), "LOP 4.0.3")


def measure_genuine_router(report: Report) -> None:
    """Measure the router's recorded runtime code; skipped where PMM_DATA_DIR is unset.

    The code holds the domain of chain id 1, so the keys are made for this run and forgotten.
    """
    if not os.environ.get(DATA_VARIABLE):
        report.skip(GENUINE, f"{DATA_VARIABLE} is unset")
        return
    with _stage_of_chain_1() as stage:
        router = _genuine_router(stage)
        first, following = router.first_and_next()
        report.add(GENUINE, first_and_next("genuine AggregationRouterV6 fillOrder", first, following))
        ours = Ours.place(stage, router)
        with stage.undone():
            ours.fill(0)
            gas = ours.fill(1)
        ratio = round(gas / following, 4)
        case = "our fillOrder over the genuine router's, next nonce"
        report.add(GENUINE, [Row(case=case, measured=ratio, unit="ratio")])
        case = "genuine router fillContractOrder, we as maker, long signature"
        report.add(GENUINE, [Row(case=case, measured=contract_maker_gas(ours, short=False))])
    with _stage_of_chain_1(GENUINE_USDC_AND_WETH) as stage:
        _both(report, GENUINE, stage, _genuine_router(stage), "genuine router and tokens")


def _stage_of_chain_1(tokens: Tokens | None = None) -> Stage:
    maker, taker = (SigningKey(secrets.token_bytes(32)) for _ in range(2))
    if tokens is None:
        return Stage(CHAIN_ID, maker, taker)
    return Stage(CHAIN_ID, maker, taker, tokens, making=_MAKING, taking=_TAKING)


def _genuine_router(stage: Stage) -> OneInch:
    router = OneInch.place(stage)
    code = GenuineCode.from_environment().runtime(ONEINCH_ROUTER)
    assert code is not None, "expected the recorded code of AggregationRouterV6 in the index"
    stage.chain.set_code(ONEINCH_ROUTER, code)
    return router


def _both(report: Report, section: str, stage: Stage, router: OneInch, name: str) -> None:
    """Measure 1inch and ourselves on one stage."""
    first, following = router.first_and_next()
    ours = Ours.place(stage, router)
    with stage.undone():
        ours.fill(0)
        ways = {"fillOrder": ours.fill(1)}
    if ours.has(COMPACT_FILL):
        ways["fillOrderCompact"] = compact_gas(ours)
    rows = [
        Row(case=f"{name} fillOrder, first nonce", measured=first),
        Row(case=f"{name} fillOrder, next nonce", measured=following),
    ]
    for way, gas in ways.items():
        ratio = round(gas / following, 4)
        rows += [
            Row(case=f"our {way}, next nonce, beside {name}", measured=gas),
            Row(case=f"our {way}, next nonce, over {name}", measured=ratio, unit="ratio"),
        ]
    report.add(section, rows)
