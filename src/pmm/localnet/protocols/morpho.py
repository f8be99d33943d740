"""Morpho Blue with three deep markets; a flash loan lends the contract's whole balance of a token, free of fee."""

from __future__ import annotations

from typing import NamedTuple

from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import (
    BTC_USD_FEED,
    BUILDER,
    ETH_USD_FEED,
    LIQUIDITY_PROVIDER,
    MORPHO,
    TOKEN_DECIMALS,
    USDC,
    USDC_USD_FEED,
    WBTC,
    WETH,
    keyless_account,
)
from pmm.localnet.artifacts import Compiled, compile_contracts
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.feed_oracles import compile_feed_oracle, feed_oracle_placement
from pmm.localnet.protocols.provision import provision
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

PACKAGE = "@morpho-org/morpho-blue"
IRM = "0x870aC11D48B15DB9a138Cf899d20F13F79Ba00BC"  # mainnet's AdaptiveCurveIrm; here Morpho's own mock
LLTV_WAD = 860_000_000_000_000_000  # what mainnet's WETH/USDC and WBTC/USDC markets use
MARKET_PARAMS = "(address,address,address,address,uint256)"


class MarketParams(NamedTuple):
    """What identifies a market, in ABI order; ``lltv_wad`` is the liquidation loan-to-value."""

    loan_token: str
    collateral_token: str
    oracle: str
    irm: str
    lltv_wad: int


def _market(loan: str, collateral: str, name: str) -> MarketParams:
    return MarketParams(loan, collateral, keyless_account(f"Morpho oracle {name}"), IRM, LLTV_WAD)


WETH_USDC_MARKET = _market(USDC, WETH, "WETH/USDC")  # lends USDC against WETH
USDC_WETH_MARKET = _market(WETH, USDC, "USDC/WETH")
WBTC_USDC_MARKET = _market(USDC, WBTC, "WBTC/USDC")
MARKETS = {"WETH/USDC": WETH_USDC_MARKET, "USDC/WETH": USDC_WETH_MARKET, "WBTC/USDC": WBTC_USDC_MARKET}

_MORPHO_UNIT, _IRM_UNIT = "morpho-blue/src/Morpho.sol", "morpho-blue/src/mocks/IrmMock.sol"
_FEED_OF = {WETH: ETH_USD_FEED, WBTC: BTC_USD_FEED, USDC: USDC_USD_FEED}
_SOLC = "0.8.19"
# The settings Morpho publishes with.
_SETTINGS = {
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 999_999},
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none"},
}
_SUPPLIED_USDC = 150_000_000 * 10**6
_SUPPLIED_WETH = 40_000 * 10**18
_COLLATERAL_WETH = 20_000 * 10**18
_COLLATERAL_WBTC = 2_000 * 10**8
_BORROWED_USDC = 15_000_000 * 10**6


def compile_ahead(packages: Packages) -> None:
    """Fill the compiler's cache: tens of seconds the first time, nothing later."""
    _compile(packages)


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place Morpho, its rate model mock and one feed oracle per market, and open the markets."""
    morpho, irm = _compile(packages)
    owner = encode_arguments(["address"], BUILDER)
    book["Morpho"] = chain.place_in_place(MORPHO, morpho.creation(arguments=owner), sender=BUILDER)
    book["Morpho IRM"] = chain.place_in_place(IRM, irm.creation(), sender=BUILDER)
    chain.transact(MORPHO, "enableIrm(address)", IRM, sender=BUILDER)
    chain.transact(MORPHO, "enableLltv(uint256)", LLTV_WAD, sender=BUILDER)
    placements = [
        _placement(packages, "Morpho", MORPHO, Evidence.COMPILED),
        _placement(packages, "IRM (IrmMock)", IRM, Evidence.STAND_IN),
    ]
    oracle = compile_feed_oracle("MorphoFeedOracle")
    for name, market in MARKETS.items():
        chain.place_in_place(market.oracle, _oracle_code(oracle, market), sender=BUILDER)
        chain.transact(MORPHO, f"createMarket({MARKET_PARAMS})", market, sender=BUILDER)
        placements.append(feed_oracle_placement("Morpho Blue", f"oracle {name}", market.oracle))
    return placements


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Supply WETH and USDC to lend, WETH and WBTC as collateral, and borrow USDC so that interest accrues."""
    stock = {WETH: _SUPPLIED_WETH + _COLLATERAL_WETH, USDC: _SUPPLIED_USDC, WBTC: _COLLATERAL_WBTC}
    provision(chain, stock, spender=MORPHO)
    _supply(chain, WETH_USDC_MARKET, _SUPPLIED_USDC * 9 // 10)
    _supply(chain, WBTC_USDC_MARKET, _SUPPLIED_USDC // 10)
    _supply(chain, USDC_WETH_MARKET, _SUPPLIED_WETH)
    _supply_collateral(chain, WETH_USDC_MARKET, _COLLATERAL_WETH)
    _supply_collateral(chain, WBTC_USDC_MARKET, _COLLATERAL_WBTC)
    chain.transact(
        MORPHO,
        f"borrow({MARKET_PARAMS},uint256,uint256,address,address)",
        WETH_USDC_MARKET,
        _BORROWED_USDC,
        0,
        LIQUIDITY_PROVIDER,
        LIQUIDITY_PROVIDER,
        sender=LIQUIDITY_PROVIDER,
    )


def _compile(packages: Packages) -> tuple[Compiled, Compiled]:
    """Return Morpho and its rate model mock, compiled as two inputs: the mock must not change Morpho's code."""
    root = packages.path(PACKAGE)
    outputs = []
    for unit, name in ((_MORPHO_UNIT, "Morpho"), (_IRM_UNIT, "IrmMock")):
        compiled = compile_contracts(
            solc=_SOLC,
            entries={unit: (root / unit.removeprefix("morpho-blue/")).read_text()},
            roots={"morpho-blue/": root},
            settings=_SETTINGS,
            contracts=[f"{unit}:{name}"],
        )
        outputs.append(compiled[f"{unit}:{name}"])
    return outputs[0], outputs[1]


def _oracle_code(oracle: Compiled, market: MarketParams) -> bytes:
    arguments = encode_arguments(
        ["address", "uint8", "address", "uint8"],
        _FEED_OF[market.collateral_token],
        TOKEN_DECIMALS[market.collateral_token],
        _FEED_OF[market.loan_token],
        TOKEN_DECIMALS[market.loan_token],
    )
    return oracle.creation(arguments=arguments)


def _placement(packages: Packages, name: str, address: str, evidence: Evidence) -> Placement:
    return Placement(
        protocol="Morpho Blue",
        name=name,
        address=address,
        package=PACKAGE,
        version=packages.version(PACKAGE),
        evidence=evidence,
        method=Method.IN_PLACE,
    )


def _supply(chain: ChainBuilder, market: MarketParams, assets: int) -> None:
    chain.transact(
        MORPHO,
        f"supply({MARKET_PARAMS},uint256,uint256,address,bytes)",
        market,
        assets,
        0,
        LIQUIDITY_PROVIDER,
        b"",
        sender=LIQUIDITY_PROVIDER,
    )


def _supply_collateral(chain: ChainBuilder, market: MarketParams, assets: int) -> None:
    chain.transact(
        MORPHO,
        f"supplyCollateral({MARKET_PARAMS},uint256,address,bytes)",
        market,
        assets,
        LIQUIDITY_PROVIDER,
        b"",
        sender=LIQUIDITY_PROVIDER,
    )
