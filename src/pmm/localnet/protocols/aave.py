"""Aave V3.0 with reserves for WETH, WBTC and USDC at their genuine aToken and debt token addresses.

Pool and PoolConfigurator come out at mainnet's addresses by themselves, as children of the addresses provider;
the token proxies, as children of the configurator at mainnet's nonces. See :mod:`aave_reserves` for the assets.
"""

from __future__ import annotations

from collections.abc import Mapping

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import AAVE_ADDRESSES_PROVIDER, AAVE_POOL, BUILDER, LIQUIDITY_PROVIDER, USDC, WETH
from pmm.localnet.artifacts import creation_code
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.aave_reserves import RESERVES, list_reserves
from pmm.localnet.protocols.provision import provision
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

PACKAGE = "@aave/core-v3"
POOL_CONFIGURATOR = "0x64b761D848206f447Fe2dd461b0c635Ec39EbB27"
ACL_MANAGER = "0xc2aaCf6553D20d1e9d78E365AAba8032af9c85b0"
ORACLE = "0x54586bE62E3c3580375aE3723C145253060Ca0C2"
PROTOCOL_DATA_PROVIDER = "0x7B4EB56E7CD4b454BA8ff71E4518426369a138a3"
FLASH_LOAN_PREMIUM_BPS = 5
VARIABLE_RATE = 2  # interest rate mode

_ARTIFACTS = "artifacts/contracts"
_ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"
_ORACLE_USD_UNIT = 10**8
# In the order of linking: FlashLoanLogic calls BorrowLogic.
_LIBRARIES = (
    "BorrowLogic",
    "BridgeLogic",
    "EModeLogic",
    "FlashLoanLogic",
    "LiquidationLogic",
    "PoolLogic",
    "SupplyLogic",
    "ConfiguratorLogic",
)
_BORROWED = {WETH: 200_000 * 10**18, USDC: 600_000_000 * 10**6}


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the market: provider, roles, pool, configurator, oracle, data provider, then the reserves."""
    _place_provider_and_roles(chain, packages)
    _place_pool(chain, packages)
    _place_oracle_and_data_provider(chain, packages)
    list_reserves(
        chain,
        lambda path, arguments=b"": _code(packages, path, arguments=arguments),
        configurator=POOL_CONFIGURATOR,
        acl_manager=ACL_MANAGER,
    )
    _administer(chain, POOL_CONFIGURATOR, "updateFlashloanPremiumTotal(uint128)", FLASH_LOAN_PREMIUM_BPS)
    return _placements(packages, book)


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Supply every reserve, and borrow WETH and USDC at variable rates so that interest accrues."""
    provision(chain, {r.asset: r.supplied for r in RESERVES}, spender=AAVE_POOL)
    provider = LIQUIDITY_PROVIDER
    for reserve in RESERVES:
        chain.transact(
            AAVE_POOL,
            "supply(address,uint256,address,uint16)",
            *(reserve.asset, reserve.supplied, provider, 0),
            sender=provider,
        )
    for asset, amount in _BORROWED.items():
        chain.transact(
            AAVE_POOL,
            "borrow(address,uint256,uint256,uint16,address)",
            *(asset, amount, VARIABLE_RATE, 0, provider),
            sender=provider,
        )


def _place_provider_and_roles(chain: ChainBuilder, packages: Packages) -> None:
    """Place provider and ACL manager; the builder gets every role, as Aave's governance has on mainnet."""
    provider = _code(
        packages,
        "protocol/configuration/PoolAddressesProvider",
        arguments=encode_arguments(["string", "address"], "Aave Ethereum Market", BUILDER),
    )
    chain.place_in_place(AAVE_ADDRESSES_PROVIDER, provider, sender=BUILDER)
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setACLAdmin(address)", BUILDER)
    chain.place_in_place(
        ACL_MANAGER, _provided(packages, "protocol/configuration/ACLManager"), sender=BUILDER
    )
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setACLManager(address)", ACL_MANAGER)
    _administer(chain, ACL_MANAGER, "addPoolAdmin(address)", BUILDER)


def _place_pool(chain: ChainBuilder, packages: Packages) -> None:
    libraries: dict[str, str] = {}
    for name in _LIBRARIES:
        code = _code(packages, f"protocol/libraries/logic/{name}", libraries=libraries)
        libraries[name] = chain.create(code, sender=BUILDER)
    pool = chain.create(_provided(packages, "protocol/pool/Pool", libraries), sender=BUILDER)
    configurator = chain.create(
        _code(packages, "protocol/pool/PoolConfigurator", libraries=libraries), sender=BUILDER
    )
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setPoolImpl(address)", pool)
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setPoolConfiguratorImpl(address)", configurator)
    for getter, expected in (("getPool()", AAVE_POOL), ("getPoolConfigurator()", POOL_CONFIGURATOR)):
        found = chain.read(AAVE_ADDRESSES_PROVIDER, getter, returns=("address",))
        if found != expected.lower():
            raise ChainError(
                f"expected {getter} of Aave's addresses provider to be {expected}, found {found}"
            )


def _place_oracle_and_data_provider(chain: ChainBuilder, packages: Packages) -> None:
    oracle = _code(
        packages,
        "misc/AaveOracle",
        arguments=encode_arguments(
            ["address", "address[]", "address[]", "address", "address", "uint256"],
            AAVE_ADDRESSES_PROVIDER,
            [r.asset for r in RESERVES],
            [r.feed for r in RESERVES],
            _ZERO_ADDRESS,  # no fallback oracle
            _ZERO_ADDRESS,  # base currency: USD
            _ORACLE_USD_UNIT,
        ),
    )
    chain.place_in_place(ORACLE, oracle, sender=BUILDER)
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setPriceOracle(address)", ORACLE)
    data_provider = _provided(packages, "misc/AaveProtocolDataProvider")
    chain.place_in_place(PROTOCOL_DATA_PROVIDER, data_provider, sender=BUILDER)
    _administer(chain, AAVE_ADDRESSES_PROVIDER, "setPoolDataProvider(address)", PROTOCOL_DATA_PROVIDER)


def _placements(packages: Packages, book: AddressBook) -> list[Placement]:
    rows = {
        "PoolAddressesProvider": (AAVE_ADDRESSES_PROVIDER, Method.IN_PLACE),
        "Pool": (AAVE_POOL, Method.NATURAL),
        "PoolConfigurator": (POOL_CONFIGURATOR, Method.NATURAL),
        "ACLManager": (ACL_MANAGER, Method.IN_PLACE),
        "AaveOracle": (ORACLE, Method.IN_PLACE),
        "ProtocolDataProvider": (PROTOCOL_DATA_PROVIDER, Method.IN_PLACE),
    }
    for reserve in RESERVES:
        rows[f"aEth{reserve.symbol}"] = (reserve.a_token, Method.NATURAL)
        rows[f"variableDebtEth{reserve.symbol}"] = (reserve.variable_debt_token, Method.NATURAL)
    for name, (address, _) in rows.items():
        book[f"Aave {name}"] = address
    return [
        Placement(
            protocol="Aave V3",
            name=name,
            address=address,
            package=PACKAGE,
            version=packages.version(PACKAGE),
            evidence=Evidence.PUBLISHED,
            method=method,
        )
        for name, (address, method) in rows.items()
    ]


def _code(
    packages: Packages, path: str, *, libraries: Mapping[str, str] | None = None, arguments: bytes = b""
) -> bytes:
    name = path.rpartition("/")[2]
    artifact = packages.path(PACKAGE, f"{_ARTIFACTS}/{path}.sol/{name}.json")
    return creation_code(artifact, libraries=libraries, arguments=arguments)


def _provided(packages: Packages, path: str, libraries: Mapping[str, str] | None = None) -> bytes:
    """Return the code of a contract whose one constructor argument is the addresses provider."""
    arguments = encode_arguments(["address"], AAVE_ADDRESSES_PROVIDER)
    return _code(packages, path, libraries=libraries, arguments=arguments)


def _administer(chain: ChainBuilder, to: str, signature: str, *arguments: object) -> None:
    chain.transact(to, signature, *arguments, sender=BUILDER)
