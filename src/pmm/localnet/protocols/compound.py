"""Compound V2 with its two oldest markets, cETH and cUSDC, priced from the Chainlink proxies."""

from __future__ import annotations

from eth_utils.crypto import keccak

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    BUILDER,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    COMPOUND_CUSDC,
    ETH_USD_FEED,
    LIQUIDITY_PROVIDER,
    USDC,
    USDC_USD_FEED,
)
from pmm.localnet.artifacts import creation_code
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.feed_oracles import compile_feed_oracle, feed_oracle_placement
from pmm.localnet.protocols.provision import provision
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

PACKAGE = "@thenextblock/hardhat-compound"
ORACLE = "0x50ce56A3239671Ab62f185704Caedf626352741e"  # mainnet's Open Price Feed; here our own feed reader

_ARTIFACTS = "dist/artifacts/contracts/compound"
_WAD = 10**18
_CLOSE_FACTOR_WAD = _WAD // 2
_LIQUIDATION_INCENTIVE_WAD = 108 * _WAD // 100
_COLLATERAL_FACTOR_WAD = {COMPOUND_CETH: 825 * _WAD // 1000, COMPOUND_CUSDC: 855 * _WAD // 1000}
_CTOKEN_DECIMALS = 8
# 0.02 underlying per cToken, scaled by 10^(18 + underlying decimals - 8).
_FIRST_RATE_CETH = 2 * 10**26
_FIRST_RATE_CUSDC = 2 * 10**14
# Rates per year as on mainnet: cETH 2 % + 10 % of utilization; cUSDC 4 % of utilization, steep above 80 %.
_CETH_RATES_WAD = (2 * _WAD // 100, 10 * _WAD // 100)
_CUSDC_RATES_WAD = (0, 4 * _WAD // 100, 109 * _WAD // 100, 80 * _WAD // 100)

_FAILURE_TOPIC = "0x" + keccak(text="Failure(uint256,uint256,uint256)").hex()
_SUPPLIED_WEI = 100_000 * 10**18
_SUPPLIED_USDC = 300_000_000 * 10**6
_BORROWED_USDC = 90_000_000 * 10**6
_BORROWED_WEI = 10_000 * 10**18


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the Comptroller behind its Unitroller, the oracle and the two markets, and list them."""
    unitroller = _code(packages, "Unitroller")
    book["Compound Comptroller"] = chain.place_in_place(COMPOUND_COMPTROLLER, unitroller, sender=BUILDER)
    brains = chain.create(_code(packages, "Comptroller"), sender=BUILDER)
    _administer(chain, COMPOUND_COMPTROLLER, "_setPendingImplementation(address)", brains)
    chain.transact(brains, "_become(address)", COMPOUND_COMPTROLLER, sender=BUILDER)
    _place_markets(chain, packages)
    book["Compound cETH"], book["Compound cUSDC"] = COMPOUND_CETH, COMPOUND_CUSDC
    _place_oracle(chain)
    _administer(chain, COMPOUND_COMPTROLLER, "_setPriceOracle(address)", ORACLE)
    _administer(chain, COMPOUND_COMPTROLLER, "_setCloseFactor(uint256)", _CLOSE_FACTOR_WAD)
    _administer(chain, COMPOUND_COMPTROLLER, "_setLiquidationIncentive(uint256)", _LIQUIDATION_INCENTIVE_WAD)
    for market, factor_wad in _COLLATERAL_FACTOR_WAD.items():
        _administer(chain, COMPOUND_COMPTROLLER, "_supportMarket(address)", market)
        _administer(chain, COMPOUND_COMPTROLLER, "_setCollateralFactor(address,uint256)", market, factor_wad)
    return [
        _placement(packages, "Comptroller (Unitroller)", COMPOUND_COMPTROLLER),
        _placement(packages, "cETH", COMPOUND_CETH),
        _placement(packages, "cUSDC", COMPOUND_CUSDC),
        feed_oracle_placement("Compound V2", "price oracle", ORACLE),
    ]


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Supply ETH and USDC, and borrow part of both so that rates and reserves move."""
    provision(chain, {USDC: _SUPPLIED_USDC}, spender=COMPOUND_CUSDC)
    chain.fund(LIQUIDITY_PROVIDER)
    provider = LIQUIDITY_PROVIDER
    chain.transact(COMPOUND_CETH, "mint()", sender=provider, value=_SUPPLIED_WEI)
    _checked(chain, provider, COMPOUND_CUSDC, "mint(uint256)", _SUPPLIED_USDC)
    markets = [COMPOUND_CETH, COMPOUND_CUSDC]
    chain.transact(COMPOUND_COMPTROLLER, "enterMarkets(address[])", markets, sender=provider)
    _checked(chain, provider, COMPOUND_CUSDC, "borrow(uint256)", _BORROWED_USDC)
    _checked(chain, provider, COMPOUND_CETH, "borrow(uint256)", _BORROWED_WEI)


def _place_markets(chain: ChainBuilder, packages: Packages) -> None:
    ceth_rates = encode_arguments(["uint256"] * 2, *_CETH_RATES_WAD)
    cusdc_rates = encode_arguments(["uint256"] * 4 + ["address"], *_CUSDC_RATES_WAD, BUILDER)
    ceth_model = chain.create(_code(packages, "WhitePaperInterestRateModel", ceth_rates), sender=BUILDER)
    cusdc_model = chain.create(_code(packages, "LegacyJumpRateModelV2", cusdc_rates), sender=BUILDER)
    types = ["address", "address", "uint256", "string", "string", "uint8", "address"]
    ceth = encode_arguments(
        types,
        *(COMPOUND_COMPTROLLER, ceth_model, _FIRST_RATE_CETH),
        *("Compound Ether", "cETH", _CTOKEN_DECIMALS, BUILDER),
    )
    # Mainnet's cUSDC is not upgradeable either.
    cusdc = encode_arguments(
        ["address", *types],
        *(USDC, COMPOUND_COMPTROLLER, cusdc_model, _FIRST_RATE_CUSDC),
        *("Compound USD Coin", "cUSDC", _CTOKEN_DECIMALS, BUILDER),
    )
    chain.place_in_place(COMPOUND_CETH, _code(packages, "CEther", ceth), sender=BUILDER)
    chain.place_in_place(COMPOUND_CUSDC, _code(packages, "CErc20Immutable", cusdc), sender=BUILDER)


def _place_oracle(chain: ChainBuilder) -> None:
    arguments = encode_arguments(
        ["address[]", "address[]", "uint8[]"],
        [COMPOUND_CETH, COMPOUND_CUSDC],
        [ETH_USD_FEED, USDC_USD_FEED],
        [18, 6],
    )
    oracle = compile_feed_oracle("CompoundFeedOracle")
    chain.place_in_place(ORACLE, oracle.creation(arguments=arguments), sender=BUILDER)


def _code(packages: Packages, name: str, arguments: bytes = b"") -> bytes:
    return creation_code(packages.path(PACKAGE, f"{_ARTIFACTS}/{name}.sol/{name}.json"), arguments=arguments)


def _administer(chain: ChainBuilder, to: str, signature: str, *arguments: object) -> None:
    _checked(chain, BUILDER, to, signature, *arguments)


def _checked(chain: ChainBuilder, sender: str, to: str, signature: str, *arguments: object) -> None:
    """Send a call of Compound, which reports most failures by a ``Failure`` event and not by reverting."""
    receipt = chain.transact(to, signature, *arguments, sender=sender)
    for log in receipt["logs"]:
        if log["topics"][0] == _FAILURE_TOPIC:
            raise ChainError(f"expected {signature} on {to} to succeed, found Failure {log['data']}")


def _placement(packages: Packages, name: str, address: str) -> Placement:
    return Placement(
        protocol="Compound V2",
        name=name,
        address=address,
        package=PACKAGE,
        version=packages.version(PACKAGE),
        evidence=Evidence.PUBLISHED,
        method=Method.IN_PLACE,
    )
