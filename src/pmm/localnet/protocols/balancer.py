"""The Balancer V2 Vault, stocked by internal-balance deposits; its flash loans are free of fee."""

from __future__ import annotations

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    BALANCER_VAULT,
    BUILDER,
    DAI,
    LIQUIDITY_PROVIDER,
    USDC,
    USDT,
    WBTC,
    WETH,
)
from pmm.localnet.artifacts import creation_code
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.provision import provision
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

PACKAGE = "@balancer-labs/v2-deployments"
AUTHORIZER = "0xA331D84eC860Bf466b4CdCcFb4aC09a1B43F3aE6"
PROTOCOL_FEES_COLLECTOR = "0xce88686553686DA562CE7Cea497CE749DA109f9F"

_AUTHORIZER_ARTIFACT = "dist/tasks/20210418-authorizer/bytecode/Authorizer.json"
_VAULT_ARTIFACT = "dist/tasks/20210418-vault/bytecode/Vault.json"
# Mainnet's constructor arguments.
_PAUSE_WINDOW_S = 7_776_000
_BUFFER_PERIOD_S = 2_592_000

_DEPOSIT_INTERNAL = 0
_USER_BALANCE_OPERATION = "(uint8,address,uint256,address,address)"
_STOCK = {
    WETH: 50_000 * 10**18,
    USDC: 100_000_000 * 10**6,
    USDT: 100_000_000 * 10**6,
    DAI: 100_000_000 * 10**18,
    WBTC: 2_000 * 10**8,
}


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place authorizer and Vault; the fees collector follows as the Vault's first child."""
    authorizer = creation_code(
        packages.path(PACKAGE, _AUTHORIZER_ARTIFACT), arguments=encode_arguments(["address"], BUILDER)
    )
    vault = creation_code(
        packages.path(PACKAGE, _VAULT_ARTIFACT),
        arguments=encode_arguments(
            ["address", "address", "uint256", "uint256"], AUTHORIZER, WETH, _PAUSE_WINDOW_S, _BUFFER_PERIOD_S
        ),
    )
    book["Balancer Authorizer"] = chain.place_in_place(AUTHORIZER, authorizer, sender=BUILDER)
    book["Balancer Vault"] = chain.place_in_place(BALANCER_VAULT, vault, sender=BUILDER)
    collector = chain.read(BALANCER_VAULT, "getProtocolFeesCollector()", returns=("address",))
    if collector != PROTOCOL_FEES_COLLECTOR.lower():
        raise ChainError(f"expected the fees collector at {PROTOCOL_FEES_COLLECTOR}, found it at {collector}")
    return [
        _placement(packages, "Authorizer", AUTHORIZER, Method.IN_PLACE),
        _placement(packages, "Vault", BALANCER_VAULT, Method.IN_PLACE),
        _placement(packages, "ProtocolFeesCollector", PROTOCOL_FEES_COLLECTOR, Method.NATURAL),
    ]


def seed(chain: ChainBuilder, book: AddressBook) -> None:
    """Deposit five tokens into the Vault as the liquidity provider's internal balance."""
    provision(chain, _STOCK, spender=BALANCER_VAULT)
    operations = [
        (_DEPOSIT_INTERNAL, token, amount, LIQUIDITY_PROVIDER, LIQUIDITY_PROVIDER)
        for token, amount in _STOCK.items()
    ]
    chain.transact(
        BALANCER_VAULT,
        f"manageUserBalance({_USER_BALANCE_OPERATION}[])",
        operations,
        sender=LIQUIDITY_PROVIDER,
    )


def _placement(packages: Packages, name: str, address: str, method: Method) -> Placement:
    return Placement(
        protocol="Balancer V2",
        name=name,
        address=address,
        package=PACKAGE,
        version=packages.version(PACKAGE),
        evidence=Evidence.PUBLISHED,
        method=method,
    )
