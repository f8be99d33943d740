"""ERC-3156 by its genuine reference: OpenZeppelin's ERC20FlashMint, through the real settlement contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.domain import USDC, WETH, Address, FundingSource, HedgeLeg, lender_route, path_route
from pmm.localnet.addresses import BUILDER, UNISWAP_V3_POSITION_MANAGER
from pmm.localnet.artifacts import compile_contracts
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.tarballs import Packages
from tests.contracts.hedger.funded_fills import ONE_WETH, FundedFill, external, fill_call, moved
from tests.contracts.hedger.hedges import Hedge

_OPENZEPPELIN = "@openzeppelin/contracts"
_UNIT = "FlashMintToken.sol"
_SUPPLY = 1_000_000 * ONE_WETH
_DEPTH = 1_000 * ONE_WETH
_FEE_PIPS, _FULL_RANGE = 3_000, 887_220
_FEE_BPS = 9
BY_POOL = Hedge(source=FundingSource.ERC3156_LOAN, swap_fee_pips=_FEE_PIPS)
BY_PATH = Hedge(source=FundingSource.ERC3156_LOAN, leg=HedgeLeg.UNISWAP_V3_PATH, pools=2)


@pytest.fixture(scope="session")
def fee_receiver() -> Any:
    return ape.accounts.test_accounts[6]


@pytest.fixture(scope="session")
def flash_token(owner: Any, fee_receiver: Any, rpc: Any, deal: Any, tokens: Any) -> Any:
    """The token, with a pool of its own against WETH, one to one."""
    compiled = compile_contracts(
        solc="0.8.23",
        entries={_UNIT: (Path(__file__).parent / "solidity" / _UNIT).read_text()},
        roots={f"{_OPENZEPPELIN}/": Packages().path(_OPENZEPPELIN)},
        settings={"optimizer": {"enabled": True, "runs": 1_000}, "evmVersion": "shanghai"},
        contracts=[f"{_UNIT}:FlashMintToken"],
    )[f"{_UNIT}:FlashMintToken"]
    arguments = encode(["address", "address", "uint256"], [owner.address, fee_receiver.address, _SUPPLY])
    with ChainBuilder(rpc) as chain:
        token = ape.Contract(
            chain.create(compiled.creation(arguments=arguments), sender=BUILDER), abi=list(compiled.abi)
        )
    manager = external("UniswapV3PositionManager", UNISWAP_V3_POSITION_MANAGER)
    deal(WETH.address, owner, _DEPTH)
    for each in (token, tokens[WETH.address]):
        each.approve(manager, 2**255, sender=owner)
    pair = sorted((token.address, WETH.address), key=lambda address: int(address, 16))
    manager.createAndInitializePoolIfNecessary(*pair, _FEE_PIPS, 2**96, sender=owner)
    terms = (*pair, _FEE_PIPS, -_FULL_RANGE, _FULL_RANGE, _DEPTH, _DEPTH, 0, 0, owner, 2**40)
    manager.mint(terms, sender=owner)
    return token


@pytest.fixture
def flash_fill(flash_token: Any, settlement: Any, owner: Any, taker: Any, costs: Any, stocked: None) -> Any:
    """Describe a sale of one such token, for WETH or along a path for USDC."""
    settlement.registerToken(flash_token, sender=owner)

    def _describe(hedge: Hedge, *, profit: int, min_profit: int) -> FundedFill:
        amount = ONE_WETH + (ONE_WETH + 1) * _FEE_BPS // 10_000
        lender, path = Address(flash_token.address), b""
        taker_asset = WETH.address
        if hedge.leg is HedgeLeg.UNISWAP_V3_PATH:
            taker_asset = USDC.address
            path = path_route((_FEE_PIPS, 500), (Address(WETH.address),))
            cost = costs.on_path(taker_asset, lender, amount, path)
        else:
            cost = costs.on_v3(taker_asset, lender, amount, _FEE_PIPS)
        return FundedFill(
            taker=taker.address,
            receiver=taker.address,
            maker_asset=lender,
            taker_asset=taker_asset,
            making_amount=ONE_WETH,
            taking_amount=cost + profit,
            plan=hedge.plan(min_profit=min_profit).encode(),
            route=lender_route(lender, path),
            cost=cost,
            fee=amount - ONE_WETH,
        )

    return _describe


@pytest.mark.parametrize("hedge", [BY_POOL, BY_PATH], ids=str)
def test_fund_fill__openzeppelin_lends_what_it_mints__moves_exactly_the_signed_amounts(
    hedge: Hedge,
    flash_fill: Any,
    flash_token: Any,
    fee_receiver: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    costs: Any,
    balance_of: Any,
    allowances_left: Any,
) -> None:
    fill = flash_fill(hedge, profit=10**6, min_profit=10**6)
    pool = costs.v3_pool(flash_token.address, WETH.address, _FEE_PIPS)
    holders = {"taker": taker, "settlement": settlement, "hedger": hedger, "fees": fee_receiver}

    def read() -> dict[Any, int]:
        sold = {("sold", name): balance_of(fill.maker_asset, holder) for name, holder in holders.items()}
        paid = {("paid", name): balance_of(fill.taker_asset, holder) for name, holder in holders.items()}
        kept = {("sold", "pool"): balance_of(fill.maker_asset, pool), "supply": flash_token.totalSupply()}
        return sold | paid | kept

    before = read()

    receipt = settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert moved(before, read()) == {
        ("sold", "taker"): ONE_WETH,
        ("sold", "pool"): -ONE_WETH - fill.fee,
        ("sold", "fees"): fill.fee,
        ("paid", "taker"): -fill.taking_amount,
        ("paid", "settlement"): 10**6,
    }
    assert allowances_left(receipt, hedger) == {}


def test_fund_fill__openzeppelin_s_fee_leaves_too_little__reverts(
    flash_fill: Any, signed: Any, settlement: Any, taker: Any, refusal_of: Any
) -> None:
    fill = flash_fill(BY_POOL, profit=10**6 - 1, min_profit=10**6)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill)), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, 10**6)
