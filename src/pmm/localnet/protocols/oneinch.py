"""1inch Limit Order Protocol v4 under the V6 domain at the router's address.

The router itself is on no package registry. Its limit-order half is: ``LimitOrderRouter.sol`` is 1inch's own
``OrderMixin`` under the router's EIP-712 domain, so every order, signature, selector and revert reason is the
router's; the swap functions are missing.
"""

from __future__ import annotations

from pathlib import Path

from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import BUILDER, ONEINCH_ROUTER, WETH
from pmm.localnet.artifacts import Compiled, compile_contracts
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

PACKAGE = "@1inch/limit-order-protocol-contract"

_SOURCE = Path(__file__).parents[1] / "solidity" / "LimitOrderRouter.sol"
_UNIT = "pmm/LimitOrderRouter.sol"
_IMPORTED = (PACKAGE, "@1inch/solidity-utils", "@openzeppelin/contracts")
# The settings 1inch publishes with: without the IR pipeline OrderMixin exceeds the code size limit.
_SOLC = "0.8.23"
_SETTINGS = {"viaIR": True, "optimizer": {"enabled": True, "runs": 1_000_000}, "evmVersion": "shanghai"}


def compile_ahead(packages: Packages) -> None:
    """Fill the compiler's cache: tens of seconds the first time, nothing later."""
    _compile(packages)


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place the router."""
    initcode = _compile(packages).creation(arguments=encode_arguments(["address"], WETH))
    chain.place_in_place(ONEINCH_ROUTER, initcode, sender=BUILDER)
    book["1inch router"] = ONEINCH_ROUTER
    return [
        Placement(
            protocol="1inch",
            name="AggregationRouterV6 (limit orders)",
            address=ONEINCH_ROUTER,
            package=PACKAGE,
            version=packages.version(PACKAGE),
            evidence=Evidence.COMPILED,
            method=Method.IN_PLACE,
        )
    ]


def _compile(packages: Packages) -> Compiled:
    contract = f"{_UNIT}:LimitOrderRouter"
    return compile_contracts(
        solc=_SOLC,
        entries={_UNIT: _SOURCE.read_text()},
        roots={f"{package}/": packages.path(package) for package in _IMPORTED},
        settings=_SETTINGS,
        contracts=[contract],
    )[contract]
