"""Multicall3 and Permit2: contracts that stand alone and are proven identical to mainnet's."""

from __future__ import annotations

import ast
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pmm.errors import SetupError
from pmm.localnet.addresses import MULTICALL3, PERMIT2
from pmm.localnet.artifacts import creation_code
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_PERMIT2_PACKAGE = "@uniswap/uniswapx-sdk"
_PERMIT2_FACTORY = "dist/cjs/src/contracts/factories/Permit2__factory.js"
_PERMIT2_SALT = 0xD3AF2663DA51C10215000000
_MULTICALL_PACKAGE = "eth-ape"


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place Multicall3 and Permit2."""
    chain.set_code(MULTICALL3, _multicall_runtime())
    permit2 = creation_code(packages.path(_PERMIT2_PACKAGE, _PERMIT2_FACTORY))
    chain.place_by_salt(_PERMIT2_SALT.to_bytes(32), permit2, expected=PERMIT2)
    return [
        Placement(
            protocol="Multicall",
            name="Multicall3",
            address=MULTICALL3,
            package=f"{_MULTICALL_PACKAGE} (PyPI)",
            version=version(_MULTICALL_PACKAGE),
            evidence=Evidence.PROVEN,
            method=Method.SET_CODE,
        ),
        Placement(
            protocol="Permit2",
            name="Permit2",
            address=PERMIT2,
            package=_PERMIT2_PACKAGE,
            version=packages.version(_PERMIT2_PACKAGE),
            evidence=Evidence.PROVEN,
            method=Method.BY_SALT,
        ),
    ]


def _multicall_runtime() -> bytes:
    """Read the runtime code from a constant of the installed Ape, without importing Ape (slow, and a layer up)."""
    spec = find_spec("ape_ethereum")
    if spec is None or spec.origin is None:
        raise SetupError("expected the package eth-ape, found none; run `make setup`")
    constants = Path(spec.origin).parent / "multicall" / "constants.py"
    for node in ast.parse(constants.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MULTICALL3_CODE":
            literal = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            return bytes.fromhex(str(ast.literal_eval(literal)).removeprefix("0x"))
    raise SetupError(
        f"expected MULTICALL3_CODE in {constants}, found none; run `make setup` for the locked eth-ape"
    )
