"""The Balancer V2 Vault, stocked by internal-balance deposits; its flash loans are free of fee."""

from __future__ import annotations

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

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
# The code holds the ends of its pause window and of the buffer after it as immutables. Run at mainnet's time of
# deployment, the constructor yields mainnet's code byte for byte.
_DEPLOYED_AT_S = 1_618_857_407
_VAULT_CODE_HASH = "9eb70db20a41bfbf4b022fd070fa7f154b7c4aec98177120dde7a958384f4e66"

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
    book["Balancer Vault"] = _place_vault(chain, vault)
    found = to_checksum_address(
        chain.read(BALANCER_VAULT, "getProtocolFeesCollector()", returns=("address",))
    )
    if found != PROTOCOL_FEES_COLLECTOR:
        raise ChainError(
            f"expected Balancer's fees collector at {PROTOCOL_FEES_COLLECTOR}, found it at {found}"
        )
    return [
        _placement(packages, "Authorizer", AUTHORIZER, Evidence.PUBLISHED, Method.IN_PLACE),
        _placement(packages, "Vault", BALANCER_VAULT, Evidence.PROVEN, Method.IN_PLACE),
        # Its creation code is part of the Vault's, and its address the Vault's first child.
        _placement(packages, "ProtocolFeesCollector", found, Evidence.PROVEN, Method.NATURAL),
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


def _place_vault(chain: ChainBuilder, initcode: bytes) -> str:
    """Run the constructor once for mainnet's code, and once for the state and the fees collector."""
    chain.set_code(BALANCER_VAULT, initcode)
    chain.rpc.call("anvil_setNonce", BALANCER_VAULT, "0x1")
    request = {"from": BUILDER, "to": BALANCER_VAULT}
    answer = chain.rpc.call("eth_call", request, "latest", None, {"time": hex(_DEPLOYED_AT_S)})
    runtime = bytes.fromhex(answer[2:])
    if keccak(runtime).hex() != _VAULT_CODE_HASH:
        raise ChainError(
            f"expected mainnet's code of the Balancer Vault (hash {_VAULT_CODE_HASH}), found {keccak(runtime).hex()}"
        )
    chain.place_in_place(BALANCER_VAULT, initcode, sender=BUILDER)
    return chain.set_code(BALANCER_VAULT, runtime)


def _placement(packages: Packages, name: str, address: str, evidence: Evidence, method: Method) -> Placement:
    return Placement(
        protocol="Balancer V2",
        name=name,
        address=address,
        package=PACKAGE,
        version=packages.version(PACKAGE),
        evidence=evidence,
        method=method,
    )
